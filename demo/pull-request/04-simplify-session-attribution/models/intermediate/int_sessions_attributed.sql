with sessions as (
    select * from {{ ref('stg_web_sessions') }}
),

channels as (
    select * from {{ ref('marketing_channels') }}
)

select
    sessions.session_id,
    sessions.visitor_id,
    sessions.customer_id,
    sessions.session_date,
    sessions.device,
    sessions.page_views,
    sessions.order_id,
    case
        when sessions.utm_source = 'direct' then 'Direct'
        else coalesce(channels.channel, 'Unattributed')
    end as channel,
    coalesce(sessions.order_id is null and sessions.page_views = 1, false) as is_bounce,
    sessions.order_id is not null as is_converted
from sessions
left join channels
    on channels.utm_medium = sessions.utm_medium
    and channels.utm_source = sessions.utm_source
