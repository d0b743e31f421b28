-- What moved is what the rides earned.
select moved.net_eur, earned.net_eur as earned_eur
from (select sum(amount_eur) as net_eur from {{ ref('fct_money_movements') }}) as moved
cross join (select sum(net_eur) as net_eur from {{ ref('int_ride_revenue') }}) as earned
where moved.net_eur <> earned.net_eur
