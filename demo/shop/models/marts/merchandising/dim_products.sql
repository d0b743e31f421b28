select
    product_id,
    sku,
    product_name,
    category,
    list_price,
    unit_cost,
    cast(list_price - unit_cost as decimal(12, 2)) as unit_margin,
    is_active,
    listed_on
from {{ ref('stg_products') }}
