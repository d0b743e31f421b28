select
    id as shipment_id,
    order_id,
    carrier,
    shipped_at,
    promised_on,
    delivered_at,
    cast(delivered_at as date) as delivered_on
from {{ source('raw', 'shipments') }}
