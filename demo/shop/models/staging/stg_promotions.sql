select
    id as promotion_id,
    code as promotion_code,
    promotion_type,
    discount_value,
    starts_on,
    ends_on
from {{ source('raw', 'promotions') }}
