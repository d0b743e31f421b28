{{ config(materialized='table') }}

with points as (
    select
        customer_id,
        -- one point per full euro spent
        cast(floor(spend) as integer) as loyalty_points
    from {{ ref('int_customer_orders') }}
)

select
    customer_id,
    loyalty_points,
    case
        when loyalty_points >= 2500 then 'platinum'
        when loyalty_points >= 1000 then 'gold'
        when loyalty_points >= 300 then 'silver'
        else 'member'
    end as loyalty_tier
from points
