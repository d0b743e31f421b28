select
    id as event_id,
    rider_id,
    event as event_name,
    happened_at,
    _loaded_at as loaded_at
from {{ source('raw', 'app_events') }}
