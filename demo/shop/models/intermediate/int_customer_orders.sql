with orders as (
    select * from {{ ref('stg_orders') }}
    where status <> 'cancelled'
),

totals as (
    select * from {{ ref('int_order_totals') }}
)

select
    orders.customer_id,
    count(*) as orders,
    min(orders.order_date) as first_order_date,
    max(orders.order_date) as last_order_date,
    sum(totals.gross_amount - orders.discount_amount) as spend,
    sum(totals.refunded_amount) as refunded_amount,
    count(case when orders.sales_channel = 'app' then 1 end) as app_orders
from orders
inner join totals on orders.order_id = totals.order_id
group by orders.customer_id
