with rides as (
    select * from {{ ref('stg_rides') }}
),

vehicles as (
    select vehicle_id, city_code, vehicle_model from {{ ref('stg_vehicles') }}
),

cities as (
    select * from {{ ref('cities') }}
)

select
    rides.ride_id,
    rides.rider_id,
    rides.vehicle_id,
    vehicles.vehicle_model,
    vehicles.city_code,
    cities.region,
    rides.started_at,
    {{ local_time('rides.started_at', 'cities.time_zone') }} as started_at_local,
    cast({{ local_time('rides.started_at', 'cities.time_zone') }} as date) as ride_date,
    rides.ended_at,
    date_diff('second', rides.started_at, rides.ended_at) as ride_seconds,
    rides.distance_m,
    rides.ride_status,
    rides.loaded_at
from rides
inner join vehicles on rides.vehicle_id = vehicles.vehicle_id
inner join cities on vehicles.city_code = cities.city_code
