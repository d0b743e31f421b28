with ranked as (
    select
        rider_id,
        city_code,
        net_eur,
        row_number() over (partition by city_code order by net_eur desc, rider_id) as place
    from {{ ref('dim_riders') }}
    where rides > 0
)

select * from ranked
where place <= 20
