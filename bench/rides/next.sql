-- The next load: new rides, rides of the last days corrected, events that come days late, vehicles that changed.
insert into raw.rides
select 24000 + i, 1 + raw.mix(i, 121) % 2400, 1 + raw.mix(i, 123) % 250,
    timestamp '2025-07-01 00:00:00' + to_seconds(raw.mix(i, 124) % 86400),
    timestamp '2025-07-01 00:00:00' + to_seconds(raw.mix(i, 124) % 86400 + 120 + raw.mix(i, 125) % 2400),
    500 + cast(raw.mix(i, 126) % 4000 as integer), 'completed', timestamp '2025-07-02 01:00:00'
from generate_series(1, 300) as g(i);

insert into raw.rides
select id, rider_id, vehicle_id, started_at, coalesce(ended_at, started_at + interval 20 minute), coalesce(distance_m, 800), 'completed', timestamp '2025-07-02 01:00:00'
from raw.rides where started_at >= timestamp '2025-06-26 00:00:00' and status in ('open', 'cancelled');

insert into raw.charges
select 1000000 + id, id, 'minutes', 250, 'EUR', started_at, timestamp '2025-07-02 01:00:00'
from raw.rides where id > 24000;

insert into raw.app_events
select 20000 + i, 1 + raw.mix(i, 171) % 2500, (['open','search','reserve'])[1 + raw.mix(i, 172) % 3],
    timestamp '2025-06-28 00:00:00' + to_seconds(raw.mix(i, 173) % 345600), timestamp '2025-07-04 02:00:00'
from generate_series(1, 1000) as g(i);

update raw.vehicles set status = 'lost', updated_at = timestamp '2025-07-02 00:00:00' where id % 7 = 0;

update raw.vehicles set battery_wh = battery_wh + 40 where id % 11 = 0;
