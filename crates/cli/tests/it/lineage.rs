//! `belay lineage` over the artefacts of a public project, and what it says when it cannot answer.
//!
//! What each column of `jaffle_shop` comes from was read off its SQL by hand.

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::home::Home;

const MANIFEST: &str = include_str!("../jaffle_shop/manifest.json");
const CATALOG: &str = include_str!("../jaffle_shop/catalog.json");

fn shop() -> Home {
    let home = Home::new();
    home.write("dbt_project.yml", "name: jaffle_shop\nprofile: jaffle_shop\n");
    home.write("target/manifest.json", MANIFEST);
    home.write("target/catalog.json", CATALOG);
    home
}

fn check(home: &Home, args: &[&str], expected: Expect) {
    expected.assert_eq(&home.belay(args).told(home));
}

/// The columns of seeds in which a column ends, over links of values.
fn seeds_of(home: &Home, column: &str) -> Vec<String> {
    let answer = home.belay(&["lineage", column, "--up", "--format", "json"]).ends_with(0).json();
    let links = answer["links"].as_array().unwrap();
    let is_seed = |link: &&Value| {
        link["kind"] == "value" && link["from"]["node"].as_str().unwrap().starts_with("seed.")
    };
    let name = |link: &Value| {
        let node = link["from"]["node"].as_str().unwrap().trim_start_matches("seed.jaffle_shop.");
        format!("{node}.{}", link["from"]["column"].as_str().unwrap())
    };
    let mut seeds: Vec<String> = links.iter().filter(is_seed).map(name).collect();
    seeds.sort();
    seeds
}

#[test]
fn every_column_of_jaffle_shop_comes_from_where_its_sql_says() {
    let home = shop();
    for (column, seeds) in [
        ("customers.customer_id", &["raw_customers.id"][..]),
        ("customers.last_name", &["raw_customers.last_name"]),
        ("customers.first_order", &["raw_orders.order_date"]),
        ("customers.most_recent_order", &["raw_orders.order_date"]),
        ("customers.number_of_orders", &["raw_orders.id"]),
        ("customers.customer_lifetime_value", &["raw_payments.amount"]),
        ("orders.order_id", &["raw_orders.id"]),
        ("orders.customer_id", &["raw_orders.user_id"]),
        ("orders.status", &["raw_orders.status"]),
        ("orders.credit_card_amount", &["raw_payments.amount", "raw_payments.payment_method"]),
        ("orders.amount", &["raw_payments.amount"]),
        ("stg_payments.amount", &["raw_payments.amount"]),
    ] {
        assert_eq!(seeds_of(&home, column), seeds, "{column}");
    }
}

#[test]
fn a_column_is_shown_as_a_tree_with_what_decides_its_rows() {
    let home = shop();
    check(
        &home,
        &["lineage", "customers.customer_lifetime_value", "--up"],
        expect![[r#"
        exit 0
        --- stdout
        customers.customer_lifetime_value
        model.jaffle_shop.customers · double · models/customers.sql

        comes from
          └─ stg_payments.amount     value
             └─ raw_payments.amount  value · seed

        rows decided by
          customers     group: stg_orders.customer_id
          customers     join: stg_customers.customer_id, stg_orders, stg_orders.customer_id, stg_orders.order_id, stg_payments, stg_payments.order_id
          customers     the rows of stg_customers
          stg_payments  the rows of raw_payments
        --- stderr
    "#]],
    );
    check(
        &home,
        &["lineage", "raw_payments.amount", "--down", "--column-types"],
        expect![[r#"
        exit 0
        --- stdout
        raw_payments.amount
        seed.jaffle_shop.raw_payments · integer · seeds/raw_payments.csv

        goes into
          └─ stg_payments.amount                   value · double
             ├─ customers.customer_lifetime_value  value · double
             ├─ orders.amount                      value · double
             ├─ orders.bank_transfer_amount        value · double
             ├─ orders.coupon_amount               value · double
             ├─ orders.credit_card_amount          value · double
             └─ orders.gift_card_amount            value · double

        tests
          not_null_orders_amount                orders.amount
          not_null_orders_bank_transfer_amount  orders.bank_transfer_amount
          not_null_orders_coupon_amount         orders.coupon_amount
          not_null_orders_credit_card_amount    orders.credit_card_amount
          not_null_orders_gift_card_amount      orders.gift_card_amount
        --- stderr
    "#]],
    );
}

#[test]
fn a_model_is_shown_column_by_column() {
    check(
        &shop(),
        &["lineage", "stg_orders"],
        expect![[r#"
        exit 0
        --- stdout
        stg_orders
        model.jaffle_shop.stg_orders · 4 columns · models/staging/stg_orders.sql
        key: order_id

        columns
          order_id     ← raw_orders.id
          customer_id  ← raw_orders.user_id
          order_date   ← raw_orders.order_date
          status       ← raw_orders.status

        rows decided by
          stg_orders  the rows of raw_orders

        begins at
          seed raw_orders

        read by
          customers  reads customer_id, order_date, order_id
          orders     reads customer_id, order_date, order_id, status

        decides rows of
          customers  group: stg_orders.customer_id, join: stg_orders, join: stg_orders.customer_id, join: stg_orders.order_id
          orders     join: stg_orders.order_id, rows of stg_orders

        tests
          accepted_values_orders_status__placed__shipped__completed__return_pending__returned  orders.status
          accepted_values_stg_orders_status__placed__shipped__completed__return_pending__returned  stg_orders.status
          not_null_orders_customer_id                                 orders.customer_id
          not_null_orders_order_id                                    orders.order_id
          not_null_stg_orders_order_id                                stg_orders.order_id
          relationships_orders_customer_id__customer_id__ref_customers_  orders.customer_id
          unique_orders_order_id                                      orders.order_id
          unique_stg_orders_order_id                                  stg_orders.order_id
        --- stderr
    "#]],
    );
}

#[test]
fn the_json_holds_to_its_schema() {
    let home = shop();
    let schema = home.belay(&["schema", "lineage"]).ends_with(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut answer = home.belay(&["lineage", "orders", "--format", "json"]).ends_with(0).json();
    assert!(validator.is_valid(&answer), "{answer}");
    answer["schema"] = "belay.lineage/2".into();
    assert!(!validator.is_valid(&answer));
}

#[test]
fn the_page_stands_alone_and_the_graph_is_one() {
    let home = shop();
    let page = home.belay(&["lineage", "orders", "--format", "html"]).ends_with(0).stdout;
    assert!(page.contains("<svg class=\"graph\"") && page.contains("</html>"));
    assert!(!page.contains("http://") && !page.contains("https://"), "it asks for something");
    let dot = home.belay(&["lineage", "orders.amount", "--format", "dot"]).ends_with(0).stdout;
    assert!(dot.starts_with("digraph lineage {") && dot.ends_with("}\n"), "{dot}");
}

#[test]
fn a_second_question_is_answered_from_the_cache_and_a_damaged_cache_does_no_harm() {
    let home = shop();
    let cache = home.work().join("cache");
    let ask = || {
        let variables = [("BELAY_CACHE", cache.to_str().unwrap())];
        home.belay_with(&variables, &["lineage", "orders"]).ends_with(0).stdout
    };
    let first = ask();
    let kept: Vec<_> = std::fs::read_dir(cache.join("lineage")).unwrap().collect();
    let [Ok(kept)] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!(ask(), first);
    std::fs::write(kept.path(), "{\"schema\": 1").unwrap();
    assert_eq!(ask(), first);
}

#[test]
fn without_artefacts_it_says_what_makes_them() {
    let home = Home::new();
    check(
        &home,
        &["lineage", "orders"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[dbt/no-project]: there is no dbt project in `WORK` or above it
          help: go to the folder of a dbt project, or give two folders of dbt artefacts: `--base DIR --head DIR`
    "#]],
    );
    home.write("dbt_project.yml", "name: shop\n");
    check(
        &home,
        &["lineage", "orders"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[dbt/no-manifest]: `WORK/target` holds no dbt manifest
          help: run `dbt parse` there, or name the folder that holds manifest.json
    "#]],
    );
    home.write("target/manifest.json", &MANIFEST.replace("manifest/v12.json", "manifest/v13.json"));
    check(
        &home,
        &["lineage", "orders"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[manifest/too-new]: the manifest of WORK/target/manifest.json cannot be used: manifest schema v13 is newer than this belay: it reads v9 to v12, and v20
          help: update belay, or parse the project with an older dbt
    "#]],
    );
    home.write("target/manifest.json", MANIFEST);
    home.write("target/catalog.json", "{");
    check(
        &home,
        &["lineage", "orders"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[catalog/cut-short]: the catalog `WORK/target/catalog.json` cannot be used: the catalog is cut short: it ends after 1 bytes, in the middle of a value
          help: wait until dbt has finished; it writes the file at the end
    "#]],
    );
}

#[test]
fn what_is_not_there_is_refused_with_the_names_that_are() {
    let home = shop();
    check(
        &home,
        &["lineage", "custmers"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[lineage/unknown-model]: the project has no model, seed, snapshot or source `custmers`
          help: did you mean `customers`?
    "#]],
    );
    check(
        &home,
        &["lineage", "customers.name"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[lineage/unknown-column]: `model.jaffle_shop.customers` has no column `name`
          help: its columns are customer_id, first_name, last_name, first_order, most_recent_order, number_of_orders, customer_lifetime_value
    "#]],
    );
    check(
        &home,
        &["lineage", "orders", "--up", "--down"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[usage]: the argument '--up' cannot be used with '--down'

        Usage: belay lineage --up <MODEL[.COLUMN]>

        For more information, try '--help'.
    "#]],
    );
}
