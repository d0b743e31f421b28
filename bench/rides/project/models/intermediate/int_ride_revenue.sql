select
    ride_id,
    sum(amount_eur) as gross_eur,
    sum(refunded_eur) as refunded_eur,
    sum(amount_eur) - sum(refunded_eur) as net_eur,
    sum(case when charge_kind = 'penalty' then amount_eur else 0 end) as penalty_eur,
    max(charged_at) as last_charged_at
from {{ ref('int_charges_in_euros') }}
group by ride_id
