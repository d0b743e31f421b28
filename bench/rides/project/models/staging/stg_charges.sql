select
    id as charge_id,
    ride_id,
    kind as charge_kind,
    {{ from_minor('amount_minor') }} as amount,
    currency,
    created_at as charged_at
from {{ source('raw', 'charges') }}
