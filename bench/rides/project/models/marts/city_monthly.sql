with rides as (
    select
        city_code,
        {{ month_of('ride_date') }} as month,
        count(*) as rides,
        sum(gross_eur) as gross_eur,
        sum(refunded_eur) as refunded_eur,
        sum(net_eur) as net_eur
    from {{ ref('fct_rides') }}
    where ride_status <> 'cancelled'
    group by 1, 2
),

repairs as (
    select
        vehicles.city_code,
        {{ month_of('repairs.started_at') }} as month,
        sum(repairs.cost_eur) as repair_cost_eur
    from {{ ref('stg_repairs') }} as repairs
    inner join {{ ref('stg_vehicles') }} as vehicles on repairs.vehicle_id = vehicles.vehicle_id
    group by 1, 2
)

select
    rides.city_code,
    rides.month,
    rides.rides,
    rides.gross_eur,
    rides.refunded_eur,
    rides.net_eur,
    coalesce(repairs.repair_cost_eur, 0) as repair_cost_eur,
    rides.net_eur - coalesce(repairs.repair_cost_eur, 0) as contribution_eur,
    cast(rides.net_eur / rides.rides as decimal(10, 2)) as net_eur_per_ride
from rides
left join repairs on rides.city_code = repairs.city_code and rides.month = repairs.month
