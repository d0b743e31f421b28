-- The daily figures must add up to the orders they are made of.
with daily as (
    select sum(net_revenue) as net_revenue, sum(orders) as orders
    from {{ ref('fct_daily_revenue') }}
),

orders as (
    select sum(net_revenue) as net_revenue, count(*) as orders
    from {{ ref('fct_orders') }}
    where status <> 'cancelled'
)

select
    daily.net_revenue as daily_net_revenue,
    orders.net_revenue as orders_net_revenue
from daily
cross join orders
where daily.net_revenue <> orders.net_revenue
    or daily.orders <> orders.orders
