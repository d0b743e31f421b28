with sessions as (
    select * from {{ ref('int_sessions_attributed') }}
),

order_values as (
    select
        orders.order_id,
        totals.gross_amount - orders.discount_amount as order_value
    from {{ ref('stg_orders') }} as orders
    inner join {{ ref('int_order_totals') }} as totals on orders.order_id = totals.order_id
    where orders.status <> 'cancelled'
)

select
    sessions.channel,
    cast(date_trunc('month', sessions.session_date) as date) as session_month,
    count(*) as sessions,
    count(distinct sessions.visitor_id) as visitors,
    count(case when sessions.is_bounce then 1 end) as bounces,
    count(case when sessions.is_converted then 1 end) as conversions,
    {{ percentage('count(case when sessions.is_converted then 1 end)', 'count(*)') }} as conversion_rate_pct,
    coalesce(sum(order_values.order_value), 0) as attributed_revenue
from sessions
left join order_values on sessions.order_id = order_values.order_id
group by 1, 2
