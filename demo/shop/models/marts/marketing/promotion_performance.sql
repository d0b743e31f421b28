with redeemed as (
    select
        promotion_id,
        count(*) as redemptions,
        count(distinct order_id) as orders,
        sum(discount_amount) as discount_amount,
        min(applied_at) as first_redeemed_at,
        max(applied_at) as last_redeemed_at
    from {{ ref('stg_order_promotions') }}
    group by promotion_id
)

select
    promotions.promotion_id,
    promotions.promotion_code,
    promotions.promotion_type,
    promotions.starts_on,
    promotions.ends_on,
    coalesce(redeemed.redemptions, 0) as redemptions,
    coalesce(redeemed.orders, 0) as orders,
    coalesce(redeemed.discount_amount, 0) as discount_amount,
    redeemed.first_redeemed_at,
    redeemed.last_redeemed_at
from {{ ref('stg_promotions') }} as promotions
left join redeemed on promotions.promotion_id = redeemed.promotion_id
