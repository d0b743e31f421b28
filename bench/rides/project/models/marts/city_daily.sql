select
    city_code,
    ride_date,
    count(*) as rides,
    count(distinct rider_id) as riders,
    count(distinct vehicle_id) as vehicles,
    sum(net_eur) as net_eur,
    sum(distance_km) as distance_km,
    count(case when extract('hour' from started_at_local) between 7 and 9 then 1 end) as morning_rides
from {{ ref('fct_rides') }}
where ride_status <> 'cancelled'
group by city_code, ride_date
