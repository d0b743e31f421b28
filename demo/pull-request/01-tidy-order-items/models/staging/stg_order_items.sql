-- one row per order line, prices as charged
select
    id as order_item_id,
    order_id,
    line_number,
    product_id,
    quantity,
    {{ cents_to_amount('unit_price_cents') }} as unit_price,
    -- before discounts on the whole order
    cast(quantity * {{ cents_to_amount('unit_price_cents') }} as decimal(12, 2)) as line_amount
from {{ source('raw', 'order_items') }}
where
    quantity > 0
    and unit_price_cents >= 0
