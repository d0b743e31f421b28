{{
    config(
        materialized='incremental',
        unique_key='order_id',
        on_schema_change='append_new_columns'
    )
}}

with orders as (
    select * from {{ ref('stg_orders') }}
    {% if is_incremental() %}
    -- statuses and refunds settle within a month
    where order_date >= (select max(order_date) - 30 from {{ this }})
    {% endif %}
),

totals as (
    select * from {{ ref('int_order_totals') }}
),

payments as (
    select * from {{ ref('int_order_payments') }}
),

promotions as (
    select
        redeemed.order_id,
        promotions.promotion_code,
        promotions.promotion_type
    from {{ ref('stg_order_promotions') }} as redeemed
    inner join {{ ref('stg_promotions') }} as promotions on redeemed.promotion_id = promotions.promotion_id
)

select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at,
    orders.order_date,
    orders.status,
    orders.sales_channel,
    orders.shipping_country_code,
    totals.units,
    totals.gross_amount as gross_revenue,
    orders.discount_amount,
    totals.refunded_amount,
    case
        when orders.status = 'cancelled' then 0
        else totals.gross_amount - orders.discount_amount - totals.refunded_amount
    end as net_revenue,
    orders.shipping_amount,
    totals.cost_amount,
    coalesce(payments.paid_amount, 0) as paid_amount,
    payments.paid_at,
    promotions.promotion_code,
    promotions.promotion_type
from orders
inner join totals on orders.order_id = totals.order_id
left join payments on orders.order_id = payments.order_id
left join promotions on orders.order_id = promotions.order_id
