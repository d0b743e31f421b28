-- Pairs of queries and what the change between them means. How to read it: ../tests/corpus.rs

table orders(id integer, customer_id integer, status varchar, amount decimal(10,2), ordered_at timestamp, region varchar, note varchar; key id)
table customers(id integer, name varchar, city varchar, country varchar, is_active boolean, created_at date; key id)
table payments(id integer, order_id integer, method varchar, amount decimal(10,2), paid_at timestamp, is_refund boolean; key id)
table events(user_id integer, kind varchar, at timestamp, value double, payload varchar)
table refunds(id integer, order_id integer, amount decimal(10,2))
table staff(id integer, manager_id integer, name varchar, salary integer; key id)

## comments and layout
cosmetic
select id, amount from orders where status = 'paid'
->
-- paid orders only
SELECT
    id,
    amount
FROM orders /* all */
WHERE status = 'paid'

## a CTE is renamed
cosmetic
with src as (select * from orders), final as (select id, amount from src) select * from final
->
with source as (select * from orders), result as (select id, amount from source) select * from result

## a CTE is written out
cosmetic
with paid as (select * from orders where status = 'paid') select id, amount from paid
->
select id, amount from orders where status = 'paid'

## a subquery becomes a CTE
cosmetic
select o.id, c.name from (select * from orders where amount > 10) o join customers c on c.id = o.customer_id
->
with big as (select id, customer_id from orders where amount > 10)
select big.id, customers.name from big inner join customers on big.customer_id = customers.id

## an unused CTE goes
cosmetic
with a as (select 1 as x), b as (select id from orders) select id from b
->
select id from orders

## an unused column of a CTE goes
cosmetic
with o as (select id, amount, status, upper(note) as n from orders) select id, amount from o
->
with o as (select id, amount from orders) select id, amount from o

## an unused window of a CTE goes
cosmetic
with o as (select id, amount, row_number() over (partition by customer_id order by id) as rn from orders) select id, amount from o
->
select id, amount from orders

## a commuted AND
cosmetic
select id from orders where status = 'paid' and amount > 10
->
select id from orders where amount > 10 and status = 'paid'

## a commuted OR in parentheses
cosmetic
select id from orders where (status = 'paid' or status = 'open') and amount > 10
->
select id from orders where amount > 10 and (('open' = status) or status = 'paid')

## the order of an IN list
cosmetic
select id from orders where status in ('paid', 'open', 'sent')
->
select id from orders where status in ('sent', 'paid', 'open')

## an OR becomes an IN list
cosmetic
select id from orders where status = 'paid' or status = 'open'
->
select id from orders where status in ('open', 'paid')

## an IN list of one
cosmetic
select id from orders where status in ('paid')
->
select id from orders where status = 'paid'

## a member of an IN list goes
rows filter
select id from orders where status in ('paid', 'open', 'sent')
->
select id from orders where status in ('paid', 'open')

## count of one
cosmetic
select customer_id, count(*) as n from orders group by customer_id
->
select customer_id, count(1) as n from orders group by 1

## count of a column that may be NULL
values n
select customer_id, count(*) as n from orders group by customer_id
->
select customer_id, count(note) as n from orders group by customer_id

## count distinct
values n
select region, count(customer_id) as n from orders group by region
->
select region, count(distinct customer_id) as n from orders group by region

## a comparison turned round
cosmetic
select id from orders where amount >= 100 and 5 < customer_id
->
select id from orders where 100 <= amount and customer_id > 5

## BETWEEN written out
cosmetic
select id from orders where amount between 10 and 20
->
select id from orders where amount >= 10 and amount <= 20

## BETWEEN becomes half open
rows filter
select id from orders where ordered_at between '2024-01-01' and '2024-02-01'
->
select id from orders where ordered_at >= '2024-01-01' and ordered_at < '2024-02-01'

## NOT is pushed in
cosmetic
select id from orders where not (status = 'paid' or amount <= 5)
->
select id from orders where status <> 'paid' and amount > 5

## NOT IN written as <>
cosmetic
select id from orders where status not in ('a', 'b')
->
select id from orders where status != 'a' and status <> 'b'

## IN becomes NOT IN
rows filter
select id from orders where status in ('a', 'b')
->
select id from orders where status not in ('a', 'b')

## ifnull and coalesce
cosmetic
select id, coalesce(note, '') as note from orders
->
select id, ifnull(note, '') as note from orders

## the default of COALESCE
values amount
select id, coalesce(amount, 0) as amount from orders
->
select id, coalesce(amount, 1) as amount from orders

## COALESCE is gone
values amount
select id, coalesce(amount, 0) as amount from orders
->
select id, amount from orders

## COALESCE of one
cosmetic
select id, coalesce(note) as note from orders
->
select id, note from orders

## COALESCE inside COALESCE
cosmetic
select id, coalesce(coalesce(note, status), region, 'x') as v from orders
->
select id, coalesce(note, coalesce(status, region), 'x') as v from orders

## the arguments of COALESCE change places
values v
select id, coalesce(note, status) as v from orders
->
select id, coalesce(status, note) as v from orders

## CASE for COALESCE
cosmetic
select id, case when note is null then 'none' else note end as note from orders
->
select id, coalesce(note, 'none') as note from orders

## a CASE of one operand
cosmetic
select id, case status when 'paid' then 1 when 'open' then 0 end as s from orders
->
select id, case when status = 'paid' then 1 when status = 'open' then 0 else null end as s from orders

## branches of a CASE change places
values s
select id, case when amount > 10 then 'big' when amount > 5 then 'middle' else 'small' end as s from orders
->
select id, case when amount > 5 then 'middle' when amount > 10 then 'big' else 'small' end as s from orders

## the ELSE of a CASE
values s
select id, case when status = 'paid' then amount else 0 end as s from orders
->
select id, case when status = 'paid' then amount end as s from orders

## a CASE with a new branch
values s
select id, case when status = 'paid' then 'done' else 'other' end as s from orders
->
select id, case when status = 'paid' then 'done' when status = 'sent' then 'done' else 'other' end as s from orders

## if and CASE
cosmetic
select id, if(amount > 5, 'a', 'b') as s from orders
->
select id, case when amount > 5 then 'a' else 'b' end as s from orders

## nullif and CASE
cosmetic
select id, nullif(amount, 0) as s from orders
->
select id, case when amount = 0 then null else amount end as s from orders

## :: and CAST
cosmetic
select id::varchar as id, ordered_at::date as d from orders
->
select cast(id as text) as id, cast(ordered_at as date) as d from orders

## a cast to what it is
cosmetic
select id::integer as id, amount from orders
->
select id, amount from orders

## a cast to another type
schema id
select id, amount from orders
->
select cast(id as varchar) as id, amount from orders

## a narrower cast
schema amount
select id, amount::double as amount from orders
->
select id, amount::integer as amount from orders

## integer division
values half
select id, customer_id / 2 as half from orders
->
select id, customer_id // 2 as half from orders

## 1.0 and 1
values half
select id, customer_id * 1.0 as half from orders
->
select id, customer_id * 1 as half from orders

## a commuted product
cosmetic
select id, amount * 2 as v, 3 + customer_id as w from orders
->
select id, 2 * amount as v, customer_id + 3 as w from orders

## a turned difference
values v
select id, amount - 5 as v from orders
->
select id, 5 - amount as v from orders

## the order of a concatenation
values v
select id, status || region as v from orders
->
select id, region || status as v from orders

## a concatenation in parentheses
cosmetic
select id, status || ('-' || region) as v from orders
->
select id, (status || '-') || region as v from orders

## another unit
values total
select customer_id, sum(amount) as total from orders group by 1
->
select customer_id, sum(amount) / 100 as total from orders group by 1

## sum becomes avg
values total
select customer_id, sum(amount) as total from orders group by 1
->
select customer_id, avg(amount) as total from orders group by 1

## a filter comes
rows filter
select id, amount from orders
->
select id, amount from orders where status = 'paid'

## a filter goes
rows filter
select id, amount from orders where status <> 'test' and amount > 0
->
select id, amount from orders where amount > 0

## a filter's value
rows filter
select id, amount from orders where amount > 0
->
select id, amount from orders where amount > 1

## a strict comparison
rows filter
select id, amount from orders where amount > 10
->
select id, amount from orders where amount >= 10

## AND becomes OR
rows filter
select id from orders where status = 'paid' and amount > 5
->
select id from orders where status = 'paid' or amount > 5

## parentheses around OR go
rows filter
select id from orders where status = 'paid' and (amount > 5 or region = 'eu')
->
select id from orders where status = 'paid' and amount > 5 or region = 'eu'

## case of a literal
rows filter
select id from orders where status = 'paid'
->
select id from orders where status = 'Paid'

## a filter that is always true
cosmetic
select id from orders where amount > 1
->
select id from orders where 1 = 1 and true and amount > 1

## a filter said twice
cosmetic
select id from orders where amount > 1
->
select id from orders where amount > 1 and amount > 1

## not null where it cannot be
cosmetic
select id from orders where amount > 1
->
select id from orders where amount > 1 and amount is not null

## a filter on NULL
rows filter
select id, note from orders
->
select id, note from orders where note is not null

## a filter moves into a CTE
cosmetic
with o as (select * from orders) select id, amount from o where status = 'paid'
->
with o as (select * from orders where status = 'paid') select id, amount from o

## a filter moves from WHERE to ON of an inner join
cosmetic
select o.id, c.name from orders o join customers c on o.customer_id = c.id where c.country = 'de'
->
select o.id, c.name from orders o join customers c on o.customer_id = c.id and c.country = 'de'

## a filter moves from WHERE to ON of a left join
rows
select o.id, c.name from orders o left join customers c on o.customer_id = c.id where c.country = 'de'
->
select o.id, c.name from orders o left join customers c on o.customer_id = c.id and c.country = 'de'

## a filter of the left side moves into ON
rows
select o.id, c.name from orders o left join customers c on o.customer_id = c.id where o.status = 'paid'
->
select o.id, c.name from orders o left join customers c on o.customer_id = c.id and o.status = 'paid'

## LEFT becomes INNER
rows join
select o.id, p.method from orders o left join payments p on p.order_id = o.id
->
select o.id, p.method from orders o join payments p on p.order_id = o.id

## LEFT becomes INNER by a WHERE
rows
select o.id, p.method from orders o left join payments p on p.order_id = o.id
->
select o.id, p.method from orders o left join payments p on p.order_id = o.id where p.method = 'card'

## a LEFT that is an INNER
cosmetic
select o.id, p.method from orders o left join payments p on p.order_id = o.id where p.method = 'card'
->
select o.id, p.method from orders o join payments p on p.order_id = o.id where p.method = 'card'

## RIGHT written as LEFT
cosmetic
select o.id, p.method from payments p right join orders o on p.order_id = o.id
->
select o.id, p.method from orders o left join payments p on p.order_id = o.id

## LEFT becomes FULL
rows join
select o.id, p.method from orders o left join payments p on p.order_id = o.id
->
select o.id, p.method from orders o full join payments p on p.order_id = o.id

## a FULL join turned round
cosmetic
select o.id, p.method from orders o full join payments p on p.order_id = o.id
->
select o.id, p.method from payments p full join orders o on o.id = p.order_id

## a comma join
cosmetic
select o.id, c.name from orders o, customers c where o.customer_id = c.id
->
select o.id, c.name from orders o join customers c on c.id = o.customer_id

## the order of inner joins
cosmetic
select o.id, c.name, p.method from orders o join customers c on o.customer_id = c.id join payments p on p.order_id = o.id
->
select o.id, c.name, p.method from payments p join orders o on p.order_id = o.id join customers c on o.customer_id = c.id

## the order of left joins
cosmetic
select o.id, r.amount as refunded, p.method from orders o left join payments p on p.order_id = o.id left join refunds r on r.order_id = o.id
->
select o.id, r.amount as refunded, p.method from orders o left join refunds r on r.order_id = o.id left join payments p on p.order_id = o.id

## USING and ON
cosmetic
with p as (select order_id, method from payments), r as (select order_id, amount from refunds)
select p.order_id, method, amount from p join r using (order_id)
->
with p as (select order_id, method from payments), r as (select order_id, amount from refunds)
select p.order_id, method, amount from p join r on p.order_id = r.order_id

## another join key
rows join
select o.id, c.name from orders o join customers c on o.customer_id = c.id
->
select o.id, c.name from orders o join customers c on o.id = c.id

## one more join condition
rows join
select o.id, r.amount from orders o join refunds r on r.order_id = o.id
->
select o.id, r.amount from orders o join refunds r on r.order_id = o.id and r.amount = o.amount

## a join condition of a unique left join
values name
select o.id, c.name from orders o left join customers c on o.customer_id = c.id
->
select o.id, c.name from orders o left join customers c on o.id = c.id

## a new left join on a unique key
additive name
select o.id, o.amount from orders o
->
select o.id, o.amount, c.name from orders o left join customers c on c.id = o.customer_id

## a new left join on a key that is not unique
rows join
select o.id, o.amount from orders o
->
select o.id, o.amount, p.method from orders o left join payments p on p.order_id = o.id

## a new left join on a grouped key
additive paid
select o.id, o.amount from orders o
->
with p as (select order_id, sum(amount) as paid from payments group by order_id)
select o.id, o.amount, p.paid from orders o left join p on p.order_id = o.id

## a new left join on a key of two
rows join
select o.id, o.amount from orders o
->
with p as (select order_id, method, sum(amount) as paid from payments group by order_id, method)
select o.id, o.amount, p.paid from orders o left join p on p.order_id = o.id

## a new left join on the latest row
additive method
select o.id from orders o
->
with p as (select *, row_number() over (partition by order_id order by paid_at desc) as rn from payments),
latest as (select * from p where rn = 1)
select o.id, latest.method from orders o left join latest on latest.order_id = o.id

## an unused left join on a unique key
cosmetic
select o.id, o.amount from orders o left join customers c on c.id = o.customer_id
->
select o.id, o.amount from orders o

## an unused left join on no key
rows join
select o.id, o.amount from orders o left join payments p on p.order_id = o.id
->
select o.id, o.amount from orders o

## an inner join on a unique key comes
rows join
select o.id, o.amount from orders o
->
select o.id, o.amount from orders o join customers c on c.id = o.customer_id

## a cross join comes
rows join
select o.id from orders o
->
select o.id from orders o cross join refunds

## the nullable side's flag
values has_payment
select o.id, case when p.order_id is not null then 1 else 0 end as has_payment from orders o left join (select distinct order_id from payments) p on p.order_id = o.id
->
select o.id, p.f as has_payment from orders o left join (select distinct order_id, 1 as f from payments) p on p.order_id = o.id

## COALESCE moves into the nullable side
values paid
with p as (select order_id, sum(amount) as paid from payments group by 1)
select o.id, coalesce(p.paid, 0) as paid from orders o left join p on p.order_id = o.id
->
with p as (select order_id, coalesce(sum(amount), 0) as paid from payments group by 1)
select o.id, p.paid from orders o left join p on p.order_id = o.id

## a strict function moves into the nullable side
cosmetic
select o.id, upper(c.name) as name from orders o left join customers c on c.id = o.customer_id
->
with c as (select id, upper(name) as name from customers)
select o.id, c.name from orders o left join c on c.id = o.customer_id

## DISTINCT goes
rows dedup
select distinct customer_id, region from orders
->
select customer_id, region from orders

## DISTINCT comes
rows dedup
select kind, user_id from events
->
select distinct kind, user_id from events

## DISTINCT and GROUP BY
cosmetic
select distinct customer_id, region from orders
->
select customer_id, region from orders group by 1, 2

## DISTINCT of what is grouped
cosmetic
select distinct customer_id, sum(amount) as total from orders group by customer_id
->
select customer_id, sum(amount) as total from orders group by customer_id

## DISTINCT over a key
cosmetic
select distinct id, amount from orders
->
select id, amount from orders

## DISTINCT over one column more
rows dedup
select distinct region from orders
->
select distinct region, status from orders

## the order of group keys
cosmetic
select region, status, sum(amount) as total from orders group by region, status
->
select region, status, sum(amount) as total from orders group by status, region

## GROUP BY ALL
cosmetic
select region, status, sum(amount) as total from orders group by region, status
->
select region, status, sum(amount) as total from orders group by all

## one more group key
rows grain
select region, sum(amount) as total from orders group by region
->
select region, sum(amount) as total from orders group by region, status

## a group key that is not shown goes
rows grain
select customer_id, sum(amount) as total from orders group by customer_id, region
->
select customer_id, sum(amount) as total from orders group by customer_id

## a filter under an aggregate
rows filter
select region, sum(amount) as total from orders group by region
->
select region, sum(amount) as total from orders where status = 'paid' group by region

## a filter under a total
values total
select sum(amount) as total from orders
->
select sum(amount) as total from orders where status = 'paid'

## FILTER and CASE
cosmetic
select region, sum(amount) filter (where status = 'paid') as paid, count(*) filter (where status = 'open') as n from orders group by 1
->
select region, sum(case when status = 'paid' then amount end) as paid, count(case when status = 'open' then 1 end) as n from orders group by 1

## FILTER becomes WHERE
rows filter
select region, sum(amount) filter (where status = 'paid') as paid from orders group by 1
->
select region, sum(amount) as paid from orders where status = 'paid' group by 1

## CASE with ELSE 0 under count
values n
select region, count(case when status = 'paid' then 1 end) as n from orders group by 1
->
select region, count(case when status = 'paid' then 1 else 0 end) as n from orders group by 1

## HAVING and a filter over the aggregate
cosmetic
select region, sum(amount) as total from orders group by region having sum(amount) > 10
->
with t as (select region, sum(amount) as total from orders group by region) select * from t where total > 10

## HAVING comes
rows filter
select region, sum(amount) as total from orders group by region
->
select region, sum(amount) as total from orders group by region having count(*) > 1

## HAVING on a key and WHERE
cosmetic
select region, sum(amount) as total from orders group by region having region <> 'eu'
->
select region, sum(amount) as total from orders where region <> 'eu' group by region

## HAVING's bound
rows filter
select region, count(*) as n from orders group by region having count(*) > 1
->
select region, count(*) as n from orders group by region having count(*) > 2

## UNION ALL becomes UNION
rows set operation
select id, amount from orders union all select id, amount from refunds
->
select id, amount from orders union select id, amount from refunds

## UNION becomes EXCEPT
rows set operation
select customer_id from orders union select id from customers
->
select customer_id from orders except select id from customers

## UNION becomes INTERSECT
rows set operation
select customer_id from orders union select id from customers
->
select customer_id from orders intersect select id from customers

## EXCEPT turned round
rows set operation
select customer_id from orders except select id as customer_id from customers
->
select id as customer_id from customers except select customer_id from orders

## INTERSECT turned round
cosmetic
select customer_id from orders intersect select id as customer_id from customers
->
select id as customer_id from customers intersect select customer_id from orders

## the branches of a UNION ALL change places
cosmetic
select id, amount, 'o' as kind from orders union all select id, amount, 'r' from refunds
->
select id, amount, 'r' as kind from refunds union all select id, amount, 'o' from orders

## a branch of a UNION ALL comes
rows set operation
select id, amount from orders union all select id, amount from refunds
->
select id, amount from orders union all select id, amount from refunds union all select id, amount from payments

## a UNION ALL comes
rows set operation
select id, amount from orders
->
select id, amount from orders union all select id, amount from refunds

## nested UNION ALL
cosmetic
select id from orders union all (select id from refunds union all select id from payments)
->
(select id from orders union all select id from refunds) union all select id from payments

## DISTINCT over UNION ALL is UNION
cosmetic
select customer_id from orders union select id from customers
->
select distinct * from (select customer_id from orders union all select id from customers)

## the columns of a branch change places
values
select region, status from orders union all select city, country from customers
->
select region, status from orders union all select country, city from customers

## a filter in one branch
rows filter
select id, amount from orders union all select id, amount from refunds
->
select id, amount from orders where amount > 0 union all select id, amount from refunds

## a constant of a branch
values kind
select id, 'order' as kind from orders union all select id, 'refund' from refunds
->
select id, 'order' as kind from orders union all select id, 'return' from refunds

## unpivoting by UNION ALL, changed
values
select id, 'status' as k, status as v from orders union all select id, 'region', region from orders
->
select id, 'status' as k, region as v from orders union all select id, 'region', status from orders

## a column comes
additive region
select id, amount from orders
->
select id, amount, region from orders

## a column comes in between
additive region
select id, amount from orders
->
select id, region, amount from orders

## a column goes
schema region
select id, amount, region from orders
->
select id, amount from orders

## a column is renamed
schema amount total
select id, amount from orders
->
select id, amount as total from orders

## columns change places
schema
select id, amount from orders
->
select amount, id from orders

## two aliases are swapped
values
select id as a, customer_id as b from orders
->
select customer_id as a, id as b from orders

## an alias of a table
cosmetic
select o.id, o.amount from orders o
->
select t.id, t.amount from orders as t

## qualified names
cosmetic
select id, amount from orders
->
select orders.id, orders.amount from orders

## a star written out
cosmetic
select * from refunds
->
select id, order_id, amount from refunds

## a star without a column
schema amount
select * from refunds
->
select * exclude (amount) from refunds

## another table
rows source
select id, amount from orders
->
select id, amount from refunds

## the latest row by another order
rows dedup
select * from (select *, row_number() over (partition by customer_id order by ordered_at desc) as rn from orders) where rn = 1
->
select * from (select *, row_number() over (partition by customer_id order by ordered_at) as rn from orders) where rn = 1

## QUALIFY for a subquery
cosmetic
select id, amount from (select *, row_number() over (partition by customer_id order by ordered_at desc) as rn from orders) where rn = 1
->
select id, amount from orders qualify row_number() over (partition by customer_id order by ordered_at desc) = 1

## DISTINCT ON and QUALIFY
cosmetic
select distinct on (customer_id) id, customer_id, amount from orders order by customer_id, ordered_at desc
->
select id, customer_id, amount from orders qualify row_number() over (partition by customer_id order by ordered_at desc) = 1 order by customer_id, ordered_at desc

## the dedup goes
rows dedup
select id, amount from orders qualify row_number() over (partition by customer_id order by ordered_at desc) = 1
->
select id, amount from orders

## the dedup's partition
rows dedup
select id, amount from orders qualify row_number() over (partition by customer_id order by ordered_at desc) = 1
->
select id, amount from orders qualify row_number() over (partition by customer_id, region order by ordered_at desc) = 1

## row_number becomes rank
rows dedup
select id, amount from orders qualify row_number() over (partition by customer_id order by ordered_at desc) = 1
->
select id, amount from orders qualify rank() over (partition by customer_id order by ordered_at desc) = 1

## a filter goes under the dedup
rows
select id, amount from (select *, row_number() over (partition by customer_id order by ordered_at desc) as rn from orders) where rn = 1 and status = 'paid'
->
select id, amount from (select *, row_number() over (partition by customer_id order by ordered_at desc) as rn from orders where status = 'paid') where rn = 1

## a filter on the partition goes under the dedup
cosmetic
select id, amount from (select *, row_number() over (partition by customer_id order by ordered_at desc) as rn from orders) where rn = 1 and customer_id > 10
->
select id, amount from (select *, row_number() over (partition by customer_id order by ordered_at desc) as rn from orders where customer_id > 10) where rn = 1

## a window's frame
values running
select id, sum(amount) over (partition by customer_id order by ordered_at) as running from orders
->
select id, sum(amount) over (partition by customer_id order by ordered_at rows between 1 preceding and current row) as running from orders

## a window's frame written out
cosmetic
select id, sum(amount) over (partition by customer_id order by ordered_at) as running from orders
->
select id, sum(amount) over (partition by customer_id order by ordered_at asc range between unbounded preceding and current row) as running from orders

## RANGE becomes ROWS
values running
select id, sum(amount) over (order by ordered_at) as running from orders
->
select id, sum(amount) over (order by ordered_at rows between unbounded preceding and current row) as running from orders

## the whole partition
cosmetic
select id, sum(amount) over (partition by customer_id) as total from orders
->
select id, sum(amount) over (partition by customer_id rows between unbounded preceding and unbounded following) as total from orders

## the order of partition keys
cosmetic
select id, sum(amount) over (partition by customer_id, region) as total from orders
->
select id, sum(amount) over (partition by region, customer_id) as total from orders

## a named window
cosmetic
select id, lag(amount) over w as before from orders window w as (partition by customer_id order by ordered_at)
->
select id, lag(amount, 1) over (partition by customer_id order by ordered_at) as before from orders

## lag becomes lead
values before
select id, lag(amount) over (partition by customer_id order by ordered_at) as before from orders
->
select id, lead(amount) over (partition by customer_id order by ordered_at) as before from orders

## a filter changes a window's value
rows filter
select id, sum(amount) over (partition by customer_id) as total from orders
->
select id, sum(amount) over (partition by customer_id) as total from orders where status = 'paid'

## the order of the rows
physical
select id, amount from orders order by id
->
select id, amount from orders order by amount desc

## an order comes
physical
select id, amount from orders
->
select id, amount from orders order by 1

## ASC is said
cosmetic
select id, amount from orders order by amount
->
select id, amount from orders order by 2 asc nulls last

## a limit comes
rows limit
select id, amount from orders order by id
->
select id, amount from orders order by id limit 100

## a limit's count
rows limit
select id, amount from orders order by id limit 10
->
select id, amount from orders order by id limit 20

## the order under a limit
rows limit
select id, amount from orders order by id limit 10
->
select id, amount from orders order by amount limit 10

## an offset
rows limit
select id, amount from orders order by id limit 10
->
select id, amount from orders order by id limit 10 offset 10

## an offset of nothing
cosmetic
select id, amount from orders order by id limit 10
->
select id, amount from orders order by id limit 10 offset 0

## IN becomes EXISTS
cosmetic
select id from orders where customer_id in (select id from customers where country = 'de')
->
select id from orders o where exists (select 1 from customers c where c.country = 'de' and c.id = o.customer_id)

## NOT IN becomes NOT EXISTS
rows filter
select id from orders where customer_id not in (select manager_id from staff)
->
select id from orders o where not exists (select 1 from staff s where s.manager_id = o.customer_id)

## EXISTS becomes NOT EXISTS
rows filter
select id from orders o where exists (select 1 from payments p where p.order_id = o.id)
->
select id from orders o where not exists (select 1 from payments p where p.order_id = o.id)

## what EXISTS selects
cosmetic
select id from orders o where exists (select 1 from payments p where p.order_id = o.id)
->
select id from orders o where exists (select p.id, p.method from payments p where o.id = p.order_id)

## SEMI JOIN and EXISTS
cosmetic
select o.id from orders o semi join payments p on p.order_id = o.id
->
select id from orders o where exists (select 1 from payments p where p.order_id = o.id)

## a filter inside EXISTS
rows filter
select id from orders o where exists (select 1 from payments p where p.order_id = o.id)
->
select id from orders o where exists (select 1 from payments p where p.order_id = o.id and p.method = 'card')

## EXISTS becomes a join
rows
select o.id from orders o where exists (select 1 from payments p where p.order_id = o.id)
->
select o.id from orders o join payments p on p.order_id = o.id

## a scalar subquery changes
values top
select id, (select max(amount) from payments p where p.order_id = o.id) as top from orders o
->
select id, (select max(amount) from payments p where p.order_id = o.id and not p.is_refund) as top from orders o

## a scalar subquery loses its correlation
values top
select id, (select max(amount) from payments p where p.order_id = o.id) as top from orders o
->
select id, (select max(amount) from payments p) as top from orders o

## a date off by one
rows filter
select id from orders where ordered_at >= date '2024-01-01'
->
select id from orders where ordered_at >= date '2024-01-02'

## a relative date
rows filter
select id from orders where ordered_at >= current_date - interval 30 day
->
select id from orders where ordered_at >= current_date - interval 31 day

## an interval spelled in another way
cosmetic
select id from orders where ordered_at >= current_date - interval 30 day
->
select id from orders where ordered_at >= current_date - interval '30 days'

## a date literal
cosmetic
select id from orders where ordered_at >= date '2024-01-01'
->
select id from orders where ordered_at >= cast('2024-01-01' as date)

## date_trunc's part in capitals
cosmetic
select id, date_trunc('MONTH', ordered_at) as m from orders
->
select id, date_trunc('month', ordered_at) as m from orders

## date_trunc's part
values m
select id, date_trunc('week', ordered_at) as m from orders
->
select id, date_trunc('month', ordered_at) as m from orders

## extract and date_part
cosmetic
select id, extract(year from ordered_at) as y from orders
->
select id, date_part('year', ordered_at) as y from orders

## year and extract
cosmetic
select id, year(ordered_at) as y from orders
->
select id, extract(year from ordered_at) as y from orders

## a time zone
values t
select id, ordered_at at time zone 'UTC' as t from orders
->
select id, ordered_at at time zone 'Europe/Berlin' as t from orders

## round's digits
values v
select id, round(amount, 2) as v from orders
->
select id, round(amount, 1) as v from orders

## trim comes
values note
select id, note from orders
->
select id, trim(note) as note from orders

## substr and substring
cosmetic
select id, substr(note, 1, 3) as n, len(note) as l from orders
->
select id, substring(note, 1, 3) as n, length(note) as l from orders

## LIKE becomes ILIKE
rows filter
select id from orders where note like 'a%'
->
select id from orders where note ilike 'a%'

## NOT LIKE
cosmetic
select id from orders where note not like 'a%'
->
select id from orders where not (note like 'a%')

## a self join, its aliases renamed
cosmetic
select e.name, m.name as manager from staff e join staff m on e.manager_id = m.id
->
select x.name, y.name as manager from staff y join staff x on x.manager_id = y.id

## a self join turned round
values
select e.name, m.name as manager from staff e join staff m on e.manager_id = m.id
->
select m.name, e.name as manager from staff e join staff m on e.manager_id = m.id

## a self join's other key
rows join
select e.name, m.name as manager from staff e join staff m on e.manager_id = m.id
->
select e.name, m.name as manager from staff e join staff m on e.id = m.manager_id and e.salary = m.salary

## a left self join
cosmetic
select e.name, m.name as manager from staff e left join staff m on e.manager_id = m.id
->
with managers as (select id, name from staff) select e.name, m.name as manager from staff as e left outer join managers as m on m.id = e.manager_id

## random values of their own
values a b
with r as (select id, random() as x from orders) select id, x as a, x as b from r
->
select id, random() as a, random() as b from orders

## unnesting comes
rows grain
select id, note from orders
->
select id, unnest(string_split(note, ',')) as note from orders

## an order inside string_agg
values notes
select region, string_agg(note, ',' order by id) as notes from orders group by 1
->
select region, string_agg(note, ',' order by note) as notes from orders group by 1

## equalities through another column
cosmetic
select o.id from orders o join payments p on o.id = p.order_id join refunds r on r.order_id = o.id
->
select o.id from orders o join payments p on o.id = p.order_id join refunds r on r.order_id = p.order_id

## a recursive query's bound
rows
with recursive t as (select 1 as n union all select n + 1 from t where n < 10) select n from t
->
with recursive t as (select 1 as n union all select n + 1 from t where n < 11) select n from t

## a recursive query renamed
cosmetic
with recursive t as (select 1 as n union all select n + 1 from t where n < 10) select n from t
->
with recursive numbers as (select 1 as n union all select n + 1 from numbers where n < 10) select n from numbers

## VALUES with one row more
rows
select * from (values (1, 'a'), (2, 'b')) as t(id, name)
->
select * from (values (1, 'a'), (2, 'b'), (3, 'c')) as t(id, name)

## a boolean said twice
cosmetic
select id from customers where is_active = true
->
select id from customers where is_active

## a boolean turned
rows filter
select id from customers where is_active
->
select id from customers where not is_active

## what is not SQL, the same
cosmetic
selekt id from orders
->
selekt   id from orders -- a comment

## what is not SQL, changed
unknown
selekt id from orders
->
selekt id, amount from orders

## an OR said twice
cosmetic
select id from orders where amount < 3
->
select id from orders where amount < 3 or amount < 3
