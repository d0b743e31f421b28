use std::collections::BTreeSet;

use crate::tables::{Table, TableName, Tables};
use crate::{Dialect, QueryLineage, lineage, read, with_deep_stack};

fn shop() -> Tables {
    [
        ("orders", "id customer_id status amount ordered_at", &["id"][..]),
        ("customers", "id name region", &["id"]),
        ("lines", "order_id line sku price", &["order_id", "line"]),
        ("events", "at kind", &[]),
    ]
    .into_iter()
    .map(|(name, columns, key)| {
        let keys = if key.is_empty() {
            BTreeSet::new()
        } else {
            BTreeSet::from([key.iter().map(|name| (*name).to_owned()).collect()])
        };
        let columns = columns.split(' ').map(|name| (name.to_owned(), None)).collect();
        (TableName(vec![name.to_owned()]), Table { columns, is_complete: true, keys })
    })
    .collect()
}

fn of(text: &str) -> QueryLineage {
    with_deep_stack(|| lineage(&read(text, Dialect::DuckDb, &shop()).unwrap())).unwrap()
}

fn words(sources: &BTreeSet<crate::Source>) -> String {
    let mut sources: Vec<_> = sources.iter().collect();
    sources.sort_by_key(|source| (source.edge, *source));
    let words = sources.iter().map(|source| {
        let column = source.column.as_deref().unwrap_or("*");
        let doubt = if source.confidence == crate::Confidence::Likely { "?" } else { "" };
        format!("{} {}.{column}{doubt}", source.edge.as_str(), source.table)
    });
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn keys_are_proved_from_groups_duplicates_windows_and_safe_joins() {
    for (text, keys) in [
        ("select id, status from orders where amount > 3", "id"),
        ("select status from orders", ""),
        ("select id as order_id, o.* exclude (id) from orders o", "order_id"),
        ("select customer_id, count(*) as n from orders group by 1", "customer_id"),
        (
            "select customer_id, status, 'x' as k, count(*) n from orders group by 1, 2, 3",
            "customer_id+status",
        ),
        ("select count(*) as n from orders", "()"),
        ("select distinct status, region from orders, customers", "region+status"),
        ("select o.id, c.name from orders o left join customers c on c.id = o.customer_id", "id"),
        ("select o.id, c.name from orders o join customers c on c.id = o.customer_id", "id"),
        ("select o.id, c.name from orders o left join customers c on c.region = o.status", ""),
        (
            "select o.id as o, c.id as c from orders o left join customers c on c.region = o.status",
            "c+o",
        ),
        ("select c.name, o.id from customers c left join orders o on o.customer_id = c.id", ""),
        ("select o.id, l.line, l.sku from orders o join lines l on l.order_id = o.id", "id+line"),
        (
            "select l.order_id, l.line from orders o join lines l on l.order_id = o.id",
            "line+order_id",
        ),
        (
            "select *, row_number() over (partition by kind order by at desc) as rn from events qualify rn = 1",
            "kind",
        ),
        (
            "with x as (select *, row_number() over (partition by kind order by at desc) as rn from events) select kind, at from x where rn = 1",
            "kind",
        ),
        (
            "with x as (select *, rank() over (partition by kind order by at desc) as rn from events) select kind, at from x where rn = 1",
            "",
        ),
        ("select distinct on (kind) kind, at from events order by kind, at", "kind"),
        ("select id from orders union all select id from customers", ""),
        ("select id from orders union select id from customers", "id"),
        ("select id from orders except all select id from customers", "id"),
        ("select id from orders full join customers using (id)", ""),
        ("select status, count(*) as n from orders group by rollup(status)", ""),
        ("select at from events order by at limit 1", "()"),
        ("select id, line from orders o, lines l where l.order_id = o.id and l.line = 1", "id"),
        ("select order_id, sku from lines where line = 1", "order_id"),
        ("select id from orders where exists (select 1 from lines where order_id = id)", "id"),
    ] {
        let found = of(text).keys;
        let found: Vec<String> = found
            .iter()
            .map(|key| if key.is_empty() { "()".to_owned() } else { key.join("+") })
            .collect();
        let wanted = keys.split(' ').filter(|key| !key.is_empty()).collect::<Vec<_>>();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn each_output_says_what_it_is_made_of_and_how() {
    for (text, wanted) in [
        ("select amount * 2 as a from orders", "a: value orders.amount"),
        ("select count(*) as n from orders", "n: value orders.*"),
        ("select count(*) over () as n from orders", "n: value orders.*"),
        (
            "select sum(amount) filter (where status = 'x') as s from orders",
            "s: value orders.amount, filter orders.status",
        ),
        (
            "select row_number() over (partition by status order by ordered_at) as rn from orders",
            "rn: window orders.status, order orders.ordered_at",
        ),
        (
            "select (select max(price) from lines where order_id = id) as p from orders",
            "p: value lines.price, filter lines.order_id, filter orders.id, join lines.*",
        ),
        (
            "select id from orders union all select order_id from lines",
            "id: value lines.order_id, value orders.id",
        ),
        ("select id from orders except select order_id from lines", "id: value orders.id"),
        (
            "select coalesce(a.id, b.id) as id from orders a full join customers b using (id)",
            "id: value customers.id, value orders.id",
        ),
        ("select x, t.y from t, orders", "x: value t.x?|y: value t.y"),
        ("select * from t", "*: value t.*?"),
        (
            "with recursive r(a, b) as (select id, customer_id from orders union all select b, a from r) select a from r",
            "a: value orders.customer_id, value orders.id",
        ),
        (
            "select case when status = 'x' then amount end as v from orders",
            "v: value orders.amount, value orders.status",
        ),
    ] {
        let found = of(text);
        let found: Vec<String> = found
            .outputs
            .iter()
            .map(|output| format!("{}: {}", output.name, words(&output.sources)))
            .collect();
        assert_eq!(found.join("|"), wanted, "{text}");
    }
}

#[test]
fn what_decides_the_rows_is_told_apart_by_what_it_does() {
    for (text, wanted) in [
        ("select id from orders where status = 'x'", "value orders.*, filter orders.status"),
        (
            "select o.id from orders o left join customers c on o.customer_id = c.id",
            "value orders.*, join customers.*, join customers.id, join orders.customer_id",
        ),
        ("select status from orders group by 1", "value orders.*, group orders.status"),
        ("select id from orders order by amount limit 3", "value orders.*, order orders.amount"),
        (
            "select id from orders where customer_id in (select id from customers where region = 'eu')",
            "value orders.*, filter customers.*, filter customers.id, filter customers.region, filter orders.customer_id",
        ),
        ("select id from orders order by amount", "value orders.*"),
    ] {
        assert_eq!(words(&of(text).rows), wanted, "{text}");
    }
}

#[test]
fn outputs_of_the_clock_and_of_chance_are_volatile_wherever_they_pass() {
    for (text, wanted) in [
        ("select id, now() as at, current_date as d from orders", "at d"),
        (
            "with x as (select *, random() as r from orders) select id, r > 0.5 as b, status from x",
            "b",
        ),
        ("select status, max(uuid()) as u, count(*) as n from orders group by 1", "u"),
        ("select id from orders where ordered_at > now()", ""),
    ] {
        let found: Vec<String> = of(text).volatile.into_iter().collect();
        assert_eq!(found.join(" "), wanted, "{text}");
    }
}
