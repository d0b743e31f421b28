select
    order_id,
    sum(case when payment_status = 'succeeded' then amount else 0 end) as paid_amount,
    sum(case when payment_status = 'succeeded' and payment_method = 'gift_card' then amount else 0 end) as gift_card_amount,
    count(case when payment_status = 'failed' then 1 end) as failed_attempts,
    max(case when payment_status = 'succeeded' then paid_at end) as paid_at
from {{ ref('stg_payments') }}
group by order_id
