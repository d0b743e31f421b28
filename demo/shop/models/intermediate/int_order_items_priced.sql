with items as (
    select * from {{ ref('stg_order_items') }}
),

products as (
    select * from {{ ref('stg_products') }}
),

returned as (
    select
        order_item_id,
        returned_quantity,
        refund_amount
    from {{ ref('stg_returns') }}
)

select
    items.order_item_id,
    items.order_id,
    items.product_id,
    products.category,
    items.quantity,
    items.unit_price,
    items.line_amount,
    cast(items.quantity * products.unit_cost as decimal(12, 2)) as line_cost,
    items.unit_price < products.list_price as is_marked_down,
    coalesce(returned.returned_quantity, 0) as returned_quantity,
    coalesce(returned.refund_amount, 0) as refund_amount
from items
inner join products on items.product_id = products.product_id
left join returned on items.order_item_id = returned.order_item_id
