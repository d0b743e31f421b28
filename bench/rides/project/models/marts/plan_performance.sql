select
    plan_name,
    count(*) as riders,
    count(case when segment = 'churned' then 1 end) as churned_riders,
    sum(net_eur) as net_eur,
    sum(monthly_fee) as monthly_fees,
    sum(rides) as rides
from {{ ref('dim_riders') }}
group by plan_name
