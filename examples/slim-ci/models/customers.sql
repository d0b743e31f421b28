-- The change of this pull request: `orders` counts, where production has only the sum.
select customer, sum(amount) as revenue, count(*) as orders
from {{ ref('orders') }}
group by customer
