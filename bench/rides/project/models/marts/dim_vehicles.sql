select
    vehicles.vehicle_id,
    vehicles.city_code,
    vehicles.vehicle_model,
    vehicles.battery_wh,
    vehicles.commissioned_on,
    vehicles.vehicle_status,
    coalesce(repairs.repairs, 0) as repairs,
    coalesce(repairs.repair_cost_eur, 0) as repair_cost_eur,
    coalesce(repairs.hours_in_repair, 0) as hours_in_repair
from {{ ref('stg_vehicles') }} as vehicles
left join {{ ref('int_vehicle_repairs') }} as repairs on vehicles.vehicle_id = repairs.vehicle_id
