select
    loyalty_tier,
    count(*) as customers,
    count(case when marketing_opt_in then 1 end) as reachable_customers,
    sum(orders) as orders,
    sum(spend) as spend,
    cast(sum(spend) / count(*) as decimal(12, 2)) as average_spend
from {{ ref('dim_customers') }}
group by loyalty_tier
