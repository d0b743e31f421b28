with orders as (
    select * from {{ ref('fct_orders') }}
    where status <> 'cancelled'
)

select
    customer_id,
    count(*) as orders,
    count(distinct cast(date_trunc('month', order_date) as date)) as active_months,
    date_diff('day', max(order_date), cast('{{ var("as_of_date") }}' as date)) as days_since_last_order,
    sum(net_revenue) as net_revenue,
    cast(sum(net_revenue) / count(*) as decimal(12, 2)) as average_order_value,
    sum(refunded_amount) as refunded_amount,
    sum(units) as units,
    max(case when sales_channel = 'app' then 1 else 0 end) as has_used_app
from orders
group by customer_id
