select
    vehicle_id,
    count(*) as repairs,
    sum(cost_eur) as repair_cost_eur,
    sum(date_diff('hour', started_at, finished_at)) as hours_in_repair
from {{ ref('stg_repairs') }}
where finished_at < cast('{{ var("as_of") }}' as date) + 1
group by vehicle_id
