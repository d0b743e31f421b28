select
    rides.rider_id,
    count(*) as rides,
    min(rides.ride_date) as first_ride_date,
    max(rides.ride_date) as last_ride_date,
    count(distinct {{ month_of('rides.ride_date') }}) as active_months,
    sum(coalesce(revenue.net_eur, 0)) as net_eur
from {{ ref('int_rider_rides') }} as rides
left join {{ ref('int_ride_revenue') }} as revenue on rides.ride_id = revenue.ride_id
group by rides.rider_id
