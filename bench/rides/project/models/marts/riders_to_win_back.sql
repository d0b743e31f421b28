select
    rider_id,
    email,
    city_code,
    net_eur
from {{ ref('dim_riders') }}
where segment = 'churned'
    and not is_deleted
    and rider_id not in (
        select rider_id from {{ ref('stg_tickets') }}
        where topic = 'billing' and closed_at is null and rider_id is not null
    )
