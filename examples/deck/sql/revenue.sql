-- Revenue by month and region; amounts are summed in cents, for sums of fractions drift.
select substr(ordered_at, 1, 7) as month, region, sum(cents) / 100.0 as revenue, count(*) as orders
from orders
group by month, region
order by month, region;
