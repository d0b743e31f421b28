select
    'charge' as movement,
    charge_id as source_id,
    ride_id,
    charged_at as moved_at,
    amount_eur
from {{ ref('int_charges_in_euros') }}

union all

select
    'refund',
    charge_id,
    ride_id,
    charged_at,
    -refunded_eur
from {{ ref('int_charges_in_euros') }}
where refunds > 0
