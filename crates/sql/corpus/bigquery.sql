-- Pairs of queries and what the change between them means. How to read it: ../tests/corpus.rs

table shop.orders(id int64, customer_id int64, status string, amount numeric, ordered_at timestamp, region string, items array<string>; key id)
table shop.customers(id int64, name string, email string, is_active bool, signed_up date; key id)
table shop.payments(id int64, order_id int64, amount numeric, method string; key id)
table shop.hits(user_id int64, at timestamp, page string, value float64)

## backquotes
cosmetic
select id, amount from shop.orders
->
select `id`, `amount` from `shop`.`orders`

## a name in one pair of backquotes
cosmetic
select id, amount from shop.orders
->
select id, amount from `shop.orders`

## ifnull and coalesce
cosmetic
select id, ifnull(amount, 0) as amount from shop.orders
->
select id, coalesce(amount, 0) as amount from shop.orders

## if and CASE
cosmetic
select id, if(amount > 10, 'a', 'b') as c from shop.orders
->
select id, case when amount > 10 then 'a' else 'b' end as c from shop.orders

## countif and CASE
cosmetic
select region, countif(status = 'paid') as n from shop.orders group by region
->
select region, count(case when status = 'paid' then 1 end) as n from shop.orders group by 1

## countif's condition
values n
select region, countif(status = 'paid') as n from shop.orders group by region
->
select region, countif(status != 'paid') as n from shop.orders group by region

## safe_cast
values v
select id, cast(region as int64) + 1 as v from shop.orders
->
select id, safe_cast(region as int64) + 2 as v from shop.orders

## safe_divide
values r
select id, amount / customer_id as r from shop.orders
->
select id, safe_divide(amount, customer_id) as r from shop.orders

## safe_divide turned round
values r
select id, safe_divide(amount, customer_id) as r from shop.orders
->
select id, safe_divide(customer_id, amount) as r from shop.orders

## except
schema
select * from shop.payments
->
select * except (method) from shop.payments

## replace
values amount
select * from shop.payments
->
select * replace (amount * 100 as amount) from shop.payments

## a star written out
cosmetic
select * from shop.payments
->
select id, order_id, amount, method from shop.payments

## unnesting comes
rows grain
select id from shop.orders
->
select id from shop.orders, unnest(items) as item

## unnesting keeps the empty ones
rows
select id, item from shop.orders cross join unnest(items) as item
->
select id, item from shop.orders left join unnest(items) as item

## a comma and CROSS JOIN
cosmetic
select id, item from shop.orders, unnest(items) as item
->
select o.id, i as item from shop.orders as o cross join unnest(o.items) as i

## QUALIFY
cosmetic
select id, amount from shop.orders where true qualify row_number() over (partition by id order by ordered_at desc) = 1
->
with r as (select *, row_number() over (partition by id order by ordered_at desc) as n from shop.orders) select id, amount from r where n = 1

## QUALIFY's partition
rows dedup
select id, amount from shop.orders where true qualify row_number() over (partition by customer_id order by ordered_at desc) = 1
->
select id, amount from shop.orders where true qualify row_number() over (partition by region order by ordered_at desc) = 1

## UNION DISTINCT
rows set operation
select id from shop.orders union all select id from shop.payments
->
select id from shop.orders union distinct select id from shop.payments

## EXCEPT DISTINCT
rows set operation
select customer_id from shop.orders union distinct select id from shop.customers
->
select customer_id from shop.orders except distinct select id from shop.customers

## timestamp_trunc's part
values d
select id, timestamp_trunc(ordered_at, day) as d from shop.orders
->
select id, timestamp_trunc(ordered_at, hour) as d from shop.orders

## timestamp_trunc's part in capitals
cosmetic
select id, timestamp_trunc(ordered_at, day) as d from shop.orders
->
select id, timestamp_trunc(ordered_at, DAY) as d from shop.orders

## date and a cast
cosmetic
select id, date(ordered_at) as d from shop.orders
->
select id, cast(ordered_at as date) as d from shop.orders

## a date in a time zone
values d
select id, date(ordered_at) as d from shop.orders
->
select id, date(ordered_at, 'Europe/Berlin') as d from shop.orders

## date_diff turned round
values n
select id, timestamp_diff(current_timestamp(), ordered_at, day) as n from shop.orders
->
select id, timestamp_diff(ordered_at, current_timestamp(), day) as n from shop.orders

## date_diff's unit
values n
select id, timestamp_diff(current_timestamp(), ordered_at, day) as n from shop.orders
->
select id, timestamp_diff(current_timestamp(), ordered_at, hour) as n from shop.orders

## date_sub
rows filter
select id from shop.orders where date(ordered_at) >= date_sub(current_date(), interval 7 day)
->
select id from shop.orders where date(ordered_at) >= date_sub(current_date(), interval 8 day)

## a date off by one
rows filter
select id from shop.orders where date(ordered_at) >= '2024-01-01'
->
select id from shop.orders where date(ordered_at) > '2024-01-01'

## type synonyms
cosmetic
select cast(id as int64) as id, cast(amount as float64) as a from shop.orders
->
select cast(id as integer) as id, cast(amount as float64) as a from shop.orders

## a cast to text
schema
select id from shop.orders
->
select cast(id as string) as id from shop.orders

## numeric to float64
schema
select id, cast(amount as numeric) as a from shop.orders
->
select id, cast(amount as float64) as a from shop.orders

## concat and ||
cosmetic
select id, concat(region, '/', status) as k from shop.orders
->
select id, region || '/' || status as k from shop.orders

## a surrogate key's parts
values k
select id, to_hex(md5(concat(cast(customer_id as string), region))) as k from shop.orders
->
select id, to_hex(md5(concat(region, cast(customer_id as string)))) as k from shop.orders

## a struct's field
values s
select id, struct(region, status) as s from shop.orders
->
select id, struct(status, region) as s from shop.orders

## array_agg's order
values a
select customer_id, array_agg(status order by ordered_at) as a from shop.orders group by 1
->
select customer_id, array_agg(status order by ordered_at desc) as a from shop.orders group by 1

## array_agg's limit
values a
select customer_id, array_agg(status order by ordered_at limit 1) as a from shop.orders group by 1
->
select customer_id, array_agg(status order by ordered_at limit 2) as a from shop.orders group by 1

## array_agg without NULLs
values a
select customer_id, array_agg(status) as a from shop.orders group by 1
->
select customer_id, array_agg(status ignore nulls) as a from shop.orders group by 1

## string_agg's separator
values a
select customer_id, string_agg(status, ',') as a from shop.orders group by 1
->
select customer_id, string_agg(status, ', ') as a from shop.orders group by 1

## approx_count_distinct
values n
select region, count(distinct customer_id) as n from shop.orders group by 1
->
select region, approx_count_distinct(customer_id) as n from shop.orders group by 1

## any_value
values v
select customer_id, any_value(region) as v from shop.orders group by 1
->
select customer_id, max(region) as v from shop.orders group by 1

## any_value having max
values v
select customer_id, any_value(region having max ordered_at) as v from shop.orders group by 1
->
select customer_id, any_value(region having min ordered_at) as v from shop.orders group by 1

## logical_and
values v
select customer_id, logical_and(amount > 0) as v from shop.orders group by 1
->
select customer_id, logical_or(amount > 0) as v from shop.orders group by 1

## a new lookup
additive email
select o.id from shop.orders as o
->
select o.id, c.email from shop.orders as o left join shop.customers as c on c.id = o.customer_id

## a new lookup with USING
additive name
with o as (select id, customer_id from shop.orders), c as (select id as customer_id, name from shop.customers) select o.id from o
->
with o as (select id, customer_id from shop.orders), c as (select id as customer_id, name from shop.customers) select o.id, c.name from o left join c using (customer_id)

## a fan-out
rows join
select o.id from shop.orders as o
->
select o.id, h.page from shop.orders as o left join shop.hits as h on h.user_id = o.customer_id

## LEFT becomes INNER
rows join
select o.id, c.email from shop.orders as o left join shop.customers as c on c.id = o.customer_id
->
select o.id, c.email from shop.orders as o join shop.customers as c on c.id = o.customer_id

## a filter on the right side
rows
select o.id, h.page from shop.orders as o left join shop.hits as h on h.user_id = o.customer_id
->
select o.id, h.page from shop.orders as o left join shop.hits as h on h.user_id = o.customer_id where h.page != '/'

## ON becomes WHERE
rows
select o.id, h.page from shop.orders as o left join shop.hits as h on h.user_id = o.customer_id and h.page = '/'
->
select o.id, h.page from shop.orders as o left join shop.hits as h on h.user_id = o.customer_id where h.page = '/'

## IN UNNEST
rows filter
select id from shop.orders where status in unnest(['a', 'b'])
->
select id from shop.orders where status in unnest(['a', 'c'])

## a not-in subquery
rows filter
select id from shop.orders where customer_id in (select id from shop.customers)
->
select id from shop.orders where customer_id not in (select id from shop.customers)

## a subquery's filter
rows filter
select id from shop.orders where customer_id in (select id from shop.customers)
->
select id from shop.orders where customer_id in (select id from shop.customers where is_active)

## is_active said twice
cosmetic
select id from shop.customers where is_active = true
->
select id from shop.customers where is_active is true

## a CASE and a COALESCE
cosmetic
select id, case when region is not null then region else 'none' end as r from shop.orders
->
select id, coalesce(region, 'none') as r from shop.orders

## columns change places
schema
select id, region from shop.orders
->
select region, id from shop.orders

## a grain
rows grain
select date(ordered_at) as d, sum(amount) as total from shop.orders group by d
->
select date(ordered_at) as d, region, sum(amount) as total from shop.orders group by d, region

## GROUP BY an alias
cosmetic
select date(ordered_at) as d, sum(amount) as total from shop.orders group by d
->
select date(ordered_at) as d, sum(amount) as total from shop.orders group by 1

## HAVING
rows filter
select customer_id, count(*) as n from shop.orders group by 1 having n > 1
->
select customer_id, count(*) as n from shop.orders group by 1 having n > 2

## sum of a distinct
values total
select customer_id, sum(amount) as total from shop.orders group by 1
->
select customer_id, sum(distinct amount) as total from shop.orders group by 1

## an offset in an array
values i
select id, items[offset(0)] as i from shop.orders
->
select id, items[offset(1)] as i from shop.orders

## offset and ordinal
values i
select id, items[offset(1)] as i from shop.orders
->
select id, items[ordinal(1)] as i from shop.orders

## a CTE written out
cosmetic
with paid as (select * from shop.orders where status = 'paid'), sums as (select customer_id, sum(amount) as total from paid group by customer_id)
select c.name, s.total from shop.customers c join sums s on s.customer_id = c.id
->
select c.name, s.total from (select customer_id, sum(amount) as total from shop.orders where status = 'paid' group by customer_id) s join shop.customers c on c.id = s.customer_id

## a limit
rows limit
select id from shop.orders order by id limit 10
->
select id from shop.orders order by id limit 100

## a table's suffix
rows
select id from shop.orders
->
select id from shop.orders_2024
