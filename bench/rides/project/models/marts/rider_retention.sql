with first_rides as (
    select rider_id, {{ month_of('ride_date') }} as cohort_month
    from {{ ref('int_rider_rides') }}
    where ride_number = 1
),

months as (
    select distinct rider_id, {{ month_of('ride_date') }} as month
    from {{ ref('int_rider_rides') }}
)

select
    first_rides.cohort_month,
    date_diff('month', first_rides.cohort_month, months.month) as months_since,
    count(*) as riders
from first_rides
inner join months on first_rides.rider_id = months.rider_id
group by 1, 2
