with lines as (
    select
        items.*
    from {{ ref('int_order_items_priced') }} as items
    inner join {{ ref('stg_orders') }} as orders on items.order_id = orders.order_id
    where orders.status <> 'cancelled'
),

sales as (
    select
        product_id,
        count(distinct order_id) as orders,
        sum(quantity) as units_sold,
        sum(case when is_marked_down then quantity else 0 end) as units_marked_down,
        sum(line_amount) as gross_revenue,
        sum(line_amount - line_cost) as gross_margin,
        sum(returned_quantity) as units_returned,
        sum(refund_amount) as refunded_amount
    from lines
    group by product_id
)

select
    products.product_id,
    products.sku,
    products.product_name,
    products.category,
    coalesce(sales.orders, 0) as orders,
    coalesce(sales.units_sold, 0) as units_sold,
    coalesce(sales.units_marked_down, 0) as units_marked_down,
    coalesce(sales.gross_revenue, 0) as gross_revenue,
    coalesce(sales.gross_margin, 0) as gross_margin,
    coalesce(sales.units_returned, 0) as units_returned,
    coalesce(sales.refunded_amount, 0) as refunded_amount,
    {{ percentage('sales.units_returned', 'sales.units_sold') }} as return_rate_pct
from {{ ref('dim_products') }} as products
left join sales on products.product_id = sales.product_id
