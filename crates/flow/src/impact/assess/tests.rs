use std::collections::BTreeSet;

use belay_diff::{ColumnDiff, Facts, How, Key, Matching, Method, Profile, RelationName, Tally};
use expect_test::{Expect, expect};

use super::*;
use crate::impact::Compared;

fn column(name: &str) -> ColumnDiff {
    ColumnDiff {
        name: name.to_owned(),
        change: ColumnChange::Same,
        type_base: Some("BIGINT".to_owned()),
        type_head: Some("BIGINT".to_owned()),
        compared: Some(1_000),
        changed: Some(0),
        nulls_base: Some(0),
        nulls_head: Some(0),
        sum_base: None,
        sum_head: None,
        facts: Facts::default(),
    }
}

fn profile(rows: i64) -> Profile {
    Profile {
        rows,
        duplicate_keys: Some(0),
        extra_rows: Some(0),
        null_keys: Some(0),
        ..Profile::default()
    }
}

/// A thousand rows with a key, the same on both sides.
fn same() -> Compared {
    Compared {
        node: "model.shop.orders".into(),
        relation: RelationName {
            database: "shop".to_owned(),
            schema: "analytics".to_owned(),
            identifier: "orders".to_owned(),
        },
        key: Some(Key { columns: vec!["id".to_owned()], origin: "unique test".to_owned() }),
        method: Method::Key,
        how: How::Join,
        base: profile(1_000),
        head: profile(1_000),
        tally: Tally {
            added: 0,
            removed: 0,
            matching: Some(Matching { matched: 1_000, changed: 0, columns: vec![] }),
        },
        columns: vec![column("id"), column("amount")],
        examples: vec![],
        sampled: None,
        volatile: BTreeSet::new(),
        remark: None,
    }
}

const NO_NODES: &str = r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
    "dbt_version": "1.11.16", "adapter_type": "duckdb", "project_name": "shop"},
    "nodes": {}, "sources": {}, "macros": {}, "exposures": {}, "metrics": {}, "disabled": {}}"#;

fn check(change: impl FnOnce(&mut Compared), expected: Expect) {
    let mut compared = same();
    change(&mut compared);
    let head = Manifest::parse(NO_NODES.as_bytes()).unwrap();
    let found = data_findings(&compared, &Consumers { head: &head });
    let line = |finding: &Finding| {
        let column =
            finding.column.as_deref().map(|column| format!(".{column}")).unwrap_or_default();
        format!("{} {}{column}: {}\n", finding.severity, finding.kind, finding.message)
    };
    expected.assert_eq(&found.iter().map(line).collect::<String>());
    assert!(found.iter().all(|finding| !finding.evidence.is_empty()), "every finding has evidence");
}

fn amount_changed(rows: i64, sum: Option<(f64, f64)>) -> impl FnOnce(&mut Compared) {
    move |compared| {
        compared.columns[1].changed = Some(rows);
        compared.columns[1].sum_base = sum.map(|(base, _)| base);
        compared.columns[1].sum_head = sum.map(|(_, head)| head);
    }
}

#[test]
fn what_is_the_same_is_no_finding() {
    check(|_| (), expect![""]);
    assert!(same().is_equal());
}

#[test]
fn a_key_that_breaks_is_critical() {
    check(
        |compared| {
            compared.head =
                Profile { duplicate_keys: Some(1), extra_rows: Some(2), ..profile(1_002) };
        },
        expect![[r#"
            critical rows.duplicated: `id` identified every row in base and no longer does: 1 key stand more than once, 2 rows too many
        "#]],
    );
}

#[test]
fn rows_that_go_weigh_more_than_rows_that_come() {
    check(
        |compared| {
            (compared.tally.added, compared.tally.removed) = (10, 10);
        },
        expect![[r#"
            high rows.removed: 10 rows removed (1.0 %)
            medium rows.added: 10 rows added (1.0 %)
        "#]],
    );
    check(
        |compared| {
            compared.head = profile(0);
            compared.tally.removed = 1_000;
        },
        expect![[r#"
            critical rows.emptied: all 1,000 rows are gone
        "#]],
    );
}

#[test]
fn a_change_of_values_weighs_by_its_share_and_by_what_the_sum_does() {
    check(
        amount_changed(500, None),
        expect![[r#"
        high values.changed.amount: 500 of 1,000 rows changed (50.0 %)
    "#]],
    );
    check(
        amount_changed(1, None),
        expect![[r#"
        medium values.changed.amount: 1 of 1,000 rows changed (0.10 %)
    "#]],
    );
    check(
        amount_changed(5, Some((100.0, 112.0))),
        expect![[r#"
        high values.changed.amount: 5 of 1,000 rows changed (0.50 %), its sum by +12.0 %
    "#]],
    );
}

#[test]
fn several_columns_are_one_finding_led_by_the_worst() {
    check(
        |compared| {
            compared.columns[0].changed = Some(1);
            compared.columns[1].changed = Some(900);
        },
        expect![[r#"
            high values.changed: 2 columns changed; most: `amount`, 900 of 1,000 rows changed (90.0 %)
        "#]],
    );
}

#[test]
fn columns_that_go_or_fill_with_nulls_are_named() {
    check(
        |compared| {
            compared.columns[0].change = ColumnChange::Removed;
            compared.columns[1].nulls_head = Some(10);
        },
        expect![[r#"
            high column.removed.id: the column is gone
            high nulls.increased.amount: more NULLs: 1.0 % of the rows, 0 % in base
        "#]],
    );
}

#[test]
fn without_a_key_only_the_net_tells_of_rows() {
    check(
        |compared| {
            compared.key = None;
            compared.head = profile(990);
            compared.tally = Tally { added: 5, removed: 15, matching: None };
            compared.columns.clear();
        },
        expect![[r#"
            high rows.removed: 10 rows removed (1.0 %)
            medium rows.differ: 5 rows differ (0.50 %); without a key, belay cannot say in which columns
        "#]],
    );
}
