select
    id as ticket_id,
    rider_id,
    topic,
    opened_at,
    closed_at,
    rating
from {{ source('raw', 'tickets') }}
