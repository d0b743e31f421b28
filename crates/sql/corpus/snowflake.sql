-- Pairs of queries and what the change between them means. How to read it: ../tests/corpus.rs

table raw.orders(id number, customer_id number, status varchar, amount number(12,2), ordered_at timestamp_ntz, region varchar, payload variant, loaded_at timestamp_ntz; key id)
table raw.customers(id number, name varchar, email varchar, is_active boolean, updated_at timestamp_ntz; key id)
table raw.payments(id number, order_id number, amount number(12,2), method varchar; key id)
table raw.events(user_id number, kind varchar, at timestamp_ntz, tags array)

## keywords in capitals
cosmetic
select id, amount from raw.orders where status = 'paid'
->
SELECT ID, AMOUNT FROM RAW.ORDERS WHERE STATUS = 'paid'

## import CTEs
cosmetic
select o.id, c.name from raw.orders o left join raw.customers c on c.id = o.customer_id
->
with orders as (select * from raw.orders), customers as (select * from raw.customers),
final as (select orders.id, customers.name from orders left join customers on customers.id = orders.customer_id)
select * from final

## nvl and coalesce
cosmetic
select id, nvl(amount, 0) as amount from raw.orders
->
select id, coalesce(amount, 0) as amount from raw.orders

## iff and CASE
cosmetic
select id, iff(amount > 10, 'big', 'small') as size from raw.orders
->
select id, case when amount > 10 then 'big' else 'small' end as size from raw.orders

## iff's branches change places
values size
select id, iff(amount > 10, 'big', 'small') as size from raw.orders
->
select id, iff(amount > 10, 'small', 'big') as size from raw.orders

## zeroifnull
cosmetic
select id, zeroifnull(amount) as amount from raw.orders
->
select id, coalesce(amount, 0) as amount from raw.orders

## nvl2
cosmetic
select id, nvl2(status, 'has', 'none') as s from raw.orders
->
select id, case when status is null then 'none' else 'has' end as s from raw.orders

## type synonyms
cosmetic
select id::integer as id, region::string as region, amount::float as amount from raw.orders
->
select cast(id as number(38, 0)) as id, cast(region as varchar) as region, amount::double as amount from raw.orders

## a narrower number
schema amount
select id, amount::number(12, 2) as amount from raw.orders
->
select id, amount::number(12, 0) as amount from raw.orders

## QUALIFY and a subquery
cosmetic
select id, status from raw.orders qualify row_number() over (partition by id order by loaded_at desc) = 1
->
with ranked as (select *, row_number() over (partition by id order by loaded_at desc) as rn from raw.orders)
select id, status from ranked where rn = 1

## QUALIFY's order
rows dedup
select id, status from raw.orders qualify row_number() over (partition by customer_id order by loaded_at desc) = 1
->
select id, status from raw.orders qualify row_number() over (partition by customer_id order by loaded_at) = 1

## QUALIFY by an alias
cosmetic
select id, status, row_number() over (partition by customer_id order by loaded_at desc) as rn from raw.orders qualify rn = 1
->
select id, status, row_number() over (partition by customer_id order by loaded_at desc) as rn from raw.orders qualify row_number() over (partition by customer_id order by loaded_at desc) = 1

## QUALIFY goes
rows dedup
select id, status from raw.orders qualify row_number() over (partition by customer_id order by loaded_at desc) = 1
->
select id, status from raw.orders

## the first two
rows dedup
select id from raw.orders qualify row_number() over (partition by customer_id order by loaded_at desc) = 1
->
select id from raw.orders qualify row_number() over (partition by customer_id order by loaded_at desc) <= 2

## FLATTEN comes
rows grain
select user_id, kind from raw.events
->
select user_id, kind from raw.events, lateral flatten(input => tags) f

## FLATTEN keeps the empty ones
rows
select e.user_id, f.value as tag from raw.events e, lateral flatten(input => e.tags) f
->
select e.user_id, f.value as tag from raw.events e, lateral flatten(input => e.tags, outer => true) f

## FLATTEN's alias
cosmetic
select e.user_id, f.value::string as tag from raw.events e, lateral flatten(input => e.tags) f
->
select ev.user_id, t.value::varchar as tag from raw.events ev, lateral flatten(input => ev.tags) t

## a path in a variant
values city
select id, payload:address.city::string as city from raw.orders
->
select id, payload:address.town::string as city from raw.orders

## dateadd's unit
rows filter
select id from raw.orders where ordered_at >= dateadd(day, -30, current_date)
->
select id from raw.orders where ordered_at >= dateadd(month, -30, current_date)

## dateadd's count
rows filter
select id from raw.orders where ordered_at >= dateadd(day, -30, current_date())
->
select id from raw.orders where ordered_at >= dateadd(day, -31, current_date())

## dateadd and timestampadd
cosmetic
select id, dateadd(day, 1, ordered_at) as d from raw.orders
->
select id, timestampadd(DAY, 1, ordered_at) as d from raw.orders

## datediff turned round
values days
select id, datediff(day, ordered_at, loaded_at) as days from raw.orders
->
select id, datediff(day, loaded_at, ordered_at) as days from raw.orders

## datediff's unit
values days
select id, datediff('day', ordered_at, loaded_at) as days from raw.orders
->
select id, datediff('hour', ordered_at, loaded_at) as days from raw.orders

## to_date and a cast
cosmetic
select id, to_date(ordered_at) as d from raw.orders
->
select id, ordered_at::date as d from raw.orders

## a time zone
values t
select id, convert_timezone('UTC', 'Europe/Berlin', ordered_at) as t from raw.orders
->
select id, convert_timezone('UTC', 'America/New_York', ordered_at) as t from raw.orders

## concat and ||
cosmetic
select id, concat(region, '-', status) as k from raw.orders
->
select id, region || '-' || status as k from raw.orders

## the parts of a surrogate key
values k
select id, md5(concat(coalesce(region, ''), '-', coalesce(status, ''))) as k from raw.orders
->
select id, md5(concat(coalesce(status, ''), '-', coalesce(region, ''))) as k from raw.orders

## a new lookup
additive email
select o.id, o.amount from raw.orders o
->
select o.id, o.amount, c.email from raw.orders o left join raw.customers c on o.customer_id = c.id

## a lookup becomes inner
rows join
select o.id, o.amount, c.email from raw.orders o left join raw.customers c on o.customer_id = c.id
->
select o.id, o.amount, c.email from raw.orders o inner join raw.customers c on o.customer_id = c.id

## a lookup filtered in WHERE
rows
select o.id, c.email from raw.orders o left join raw.customers c on o.customer_id = c.id
->
select o.id, c.email from raw.orders o left join raw.customers c on o.customer_id = c.id where c.is_active

## a lookup filtered in ON
values email
select o.id, c.email from raw.orders o left join raw.customers c on o.customer_id = c.id
->
select o.id, c.email from raw.orders o left join raw.customers c on o.customer_id = c.id and c.is_active

## a lookup filtered in a CTE
cosmetic
select o.id, c.email from raw.orders o left join raw.customers c on o.customer_id = c.id and c.is_active
->
with c as (select * from raw.customers where is_active) select o.id, c.email from raw.orders o left join c on o.customer_id = c.id

## a fan-out
rows join
select o.id, o.amount from raw.orders o
->
select o.id, o.amount, p.method from raw.orders o left join raw.payments p on p.order_id = o.id

## a fan-out under a sum
rows
select o.customer_id, sum(o.amount) as total from raw.orders o group by 1
->
select o.customer_id, sum(o.amount) as total from raw.orders o left join raw.payments p on p.order_id = o.id group by 1

## a lookup under a sum
cosmetic
select o.customer_id, sum(o.amount) as total from raw.orders o group by 1
->
select o.customer_id, sum(o.amount) as total from raw.orders o left join raw.customers c on c.id = o.customer_id group by 1

## listagg's separator
values methods
select order_id, listagg(method, ',') within group (order by id) as methods from raw.payments group by 1
->
select order_id, listagg(method, ';') within group (order by id) as methods from raw.payments group by 1

## listagg's order
values methods
select order_id, listagg(method, ',') within group (order by id) as methods from raw.payments group by 1
->
select order_id, listagg(method, ',') within group (order by id desc) as methods from raw.payments group by 1

## count_if and CASE
cosmetic
select region, count_if(status = 'paid') as n from raw.orders group by 1
->
select region, count(case when status = 'paid' then 1 end) as n from raw.orders group by region

## an approximate count
values n
select region, count(distinct customer_id) as n from raw.orders group by 1
->
select region, approx_count_distinct(customer_id) as n from raw.orders group by 1

## last_value's frame
cosmetic
select id, last_value(status) over (partition by customer_id order by loaded_at) as s from raw.orders
->
select id, last_value(status) over (partition by customer_id order by loaded_at rows between unbounded preceding and unbounded following) as s from raw.orders

## ignore nulls
values s
select id, last_value(status) over (partition by customer_id order by loaded_at) as s from raw.orders
->
select id, last_value(status ignore nulls) over (partition by customer_id order by loaded_at) as s from raw.orders

## MINUS and EXCEPT
cosmetic
select customer_id from raw.orders minus select id from raw.customers
->
select customer_id from raw.orders except select id from raw.customers

## UNION ALL becomes UNION
rows set operation
select id, amount from raw.orders union all select id, amount from raw.payments
->
select id, amount from raw.orders union select id, amount from raw.payments

## a quoted alias
schema
select id, amount as total from raw.orders
->
select id, amount as "total" from raw.orders

## a renamed column
schema
select id, amount from raw.orders
->
select id, amount as order_amount from raw.orders

## a star with a column more
additive big
select * from raw.payments
->
select *, amount > 100 as big from raw.payments

## a star without a column
schema method
select * from raw.payments
->
select * exclude method from raw.payments

## a star with another name
schema
select * from raw.payments
->
select * rename (method as kind) from raw.payments

## try_cast
values id
select id, try_cast(region as number) as r from raw.orders where id is not null
->
select id + 0 as id, try_cast(region as number) as r from raw.orders where id is not null

## a cast that may fail
schema
select id, region::number as r from raw.orders
->
select id, region::varchar as r from raw.orders

## TOP and LIMIT
cosmetic
select top 10 id from raw.orders order by id
->
select id from raw.orders order by id limit 10

## an order with NULLs
physical
select id, amount from raw.orders order by amount desc
->
select id, amount from raw.orders order by amount desc nulls last

## an order with NULLs, as it is
cosmetic
select id, amount from raw.orders order by amount desc
->
select id, amount from raw.orders order by amount desc nulls first

## IN and EXISTS
cosmetic
select id from raw.orders where customer_id in (select id from raw.customers where is_active)
->
select o.id from raw.orders o where exists (select 1 from raw.customers c where c.id = o.customer_id and c.is_active)

## NOT IN and NOT EXISTS
rows filter
select id from raw.orders where customer_id not in (select customer_id from raw.payments p join raw.orders o on o.id = p.order_id)
->
select id from raw.orders x where not exists (select 1 from raw.payments p join raw.orders o on o.id = p.order_id where o.customer_id = x.customer_id)

## a lateral alias
cosmetic
select id, amount * 2 as twice, twice + 1 as more from raw.orders
->
select id, amount * 2 as twice, amount * 2 + 1 as more from raw.orders

## equal_null
cosmetic
select id from raw.orders where equal_null(region, status)
->
select id from raw.orders where status is not distinct from region

## equal_null becomes =
rows filter
select id from raw.orders where equal_null(region, status)
->
select id from raw.orders where region = status

## rlike
rows filter
select id from raw.orders where status rlike 'a.*'
->
select id from raw.orders where status like 'a.%'

## a grouping set
rows grain
select region, status, sum(amount) as total from raw.orders group by region, status
->
select region, status, sum(amount) as total from raw.orders group by rollup (region, status)

## ROLLUP written out
cosmetic
select region, status, sum(amount) as total from raw.orders group by rollup (region, status)
->
select region, status, sum(amount) as total from raw.orders group by grouping sets ((), (region), (status, region))

## a sample
rows limit
select id, amount from raw.orders
->
select id, amount from raw.orders sample (10)

## time travel
rows
select id, amount from raw.orders
->
select id, amount from raw.orders at (offset => -3600)
