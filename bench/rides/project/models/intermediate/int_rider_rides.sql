with rides as (
    select * from {{ ref('int_rides_located') }}
    where ride_status in ('completed', 'penalised')
)

select
    ride_id,
    rider_id,
    ride_date,
    row_number() over (partition by rider_id order by started_at, ride_id) as ride_number,
    lag(ride_date) over (partition by rider_id order by started_at, ride_id) as previous_ride_date,
    first_value(city_code) over (partition by rider_id order by started_at, ride_id) as first_city_code
from rides
