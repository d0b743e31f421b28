with loaded as (
    select
        *,
        row_number() over (partition by id order by _loaded_at desc) as load_number
    from {{ source('raw', 'rides') }}
)

select
    id as ride_id,
    rider_id,
    vehicle_id,
    started_at,
    ended_at,
    distance_m,
    status as ride_status,
    _loaded_at as loaded_at
from loaded
where load_number = 1
