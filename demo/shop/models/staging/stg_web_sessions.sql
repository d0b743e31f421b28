select
    id as session_id,
    visitor_id,
    customer_id,
    started_at,
    cast(started_at as date) as session_date,
    utm_source,
    utm_medium,
    device,
    page_views,
    order_id
from {{ source('raw', 'web_sessions') }}
