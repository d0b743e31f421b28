select
    id as rider_id,
    lower(trim(email)) as email,
    full_name,
    city_code,
    plan_code,
    referred_by as referred_by_rider_id,
    signed_up_at,
    deleted_at,
    deleted_at is not null as is_deleted
from {{ source('raw', 'riders') }}
where not is_staff
