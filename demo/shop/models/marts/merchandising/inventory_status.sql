with stock as (
    select
        product_id,
        warehouse_code,
        sum(quantity) as on_hand,
        max(case when movement_type = 'receipt' then moved_on end) as last_receipt_on,
        -sum(
            case
                when movement_type = 'sale' and moved_on > cast('{{ var("as_of_date") }}' as date) - 28 then quantity
                else 0
            end
        ) as sold_last_28_days
    from {{ ref('stg_inventory_movements') }}
    group by product_id, warehouse_code
)

select
    stock.product_id,
    stock.warehouse_code,
    products.sku,
    products.category,
    stock.on_hand,
    stock.last_receipt_on,
    stock.sold_last_28_days,
    cast(stock.on_hand * products.unit_cost as decimal(14, 2)) as stock_value,
    products.is_active and stock.on_hand < stock.sold_last_28_days as needs_reorder
from stock
inner join {{ ref('dim_products') }} as products on stock.product_id = products.product_id
