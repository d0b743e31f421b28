with orders as (
    select * from {{ ref('fct_orders') }}
    where status <> 'cancelled'
),

countries as (
    select * from {{ ref('countries') }}
)

select
    countries.region,
    cast(date_trunc('month', orders.order_date) as date) as order_month,
    orders.sales_channel,
    count(*) as orders,
    sum(orders.net_revenue) as net_revenue,
    sum(cast(orders.net_revenue * countries.vat_rate / (100 + countries.vat_rate) as decimal(12, 2))) as vat_amount,
    cast(sum(orders.net_revenue) / count(*) as decimal(12, 2)) as average_order_value
from orders
inner join countries on orders.shipping_country_code = countries.country_code
group by 1, 2, 3
