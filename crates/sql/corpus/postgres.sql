-- Pairs of queries and what the change between them means. How to read it: ../tests/corpus.rs

table public.orders(id integer, customer_id integer, status text, amount numeric(10,2), ordered_at timestamp, region text, tags text[], doc jsonb; key id)
table public.customers(id integer, name text, email text, is_active boolean, created_at date; key id)
table public.payments(id integer, order_id integer, amount numeric(10,2), method text; key id)
table public.visits(user_id integer, at timestamptz, page text)

## comments
cosmetic
select id from orders -- all of them
->
select /* every one */ id from orders

## :: and CAST
cosmetic
select id::text, amount::int4 as a from orders
->
select cast(id as text), cast(amount as integer) as a from orders

## int and bigint
schema n
select id, customer_id::int as n from orders
->
select id, customer_id::bigint as n from orders

## DISTINCT ON
rows dedup
select distinct on (customer_id) customer_id, id from orders order by customer_id, ordered_at desc
->
select distinct on (customer_id) customer_id, id from orders order by customer_id, ordered_at

## DISTINCT ON and row_number
cosmetic
select distinct on (customer_id) customer_id, id from orders order by customer_id, ordered_at desc
->
select customer_id, id from (select *, row_number() over (partition by customer_id order by ordered_at desc) as rn from orders) x where rn = 1 order by customer_id, ordered_at desc

## FILTER and CASE
cosmetic
select customer_id, count(*) filter (where status = 'paid') as paid, sum(amount) filter (where region = 'eu') as eu from orders group by customer_id
->
select customer_id, count(case when status = 'paid' then 1 end) as paid, sum(case when region = 'eu' then amount end) as eu from orders group by 1

## the filter of an aggregate
values paid
select customer_id, count(*) filter (where status = 'paid') as paid from orders group by customer_id
->
select customer_id, count(*) filter (where status in ('paid', 'sent')) as paid from orders group by customer_id

## integer division
values v
select id, customer_id / 2 as v from orders
->
select id, customer_id / 2.0 as v from orders

## a boolean said twice
cosmetic
select id from customers where is_active = true
->
select id from customers where is_active

## a boolean that is not false
rows filter
select id from customers where is_active
->
select id from customers where is_active is not false

## now and current_timestamp
cosmetic
select id from orders where ordered_at < now()
->
select id from orders where ordered_at < current_timestamp

## a date off by one
rows filter
select id from orders where ordered_at < date '2024-02-01'
->
select id from orders where ordered_at <= date '2024-02-01'

## an interval
rows filter
select id from orders where ordered_at > now() - interval '7 days'
->
select id from orders where ordered_at > now() - interval '7 hours'

## date_trunc's part
values m
select date_trunc('month', ordered_at) as m, id from orders
->
select date_trunc('year', ordered_at) as m, id from orders

## a time zone
values t
select id, ordered_at at time zone 'UTC' as t from orders
->
select id, ordered_at at time zone 'UTC' at time zone 'Europe/Berlin' as t from orders

## ILIKE
rows filter
select id from orders where status like 'p%'
->
select id from orders where status ilike 'p%'

## unnest in FROM
rows grain
select o.id from orders o
->
select o.id from orders o cross join lateral unnest(o.tags) t(tag)

## unnest in the select list
rows
select id from orders
->
select id, unnest(tags) as tag from orders

## a JSON path
values c
select id, doc ->> 'city' as c from orders
->
select id, doc ->> 'town' as c from orders

## -> becomes ->>
values c
select id, doc -> 'city' as c from orders
->
select id, doc ->> 'city' as c from orders

## a lateral join
cosmetic
select o.id, l.m from orders o left join lateral (select max(p.amount) as m from payments p where p.order_id = o.id) l on true
->
select x.id, y.m from orders x left join lateral (select max(q.amount) as m from payments q where x.id = q.order_id) y on true

## a lateral join that keeps no empty rows
rows
select o.id, l.m from orders o left join lateral (select p.amount as m from payments p where p.order_id = o.id limit 1) l on true
->
select o.id, l.m from orders o cross join lateral (select p.amount as m from payments p where p.order_id = o.id limit 1) l

## a lateral join's limit
rows
select o.id, l.m from orders o cross join lateral (select p.amount as m from payments p where p.order_id = o.id order by p.id limit 1) l
->
select o.id, l.m from orders o cross join lateral (select p.amount as m from payments p where p.order_id = o.id order by p.id limit 2) l

## a scalar subquery's alias
cosmetic
select o.id, (select count(*) from payments p where p.order_id = o.id) as n from orders o
->
select orders.id, (select count(1) from payments where payments.order_id = orders.id) as n from orders

## ANY and IN
cosmetic
select id from orders where customer_id = any (select id from customers)
->
select id from orders where customer_id in (select id from customers)

## ALL
rows filter
select id from orders where amount > any (select amount from payments)
->
select id from orders where amount > all (select amount from payments)

## NOT IN and NOT EXISTS
rows filter
select id from orders o where o.customer_id not in (select user_id from visits)
->
select id from orders o where not exists (select 1 from visits v where v.user_id = o.customer_id)

## an anti join by LEFT JOIN
rows
select o.id from orders o left join payments p on p.order_id = o.id where p.id is null
->
select o.id from orders o left join payments p on p.order_id = o.id where p.id is not null

## NATURAL JOIN and USING
cosmetic
with a as (select id, name from customers), b as (select id, amount from orders)
select id, name, amount from a natural join b
->
with a as (select id, name from customers), b as (select id, amount from orders)
select id, name, amount from a join b using (id)

## FULL JOIN USING
rows join
with a as (select id, name from customers), b as (select id, amount from orders)
select id, name, amount from a full join b using (id)
->
with a as (select id, name from customers), b as (select id, amount from orders)
select id, name, amount from a left join b using (id)

## a new join to no key
rows join
select v.user_id, v.page from visits v
->
select v.user_id, v.page from visits v left join orders o on o.customer_id = v.user_id

## a new lookup
additive name
select v.user_id, v.page from visits v
->
select v.user_id, v.page, c.name from visits v left join customers c on c.id = v.user_id

## a lookup by something else
rows join
select v.user_id, v.page from visits v
->
select v.user_id, v.page, c.name from visits v left join customers c on c.email = v.page

## a lookup by less than its key
rows join
select v.user_id from visits v
->
select v.user_id, c.name from visits v left join customers c on c.id > v.user_id

## a cross join of a total
additive all_amount
select id, amount from orders
->
select id, o.amount, t.total as all_amount from orders o cross join (select sum(amount) as total from orders) t

## a share of the total
values share
with t as (select sum(amount) as total from orders) select id, amount / total as share from orders cross join t
->
with t as (select sum(amount) as total from orders where status = 'paid') select id, amount / total as share from orders cross join t

## CTEs in another order
cosmetic
with a as (select id from orders), b as (select order_id from payments) select a.id from a join b on a.id = b.order_id
->
with b as (select order_id from payments), a as (select id from orders) select a.id from a join b on b.order_id = a.id

## MATERIALIZED
cosmetic
with a as (select id from orders) select id from a
->
with a as materialized (select id from orders) select id from a

## GROUP BY a name and a number
cosmetic
select region, count(*) as n from orders group by region order by n desc
->
select region, count(*) as n from orders group by 1 order by 2 desc

## GROUP BY an expression
cosmetic
select date_trunc('day', ordered_at) as d, count(*) as n from orders group by date_trunc('day', ordered_at)
->
select date_trunc('day', ordered_at) as d, count(*) as n from orders group by 1

## another grain
rows grain
select date_trunc('day', ordered_at) as d, count(*) as n from orders group by 1
->
select date_trunc('week', ordered_at) as d, count(*) as n from orders group by 1

## grouped twice
rows grain
select region, sum(n) as n from (select region, status, count(*) as n from orders group by 1, 2) x group by 1
->
select region, sum(n) as n from (select region, status, count(*) as n from orders group by 1, 2) x group by region, status

## avg of avg
rows
select region, avg(amount) as a from orders group by 1
->
select region, avg(a) as a from (select region, status, avg(amount) as a from orders group by 1, 2) x group by 1

## percentile
values p
select region, percentile_cont(0.5) within group (order by amount) as p from orders group by 1
->
select region, percentile_cont(0.9) within group (order by amount) as p from orders group by 1

## percentile_disc
values p
select region, percentile_cont(0.5) within group (order by amount) as p from orders group by 1
->
select region, percentile_disc(0.5) within group (order by amount) as p from orders group by 1

## bool_and and every
cosmetic
select region, bool_and(amount > 0) as ok from orders group by 1
->
select region, every(amount > 0) as ok from orders group by 1

## bool_or
values ok
select region, bool_and(amount > 0) as ok from orders group by 1
->
select region, bool_or(amount > 0) as ok from orders group by 1

## string_agg's order
values s
select region, string_agg(status, ',' order by id) as s from orders group by 1
->
select region, string_agg(status, ',') as s from orders group by 1

## UNION ALL becomes UNION
rows set operation
select id from orders union all select id from payments
->
select id from orders union select id from payments

## EXCEPT ALL
rows set operation
select customer_id from orders except select id from customers
->
select customer_id from orders except all select id from customers

## FETCH and LIMIT
cosmetic
select id from orders order by id limit 5
->
select id from orders order by id fetch first 5 rows only

## WITH TIES
rows limit
select id from orders order by amount fetch first 5 rows only
->
select id from orders order by amount fetch first 5 rows with ties

## IS DISTINCT FROM
rows filter
select id from orders where region <> 'eu'
->
select id from orders where region is distinct from 'eu'

## coalesced comparison
rows filter
select id from orders where region <> 'eu'
->
select id from orders where coalesce(region, '') <> 'eu'

## concat and ||
values k
select id, region || status as k from orders
->
select id, concat(region, status) as k from orders

## double negation
cosmetic
select id from orders where not (not (amount > 5))
->
select id from orders where amount > 5

## De Morgan
cosmetic
select id from orders where not (amount > 5 and region = 'eu')
->
select id from orders where amount <= 5 or region <> 'eu'

## De Morgan done wrong
rows filter
select id from orders where not (amount > 5 and region = 'eu')
->
select id from orders where amount <= 5 and region <> 'eu'

## a common factor
cosmetic
select id from orders where (amount > 5 and region = 'eu') or (amount > 5 and status = 'paid')
->
select id from orders where amount > 5 and (region = 'eu' or status = 'paid')

## round goes
values v
select id, round(amount, 2) as v from orders
->
select id, amount as v from orders

## greatest
cosmetic
select id, greatest(amount, 0) as v from orders
->
select id, greatest(0, amount) as v from orders

## greatest becomes least
values v
select id, greatest(amount, 0) as v from orders
->
select id, least(amount, 0) as v from orders

## a self join by position
rows
select a.id from orders a join orders b on a.customer_id = b.customer_id and a.id < b.id
->
select a.id from orders a join orders b on a.customer_id = b.customer_id and a.id <= b.id

## a window over a group
cosmetic
select region, sum(sum(amount)) over (order by region) as running from orders group by region
->
with g as (select region, sum(amount) as total from orders group by region) select region, sum(total) over (order by region) as running from g

## a column of a union is renamed
schema
select id, amount from orders union all select id, amount from payments
->
select id, amount as value from orders union all select id, amount from payments

## a recursive query's step
rows
with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select n from t
->
with recursive t(n) as (select 1 union all select n + 2 from t where n < 5) select n from t

## a quoted name
cosmetic
select "id", "amount" from "orders"
->
select id, amount from orders

## a schema said
cosmetic
select id from orders
->
select id from public.orders
