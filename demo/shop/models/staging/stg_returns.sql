select
    id as return_id,
    order_id,
    order_item_id,
    quantity as returned_quantity,
    {{ cents_to_amount('refund_cents') }} as refund_amount,
    reason as return_reason,
    returned_at
from {{ source('raw', 'returns') }}
