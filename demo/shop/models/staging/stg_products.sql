select
    id as product_id,
    sku,
    name as product_name,
    category_code as category,
    {{ cents_to_amount('price_cents') }} as list_price,
    {{ cents_to_amount('cost_cents') }} as unit_cost,
    is_active,
    cast(created_at as date) as listed_on
from {{ source('raw', 'products') }}
