select
    id as order_promotion_id,
    order_id,
    promotion_id,
    {{ cents_to_amount('discount_cents') }} as discount_amount,
    applied_at
from {{ source('raw', 'order_promotions') }}
