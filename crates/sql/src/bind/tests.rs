use std::collections::BTreeSet;

use crate::plan::Query;
use crate::tables::{Table, TableName, Tables};
use crate::{Dialect, read, with_deep_stack};

fn table(columns: &[&str], is_complete: bool) -> Table {
    let columns = columns.iter().map(|column| {
        let (name, data_type) = column.split_once(' ').unwrap_or((column, ""));
        (name.to_owned(), (!data_type.is_empty()).then(|| data_type.to_owned()))
    });
    Table { columns: columns.collect(), is_complete, keys: BTreeSet::new() }
}

/// Three known tables, one of which some columns are known; any other is not known at all.
fn shop(dialect: Dialect) -> Tables {
    let tables = [
        (
            "orders",
            &[
                "id integer",
                "customer_id integer",
                "status varchar",
                "amount double",
                "ordered_at timestamp",
                "tags varchar[]",
            ][..],
            true,
        ),
        ("customers", &["id integer", "name varchar", "region varchar"], true),
        ("payments", &["id integer", "order_id integer", "amount double"], true),
        ("partly", &["id integer"], false),
    ];
    tables
        .into_iter()
        .map(|(name, columns, is_complete)| {
            let mut made = table(columns, is_complete);
            for (name, _) in &mut made.columns {
                *name = dialect.fold(name, false);
            }
            let parts = ["db", "shop", name];
            (TableName(parts.iter().map(|part| dialect.fold(part, false)).collect()), made)
        })
        .collect()
}

fn bound(dialect: Dialect, text: &str) -> Result<Query, String> {
    with_deep_stack(|| read(text, dialect, &shop(dialect)).map_err(|why| why.to_string())).unwrap()
}

/// The outputs as `name type, …`, or why it was not read.
fn outputs(dialect: Dialect, text: &str) -> String {
    match bound(dialect, text) {
        Err(why) => format!("! {why}"),
        Ok(query) => {
            let outputs = query.outputs.iter().map(|output| match &output.data_type {
                Some(data_type) => format!("{} {data_type}", output.name),
                None => output.name.clone(),
            });
            outputs.collect::<Vec<_>>().join(", ")
        }
    }
}

#[test]
fn smoke() {
    let mut bad = Vec::new();
    for text in [
        "select * from orders",
        "with o as (select * from orders), c as (select * from customers) select o.*, c.name, row_number() over (partition by c.id order by o.ordered_at desc) as rn from o left join c on o.customer_id = c.id where o.status <> 'x' qualify rn = 1",
        "select customer_id, count(*) as n, sum(amount) total, max(status) from orders group by 1 having n > 1 order by total desc limit 10",
        "select date_trunc('month', ordered_at) as m, sum(amount) as a from orders group by m",
        "select id from orders union all select id from customers union all select 3",
        "select * from orders join customers using (id)",
        "select o.id from orders o where exists (select 1 from payments p where p.order_id = o.id)",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r",
        "select a.x, b.y from raw.a join raw.b on a.id = b.id",
        "with src as (select * from raw.a), r as (select id as a_id, lower(name) as name from src) select * from r",
        "select * exclude (id) from raw.a",
        "select region, sum(amount) over (partition by region) from customers join orders on orders.customer_id = customers.id",
        "select sum(sum(amount)) over () from orders group by status",
        "select distinct status from orders order by status",
        "from orders",
        "select unnest(tags) as t from orders",
        "select t.x from orders, unnest(tags) as t(x)",
        "select sum(amount) filter (where status = 'a') from orders group by all",
        "select status, grouping(status), count(*) from orders group by rollup(status)",
        "select customers.name, (select max(amount) from orders where orders.customer_id = customers.id) as m from customers",
        "select amount / 100 as usd, usd * 2 as twice from orders where usd > 3",
        "values (1, 'a'), (2, 'b')",
    ] {
        let said = outputs(Dialect::DuckDb, text);
        println!("{text}\n   -> {said}");
        if said.starts_with('!') {
            bad.push(format!("{text}: {said}"));
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}
