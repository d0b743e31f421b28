select
    id as payment_id,
    rider_id,
    ride_id,
    {{ from_minor('amount_minor') }} as amount,
    currency,
    status as payment_status,
    lower(trim(provider)) as provider,
    paid_at
from {{ source('raw', 'payments') }}
