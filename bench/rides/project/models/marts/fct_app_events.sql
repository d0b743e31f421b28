{{ config(materialized='incremental', incremental_strategy='append') }}

select
    event_id,
    rider_id,
    event_name,
    happened_at,
    loaded_at
from {{ ref('stg_app_events') }}
{% if is_incremental() %}
where loaded_at > (select max(loaded_at) from {{ this }})
{% endif %}
