select
    id as repair_id,
    vehicle_id,
    kind as repair_kind,
    {{ from_minor('cost_minor') }} as cost_eur,
    started_at,
    finished_at
from {{ source('raw', 'repairs') }}
