select
    order_date,
    count(*) as orders,
    count(distinct customer_id) as customers,
    sum(units) as units,
    sum(gross_revenue) as gross_revenue,
    sum(discount_amount) as discount_amount,
    sum(refunded_amount) as refunded_amount,
    sum(net_revenue) as net_revenue,
    sum(shipping_amount) as shipping_revenue,
    sum(net_revenue - cost_amount) as contribution_margin
from {{ ref('fct_orders') }}
where status <> 'cancelled'
group by order_date
