create schema if not exists raw;
create or replace macro raw.mix_a(i, s) as ((cast(i as bigint) * 1103515245 + cast(s as bigint) * 362437069 + 12345) % 2147483648);
create or replace macro raw.mix_b(x) as (((x + x // 8192) * 1540483477 + 1013904223) % 2147483648);
create or replace macro raw.mix(i, s) as (raw.mix_b(raw.mix_b(raw.mix_a(i, s))) // 64);

create or replace table raw.riders as
select
    i as id,
    case when raw.mix(i, 1) % 5 = 0 then ' Rider' || i || '@Example.com ' else 'rider' || i || '@example.com' end as email,
    'Rider ' || i as full_name,
    (['LON','LON','LON','BER','BER','PAR','PAR','STO','ZRH'])[1 + raw.mix(i, 2) % 9] as city_code,
    (['payg','payg','payg','payg','commuter','commuter','unlimited'])[1 + raw.mix(i, 3) % 7] as plan_code,
    case when raw.mix(i, 4) % 4 = 0 and i > 50 then 1 + raw.mix(i, 5) % (i - 1) end as referred_by,
    timestamp '2024-07-01 00:00:00' + to_hours(cast(raw.mix(i, 6) % 8000 as integer)) as signed_up_at,
    case when raw.mix(i, 7) % 20 = 0 then timestamp '2025-05-01 00:00:00' + to_hours(cast(raw.mix(i, 8) % 1200 as integer)) end as deleted_at,
    raw.mix(i, 9) % 60 = 0 as is_staff
from generate_series(1, 2500) as g(i);

create or replace table raw.vehicles as
select
    i as id,
    (['LON','LON','LON','BER','BER','PAR','PAR','STO','ZRH'])[1 + raw.mix(i, 11) % 9] as city_code,
    (['S1','S1','S2','S2','B1'])[1 + raw.mix(i, 12) % 5] as model,
    460 + 100 * (raw.mix(i, 13) % 4) as battery_wh,
    date '2024-03-01' + cast(raw.mix(i, 14) % 300 as integer) as commissioned_on,
    (['active','active','active','active','workshop','lost'])[1 + raw.mix(i, 15) % 6] as status,
    timestamp '2025-06-01 00:00:00' + to_hours(cast(raw.mix(i, 16) % 600 as integer)) as updated_at
from generate_series(1, 260) as g(i);

create or replace table raw.rides as
with drawn as (
    select
        i as id,
        1 + least(raw.mix(i, 21) % 2400, raw.mix(i, 22) % 2400) as rider_id,
        1 + raw.mix(i, 23) % 250 as vehicle_id,
        timestamp '2025-01-01 00:00:00' + to_seconds(raw.mix(i, 24) % 15638400) as started_at,
        120 + raw.mix(i, 25) % 2400 as seconds,
        raw.mix(i, 26) % 100 as r_status,
        raw.mix(i, 27) % 60 as r_speed,
        raw.mix(i, 28) % 100 as r_null
    from generate_series(1, 24000) as g(i)
)
select
    id,
    rider_id,
    vehicle_id,
    started_at,
    case when r_status < 95 then started_at + to_seconds(seconds) end as ended_at,
    case when r_null < 93 then cast(seconds * (2 + r_speed / 20.0) as integer) end as distance_m,
    case when r_status < 92 then 'completed' when r_status < 95 then 'penalised' when r_status < 98 then 'cancelled' else 'open' end as status,
    started_at + to_hours(cast(1 + r_null // 30 as integer)) as _loaded_at
from drawn;

-- The loader sends some rides twice, and the later row is right.
insert into raw.rides
select id, rider_id, vehicle_id, started_at, ended_at, distance_m + 10, status, _loaded_at + interval 6 hour
from raw.rides where raw.mix(id, 29) % 12 = 0;

create or replace table raw.charges as
with rides as (
    select r.id, r.started_at, r.ended_at, r.status, r.rider_id,
        case d.city_code when 'LON' then 'GBP' when 'STO' then 'SEK' when 'ZRH' then 'CHF' else 'EUR' end as currency,
        d.plan_code
    from (select *, row_number() over (partition by id order by _loaded_at desc) as n from raw.rides) as r
    inner join raw.riders as d on d.id = r.rider_id
    where r.n = 1 and r.status in ('completed', 'penalised')
),
lines as (
    select id as ride_id, 'unlock' as kind, case when plan_code = 'payg' then 100 else 0 end * (case when currency = 'SEK' then 11 else 1 end) as amount_minor, currency, started_at as created_at from rides
    union all
    select id, 'minutes', case plan_code when 'payg' then 25 when 'commuter' then 12 else 0 end * (date_diff('second', started_at, ended_at) // 60) * (case when currency = 'SEK' then 11 else 1 end), currency, ended_at from rides
    union all
    select id, 'penalty', 2500, currency, ended_at + interval 1 hour from rides where status = 'penalised'
)
select row_number() over (order by ride_id, kind) as id, *, created_at + interval 2 hour as _loaded_at from lines;

create or replace table raw.refunds as
select
    row_number() over (order by id) as id,
    id as charge_id,
    case when raw.mix(id, 32) % 3 = 0 then amount_minor // 2 else amount_minor end as amount_minor,
    (['defect','goodwill','goodwill','duplicate'])[1 + raw.mix(id, 33) % 4] as reason,
    created_at + to_days(cast(1 + raw.mix(id, 34) % 9 as integer)) as created_at
from raw.charges
where amount_minor > 0 and raw.mix(id, 31) % 25 = 0;

create or replace table raw.payments as
select
    row_number() over (order by c.ride_id) as id,
    r.rider_id,
    c.ride_id,
    c.amount_minor,
    c.currency,
    case when raw.mix(c.ride_id, 41) % 25 = 0 then 'failed' else 'succeeded' end as status,
    (['card','card','wallet','Card ','bank'])[1 + raw.mix(c.ride_id, 42) % 5] as provider,
    c.created_at + interval 1 day as paid_at
from (select ride_id, any_value(currency) as currency, cast(sum(amount_minor) as bigint) as amount_minor, max(created_at) as created_at from raw.charges group by ride_id having sum(amount_minor) > 0) as c
inner join (select distinct id, rider_id from raw.rides) as r on r.id = c.ride_id;

create or replace table raw.tickets as
select
    i as id,
    case when raw.mix(i, 51) % 10 > 0 then 1 + raw.mix(i, 52) % 2500 end as rider_id,
    (['billing','billing','defect','parking','other'])[1 + raw.mix(i, 53) % 5] as topic,
    timestamp '2025-01-01 00:00:00' + to_seconds(raw.mix(i, 54) % 15638400) as opened_at,
    case when raw.mix(i, 55) % 8 > 0 then timestamp '2025-01-01 00:00:00' + to_seconds(raw.mix(i, 54) % 15638400 + 600 + raw.mix(i, 56) % 259200) end as closed_at,
    case when raw.mix(i, 57) % 3 > 0 then 1 + raw.mix(i, 58) % 5 end as rating
from generate_series(1, 3000) as g(i);

create or replace table raw.repairs as
select
    i as id,
    1 + raw.mix(i, 61) % 260 as vehicle_id,
    (['brakes','battery','tyre','inspection'])[1 + raw.mix(i, 62) % 4] as kind,
    1500 + raw.mix(i, 63) % 20000 as cost_minor,
    timestamp '2025-01-01 00:00:00' + to_seconds(raw.mix(i, 64) % 15638400) as started_at,
    timestamp '2025-01-01 00:00:00' + to_seconds(raw.mix(i, 64) % 15638400 + 3600 + raw.mix(i, 65) % 400000) as finished_at
from generate_series(1, 1400) as g(i);

-- The app's log: some events arrive days late.
create or replace table raw.app_events as
select
    i as id,
    1 + raw.mix(i, 71) % 2500 as rider_id,
    (['open','open','open','search','unlock_failed','reserve'])[1 + raw.mix(i, 72) % 6] as event,
    timestamp '2025-05-01 00:00:00' + to_seconds(raw.mix(i, 73) % 5270400) as happened_at,
    timestamp '2025-05-01 00:00:00' + to_seconds(raw.mix(i, 73) % 5270400 + (case when raw.mix(i, 74) % 20 = 0 then 172800 else 60 end)) as _loaded_at
from generate_series(1, 20000) as g(i);
