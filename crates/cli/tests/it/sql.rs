//! `belay sql compare`.

use expect_test::{Expect, expect};
use serde_json::json;

use crate::home::Home;

fn home(base: &str, head: &str) -> Home {
    let home = Home::new();
    home.write("base.sql", base);
    home.write("head.sql", head);
    home
}

fn check(home: &Home, options: &[&str], expected: Expect) {
    let args = [&["sql", "compare", "base.sql", "head.sql"], options].concat();
    expected.assert_eq(&home.belay(&args).told(home));
}

#[test]
fn a_change_that_keeps_the_data_is_clear() {
    check(
        &home(
            "with src as (select * from orders) select id, amount from src where a = 1 and b in (2, 3)",
            "SELECT id, amount FROM orders WHERE b IN (3, 2) AND a = 1 -- the same",
        ),
        &["--dialect", "duckdb"],
        expect![[r#"
            exit 0
            --- stdout
            cosmetic
            --- stderr
        "#]],
    );
}

#[test]
fn a_change_of_rows_says_which_and_why() {
    check(
        &home(
            "select o.id, p.method from orders o left join payments p on p.order_id = o.id",
            "select o.id, p.method from orders o join payments p on p.order_id = o.id",
        ),
        &["--dialect", "postgres", "--format", "json"],
        expect![[r#"
            exit 1
            --- stdout
            {
              "schema": "belay.sql-compare/1",
              "meaning": "rows",
              "columns": [],
              "rows": [
                "join"
              ],
              "reasons": [
                "LEFT JOIN payments became INNER JOIN"
              ]
            }
            --- stderr
        "#]],
    );
}

#[test]
fn a_schema_says_what_a_star_is() {
    let home =
        home("select * from shop.orders", "select id, amount::varchar as amount from orders");
    home.write(
        "schema.json",
        &json!({"shop.orders": {"id": "integer", "amount": "double"}}).to_string(),
    );
    check(
        &home,
        &["--dialect", "duckdb", "--schema", "schema.json"],
        expect![[r#"
            exit 1
            --- stdout
            schema
            columns: amount
              - column `amount` is varchar now, was double
              - column `amount` is amount::varchar now, was amount
            --- stderr
        "#]],
    );
}

#[test]
fn what_is_not_read_is_unknown_and_no_error() {
    check(
        &home("select 1 as a", "selekt 1 as a"),
        &[],
        expect![[r#"
            exit 1
            --- stdout
            unknown
            columns: *
            rows: upstream
              - head is not understood: it does not parse as generic SQL: Expected: an SQL statement, found: selekt at Line: 1, Column: 1
            --- stderr
        "#]],
    );
}

#[test]
fn a_wrong_option_a_missing_file_and_a_wrong_schema_are_input_errors() {
    let home = home("select 1 as a", "select 2 as a");
    home.write("schema.json", r#"{"t": {"a": "int", "A": "int"}}"#);
    for (options, code) in [
        (&["sql", "compare", "base.sql", "head.sql", "--dialect", "oracel"][..], "sql/dialect"),
        (&["sql", "compare", "base.sql", "gone.sql"], "files/unreadable"),
        (&["sql", "compare", "base.sql", "head.sql", "--schema", "base.sql"], "sql/schema"),
        (&["sql", "compare", "base.sql", "head.sql", "--schema", "schema.json"], "sql/schema"),
    ] {
        let ran = home.belay(options).ends_with(2);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
        assert!(ran.stderr.starts_with(&format!("error[{code}]")), "{}", ran.stderr);
    }
}

#[test]
fn the_document_fits_its_schema() {
    let home = home("select 1 as a", "select 2 as a");
    let schema = home.belay(&["schema", "sql-compare"]).ends_with(0);
    let schema = serde_json::from_str(&schema.stdout).unwrap();
    let told = home.belay(&["sql", "compare", "base.sql", "head.sql", "--format", "json"]);
    let told = serde_json::from_str(&told.ends_with(1).stdout).unwrap();
    jsonschema::validate(&schema, &told).unwrap();
}
