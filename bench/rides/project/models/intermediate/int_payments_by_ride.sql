select
    ride_id,
    sum(case when payment_status = 'succeeded' then amount else 0 end) as paid_amount,
    count(*) as attempts,
    count(case when payment_status = 'failed' then 1 end) as failed_attempts
from {{ ref('stg_payments') }}
group by ride_id
