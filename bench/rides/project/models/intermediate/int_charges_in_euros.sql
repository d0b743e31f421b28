with charges as (
    select * from {{ ref('stg_charges') }}
),

rates as (
    select * from {{ ref('fx_rates') }}
),

refunds as (
    select
        charge_id,
        sum(amount) as refunded_amount,
        count(*) as refunds
    from {{ ref('stg_refunds') }}
    where refund_reason <> 'duplicate'
    group by charge_id
)

select
    charges.charge_id,
    charges.ride_id,
    charges.charge_kind,
    charges.currency,
    charges.charged_at,
    charges.amount,
    {{ in_euros('charges.amount', 'rates.rate_to_eur') }} as amount_eur,
    {{ in_euros('coalesce(refunds.refunded_amount, 0)', 'rates.rate_to_eur') }} as refunded_eur,
    coalesce(refunds.refunds, 0) as refunds
from charges
left join rates
    on charges.currency = rates.currency
    and {{ month_of('charges.charged_at') }} = rates.month
left join refunds on charges.charge_id = refunds.charge_id
