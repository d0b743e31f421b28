with customers as (
    select * from {{ ref('stg_customers') }}
),

history as (
    select * from {{ ref('int_customer_orders') }}
),

loyalty as (
    select * from {{ ref('int_customer_loyalty') }}
),

countries as (
    select * from {{ ref('countries') }}
)

select
    customers.customer_id,
    customers.first_name,
    customers.last_name,
    customers.email,
    customers.phone,
    customers.country_code,
    countries.region,
    customers.signup_channel,
    customers.signed_up_on,
    customers.marketing_opt_in,
    coalesce(history.orders, 0) as orders,
    history.first_order_date,
    history.last_order_date,
    coalesce(history.spend, 0) as spend,
    coalesce(loyalty.loyalty_points, 0) as loyalty_points,
    coalesce(loyalty.loyalty_tier, 'member') as loyalty_tier
from customers
inner join countries on customers.country_code = countries.country_code
left join history on customers.customer_id = history.customer_id
left join loyalty on customers.customer_id = loyalty.customer_id
