select
    id as refund_id,
    charge_id,
    {{ from_minor('amount_minor') }} as amount,
    reason as refund_reason,
    created_at as refunded_at
from {{ source('raw', 'refunds') }}
