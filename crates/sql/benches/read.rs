//! How long a model takes to be understood: parsed, its names found, its columns traced; against
//! parsing alone. CPU time of one thread over generated models of forty columns, the best of some
//! rounds.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use belay_sql::{Dialect, Table, TableName, Tables, lineage, parse, read, with_deep_stack};

const MODELS: u32 = 200;
const COLUMNS: u32 = 40;
const ROUNDS: usize = 7;

/// Three parents of forty columns each.
fn parents() -> Tables {
    ["orders", "customers", "payments"]
        .into_iter()
        .map(|name| {
            let columns =
                (0..COLUMNS).map(|at| (format!("c{at}"), Some("integer".to_owned()))).collect();
            let name = ["db", "shop", name].map(ToOwned::to_owned).to_vec();
            (TableName(name), Table { columns, is_complete: true, ..Table::default() })
        })
        .collect()
}

/// As dbt models are written: import, staging, a join, an aggregate, a window, forty outputs.
fn model(number: u32) -> String {
    let mut text = String::from(
        "with orders as (select * from db.shop.orders),\n\
         customers as (select * from db.shop.customers),\n\
         payments as (select * from db.shop.payments),\n\
         paid as (select c1, sum(c2) as total, count(*) as payments from payments where c3 > 0 group by 1),\n\
         renamed as (select\n",
    );
    for at in 0..COLUMNS {
        let comma = if at + 1 == COLUMNS { "" } else { "," };
        match (at + number) % 5 {
            0 => writeln!(text, "o.c{at} as o{at}{comma}").unwrap(),
            1 => writeln!(text, "coalesce(o.c{at}, c.c{at}, 0) as o{at}{comma}").unwrap(),
            2 => writeln!(text, "case when o.c{at} > {at} then 'a' when c.c{at} is null then 'b' else 'c' end as o{at}{comma}").unwrap(),
            3 => writeln!(text, "cast(date_trunc('month', o.c{at}) as date) as o{at}{comma}").unwrap(),
            _ => writeln!(text, "o.c{at} * 100.0 / nullif(p.total, 0) as o{at}{comma}").unwrap(),
        }
    }
    text.push_str(
        "from orders o left join customers c on o.c1 = c.c0 left join paid p on p.c1 = o.c0\n\
         where o.c5 <> 'test' and o.c6 in (1, 2, 3)),\n\
         ranked as (select *, row_number() over (partition by o0 order by o1 desc) as rn from renamed)\n\
         select * exclude (rn) from ranked where rn = 1",
    );
    text
}

fn best(mut work: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap()
}

fn main() {
    let tables = parents();
    let models: Vec<String> = (0..MODELS).map(model).collect();
    with_deep_stack(|| {
        let parsing = best(|| {
            for model in &models {
                black_box(parse(model, Dialect::DuckDb).unwrap());
            }
        });
        let reading = best(|| {
            for model in &models {
                black_box(lineage(&read(model, Dialect::DuckDb, &tables).unwrap()));
            }
        });
        let each = |whole: Duration| whole.as_secs_f64() * 1_000.0 / f64::from(MODELS);
        println!("parse alone               {:.3} ms a model", each(parsing));
        println!("parse, bind and lineage   {:.3} ms a model", each(reading));
        println!("ratio                     {:.2}", reading.as_secs_f64() / parsing.as_secs_f64());
    })
    .unwrap();
}
