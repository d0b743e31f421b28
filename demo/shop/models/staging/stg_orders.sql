select
    id as order_id,
    customer_id,
    ordered_at,
    cast(ordered_at as date) as order_date,
    status,
    sales_channel,
    shipping_country_code,
    currency,
    {{ cents_to_amount('shipping_cents') }} as shipping_amount,
    {{ cents_to_amount('discount_cents') }} as discount_amount
from {{ source('raw', 'orders') }}
