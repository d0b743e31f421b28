with shipments as (
    select * from {{ ref('stg_shipments') }}
    where delivered_at is not null
),

orders as (
    select order_id, ordered_at, shipping_country_code
    from {{ ref('stg_orders') }}
)

select
    shipments.carrier,
    cast(date_trunc('month', shipments.shipped_at) as date) as shipped_month,
    count(*) as shipments,
    count(case when orders.shipping_country_code <> 'DE' then 1 end) as shipments_abroad,
    sum(date_diff('hour', orders.ordered_at, shipments.shipped_at)) as hours_to_ship,
    sum(date_diff('day', cast(orders.ordered_at as date), shipments.delivered_on)) as days_to_deliver,
    count(case when shipments.delivered_on > shipments.promised_on then 1 end) as late_shipments
from shipments
inner join orders on shipments.order_id = orders.order_id
group by 1, 2
