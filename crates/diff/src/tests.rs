//! The statements as they are sent: what a reviewer reads in the audit.

use belay_model::rows::{Cell, Rows};
use expect_test::{Expect, expect};

use crate::{
    Column, Comparison, Dialect, ExampleKind, Key, Plan, RelationName, Samples, Side, Tolerances,
};

const SAMPLES: Samples = Samples { each: 5, columns: 2 };
const PLAN: Plan = Plan { repeated: true, buckets: None, share: None };
const KINDS: [ExampleKind; 3] = [ExampleKind::Changed, ExampleKind::Added, ExampleKind::Removed];

/// `id INTEGER, name VARCHAR` in `shop.<schema>.orders`.
fn side(schema: &str, columns: &str) -> Side {
    let column = |text: &str| {
        let (name, data_type) = text.trim().split_once(' ').unwrap();
        Column { name: name.to_owned(), data_type: data_type.to_owned() }
    };
    Side {
        relation: RelationName {
            database: "shop".to_owned(),
            schema: schema.to_owned(),
            identifier: "orders".to_owned(),
        },
        columns: columns.split(';').map(column).collect(),
        filter: None,
    }
}

fn comparison(key: &[&str], base: &str, head: &str) -> Comparison {
    let columns: Vec<String> = key.iter().map(|&column| column.to_owned()).collect();
    Comparison {
        dialect: Dialect::DuckDb,
        base: side("main", base),
        head: side("pr", head),
        key: (!columns.is_empty()).then(|| Key { columns, origin: "test".to_owned() }),
        ignored: vec![],
        masked: vec![],
        tolerances: Tolerances::default(),
    }
}

fn check(sql: impl Into<Option<String>>, expected: Expect) {
    expected.assert_eq(&sql.into().unwrap_or_else(|| "nothing".to_owned()));
}

const ORDERS: &str = "id INTEGER; amount INTEGER; note VARCHAR";

#[test]
fn the_profile_counts_rows_keys_nulls_and_sums_of_both_sides() {
    check(
        comparison(&["id"], ORDERS, ORDERS).profile_sqls().remove(0),
        expect![[r#"
            SELECT 'base' AS side, count(*) AS row_count, CAST(sum(CAST(hash("id", "amount", "note") >> 4 AS BIGINT)) % 1152921504606846976 AS BIGINT) AS checksum,
              count(*) - count("id"), CAST(sum("id") AS DOUBLE), CAST(min("id") AS VARCHAR), CAST(max("id") AS VARCHAR),
              count(*) - count("amount"), CAST(sum("amount") AS DOUBLE), CAST(min("amount") AS VARCHAR), CAST(max("amount") AS VARCHAR),
              count(*) - count("note"), CAST(NULL AS DOUBLE), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)
            FROM "shop"."main"."orders"
            UNION ALL
            SELECT 'head' AS side, count(*) AS row_count, CAST(sum(CAST(hash("id", "amount", "note") >> 4 AS BIGINT)) % 1152921504606846976 AS BIGINT) AS checksum,
              count(*) - count("id"), CAST(sum("id") AS DOUBLE), CAST(min("id") AS VARCHAR), CAST(max("id") AS VARCHAR),
              count(*) - count("amount"), CAST(sum("amount") AS DOUBLE), CAST(min("amount") AS VARCHAR), CAST(max("amount") AS VARCHAR),
              count(*) - count("note"), CAST(NULL AS DOUBLE), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)
            FROM "shop"."pr"."orders"
            ORDER BY side"#]],
    );
}

#[test]
fn without_a_key_the_profile_says_nothing_of_keys() {
    let added = "id INTEGER; fresh DOUBLE";
    check(
        comparison(&[], "id INTEGER", added).profile_sqls().remove(0),
        expect![[r#"
            SELECT 'base' AS side, count(*) AS row_count, CAST(sum(CAST(hash("id") >> 4 AS BIGINT)) % 1152921504606846976 AS BIGINT) AS checksum,
              count(*) - count("id"), CAST(sum("id") AS DOUBLE), CAST(min("id") AS VARCHAR), CAST(max("id") AS VARCHAR),
              CAST(NULL AS BIGINT), CAST(NULL AS DOUBLE), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)
            FROM "shop"."main"."orders"
            UNION ALL
            SELECT 'head' AS side, count(*) AS row_count, CAST(sum(CAST(hash("id") >> 4 AS BIGINT)) % 1152921504606846976 AS BIGINT) AS checksum,
              count(*) - count("id"), CAST(sum("id") AS DOUBLE), CAST(min("id") AS VARCHAR), CAST(max("id") AS VARCHAR),
              count(*) - count("fresh"), CAST(sum("fresh") AS DOUBLE), CAST(min("fresh") AS VARCHAR), CAST(max("fresh") AS VARCHAR)
            FROM "shop"."pr"."orders"
            ORDER BY side"#]],
    );
}

#[test]
fn a_keyed_tally_is_one_full_join_without_keys_that_are_no_keys() {
    check(
        comparison(&["id"], ORDERS, ORDERS).tally_sql(PLAN),
        expect![[r#"
            WITH b AS NOT MATERIALIZED (SELECT true AS present, "id" AS k0, "amount" AS b0, "note" AS b1 FROM "shop"."main"."orders" WHERE "id" IS NOT NULL),
            h AS NOT MATERIALIZED (SELECT true AS present, "id" AS k0, "amount" AS h0, "note" AS h1 FROM "shop"."pr"."orders" WHERE "id" IS NOT NULL),
            several AS MATERIALIZED (SELECT k0 FROM (SELECT "id" AS k0 FROM "shop"."main"."orders" WHERE "id" IS NOT NULL) AS keys_of_base GROUP BY k0 HAVING count(*) > 1 UNION SELECT k0 FROM (SELECT "id" AS k0 FROM "shop"."pr"."orders" WHERE "id" IS NOT NULL) AS keys_of_head GROUP BY k0 HAVING count(*) > 1),
            paired AS NOT MATERIALIZED (
              SELECT b.present AS in_base, h.present AS in_head, coalesce(b.k0, h.k0) AS k0,
                b0, h0, (b0 IS DISTINCT FROM h0) AS d0,
                b1, h1, (b1 IS DISTINCT FROM h1) AS d1
              FROM (SELECT * FROM b WHERE NOT EXISTS (SELECT 1 FROM several s WHERE b.k0 = s.k0)) b
              FULL OUTER JOIN (SELECT * FROM h WHERE NOT EXISTS (SELECT 1 FROM several s WHERE h.k0 = s.k0)) h
                ON b.k0 = h.k0
            )
            SELECT count(*) FILTER (WHERE in_base AND in_head) AS matched,
              count(*) FILTER (WHERE in_base IS NULL) AS added,
              count(*) FILTER (WHERE in_head IS NULL) AS removed,
              count(*) FILTER (WHERE in_base AND in_head AND (d0 OR d1)) AS changed,
              count(*) FILTER (WHERE in_base AND in_head AND d0),
              count(*) FILTER (WHERE in_base AND in_head AND d1)
            FROM paired"#]],
    );
}

#[test]
fn a_multiset_tally_counts_surplus_rows_both_ways() {
    let retyped = "id BIGINT; amount VARCHAR; note VARCHAR";
    check(
        comparison(&[], ORDERS, retyped).tally_sql(PLAN),
        expect![[r#"
            SELECT CAST(coalesce(sum(CASE WHEN n > 0 THEN n END), 0) AS BIGINT) AS added,
              CAST(coalesce(sum(CASE WHEN n < 0 THEN -n END), 0) AS BIGINT) AS removed
            FROM (
              SELECT sum(n) AS n FROM (
                SELECT "id" AS c0, CAST("amount" AS VARCHAR) AS c1, "note" AS c2, 1 AS n FROM "shop"."pr"."orders"
                UNION ALL
                SELECT "id" AS c0, CAST("amount" AS VARCHAR) AS c1, "note" AS c2, -1 AS n FROM "shop"."main"."orders"
              ) AS sides GROUP BY c0, c1, c2
            ) AS rows_of_both"#]],
    );
}

#[test]
fn floats_are_compared_within_a_tolerance() {
    check(
        differs("DOUBLE", "DOUBLE"),
        expect![
            "(b0 IS DISTINCT FROM h0 AND NOT coalesce(isfinite(CAST(b0 AS DOUBLE)) AND isfinite(CAST(h0 AS DOUBLE)) AND abs(CAST(b0 AS DOUBLE) - CAST(h0 AS DOUBLE)) <= 1e-9 * greatest(abs(CAST(b0 AS DOUBLE)), abs(CAST(h0 AS DOUBLE))), false))"
        ],
    );
    check(
        differs("INTEGER", "FLOAT"),
        expect![
            "(b0 IS DISTINCT FROM h0 AND NOT coalesce(isfinite(CAST(b0 AS DOUBLE)) AND isfinite(CAST(h0 AS DOUBLE)) AND abs(CAST(b0 AS DOUBLE) - CAST(h0 AS DOUBLE)) <= 1.1920929e-7 * greatest(abs(CAST(b0 AS DOUBLE)), abs(CAST(h0 AS DOUBLE))), false))"
        ],
    );
}

#[test]
fn retyped_columns_are_compared_as_numbers_or_moments_or_text() {
    for (base, head, as_text) in [
        ("INTEGER", "BIGINT", false),
        ("INTEGER", "DECIMAL(18,2)", false),
        ("DATE", "TIMESTAMP", false),
        ("VARCHAR", "VARCHAR", false),
        ("INTEGER[]", "INTEGER[]", false),
        ("INTEGER", "VARCHAR", true),
        ("VARCHAR", "DATE", true),
        ("BOOLEAN", "INTEGER", true),
        ("DATE", "INTEGER", true),
        ("DECIMAL(18,2)[]", "DECIMAL(18,3)[]", true),
        ("STRUCT(a INTEGER)", "STRUCT(b INTEGER)", true),
    ] {
        let expected = if as_text {
            "(CAST(b0 AS VARCHAR) IS DISTINCT FROM CAST(h0 AS VARCHAR))"
        } else {
            "(b0 IS DISTINCT FROM h0)"
        };
        assert_eq!(differs(base, head), expected, "{base} and {head}");
    }
}

/// How one column is compared.
fn differs(base: &str, head: &str) -> String {
    let columns = |data_type| format!("id INTEGER; x {data_type}");
    let sql = comparison(&["id"], &columns(base), &columns(head)).tally_sql(PLAN);
    let line = sql.lines().find(|line| line.contains(" AS d0")).unwrap();
    line.trim().trim_start_matches("b0, h0, ").trim_end_matches(" AS d0").to_owned()
}

#[test]
fn a_retyped_key_is_matched_as_text() {
    let sql = comparison(&["id"], "id INTEGER; n INTEGER", "ID VARCHAR; n INTEGER").tally_sql(PLAN);
    assert_eq!(sql.matches(r#"CAST("id" AS VARCHAR) AS k0"#).count(), 2, "{sql}");
}

#[test]
fn samples_show_what_changed_and_masks_what_must_not_be_shown() {
    let mut comparison = comparison(&["id"], ORDERS, ORDERS);
    comparison.masked = vec!["note".to_owned()];
    let changed = ["amount".to_owned(), "note".to_owned()];
    check(
        comparison.samples_sql(PLAN, &changed, SAMPLES, &KINDS),
        expect![[r#"
            WITH b AS NOT MATERIALIZED (SELECT true AS present, "id" AS k0, "amount" AS b0, "note" AS b1 FROM "shop"."main"."orders" WHERE "id" IS NOT NULL),
            h AS NOT MATERIALIZED (SELECT true AS present, "id" AS k0, "amount" AS h0, "note" AS h1 FROM "shop"."pr"."orders" WHERE "id" IS NOT NULL),
            several AS MATERIALIZED (SELECT k0 FROM (SELECT "id" AS k0 FROM "shop"."main"."orders" WHERE "id" IS NOT NULL) AS keys_of_base GROUP BY k0 HAVING count(*) > 1 UNION SELECT k0 FROM (SELECT "id" AS k0 FROM "shop"."pr"."orders" WHERE "id" IS NOT NULL) AS keys_of_head GROUP BY k0 HAVING count(*) > 1),
            paired AS NOT MATERIALIZED (
              SELECT b.present AS in_base, h.present AS in_head, coalesce(b.k0, h.k0) AS k0,
                b0, h0, (b0 IS DISTINCT FROM h0) AS d0,
                b1, h1, (b1 IS DISTINCT FROM h1) AS d1
              FROM (SELECT * FROM b WHERE NOT EXISTS (SELECT 1 FROM several s WHERE b.k0 = s.k0)) b
              FULL OUTER JOIN (SELECT * FROM h WHERE NOT EXISTS (SELECT 1 FROM several s WHERE h.k0 = s.k0)) h
                ON b.k0 = h.k0
            )
            (SELECT 'changed' AS kind, CAST(k0 AS VARCHAR), CASE WHEN d0 THEN CAST(b0 AS VARCHAR) END, CASE WHEN d0 THEN CAST(h0 AS VARCHAR) END, CASE WHEN b1 IS NULL THEN NULL ELSE '•••' END, CASE WHEN h1 IS NOT NULL AND in_base AND in_head AND d1 THEN '••• (differs)' ELSE CASE WHEN h1 IS NULL THEN NULL ELSE '•••' END END FROM paired WHERE in_base AND in_head AND (d0 OR d1) ORDER BY k0 LIMIT 5)
            UNION ALL
            (SELECT 'added' AS kind, CAST(k0 AS VARCHAR), CASE WHEN d0 THEN CAST(b0 AS VARCHAR) END, CASE WHEN d0 THEN CAST(h0 AS VARCHAR) END, CASE WHEN b1 IS NULL THEN NULL ELSE '•••' END, CASE WHEN h1 IS NOT NULL AND in_base AND in_head AND d1 THEN '••• (differs)' ELSE CASE WHEN h1 IS NULL THEN NULL ELSE '•••' END END FROM paired WHERE in_base IS NULL ORDER BY k0 LIMIT 5)
            UNION ALL
            (SELECT 'removed' AS kind, CAST(k0 AS VARCHAR), CASE WHEN d0 THEN CAST(b0 AS VARCHAR) END, CASE WHEN d0 THEN CAST(h0 AS VARCHAR) END, CASE WHEN b1 IS NULL THEN NULL ELSE '•••' END, CASE WHEN h1 IS NOT NULL AND in_base AND in_head AND d1 THEN '••• (differs)' ELSE CASE WHEN h1 IS NULL THEN NULL ELSE '•••' END END FROM paired WHERE in_head IS NULL ORDER BY k0 LIMIT 5)"#]],
    );
}

#[test]
fn nothing_masked_is_cast_to_text_or_summed() {
    let mut comparison = comparison(&["id", "amount"], ORDERS, ORDERS);
    comparison.masked = ["id", "amount", "note"].map(str::to_owned).into();
    let all = ["note".to_owned()];
    let statements = [
        Some(comparison.profile_sqls().remove(0)),
        comparison.samples_sql(PLAN, &all, SAMPLES, &KINDS),
        comparison.duplicates_sql(SAMPLES),
    ];
    for sql in statements.into_iter().flatten() {
        let sql = sql.replace("CAST(NULL AS VARCHAR)", "");
        assert!(!sql.contains("AS VARCHAR"), "{sql}");
        assert!(!sql.contains("min(\""), "{sql}");
        assert!(!sql.contains("sum(\""), "{sql}");
    }
}

#[test]
fn duplicates_are_shown_the_most_frequent_first() {
    check(
        comparison(&["id", "note"], ORDERS, ORDERS).duplicates_sql(SAMPLES),
        expect![[r#"
        SELECT 'duplicated' AS kind, CAST("id" AS VARCHAR), CAST("note" AS VARCHAR), count(*) AS times FROM "shop"."pr"."orders" WHERE "id" IS NOT NULL AND "note" IS NOT NULL
        GROUP BY "id", "note" HAVING count(*) > 1
        ORDER BY count(*) DESC, "id", "note" LIMIT 5"#]],
    );
}

#[test]
fn without_a_key_there_are_no_rows_to_show() {
    let comparison = comparison(&[], ORDERS, ORDERS);
    assert_eq!(comparison.samples_sql(PLAN, &["note".to_owned()], SAMPLES, &KINDS), None);
    assert_eq!(comparison.duplicates_sql(SAMPLES), None);
}

#[test]
fn keys_and_ignored_columns_are_not_compared_whatever_their_case() {
    let columns = "ID INTEGER; Amount INTEGER; Loaded_At TIMESTAMP";
    let mut comparison = comparison(&["id"], columns, columns);
    comparison.ignored = vec!["loaded_at".to_owned()];
    let names: Vec<String> = comparison.compared().into_iter().map(|pair| pair.name).collect();
    assert_eq!(names, ["Amount"]);
    assert_eq!(comparison.pairs().len(), 3);
}

#[test]
fn a_filter_holds_in_every_statement() {
    let mut comparison = comparison(&["id"], ORDERS, ORDERS);
    comparison.head.filter = Some("valid_to IS NULL".to_owned());
    let statements = [
        Some(comparison.profile_sqls().remove(0)),
        Some(comparison.tally_sql(PLAN)),
        comparison.samples_sql(PLAN, &[], SAMPLES, &KINDS),
        comparison.duplicates_sql(SAMPLES),
        Some(Comparison { key: None, ..comparison }.tally_sql(PLAN)),
    ];
    for sql in statements.into_iter().flatten() {
        let reads = sql.matches(r#""pr"."orders""#).count();
        assert_eq!(reads, sql.matches(r#""pr"."orders" WHERE valid_to IS NULL"#).count(), "{sql}");
    }
}

#[test]
fn shown_are_the_changed_columns_else_the_first_few() {
    let comparison = comparison(&["id"], ORDERS, ORDERS);
    let shown = |changed: &[&str], columns| {
        let changed: Vec<String> = changed.iter().map(|&name| name.to_owned()).collect();
        comparison.shown(&changed, Samples { each: 1, columns })
    };
    let (amount, note) = ((0, "amount".to_owned()), (1, "note".to_owned()));
    for (changed, columns, expected) in [
        (&["note"][..], 2, vec![&note]),
        (&["note", "amount"], 1, vec![&amount]),
        (&[], 2, vec![&amount, &note]),
        (&["id"], 1, vec![&amount]),
    ] {
        assert_eq!(shown(changed, columns).iter().collect::<Vec<_>>(), expected, "{changed:?}");
    }
}

#[test]
fn an_example_of_a_change_leaves_out_what_is_equal() {
    let comparison = comparison(&["id"], ORDERS, ORDERS);
    let text = |text: &str| Cell::Text(text.to_owned());
    let row =
        |kind: &str| vec![text(kind), text("7"), Cell::Null, text("1"), Cell::Null, Cell::Null];
    let kinds = ["changed", "added", "removed", "duplicated", "strange"];
    let rows = Rows { columns: vec![], rows: kinds.map(row).into() };
    let found = comparison.examples(&rows, &[], SAMPLES);
    let amount = ("amount".to_owned(), None, Some("1".to_owned()));
    let note = ("note".to_owned(), None, None);
    let expected = [
        (ExampleKind::Changed, vec![amount.clone()]),
        (ExampleKind::Added, vec![amount.clone(), note.clone()]),
        (ExampleKind::Removed, vec![amount, note]),
        (ExampleKind::Duplicated, vec![]),
    ];
    assert_eq!(found.len(), expected.len(), "a kind that nobody knows is left out");
    for (example, (kind, values)) in found.into_iter().zip(expected) {
        assert_eq!((example.kind, example.values), (kind, values));
        assert_eq!(example.key, [("id".to_owned(), Some("7".to_owned()))]);
    }
}

#[test]
fn columns_are_asked_for_in_lower_case_with_their_quotes_doubled() {
    let relation = RelationName {
        database: "Shop".to_owned(),
        schema: "it's".to_owned(),
        identifier: "ORDERS".to_owned(),
    };
    check(
        Dialect::DuckDb.columns_query(&[&relation, &side("pr", ORDERS).relation]),
        expect![[r#"
        SELECT database_name, schema_name, table_name, column_name, data_type
        FROM duckdb_columns()
        WHERE (lower(database_name), lower(schema_name), lower(table_name)) IN (('shop', 'it''s', 'orders'), ('shop', 'pr', 'orders'))
        ORDER BY database_name, schema_name, table_name, column_index"#]],
    );
}

#[test]
fn schemas_are_asked_for_by_how_they_begin() {
    check(
        Dialect::DuckDb.schemas_query("belay_"),
        expect![[r#"
        SELECT database_name, schema_name FROM duckdb_schemas()
        WHERE starts_with(schema_name, 'belay_') AND NOT internal
        ORDER BY database_name, schema_name"#]],
    );
}

#[test]
fn everything_written_for_snowflake_is_snowflakes_grammar() {
    use sqlparser::dialect::SnowflakeDialect;
    use sqlparser::parser::Parser;

    let columns = "id NUMBER(38,0); amount NUMBER(12,2); score FLOAT; note TEXT; at TIMESTAMP_NTZ; \
                   day DATE; raw VARIANT; tags ARRAY; yes BOOLEAN; bytes BINARY; odd GEOGRAPHY";
    let retyped = columns.replace("note TEXT", "note NUMBER(38,0)").replace("(12,2)", "(18,4)");
    let mut keyed = comparison(&["id"], columns, columns);
    let mut none = comparison(&[], columns, columns);
    let mut other = comparison(&["id"], columns, &retyped);
    for comparison in [&mut keyed, &mut none, &mut other] {
        comparison.dialect = Dialect::Snowflake;
        comparison.masked = vec!["note".to_owned()];
    }
    let share = crate::Share::of(1, 7);
    let buckets = Plan { buckets: Some(12), share, repeated: true };
    let (profile, dialect) = (crate::Profile::default(), Dialect::Snowflake);
    let relation = &keyed.base.relation;
    let mut statements = vec![
        dialect.columns_query(&[relation]),
        dialect.schemas_query("belay_"),
        none.tally_sql(Plan { share, ..Plan::default() }),
        keyed.rows_sql(buckets, SAMPLES).unwrap(),
        keyed.probe_sql(buckets).unwrap(),
    ];
    for comparison in [&keyed, &none, &other] {
        statements.extend(comparison.profile_sqls());
        statements.extend(comparison.unique_sql((&profile, &profile)));
        statements.extend(comparison.repeats_sql());
        statements.push(comparison.tally_sql(PLAN));
        statements.extend(comparison.samples_sql(PLAN, &[], SAMPLES, &KINDS));
        statements.extend(comparison.rows_sql(PLAN, SAMPLES));
        statements.extend(comparison.duplicates_sql(SAMPLES));
        statements
            .extend(comparison.compared().iter().map(|pair| comparison.facts_sql(pair, share)));
    }
    for sql in statements {
        let parsed = Parser::parse_sql(&SnowflakeDialect {}, &sql);
        assert!(parsed.is_ok(), "{}\n{sql}", parsed.unwrap_err());
        for foreign in ["FILTER (", "EXCEPT ALL", "MATERIALIZED", "::", "isfinite"] {
            assert!(!sql.contains(foreign), "{foreign}: {sql}");
        }
    }
}
