select
    id as vehicle_id,
    city_code,
    model as vehicle_model,
    battery_wh,
    commissioned_on,
    status as vehicle_status
from {{ source('raw', 'vehicles') }}
