-- Raw source tables of the demo shop.
-- Everything is integer arithmetic on row numbers, so each run gives the same rows.
create schema if not exists raw;

-- A small integer mixer, 0 .. 2^31-1, from a row number and a salt.
create or replace macro raw.mix_a(i, s) as ((cast(i as bigint) * 1103515245 + cast(s as bigint) * 362437069 + 12345) % 2147483648);
create or replace macro raw.mix_b(x) as (((x + x // 8192) * 1540483477 + 1013904223) % 2147483648);
create or replace macro raw.mix(i, s) as (raw.mix_b(raw.mix_b(raw.mix_a(i, s))) // 64);

-- Customers: a few large countries, a long tail of small ones.
create or replace table raw.customers as
with base as (
    select
        i as id,
        (['Emma','Noah','Lena','Louis','Mia','Jonas','Sofia','Lucas','Anna','Hugo','Marie','Finn','Clara','Matteo','Julia','Liam','Eva','Oscar','Laura','Elias','Nina','Adam','Sara','Milan','Ines','Theo','Alba','Bram','Freya','Pavel'])[1 + least(raw.mix(i, 1) % 30, raw.mix(i, 2) % 30)] as first_name,
        (['Müller','Schmidt','Martin','Bernard','Jansen','de Vries','Rossi','Bianchi','García','López','Novak','Kowalski','Andersen','Nilsson','Weber','Fischer','Dubois','Moreau','Bakker','Visser','Ricci','Marino','Sánchez','Romero','Horvat','Nowak','Larsen','Berg','Hofer','Gruber','Wagner','Petit','Smit','Conti','Ortega','Keller'])[1 + raw.mix(i, 3) % 36] as last_name,
        (['DE','DE','DE','DE','DE','DE','FR','FR','FR','FR','NL','NL','NL','IT','IT','ES','ES','AT','BE','PL','SE','DK','CZ','PT'])[1 + raw.mix(i, 4) % 24] as country_code,
        (['organic','organic','organic','paid_search','paid_search','social','referral','newsletter'])[1 + raw.mix(i, 5) % 8] as signup_channel,
        raw.mix(i, 6) % 100 as r_opt,
        raw.mix(i, 7) % 100 as r_phone,
        raw.mix(i, 8) as r_num,
        (i * 900) // 20000 as created_day,
        raw.mix(i, 10) % 86400 as created_sec,
        raw.mix(i, 11) % 120 as touched_days
    from generate_series(1, 20000) as g(i)
)
select
    id,
    first_name,
    last_name,
    replace(strip_accents(lower(first_name || '.' || last_name)), ' ', '') || id || '@' || (['example.com','example.org','mail.example','post.example'])[1 + r_num % 4] as email,
    case when r_phone < 71 then '+' || (30 + r_num % 19) || ' 5' || lpad(cast(r_num % 10000000 as varchar), 7, '0') end as phone,
    country_code,
    signup_channel,
    r_opt < 58 as marketing_opt_in,
    timestamp '2023-01-15 00:00:00' + to_days(cast(created_day as integer)) + to_seconds(created_sec) as created_at,
    least(timestamp '2023-01-15 00:00:00' + to_days(cast(created_day + touched_days as integer)) + to_seconds(created_sec), timestamp '2025-09-30 22:00:00') as updated_at,
    timestamp '2025-10-01 03:10:00' as _loaded_at
from base
order by id;

-- Products: 400 articles in 8 categories.
create or replace table raw.products as
with base as (
    select
        i as id,
        1 + least(raw.mix(i, 21) % 8, raw.mix(i, 22) % 8) as cat,
        raw.mix(i, 23) as r_name,
        raw.mix(i, 24) as r_price,
        raw.mix(i, 25) % 26 as r_margin,
        raw.mix(i, 26) % 100 as r_active,
        raw.mix(i, 27) % 700 as r_day
    from generate_series(1, 400) as g(i)
),
priced as (
    select
        *,
        ([990, 1290, 2490, 390, 2990, 1490, 2990, 5900])[cat] as floor_cents,
        ([100, 200, 300, 50, 400, 200, 500, 800])[cat] as step
    from base
)
select
    id,
    (['KIT','HOM','BED','STA','OUT','TOY','LIG','FUR'])[cat] || '-' || lpad(cast(id as varchar), 4, '0') as sku,
    (['Nordic','Classic','Compact','Linen','Oak','Copper','Everyday','Studio','Harbour','Alpine','Slate','Willow'])[1 + r_name % 12] || ' ' ||
        ([['Pan','Kettle','Knife Set','Chopping Board','Mug Set'], ['Vase','Candle','Mirror','Basket','Clock'], ['Duvet Cover','Pillow','Throw','Bed Sheet','Blanket'], ['Notebook','Pen Set','Desk Tray','Calendar','Folder'], ['Tent','Hammock','Cool Box','Backpack','Picnic Rug'], ['Puzzle','Wooden Train','Blocks','Board Game','Kite'], ['Table Lamp','Floor Lamp','Pendant','Wall Light','Lantern'], ['Side Table','Stool','Shelf','Armchair','Bench']])[cat][1 + (r_name // 12) % 5] as name,
    (['kitchen','home','bedroom','stationery','outdoor','toys','lighting','furniture'])[cat] as category_code,
    floor_cents + step * least(r_price % 40, (r_price // 40) % 40) as price_cents,
    (floor_cents + step * least(r_price % 40, (r_price // 40) % 40)) * (42 + r_margin) // 100 as cost_cents,
    r_active < 91 as is_active,
    timestamp '2023-02-01 08:00:00' + to_days(cast(r_day as integer)) as created_at,
    timestamp '2025-01-02 06:00:00' + to_days(cast(r_name % 260 as integer)) as updated_at,
    timestamp '2025-10-01 03:10:00' as _loaded_at
from priced
order by id;

-- Promotions: 8 that run all year, 3 for each month from January to September.
create or replace table raw.promotions as
select
    i as id,
    (['WELCOME10','FREESHIP','APP5','LOYAL15','STUDENT10','BUNDLE20','REFER10','CLUBSHIP'])[i] as code,
    (['percentage','free_shipping','fixed_amount','percentage','percentage','percentage','fixed_amount','free_shipping'])[i] as promotion_type,
    ([10, 0, 5, 15, 10, 20, 10, 0])[i] as discount_value,
    date '2025-01-01' as starts_on,
    date '2025-12-31' as ends_on,
    timestamp '2025-10-01 03:10:00' as _loaded_at
from generate_series(1, 8) as g(i)
union all
select
    8 + m * 3 + k + 1 as id,
    (['JAN','FEB','MAR','APR','MAY','JUN','JUL','AUG','SEP'])[m + 1] || (['FLASH15','NEWS10','WEEKEND8'])[k + 1] as code,
    (['percentage','percentage','fixed_amount'])[k + 1] as promotion_type,
    ([15, 10, 8])[k + 1] as discount_value,
    make_date(2025, cast(m + 1 as integer), 1) as starts_on,
    make_date(2025, cast(m + 2 as integer), 1) - 1 as ends_on,
    timestamp '2025-10-01 03:10:00' as _loaded_at
from generate_series(0, 8) as a(m), generate_series(0, 2) as b(k)
order by id;

-- Orders: more of them later in the year, evenings busier, loyal customers order more often.
create or replace table raw.tmp_orders as
with draws as (
    select
        i,
        case
            when raw.mix(i, 40) % 100 < 15 then (raw.mix(i, 41) % 1500) * 13
            else least(raw.mix(i, 41) % 20000, raw.mix(i, 48) % 20000, raw.mix(i, 49) % 20000)
        end as k,
        case when raw.mix(i, 42) % 3 = 0 then greatest(raw.mix(i, 43) % 273, raw.mix(i, 44) % 273) else raw.mix(i, 43) % 273 end as d,
        greatest(raw.mix(i, 45) % 24, raw.mix(i, 46) % 24) as h,
        raw.mix(i, 47) % 3600 as s
    from generate_series(1, 90000) as g(i)
),
timed as (
    select
        i,
        1 + (k * 7919) % 20000 as wanted_id,
        ((717 + d) * 20000) // 900 - 25 as newest_id,
        timestamp '2025-01-01 00:00:00' + to_days(cast(d as integer)) + to_hours(h) + to_seconds(s) as ordered_at
    from draws
),
numbered as (
    select
        row_number() over (order by ordered_at, i) as n,
        case when wanted_id > newest_id then 1 + wanted_id % 14000 else wanted_id end as customer_id,
        ordered_at
    from timed
)
select
    n,
    1000000 + n as id,
    customer_id,
    ordered_at,
    raw.mix(n, 51) % 1000 as r_status,
    raw.mix(n, 52) % 100 as r_channel,
    raw.mix(n, 53) % 100 as r_items,
    raw.mix(n, 54) % 1000 as r_promo,
    raw.mix(n, 55) as r_pick,
    raw.mix(n, 56) % 100 as r_ship,
    raw.mix(n, 57) as r_pay,
    raw.mix(n, 58) as r_carrier
from numbered
order by n;

create or replace table raw.order_items as
with lines as (
    select
        o.n,
        o.id as order_id,
        o.ordered_at,
        unnest(generate_series(1, case when o.r_items < 24 then 1 when o.r_items < 48 then 2 when o.r_items < 68 then 3 when o.r_items < 84 then 4 when o.r_items < 95 then 5 else 7 end)) as line_number
    from raw.tmp_orders as o
),
picked as (
    select
        *,
        raw.mix(n * 8 + line_number, 61) % 10000 as u,
        raw.mix(n * 8 + line_number, 62) % 100 as r_qty,
        raw.mix(n * 8 + line_number, 63) % 100 as r_sale
    from lines
)
select
    row_number() over (order by picked.order_id, picked.line_number) as id,
    picked.order_id,
    picked.line_number,
    p.id as product_id,
    case when picked.r_qty < 78 then 1 when picked.r_qty < 92 then 2 when picked.r_qty < 97 then 3 else 4 end as quantity,
    case when picked.r_sale < 82 then p.price_cents when picked.r_sale < 94 then p.price_cents * 90 // 100 else p.price_cents * 75 // 100 end as unit_price_cents,
    picked.ordered_at as created_at,
    timestamp '2025-10-01 03:20:00' as _loaded_at
from picked
inner join raw.products as p on p.id = 1 + (((picked.u * picked.u * 400) // 100000000) * 149) % 400
order by id;

create or replace table raw.tmp_subtotals as
select order_id, cast(sum(quantity * unit_price_cents) as bigint) as subtotal_cents
from raw.order_items
group by order_id;

-- Promotions redeemed per order. The checkout has allowed stacking codes since March.
create or replace table raw.order_promotions as
with picks as (
    select
        o.id as order_id,
        o.ordered_at,
        s.subtotal_cents,
        o.r_promo,
        1 + o.r_pick % 8 as evergreen_id,
        8 + (month(o.ordered_at) - 1) * 3 + (o.r_pick // 8) % 3 + 1 as monthly_id,
        1 + (o.r_pick % 8 + 1 + (o.r_pick // 64) % 7) % 8 as second_evergreen_id,
        (o.r_pick // 512) % 2 as coin
    from raw.tmp_orders as o
    inner join raw.tmp_subtotals as s on s.order_id = o.id
    where o.r_promo < 246
),
redeemed as (
    select order_id, ordered_at, subtotal_cents, case when coin = 0 then evergreen_id else monthly_id end as promotion_id
    from picks
    union all
    select order_id, ordered_at, subtotal_cents, case when coin = 0 then monthly_id else evergreen_id end
    from picks
    where r_promo < 66 and ordered_at >= timestamp '2025-03-03 00:00:00'
    union all
    select order_id, ordered_at, subtotal_cents, second_evergreen_id
    from picks
    where r_promo < 9 and ordered_at >= timestamp '2025-03-03 00:00:00'
)
select
    row_number() over (order by r.order_id, r.promotion_id) as id,
    r.order_id,
    r.promotion_id,
    case
        when p.promotion_type = 'percentage' then r.subtotal_cents * p.discount_value // 100
        when p.promotion_type = 'fixed_amount' then least(p.discount_value * 100, r.subtotal_cents // 4)
        else 0
    end as discount_cents,
    r.ordered_at as applied_at,
    timestamp '2025-10-01 03:20:00' as _loaded_at
from redeemed as r
inner join raw.promotions as p on p.id = r.promotion_id
order by id;

create or replace table raw.orders as
with promos as (
    select
        op.order_id,
        cast(sum(op.discount_cents) as bigint) as discount_cents,
        bool_or(p.promotion_type = 'free_shipping') as ships_free
    from raw.order_promotions as op
    inner join raw.promotions as p on p.id = op.promotion_id
    group by op.order_id
)
select
    o.id,
    o.customer_id,
    o.ordered_at,
    case
        when o.r_status < 37 then 'cancelled'
        when o.ordered_at >= timestamp '2025-09-28 00:00:00' then (case when o.r_status < 600 then 'processing' else 'shipped' end)
        when o.ordered_at >= timestamp '2025-09-22 00:00:00' and o.r_status < 400 then 'shipped'
        else 'completed'
    end as status,
    case when o.r_channel < 54 then 'web' when o.r_channel < 81 then 'app' when o.r_channel < 93 then 'marketplace' else 'store' end as sales_channel,
    case when o.r_ship < 96 then c.country_code else 'DE' end as shipping_country_code,
    case when o.r_channel >= 93 or coalesce(pr.ships_free, false) or s.subtotal_cents >= 15000 then 0 when o.r_ship < 80 then 490 else 890 end as shipping_cents,
    coalesce(pr.discount_cents, 0) as discount_cents,
    s.subtotal_cents,
    'EUR' as currency,
    timestamp '2025-10-01 03:20:00' as _loaded_at
from raw.tmp_orders as o
inner join raw.customers as c on c.id = o.customer_id
inner join raw.tmp_subtotals as s on s.order_id = o.id
left join promos as pr on pr.order_id = o.id
order by o.id;

-- Payments: some failed first tries, some orders split between a gift card and another method.
create or replace table raw.payments as
with due as (
    select
        o.id as order_id,
        o.ordered_at,
        o.subtotal_cents - o.discount_cents + o.shipping_cents as total_cents,
        (['card','card','card','card','paypal','paypal','paypal','invoice','invoice','bank_transfer'])[1 + t.r_pay % 10] as method,
        (t.r_pay // 10) % 100 as r_split,
        (t.r_pay // 1000) % 100 as r_fail,
        10 + (t.r_pay // 100000) % 40 as gift_pct
    from raw.orders as o
    inner join raw.tmp_orders as t on t.id = o.id
    where o.status <> 'cancelled'
),
attempts as (
    select order_id, 1 as seq, method, 'failed' as status, total_cents as amount_cents, ordered_at + interval 20 second as paid_at
    from due
    where r_fail < 3
    union all
    select order_id, 2, 'gift_card', 'succeeded', total_cents * gift_pct // 100, ordered_at + interval 40 second
    from due
    where r_split < 6
    union all
    select order_id, 3, method, 'succeeded', case when r_split < 6 then total_cents - total_cents * gift_pct // 100 else total_cents end, ordered_at + interval 45 second
    from due
)
select
    row_number() over (order by order_id, seq) as id,
    order_id,
    method,
    status,
    amount_cents,
    paid_at,
    timestamp '2025-10-01 03:20:00' as _loaded_at
from attempts
order by id;

create or replace table raw.returns as
with candidates as (
    select
        i.id as order_item_id,
        i.order_id,
        i.quantity,
        i.unit_price_cents,
        o.ordered_at,
        p.category_code,
        raw.mix(i.id, 71) % 1000 as r_return,
        raw.mix(i.id, 72) as r_more
    from raw.order_items as i
    inner join raw.orders as o on o.id = i.order_id
    inner join raw.products as p on p.id = i.product_id
    where o.status = 'completed'
)
select
    row_number() over (order by order_item_id) as id,
    order_id,
    order_item_id,
    case when r_more % 4 = 0 then 1 else quantity end as quantity,
    (case when r_more % 4 = 0 then 1 else quantity end) * unit_price_cents * (case when r_more % 9 = 0 then 80 else 100 end) // 100 as refund_cents,
    (['changed_mind','changed_mind','changed_mind','damaged','damaged','wrong_item','not_as_described','late'])[1 + (r_more // 16) % 8] as reason,
    ordered_at + to_days(cast(4 + (r_more // 128) % 20 as integer)) as returned_at,
    timestamp '2025-10-01 03:25:00' as _loaded_at
from candidates
where ordered_at + to_days(cast(4 + (r_more // 128) % 20 as integer)) < timestamp '2025-09-30 23:00:00' and r_return < (case category_code when 'bedroom' then 96 when 'lighting' then 81 when 'furniture' then 74 when 'stationery' then 12 else 41 end)
order by id;

create or replace table raw.shipments as
with sent as (
    select
        o.id as order_id,
        o.status,
        o.ordered_at,
        o.shipping_country_code,
        (['DHL','DHL','DHL','DPD','DPD','PostNL','GLS','GLS','UPS'])[1 + t.r_carrier % 9] as carrier,
        (t.r_carrier // 16) % 100 as r_slow,
        (t.r_carrier // 2048) % 30 as pack_hours
    from raw.orders as o
    inner join raw.tmp_orders as t on t.id = o.id
    where o.status in ('completed', 'shipped') and o.sales_channel <> 'store'
)
select
    5000000 + row_number() over (order by order_id) as id,
    order_id,
    carrier,
    ordered_at + to_hours(4 + pack_hours) as shipped_at,
    cast(ordered_at as date) + (case when shipping_country_code = 'DE' then 4 else 6 end) as promised_on,
    case when status = 'completed' then
        ordered_at + to_hours(4 + pack_hours) + to_days(cast(
            (case when shipping_country_code = 'DE' then 1 else 3 end)
            + (case when r_slow < 62 then 0 when r_slow < 84 then 1 when r_slow < 94 then 2 else 5 end)
            + (case when carrier = 'GLS' and r_slow % 3 = 0 then 1 else 0 end) as integer))
    end as delivered_at,
    timestamp '2025-10-01 03:30:00' as _loaded_at
from sent
order by id;

-- Web sessions: a sample of the traffic. A session may end in an order.
create or replace table raw.web_sessions as
with base as (
    select
        i,
        raw.mix(i, 81) as r1,
        raw.mix(i, 82) as r2,
        case when raw.mix(i, 83) % 100 < 8 then 1000000 + i end as maybe_order_id,
        raw.mix(i, 84) as r4
    from generate_series(1, 120000) as g(i)
),
online_orders as (
    select id, customer_id, ordered_at
    from raw.orders
    where sales_channel in ('web', 'app')
),
joined as (
    select
        b.*,
        o.id as order_id,
        o.customer_id as order_customer_id,
        o.ordered_at
    from base as b
    left join online_orders as o on o.id = b.maybe_order_id
)
select
    i as id,
    'v' || lpad(cast(r1 % 70000 as varchar), 6, '0') as visitor_id,
    coalesce(order_customer_id, case when r4 % 100 < 22 then 1 + r2 % 20000 end) as customer_id,
    coalesce(ordered_at - to_seconds(60 + r4 % 2400), timestamp '2025-01-01 00:00:00' + to_days(cast(r2 % 273 as integer)) + to_seconds(r4 % 86400)) as started_at,
    (['google','google','google','google', 'direct','direct','direct', 'facebook','facebook', 'instagram','newsletter','newsletter','bing','idealo','tiktok', null])[1 + r1 % 16] as utm_source,
    (['cpc','organic','organic'])[1 + (r1 // 16) % 3] as utm_medium,
    (['desktop','mobile','mobile','mobile','tablet','desktop','mobile'])[1 + (r1 // 64) % 7] as device,
    case when order_id is not null then 5 + r2 % 14 when r2 % 100 < 38 then 1 else 2 + least(r2 % 11, r4 % 11) end as page_views,
    order_id,
    timestamp '2025-10-01 03:40:00' as _loaded_at
from joined
order by id;

-- Stock movements: weekly sales per warehouse, a receipt every few weeks, rare corrections.
create or replace table raw.inventory_movements as
with grid as (
    select
        p.id as product_id,
        w.w as w,
        k.k as week_number,
        raw.mix((p.id * 3 + w.w) * 64 + k.k, 91) as r1,
        raw.mix(p.id * 3 + w.w, 92) as r2
    from raw.products as p, generate_series(0, 2) as w(w), generate_series(0, 38) as k(k)
),
moves as (
    select product_id, w, week_number, 1 as seq, 'sale' as movement_type, -(2 + least(r1 % 23, (r1 // 32) % 23)) as quantity
    from grid
    union all
    select product_id, w, week_number, 0, 'receipt', 38 + r2 % 9 + r1 % 17
    from grid
    where (week_number + r2) % 4 = 0 or week_number = 0
    union all
    select product_id, w, week_number, 2, 'adjustment', (r1 // 64) % 7 - 4
    from grid
    where r1 % 29 = 0 and (r1 // 64) % 7 <> 4
)
select
    row_number() over (order by week_number, product_id, w, seq) as id,
    product_id,
    (['BER','ROT','LYO'])[w + 1] as warehouse_code,
    movement_type,
    quantity,
    date '2025-01-03' + cast(week_number * 7 as integer) as moved_on,
    timestamp '2025-10-01 03:45:00' as _loaded_at
from moves
order by id;

drop table raw.tmp_subtotals;
drop table raw.tmp_orders;
drop macro raw.mix;
drop macro raw.mix_b;
drop macro raw.mix_a;
