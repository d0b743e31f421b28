select
    id as product_id,
    {{ cents_to_amount('price_cents') }} as list_price,
    is_active,
    dbt_valid_from as valid_from,
    dbt_valid_to as valid_to,
    dbt_valid_to is null as is_current
from {{ ref('snap_products') }}
