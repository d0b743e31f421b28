select
    cast(date_trunc('month', paid_at) as date) as payment_month,
    payment_method,
    count(case when payment_status = 'succeeded' then 1 end) as payments,
    count(case when payment_status = 'failed' then 1 end) as failed_payments,
    sum(case when payment_status = 'succeeded' then amount else 0 end) as paid_amount,
    {{ percentage("count(case when payment_status = 'failed' then 1 end)", "count(*)") }} as failure_rate_pct
from {{ ref('stg_payments') }}
group by 1, 2
