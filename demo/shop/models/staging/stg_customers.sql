select
    id as customer_id,
    first_name,
    last_name,
    lower(email) as email,
    phone,
    country_code,
    signup_channel,
    marketing_opt_in,
    created_at as signed_up_at,
    cast(created_at as date) as signed_up_on
from {{ source('raw', 'customers') }}
