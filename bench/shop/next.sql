-- The next load: orders of the last weeks that were open are completed, and a returned one is cancelled.
update raw.orders set status = 'completed' where status in ('shipped', 'processing');
update raw.orders set status = 'cancelled' where id % 97 = 0 and ordered_at >= timestamp '2025-09-05 00:00:00';
update raw.products set price_cents = price_cents + 100, updated_at = timestamp '2025-10-02 06:00:00' where id % 9 = 0
