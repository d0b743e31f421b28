select customer, revenue
from {{ ref('customers') }}
where revenue >= 20
