{{
    config(
        materialized='incremental',
        unique_key='ride_id',
        incremental_strategy='delete+insert'
    )
}}

with rides as (
    select * from {{ ref('int_rides_located') }}
    {% if is_incremental() %}
    -- rides are corrected for up to a week
    where loaded_at >= (select max(loaded_at) - interval 7 day from {{ this }})
    {% endif %}
),

revenue as (
    select * from {{ ref('int_ride_revenue') }}
),

payments as (
    select * from {{ ref('int_payments_by_ride') }}
)

select
    rides.ride_id,
    rides.rider_id,
    rides.vehicle_id,
    rides.vehicle_model,
    rides.city_code,
    rides.region,
    rides.started_at,
    rides.started_at_local,
    rides.ride_date,
    rides.ride_seconds,
    cast(rides.distance_m / 1000.0 as decimal(10, 3)) as distance_km,
    rides.ride_status,
    coalesce(revenue.gross_eur, 0) as gross_eur,
    coalesce(revenue.refunded_eur, 0) as refunded_eur,
    coalesce(revenue.net_eur, 0) as net_eur,
    coalesce(revenue.penalty_eur, 0) as penalty_eur,
    coalesce(payments.failed_attempts, 0) as failed_attempts,
    rides.loaded_at
from rides
left join revenue on rides.ride_id = revenue.ride_id
left join payments on rides.ride_id = payments.ride_id
