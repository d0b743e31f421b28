select
    id as movement_id,
    product_id,
    warehouse_code,
    movement_type,
    quantity,
    moved_on
from {{ source('raw', 'inventory_movements') }}
