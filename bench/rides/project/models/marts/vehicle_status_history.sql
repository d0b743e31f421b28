select
    id as vehicle_id,
    status as vehicle_status,
    battery_wh,
    dbt_valid_to is null as is_current
from {{ ref('snap_vehicles') }}
