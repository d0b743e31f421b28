with s as (
    select * from {{ ref('stg_web_sessions') }}
),

c as (
    select * from {{ ref('marketing_channels') }}
),

joined as (
    select
        s.session_id,
        s.visitor_id,
        s.customer_id,
        s.session_date,
        s.device,
        s.page_views,
        s.order_id,
        case
            when s.utm_source = 'direct' then 'Direct'
            when c.channel is null then 'Unattributed'
            else c.channel
        end as channel
    from s
    left join c on s.utm_source = c.utm_source and s.utm_medium = c.utm_medium
),

final as (
    select
        session_id,
        visitor_id,
        customer_id,
        session_date,
        device,
        page_views,
        order_id,
        channel,
        case when page_views = 1 and order_id is null then true else false end as is_bounce,
        case when order_id is not null then true else false end as is_converted
    from joined
)

select * from final
