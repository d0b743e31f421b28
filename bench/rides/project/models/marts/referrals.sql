select
    riders.referred_by_rider_id as rider_id,
    count(*) as referred_riders,
    count(case when activity.rides >= 3 then 1 end) as active_referred_riders
from {{ ref('stg_riders') }} as riders
left join {{ ref('int_rider_activity') }} as activity on riders.rider_id = activity.rider_id
where riders.referred_by_rider_id is not null
group by 1
