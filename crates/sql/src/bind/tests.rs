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

fn check(dialect: Dialect, cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(text, wanted)| {
            let found = outputs(dialect, text);
            (found != *wanted).then(|| format!("{text}\n  found  {found}\n  wanted {wanted}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const ORDERS: &str = "id integer, customer_id integer, status varchar, amount double, ordered_at timestamp, tags varchar[]";

#[test]
fn each_clause_gives_the_outputs_that_it_should() {
    let orders_without_id = ORDERS.replace("id integer, customer_id", "customer_id");
    let joined = format!("{ORDERS}, name varchar, region varchar");
    check(
        Dialect::DuckDb,
        &[
            ("select * from orders", ORDERS),
            ("from orders", ORDERS),
            ("select * exclude (id) from orders", &orders_without_id),
            (
                "select * replace (upper(status) as status) from (select id, status from orders)",
                "id integer, status varchar",
            ),
            ("select * from orders join customers using (id)", &joined),
            (
                "select o.*, c.name from orders o left join customers c on o.customer_id = c.id",
                &format!("{ORDERS}, name varchar"),
            ),
            (
                "select customer_id, count(*) as n, max(status) s from orders group by 1 having n > 1 order by n desc limit 10",
                "customer_id integer, n bigint, s varchar",
            ),
            (
                "select date_trunc('month', ordered_at) as m, sum(amount) as a from orders group by m",
                "m, a",
            ),
            ("select status, count(*) as n from orders group by all", "status varchar, n bigint"),
            (
                "select status, grouping(status) as g from orders group by rollup (status)",
                "status varchar, g",
            ),
            (
                "select id, row_number() over (partition by status order by amount) as rn from orders qualify rn = 1",
                "id integer, rn bigint",
            ),
            (
                "select id, sum(amount) over w as s from orders window w as (partition by status)",
                "id integer, s",
            ),
            ("select sum(sum(amount)) over () as s from orders group by status", "s"),
            ("select distinct status from orders order by status", "status varchar"),
            (
                "select distinct on (status) id, status from orders order by status, amount",
                "id integer, status varchar",
            ),
            (
                "select id from orders union all select id from customers union all select 3",
                "id integer",
            ),
            (
                "select id, name from customers union all by name select region as name, 1 as extra from customers",
                "id integer, name varchar, extra integer",
            ),
            (
                "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r",
                "n integer",
            ),
            (
                "with a as (select id from orders), b as (select * from a) select b.id, a.id as other from a join b using (id)",
                "id integer, other integer",
            ),
            ("with orders as (select id from orders) select * from orders", "id integer"),
            (
                "select o.id from orders o where exists (select 1 from payments p where p.order_id = o.id)",
                "id integer",
            ),
            (
                "select id from orders semi join payments on payments.order_id = orders.id",
                "id integer",
            ),
            (
                "select name, (select max(amount) from orders where orders.customer_id = customers.id) as m from customers",
                "name varchar, m double",
            ),
            ("select t.x from orders, unnest(tags) as t(x)", "x"),
            ("select id, unnest(tags) as tag from orders", "id integer, tag"),
            (
                "select c.name, last.amount from customers c left join lateral (select amount from orders o where o.customer_id = c.id order by ordered_at desc limit 1) last on true",
                "name varchar, amount double",
            ),
            (
                "select amount / 100 as usd, usd * 2 as twice from orders where usd > 3",
                "usd, twice",
            ),
            ("values (1, 'a'), (2, 'b')", "col0 integer, col1 varchar"),
            (
                "select * from payments join customers c on true join (select 1 as order_id, 5 as z) using (order_id)",
                "id integer, order_id integer, amount double, id integer, name varchar, region varchar, z integer",
            ),
            (
                "select * from (select a.id, b.id, c.id, 5 as id_1 from orders a, orders b, orders c)",
                "id integer, id_1 integer, id_2 integer, id_1_1 integer",
            ),
            (
                "select count(*), id::varchar, 1 + 1, lower(status) from orders group by id, status",
                "count_star() bigint, cast(id as varchar) varchar, (1 + 1), lower(status) varchar",
            ),
            ("select -amount as id from orders order by id * 1", "id double"),
            ("select list_transform(tags, x -> upper(x)) as t from orders", "t"),
            (
                "select cast(id as bigint) as a, id::text as b, try_cast(status as int) as c, date '2024-01-01' as d from orders",
                "a bigint, b varchar, c integer, d date",
            ),
            ("select n.generate_series as g from generate_series(1, 3) as n", "g"),
        ],
    );
}

#[test]
fn of_a_table_that_is_not_known_the_query_says_itself_what_it_has() {
    check(
        Dialect::Snowflake,
        &[
            (
                "with src as (select * from raw.a), r as (select id as a_id, lower(name) as name from src) select * from r",
                "A_ID, NAME",
            ),
            ("select * from raw.a", "*"),
            ("select * exclude (id) from raw.a", "*"),
            (
                "with s as (select * exclude (id) from raw.a) select id from s",
                "! the column `ID` is in no relation that is read",
            ),
            ("select a.x, b.y from raw.a join raw.b on a.id = b.id", "X, Y"),
            (
                "select x from raw.a join raw.b on a.id = b.id",
                "! the column `X` may be in more than one relation: their columns are not known",
            ),
            ("select x, name from raw.a join customers c on a.id = c.id", "X, NAME varchar"),
            ("select id, other from partly", "ID integer, OTHER"),
            ("select * from raw.a union all select * from raw.b", "*"),
            (
                "with u as (select * from raw.a union all select * from raw.b) select id from u",
                "ID",
            ),
            ("select lower(email) as email, email as e from raw.a where email <> ''", "EMAIL, E"),
        ],
    );
}

#[test]
fn what_is_not_understood_is_said_and_never_left_out() {
    for (dialect, text, why) in [
        (
            Dialect::DuckDb,
            "select id from orders, customers",
            "the column `id` is in more than one relation",
        ),
        (
            Dialect::DuckDb,
            "select nothing from orders",
            "the column `nothing` is in no relation that is read",
        ),
        (
            Dialect::DuckDb,
            "select status, amount from orders group by status",
            "a column is selected that is neither grouped nor aggregated",
        ),
        (
            Dialect::DuckDb,
            "select id from orders union select id, status from orders",
            "the sides of a set operation have different numbers of columns",
        ),
        (
            Dialect::Postgres,
            "select id from orders for update",
            "FOR UPDATE or FOR SHARE is not understood",
        ),
        (Dialect::Postgres, "select id into other from orders", "INTO is not understood"),
        (
            Dialect::Postgres,
            "select id from orders where sum(amount) > 1",
            "`sum` aggregates where there are no groups",
        ),
        (
            Dialect::Postgres,
            "select amount / 100 as usd from orders where usd > 1",
            "the column `usd` is in no relation that is read",
        ),
        (
            Dialect::DuckDb,
            "select id from orders where unnest(tags) = 'a'",
            "`unnest` makes rows where that is not understood",
        ),
        (
            Dialect::DuckDb,
            "select * from some_function(1)",
            "the columns of `some_function` are not known",
        ),
    ] {
        assert_eq!(outputs(dialect, text), format!("! {why}"), "{text}");
    }
}

#[test]
fn each_engine_folds_names_and_names_columns_in_its_own_way() {
    check(
        Dialect::Snowflake,
        &[
            (
                "select Id, \"Mixed\" from (select id, 1 as \"Mixed\" from orders)",
                "ID integer, Mixed",
            ),
            (
                "select f.value:name::string as n, f.index from raw.t, lateral flatten(input => t.items) f",
                "N varchar, INDEX",
            ),
            ("select datediff(day, ordered_at, current_timestamp()) as d from orders", "D"),
            (
                "select id from orders where id = 1 qualify row_number() over (order by id) = 1",
                "ID integer",
            ),
            ("select seq4() as n from table(generator(rowcount => 10))", "N"),
        ],
    );
    check(
        Dialect::BigQuery,
        &[
            ("select count(*), 1 from `db.shop.orders`", "f0_ bigint, f1_ bigint"),
            ("select * except (id) from customers", "name varchar, region varchar"),
            (
                "select timestamp_trunc(ordered_at, month) as m, safe_cast(status as int64) as s from orders",
                "m, s bigint",
            ),
            ("select item.sku from raw.t, unnest(t.items) as item", "sku"),
        ],
    );
    check(
        Dialect::Postgres,
        &[
            (
                "select count(*), id::text, coalesce(status, ''), 1 from orders group by id, status",
                "count bigint, id text, coalesce, ?column? integer",
            ),
            ("select n from generate_series(1, 3) as n", "n"),
            ("select o.id, o.status from orders o group by o.id", "id integer, status varchar"),
        ],
    );
}

#[test]
fn a_short_text_that_means_a_plan_without_end_is_refused() {
    let mut text = "with c0 as (select 1 as x)".to_owned();
    for at in 1..60 {
        let before = at - 1;
        text += &format!(", c{at} as (select a.x from c{before} a, c{before} b)");
    }
    text += " select x from c59";
    assert_eq!(outputs(Dialect::DuckDb, &text), "! written out, it is too large");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

    /// Words of queries in any order, and queries with words taken out or put in.
    #[test]
    fn no_text_brings_the_binder_down(
        which in 0..SEEDS.len(),
        edits in proptest::collection::vec((0..60_usize, 0..WORDS.len(), 0..3_u8), 0..6),
    ) {
        let mut words: Vec<&str> = SEEDS[which].split(' ').collect();
        for (place, word, what) in edits {
            let place = place % words.len();
            match what {
                0 => words[place] = WORDS[word],
                1 => words.insert(place, WORDS[word]),
                _ if words.len() > 1 => drop(words.remove(place)),
                _ => (),
            }
        }
        let text = words.join(" ");
        for dialect in Dialect::ALL {
            let read = with_deep_stack(|| {
                read(&text, dialect, &shop(dialect)).map(|query| crate::lineage(&query))
            });
            drop(read.unwrap());
        }
    }
}

const SEEDS: [&str; 5] = [
    "with a as ( select * from orders ) , b as ( select id , sum ( amount ) as s from a group by 1 ) select a . id , b . s from a left join b using ( id ) where a . status = 'x' order by 2 limit 3",
    "select status , row_number ( ) over ( partition by status order by amount desc ) as rn from orders qualify rn = 1",
    "select id from orders union all select id from customers except select order_id from payments",
    "with recursive r as ( select 1 as n union all select n + 1 from r where n < 5 ) select * from r , unnest ( [ 1 , 2 ] ) as u ( x )",
    "select * exclude ( id ) , ( select max ( p . amount ) from payments p where p . order_id = o . id ) as m from orders o group by rollup ( status , amount )",
];

const WORDS: [&str; 40] = [
    "select",
    "from",
    "where",
    "group by",
    "having",
    "order by",
    "limit",
    "1",
    "2",
    "*",
    "(",
    ")",
    ",",
    ".",
    "id",
    "status",
    "orders",
    "o",
    "a",
    "join",
    "left join",
    "using (id)",
    "on",
    "=",
    "and",
    "not",
    "in",
    "exists",
    "case when",
    "then",
    "end",
    "union",
    "distinct",
    "count(*)",
    "sum(amount)",
    "over ()",
    "as x",
    "cast(",
    "null",
    "natural join",
];
