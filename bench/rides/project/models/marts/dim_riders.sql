with riders as (
    select * from {{ ref('stg_riders') }}
),

activity as (
    select * from {{ ref('int_rider_activity') }}
),

plans as (
    select * from {{ ref('plans') }}
)

select
    riders.rider_id,
    riders.email,
    riders.full_name,
    riders.city_code,
    plans.plan_name,
    {{ from_minor('plans.monthly_fee_minor') }} as monthly_fee,
    riders.signed_up_at,
    riders.is_deleted,
    coalesce(activity.rides, 0) as rides,
    activity.first_ride_date,
    activity.last_ride_date,
    coalesce(activity.net_eur, 0) as net_eur,
    case
        when activity.rider_id is null then 'never rode'
        when date_diff('day', activity.last_ride_date, cast('{{ var("as_of") }}' as date)) > {{ var('churn_days') }} then 'churned'
        when activity.active_months >= 4 then 'regular'
        else 'occasional'
    end as segment
from riders
inner join plans on riders.plan_code = plans.plan_code
left join activity on riders.rider_id = activity.rider_id
