//! What the statements of belay-diff answer on a real warehouse, read as the impact review reads
//! them. A case is two tables and a key; what is expected is the comparison in words.

use std::fmt::Write as _;

use belay_diff::{
    AnswerError, Column, Comparison, Course, Dialect, Example, ExampleKind, Key, Limits, Method,
    Plan, Profile, RelationName, Samples, Side, Tally, Tolerances, course,
};
use belay_model::rows::Rows;
use expect_test::{Expect, expect};

use super::engine::Engine;
use super::fixture::Place;
use crate::Database;

/// Column definitions and rows.
pub(super) type Table<'a> = [&'a str; 2];

/// Two tables to compare.
pub(super) struct Case<'a> {
    key: &'a [&'a str],
    base: Table<'a>,
    head: Table<'a>,
    masked: &'a [&'a str],
    ignored: &'a [&'a str],
    samples: Samples,
}

/// Everything that came back, with all that was asked.
pub(super) struct Outcome {
    pub(super) profiles: (Profile, Profile),
    pub(super) tally: Tally,
    pub(super) examples: Vec<Example>,
    comparison: Comparison,
    answers: Vec<Rows>,
}

impl<'a> Case<'a> {
    pub(super) fn new(key: &'a [&'a str], base: Table<'a>, head: Table<'a>) -> Self {
        let samples = Samples { each: 3, columns: 6 };
        Self { key, base, head, masked: &[], ignored: &[], samples }
    }

    fn masking(self, masked: &'a [&'a str]) -> Self {
        Self { masked, ..self }
    }

    fn ignoring(self, ignored: &'a [&'a str]) -> Self {
        Self { ignored, ..self }
    }

    async fn check(self, expected: Expect) {
        expected.assert_eq(&self.outcome().await.in_words());
    }

    async fn outcome(self) -> Outcome {
        let place = Place::new();
        let session = place.open(Database::new_file(&place.file())).await;
        self.run(&session).await
    }

    pub(super) async fn run(&self, session: &impl Engine) -> Outcome {
        let names = ["base", "head"].map(|schema| RelationName {
            database: session.database(),
            schema: schema.to_owned(),
            identifier: "t".to_owned(),
        });
        for (name, [columns, rows]) in names.iter().zip([self.base, self.head]) {
            fill(session, name, columns, rows).await;
        }
        let [base, head] = names;
        let comparison = Comparison {
            dialect: session.dialect(),
            base: side(session, base).await,
            head: side(session, head).await,
            key: key(self.key),
            ignored: self.ignored.iter().map(|&name| name.to_owned()).collect(),
            masked: self.masked.iter().map(|&name| name.to_owned()).collect(),
            tolerances: Tolerances::default(),
        };
        compare(session, comparison, self.samples).await
    }
}

pub(super) fn key(columns: &[&str]) -> Option<Key> {
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    (!columns.is_empty()).then(|| Key { columns, origin: "test".to_owned() })
}

pub(super) async fn fill(session: &impl Engine, name: &RelationName, columns: &str, rows: &str) {
    let (schema, table) = (crate::quote(&name.schema), name.quoted(session.dialect()));
    session.make(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await;
    session.make(&format!("DROP TABLE IF EXISTS {table}")).await;
    session.make(&format!("CREATE TABLE {table} ({columns})")).await;
    if !rows.is_empty() {
        session.make(&format!("INSERT INTO {table} VALUES {rows}")).await;
    }
}

/// The side as the warehouse describes it.
pub(super) async fn side(session: &impl Engine, relation: RelationName) -> Side {
    let rows = session.ask(&session.dialect().columns_query(&[&relation])).await.unwrap();
    let columns = rows.rows.iter().map(|row| {
        let text = |at: usize| row[at].text().unwrap().to_owned();
        Column { name: text(3), data_type: text(4) }
    });
    let columns: Vec<Column> = columns.collect();
    assert!(!columns.is_empty(), "{relation} is not found");
    Side { relation, columns, filter: None }
}

/// With the key that the case names, whether or not it is one, and in every way there is: all have to
/// say the same.
async fn compare(session: &impl Engine, comparison: Comparison, samples: Samples) -> Outcome {
    let mut answers = Vec::new();
    let mut ask = async |sql: String| {
        let rows = session.ask(&sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
        answers.push(rows.clone());
        rows
    };
    let mut profiled = Vec::new();
    for sql in comparison.profile_sqls() {
        profiled.push(ask(sql).await);
    }
    let (mut base, mut head) = Profile::read(&profiled).unwrap();
    if let Some(sql) = comparison.repeats_sql() {
        Profile::read_repeats(&ask(sql).await, (&mut base, &mut head)).unwrap();
        let exact = (base.clone(), head.clone());
        let sql = comparison.unique_sql((&base, &head)).unwrap();
        let unique = Profile::read_unique(&ask(sql).await, (&mut base, &mut head)).unwrap();
        let repeats = exact.0.duplicate_keys.max(exact.1.duplicate_keys);
        assert_eq!(unique, repeats == Some(0), "unique and repeated keys exclude each other");
        assert_eq!((base.null_keys, head.null_keys), (exact.0.null_keys, exact.1.null_keys));
        (base, head) = exact;
    }
    let method = if comparison.key.is_some() { Method::Key } else { Method::Multiset };
    let plan = Plan { repeated: true, ..Plan::default() };
    let tally = Tally::read(&ask(comparison.tally_sql(plan)).await, method).unwrap();
    let columns = comparison.columns(&base, &head, Some(&tally));
    let changed = columns.into_iter().filter(|column| column.changed > Some(0));
    let changed: Vec<String> = changed.map(|column| column.name).collect();
    let mut examples = Vec::new();
    if let Some(sql) = comparison.duplicates_sql(samples) {
        examples.extend(comparison.examples(&ask(sql).await, &[], samples));
    }
    let kinds = [ExampleKind::Changed, ExampleKind::Added, ExampleKind::Removed];
    let mut of_rows = Vec::new();
    if let Some(sql) = comparison.samples_sql(plan, &changed, samples, &kinds) {
        of_rows = comparison.examples(&ask(sql).await, &changed, samples);
    }
    if let Some(sql) = comparison.rows_sql(plan, samples) {
        let (counted, shown) = comparison.rows(&ask(sql).await, samples).unwrap();
        assert_eq!(counted, tally, "one statement counts what two count");
        if comparison.compared().len() <= 64 {
            assert_eq!(sorted(&shown), sorted(&of_rows), "and shows what they show");
        }
    }
    let is_key = base.duplicate_keys == Some(0) && base.null_keys == Some(0);
    for bits in [1, 4] {
        let plan = Plan { buckets: Some(bits), ..plan };
        if is_key && comparison.can_bucket() {
            let sql = comparison.rows_sql(plan, samples).unwrap();
            let (counted, shown) = comparison.rows(&ask(sql).await, samples).unwrap();
            assert_eq!(counted, tally, "{bits} bits of buckets count what the join counts");
            if comparison.compared().len() <= 64 {
                assert_eq!(sorted(&shown), sorted(&of_rows), "and show what it shows");
            }
            let probe = ask(comparison.probe_sql(plan).unwrap()).await;
            assert!(probe.rows[0][1].int() <= Some(1 << bits));
        }
    }
    for pair in comparison.compared() {
        let mut facts = belay_diff::Facts::default();
        facts.read(&ask(comparison.facts_sql(&pair, None)).await, None).unwrap();
        let shift = facts.shift.unwrap_or_default();
        assert!((0.0..=1.000_001).contains(&shift), "{pair:?}: {facts:?}");
    }
    let whole = course(session, &comparison, samples).await;
    if is_key || comparison.key.is_none() {
        assert_eq!(whole.tally, tally, "the course of questions comes to the same");
        assert_eq!(whole.comparison.key, comparison.key);
    }
    examples.extend(of_rows);
    Outcome { profiles: (base, head), tally, examples, comparison, answers }
}

async fn course(
    session: &impl Engine,
    comparison: &Comparison,
    samples: Samples,
) -> belay_diff::Outcome {
    let course = Course {
        candidates: comparison.key.clone().into_iter().collect(),
        comparison: comparison.clone(),
        samples,
        limits: Limits::default(),
    };
    let mut ask = async |_: &'static str, sql: String| {
        Ok::<_, AnswerError>(
            session.ask(&sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}")),
        )
    };
    course::run(course, &mut ask).await.unwrap()
}

fn sorted(examples: &[Example]) -> Vec<String> {
    let mut all: Vec<String> = examples.iter().map(|example| format!("{example:?}")).collect();
    all.sort();
    all
}

impl Outcome {
    fn in_words(&self) -> String {
        let (base, head) = &self.profiles;
        let mut out = format!("rows {} → {}", base.rows, head.rows);
        for (what, base, head) in [
            ("duplicate keys", base.duplicate_keys, head.duplicate_keys),
            ("extra rows", base.extra_rows, head.extra_rows),
            ("NULL keys", base.null_keys, head.null_keys),
        ] {
            if base > Some(0) || head > Some(0) {
                write!(out, ", {what} {} → {}", base.unwrap(), head.unwrap()).unwrap();
            }
        }
        write!(out, "\nadded {}, removed {}", self.tally.added, self.tally.removed).unwrap();
        if let Some(matching) = &self.tally.matching {
            write!(out, ", changed {} of {}", matching.changed, matching.matched).unwrap();
        }
        for column in self.comparison.columns(base, head, Some(&self.tally)) {
            write!(out, "\n{} {}:", column.name, column.change.as_str()).unwrap();
            for (what, base, head) in [
                ("type", column.type_base, column.type_head),
                ("nulls", column.nulls_base.map(text), column.nulls_head.map(text)),
                ("sum", column.sum_base.map(number), column.sum_head.map(number)),
            ] {
                let show =
                    what != "nulls" || [&base, &head].iter().any(|n| **n != Some("0".into()));
                match (base, head) {
                    (Some(base), Some(head)) if base == head && show => {
                        write!(out, " {what} {base}").unwrap();
                    }
                    (None, None) => (),
                    (base, head) if show => {
                        write!(out, " {what} {} → {}", or_none(base), or_none(head)).unwrap();
                    }
                    _ => (),
                }
            }
            if let (Some(changed), Some(compared)) = (column.changed, column.compared) {
                write!(out, " changed {changed} of {compared}").unwrap();
            }
        }
        for example in &self.examples {
            let key = example
                .key
                .iter()
                .map(|(name, value)| format!(" {name}={}", shown(value.as_deref())));
            write!(out, "\n{}{}", example.kind.as_str(), key.collect::<String>()).unwrap();
            if let Some(times) = example.times {
                write!(out, " {times} times").unwrap();
            }
            for (name, base, head) in &example.values {
                let value = match example.kind {
                    ExampleKind::Added => format!("→ {}", shown(head.as_deref())),
                    ExampleKind::Removed => format!("{} →", shown(base.as_deref())),
                    _ => format!("{} → {}", shown(base.as_deref()), shown(head.as_deref())),
                };
                write!(out, "; {name}: {value}").unwrap();
            }
        }
        out
    }

    /// Every cell of every answer, in words.
    fn cells(&self) -> String {
        format!("{:?}", self.answers)
    }
}

fn text(value: impl ToString) -> String {
    value.to_string()
}

fn number(value: f64) -> String {
    if value.is_finite() && value.abs() >= 1e15 { format!("{value:e}") } else { value.to_string() }
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

fn shown(value: Option<&str>) -> &str {
    value.unwrap_or("NULL")
}

const ORDERS: &str = "id INT, amount INT, note TEXT";

#[tokio::test]
async fn equal_tables_have_no_differences() {
    let orders = [ORDERS, "(1, 10, 'a'), (2, NULL, 'b'), (3, 30, NULL)"];
    Case::new(&["id"], orders, orders)
        .check(expect![[r#"
        rows 3 → 3
        added 0, removed 0, changed 0 of 3
        id same: type INTEGER sum 6
        amount same: type INTEGER nulls 1 sum 40 changed 0 of 3
        note same: type VARCHAR nulls 1 changed 0 of 3"#]])
        .await;
    Case::new(&[], orders, orders)
        .check(expect![[r#"
        rows 3 → 3
        added 0, removed 0
        id same: type INTEGER sum 6
        amount same: type INTEGER nulls 1 sum 40
        note same: type VARCHAR nulls 1"#]])
        .await;
}

#[tokio::test]
async fn the_order_of_rows_and_columns_makes_no_difference() {
    Case::new(
        &["id"],
        [ORDERS, "(1, 10, 'a'), (2, 20, 'b')"],
        ["note TEXT, id INT, amount INT", "('b', 2, 20), ('a', 1, 10)"],
    )
    .check(expect![[r#"
        rows 2 → 2
        added 0, removed 0, changed 0 of 2
        note same: type VARCHAR changed 0 of 2
        id same: type INTEGER sum 3
        amount same: type INTEGER sum 30 changed 0 of 2"#]])
    .await;
}

#[tokio::test]
async fn changed_values_are_counted_by_column_and_null_is_a_value() {
    Case::new(
        &["id"],
        [ORDERS, "(1, 10, 'a'), (2, NULL, 'b'), (3, 30, NULL), (4, NULL, NULL)"],
        [ORDERS, "(1, 11, 'a'), (2, 20, 'B'), (3, NULL, NULL), (4, NULL, NULL)"],
    )
    .check(expect![[r#"
        rows 4 → 4
        added 0, removed 0, changed 3 of 4
        id same: type INTEGER sum 10
        amount same: type INTEGER nulls 2 sum 40 → 31 changed 3 of 4
        note same: type VARCHAR nulls 2 changed 1 of 4
        changed id=1; amount: 10 → 11
        changed id=2; amount: NULL → 20; note: b → B
        changed id=3; amount: 30 → NULL"#]])
    .await;
}

#[tokio::test]
async fn added_and_removed_rows_are_told_from_changed_ones() {
    Case::new(
        &["id"],
        [ORDERS, "(1, 10, 'a'), (2, 20, 'b')"],
        [ORDERS, "(2, 20, 'b'), (3, 30, 'c'), (4, NULL, NULL)"],
    )
    .check(expect![[r#"
        rows 2 → 3
        added 2, removed 1, changed 0 of 1
        id same: type INTEGER sum 3 → 9
        amount same: type INTEGER nulls 0 → 1 sum 30 → 50 changed 0 of 1
        note same: type VARCHAR nulls 0 → 1 changed 0 of 1
        added id=3; amount: → 30; note: → c
        added id=4; amount: → NULL; note: → NULL
        removed id=1; amount: 10 →; note: a →"#]])
    .await;
}

#[tokio::test]
async fn a_key_of_several_columns_matches_on_all_of_them() {
    let columns = "day DATE, shop TEXT, sales INT";
    Case::new(
        &["day", "shop"],
        [columns, "('2024-01-01', 'a', 1), ('2024-01-01', 'b', 2), ('2024-01-02', 'a', 3)"],
        [columns, "('2024-01-01', 'a', 1), ('2024-01-01', 'b', 9), ('2024-01-02', 'b', 3)"],
    )
    .check(expect![[r#"
        rows 3 → 3
        added 1, removed 1, changed 1 of 2
        day same: type DATE
        shop same: type VARCHAR
        sales same: type INTEGER sum 6 → 13 changed 1 of 2
        changed day=2024-01-01 shop=b; sales: 2 → 9
        added day=2024-01-02 shop=b; sales: → 3
        removed day=2024-01-02 shop=a; sales: 3 →"#]])
    .await;
}

#[tokio::test]
async fn rows_without_a_whole_key_are_counted_apart() {
    let columns = "a INT, b INT, n INT";
    Case::new(
        &["a", "b"],
        [columns, "(1, 1, 1), (NULL, 1, 2), (NULL, NULL, 3)"],
        [columns, "(1, 1, 1), (NULL, 1, 9), (2, NULL, 9), (2, NULL, 9)"],
    )
    .check(expect![[r#"
        rows 3 → 4, NULL keys 2 → 3
        added 0, removed 0, changed 0 of 1
        a same: type INTEGER nulls 2 → 1 sum 1 → 5
        b same: type INTEGER nulls 1 → 2 sum 2
        n same: type INTEGER sum 6 → 28 changed 0 of 1"#]])
    .await;
}

#[tokio::test]
async fn a_key_that_only_head_repeats_is_a_finding_and_not_a_change() {
    Case::new(
        &["id"],
        [ORDERS, "(1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c')"],
        [
            ORDERS,
            "(1, 10, 'a'), (1, 11, 'a'), (1, 12, 'a'), (2, 20, 'b'), (2, 20, 'b'), (3, 31, 'c')",
        ],
    )
    .check(expect![[r#"
        rows 3 → 6, duplicate keys 0 → 2, extra rows 0 → 3
        added 0, removed 0, changed 1 of 1
        id same: type INTEGER sum 6 → 10
        amount same: type INTEGER sum 60 → 104 changed 1 of 1
        note same: type VARCHAR changed 0 of 1
        duplicated id=1 3 times
        duplicated id=2 2 times
        changed id=3; amount: 30 → 31"#]])
    .await;
}

#[tokio::test]
async fn keys_that_either_side_repeats_are_left_out_of_the_match() {
    Case::new(
        &["id"],
        [ORDERS, "(1, 10, 'a'), (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c'), (3, 30, 'c')"],
        [ORDERS, "(1, 10, 'a'), (2, 21, 'b'), (2, 22, 'b'), (4, 40, 'd')"],
    )
    .check(expect![[r#"
        rows 5 → 4, duplicate keys 2 → 1, extra rows 2 → 1
        added 1, removed 0, changed 0 of 0
        id same: type INTEGER sum 10 → 9
        amount same: type INTEGER sum 100 → 93 changed 0 of 0
        note same: type VARCHAR changed 0 of 0
        duplicated id=2 2 times
        added id=4; amount: → 40; note: → d"#]])
    .await;
}

#[tokio::test]
async fn without_a_key_rows_are_counted_as_often_as_they_stand() {
    Case::new(
        &[],
        [ORDERS, "(1, 10, 'a'), (1, 10, 'a'), (2, NULL, NULL), (3, 30, 'c')"],
        [ORDERS, "(1, 10, 'a'), (2, NULL, NULL), (2, NULL, NULL), (3, 31, 'c')"],
    )
    .check(expect![[r#"
        rows 4 → 4
        added 2, removed 2
        id same: type INTEGER sum 7 → 8
        amount same: type INTEGER nulls 1 → 2 sum 50 → 41
        note same: type VARCHAR nulls 1 → 2"#]])
    .await;
}

#[tokio::test]
async fn an_empty_side_is_all_added_or_all_removed() {
    let full = [ORDERS, "(1, 10, 'a'), (2, 20, NULL)"];
    let empty = [ORDERS, ""];
    Case::new(&["id"], full, empty)
        .check(expect![[r#"
        rows 2 → 0
        added 0, removed 2, changed 0 of 0
        id same: type INTEGER sum 3 → –
        amount same: type INTEGER sum 30 → – changed 0 of 0
        note same: type VARCHAR nulls 1 → 0 changed 0 of 0
        removed id=1; amount: 10 →; note: a →
        removed id=2; amount: 20 →; note: NULL →"#]])
        .await;
    Case::new(&["id"], empty, full)
        .check(expect![[r#"
        rows 0 → 2
        added 2, removed 0, changed 0 of 0
        id same: type INTEGER sum – → 3
        amount same: type INTEGER sum – → 30 changed 0 of 0
        note same: type VARCHAR nulls 0 → 1 changed 0 of 0
        added id=1; amount: → 10; note: → a
        added id=2; amount: → 20; note: → NULL"#]])
        .await;
    Case::new(&["id"], empty, empty)
        .check(expect![[r#"
        rows 0 → 0
        added 0, removed 0, changed 0 of 0
        id same: type INTEGER
        amount same: type INTEGER changed 0 of 0
        note same: type VARCHAR changed 0 of 0"#]])
        .await;
    Case::new(&[], full, empty)
        .check(expect![[r#"
        rows 2 → 0
        added 0, removed 2
        id same: type INTEGER sum 3 → –
        amount same: type INTEGER sum 30 → –
        note same: type VARCHAR nulls 1 → 0"#]])
        .await;
    Case::new(&[], empty, empty)
        .check(expect![[r#"
        rows 0 → 0
        added 0, removed 0
        id same: type INTEGER
        amount same: type INTEGER
        note same: type VARCHAR"#]])
        .await;
}

#[tokio::test]
async fn columns_that_only_one_side_has_are_named_and_not_compared() {
    let (base, head) = (
        ["id INT, gone INT, kept INT", "(1, 5, 7), (2, NULL, 8)"],
        ["id INT, kept INT, fresh INT", "(1, 7, NULL), (2, 9, 4)"],
    );
    Case::new(&["id"], base, head)
        .check(expect![[r#"
        rows 2 → 2
        added 0, removed 0, changed 1 of 2
        id same: type INTEGER sum 3
        kept same: type INTEGER sum 15 → 16 changed 1 of 2
        fresh added: type – → INTEGER nulls – → 1 sum – → 4
        gone removed: type INTEGER → – nulls 1 → – sum 5 → –
        changed id=2; kept: 8 → 9"#]])
        .await;
    Case::new(&[], base, head)
        .check(expect![[r#"
        rows 2 → 2
        added 1, removed 1
        id same: type INTEGER sum 3
        kept same: type INTEGER sum 15 → 16
        fresh added: type – → INTEGER nulls – → 1 sum – → 4
        gone removed: type INTEGER → – nulls 1 → – sum 5 → –"#]])
        .await;
}

#[tokio::test]
async fn tables_without_a_shared_column_compare_by_the_number_of_rows() {
    Case::new(&[], ["a INT", "(1), (2), (3)"], ["b INT", "(1)"])
        .check(expect![[r#"
        rows 3 → 1
        added 0, removed 2
        b added: type – → INTEGER nulls – → 0 sum – → 1
        a removed: type INTEGER → – nulls 0 → – sum 6 → –"#]])
        .await;
}

#[tokio::test]
async fn tables_that_are_nothing_but_a_key_compare_by_key() {
    Case::new(&["a", "b"], ["a INT, b INT", "(1, 1), (2, 2)"], ["a INT, b INT", "(2, 2), (3, 3)"])
        .check(expect![[r#"
            rows 2 → 2
            added 1, removed 1, changed 0 of 1
            a same: type INTEGER sum 3 → 5
            b same: type INTEGER sum 3 → 5
            added a=3 b=3
            removed a=1 b=1"#]])
        .await;
}

#[tokio::test]
async fn ignored_columns_are_not_compared() {
    let columns = "id INT, Loaded_At INT, n INT";
    Case::new(&["id"], [columns, "(1, 5, 1)"], [columns, "(1, 6, 1)"])
        .ignoring(&["loaded_at"])
        .check(expect![[r#"
            rows 1 → 1
            added 0, removed 0, changed 0 of 1
            id same: type INTEGER sum 1
            Loaded_At same: type INTEGER sum 5 → 6
            n same: type INTEGER sum 1 changed 0 of 1"#]])
        .await;
}

#[tokio::test]
async fn a_wider_number_is_retyped_and_equal() {
    let rows = "(1, 10), (2, NULL), (3, 30)";
    let place = Place::new();
    let session = place.open(Database::new_file(&place.file())).await;
    for wider in ["BIGINT", "HUGEINT", "DECIMAL(18, 3)", "DOUBLE", "FLOAT", "UINTEGER"] {
        let head = format!("id INT, n {wider}");
        for key in [&["id"][..], &[]] {
            let case = Case::new(key, ["id INT, n INT", rows], [&head, rows]);
            let outcome = case.run(&session).await;
            let words = outcome.in_words();
            assert!(words.contains("n retyped: type INTEGER → "), "{words}");
            assert_eq!((outcome.tally.added, outcome.tally.removed), (0, 0), "{words}");
            assert!(outcome.tally.matching.is_none_or(|m| m.changed == 0), "{words}");
        }
    }
}

#[tokio::test]
async fn a_number_that_became_text_is_compared_as_text() {
    let (base, head) = (
        ["id INT, n INT", "(1, 10), (2, 20), (3, NULL), (4, 40)"],
        ["id INT, n TEXT", "(1, '10'), (2, 'twenty'), (3, NULL), (4, '040')"],
    );
    Case::new(&["id"], base, head)
        .check(expect![[r#"
        rows 4 → 4
        added 0, removed 0, changed 2 of 4
        id same: type INTEGER sum 10
        n retyped: type INTEGER → VARCHAR nulls 1 sum 70 → – changed 2 of 4
        changed id=2; n: 20 → twenty
        changed id=4; n: 40 → 040"#]])
        .await;
    Case::new(&[], base, head)
        .check(expect![[r#"
        rows 4 → 4
        added 2, removed 2
        id same: type INTEGER sum 10
        n retyped: type INTEGER → VARCHAR nulls 1 sum 70 → –"#]])
        .await;
}

#[tokio::test]
async fn text_that_became_a_date_is_compared_as_text() {
    Case::new(
        &["id"],
        ["id INT, d TEXT", "(1, '2024-01-01'), (2, 'soon'), (3, '2024-1-3'), (4, NULL)"],
        ["id INT, d DATE", "(1, '2024-01-01'), (2, NULL), (3, '2024-01-03'), (4, NULL)"],
    )
    .check(expect![[r#"
        rows 4 → 4
        added 0, removed 0, changed 2 of 4
        id same: type INTEGER sum 10
        d retyped: type VARCHAR → DATE nulls 1 → 2 changed 2 of 4
        changed id=2; d: soon → NULL
        changed id=3; d: 2024-1-3 → 2024-01-03"#]])
    .await;
}

#[tokio::test]
async fn a_key_that_changed_its_type_still_matches() {
    let text = ["id TEXT, n INT", "('1', 1), ('2', 2), ('x', 3)"];
    let number = ["id INT, n INT", "(1, 1), (2, 9), (4, 4)"];
    Case::new(&["id"], number, text)
        .check(expect![[r#"
        rows 3 → 3
        added 1, removed 1, changed 1 of 2
        id retyped: type INTEGER → VARCHAR sum 7 → –
        n same: type INTEGER sum 14 → 6 changed 1 of 2
        changed id=2; n: 9 → 2
        added id=x; n: → 3
        removed id=4; n: 4 →"#]])
        .await;
    Case::new(&["id"], text, number)
        .check(expect![[r#"
        rows 3 → 3
        added 1, removed 1, changed 1 of 2
        id retyped: type VARCHAR → INTEGER sum – → 7
        n same: type INTEGER sum 6 → 14 changed 1 of 2
        changed id=2; n: 2 → 9
        added id=4; n: → 4
        removed id=x; n: 3 →"#]])
        .await;
    let wide = ["id BIGINT, n INT", "(1, 1), (2, 9), (9000000000, 4)"];
    Case::new(&["id"], number, wide)
        .check(expect![[r#"
        rows 3 → 3
        added 1, removed 1, changed 0 of 2
        id retyped: type INTEGER → BIGINT sum 7 → 9000000003
        n same: type INTEGER sum 14 changed 0 of 2
        added id=9000000000; n: → 4
        removed id=4; n: 4 →"#]])
        .await;
}

#[tokio::test]
async fn floats_within_the_tolerance_are_equal() {
    let columns = "id INT, f DOUBLE";
    Case::new(
        &["id"],
        [columns, "(1, 0.3), (2, 1e300), (3, 0), (4, 100), (5, -5), (6, 1e-300), (7, NULL), (8, 1e308)"],
        [columns, "(1, 0.1 + 0.2), (2, 1.0000000001e300), (3, -0.0), (4, 100.0001), (5, 5), (6, 2e-300), (7, 0), (8, -1e308)"],
    )
    .check(expect![[r#"
        rows 8 → 8
        added 0, removed 0, changed 5 of 8
        id same: type INTEGER sum 36
        f same: type DOUBLE nulls 1 → 0 sum 1.00000001e308 → -9.9999999e307 changed 5 of 8
        changed id=4; f: 100.0 → 100.0001
        changed id=5; f: -5.0 → 5.0
        changed id=6; f: 1e-300 → 2e-300"#]])
    .await;
}

#[tokio::test]
async fn a_float_that_became_a_double_is_equal_within_single_precision() {
    Case::new(
        &["id"],
        ["id INT, f FLOAT", "(1, 0.1), (2, 0.5)"],
        ["id INT, f DOUBLE", "(1, 0.1), (2, 0.5)"],
    )
    .check(expect![[r#"
        rows 2 → 2
        added 0, removed 0, changed 0 of 2
        id same: type INTEGER sum 3
        f retyped: type FLOAT → DOUBLE sum 0.6000000014901161 → 0.6 changed 0 of 2"#]])
    .await;
}

#[tokio::test]
async fn nan_and_the_infinities_equal_themselves_only() {
    let columns = "id INT, f DOUBLE, g FLOAT";
    let row = |id: i32, value: &str| format!("({id}, '{value}', '{value}')");
    let base =
        [row(1, "nan"), row(2, "inf"), row(3, "-inf"), row(4, "nan"), row(5, "inf"), row(6, "1")];
    let head =
        [row(1, "nan"), row(2, "inf"), row(3, "-inf"), row(4, "0"), row(5, "-inf"), row(6, "nan")];
    Case::new(&["id"], [columns, &base.join(", ")], [columns, &head.join(", ")])
        .check(expect![[r#"
            rows 6 → 6
            added 0, removed 0, changed 3 of 6
            id same: type INTEGER sum 21
            f same: type DOUBLE sum NaN changed 3 of 6
            g same: type FLOAT sum NaN changed 3 of 6
            changed id=4; f: nan → 0.0; g: nan → 0.0
            changed id=5; f: inf → -inf; g: inf → -inf
            changed id=6; f: 1.0 → nan; g: 1.0 → nan"#]])
        .await;
}

#[tokio::test]
async fn infinities_do_not_fail_the_sums() {
    let columns = "id INT, f DOUBLE, g FLOAT";
    Case::new(
        &["id"],
        [columns, "(1, 'inf', 'inf'), (2, '-inf', 'nan')"],
        [columns, "(1, 1e308, 3e38), (2, 1e308, 3e38), (3, 1e308, 3e38)"],
    )
    .check(expect![[r#"
        rows 2 → 3
        added 1, removed 0, changed 2 of 2
        id same: type INTEGER sum 3 → 6
        f same: type DOUBLE sum NaN → inf changed 2 of 2
        g same: type FLOAT sum NaN → 9.000000016493267e38 changed 2 of 2
        changed id=1; f: inf → 1e+308; g: inf → 3e+38
        changed id=2; f: -inf → 1e+308; g: nan → 3e+38
        added id=3; f: → 1e+308; g: → 3e+38"#]])
    .await;
}

#[tokio::test]
async fn the_least_numbers_of_a_type_can_be_compared_with_floats() {
    Case::new(
        &["id"],
        [
            "id INT, a TINYINT, b SMALLINT, c INT, d BIGINT, e HUGEINT",
            "(1, -128, -32768, -2147483648, -9223372036854775808, -170141183460469231731687303715884105728)",
        ],
        [
            "id INT, a DOUBLE, b FLOAT, c DOUBLE, d DOUBLE, e DOUBLE",
            "(1, -128, -32768, -2147483648, -9223372036854775808, -170141183460469231731687303715884105728)",
        ],
    )
    .check(expect![[r#"
        rows 1 → 1
        added 0, removed 0, changed 0 of 1
        id same: type INTEGER sum 1
        a retyped: type TINYINT → DOUBLE sum -128 changed 0 of 1
        b retyped: type SMALLINT → FLOAT sum -32768 changed 0 of 1
        c retyped: type INTEGER → DOUBLE sum -2147483648 changed 0 of 1
        d retyped: type BIGINT → DOUBLE sum -9.223372036854776e18 changed 0 of 1
        e retyped: type HUGEINT → DOUBLE sum -1.7014118346046923e38 changed 0 of 1"#]])
    .await;
}

#[tokio::test]
async fn integers_without_a_sign_can_be_compared_with_floats() {
    Case::new(
        &["id"],
        [
            "id INT, a UTINYINT, b UBIGINT, c UHUGEINT",
            "(1, 1, 18446744073709551615, 5), (2, 2, 2, 2)",
        ],
        ["id INT, a DOUBLE, b DOUBLE, c DOUBLE", "(1, 2, 18446744073709551615, 5), (2, 1, 3, -2)"],
    )
    .check(expect![[r#"
        rows 2 → 2
        added 0, removed 0, changed 2 of 2
        id same: type INTEGER sum 3
        a retyped: type UTINYINT → DOUBLE sum 3 changed 2 of 2
        b retyped: type UBIGINT → DOUBLE sum 1.8446744073709552e19 changed 1 of 2
        c retyped: type UHUGEINT → DOUBLE sum 7 → 3 changed 1 of 2
        changed id=1; a: 1 → 2.0
        changed id=2; a: 2 → 1.0; b: 2 → 3.0; c: 2 → -2.0"#]])
    .await;
}

#[tokio::test]
async fn huge_sums_do_not_fail_the_profile() {
    let most = "170141183460469231731687303715884105727";
    let nines = "9".repeat(38);
    let unsigned = u128::MAX;
    let rows = format!(
        "(1, {most}, {nines}, {nines}::DECIMAL(38, 0) / 1, {unsigned}, 9223372036854775807, 18446744073709551615), \
         (2, {most}, {nines}, 1, {unsigned}, 9223372036854775807, 18446744073709551615)"
    );
    let columns = "id INT, h HUGEINT, d DECIMAL(38, 0), f DOUBLE, u UHUGEINT, b BIGINT, ub UBIGINT";
    Case::new(&["id"], [columns, &rows], [columns, ""]).check(expect![[r#"
        rows 2 → 0
        added 0, removed 2, changed 0 of 0
        id same: type INTEGER sum 3 → –
        h same: type HUGEINT sum 3.402823669209385e38 → – changed 0 of 0
        d same: type DECIMAL(38,0) sum 2e38 → – changed 0 of 0
        f same: type DOUBLE sum 1e38 → – changed 0 of 0
        u same: type UHUGEINT sum 6.80564733841877e38 → – changed 0 of 0
        b same: type BIGINT sum 1.8446744073709552e19 → – changed 0 of 0
        ub same: type UBIGINT sum 3.6893488147419103e19 → – changed 0 of 0
        removed id=1; h: 170141183460469231731687303715884105727 →; d: 99999999999999999999999999999999999999 →; f: 1e+38 →; u: 340282366920938463463374607431768211455 →; b: 9223372036854775807 →; ub: 18446744073709551615 →
        removed id=2; h: 170141183460469231731687303715884105727 →; d: 99999999999999999999999999999999999999 →; f: 1.0 →; u: 340282366920938463463374607431768211455 →; b: 9223372036854775807 →; ub: 18446744073709551615 →"#]]).await;
}

#[tokio::test]
async fn decimals_of_another_scale_are_compared_as_numbers() {
    let (base, head) = (
        [
            "id INT, d DECIMAL(18, 2), e DECIMAL(38, 30)",
            "(1, 1.50, 1.5), (2, 2.25, 1), (3, NULL, 2)",
        ],
        ["id INT, d DECIMAL(10, 4), e DECIMAL(38, 0)", "(1, 1.5, 2), (2, 2.2501, 1), (3, 0, 2)"],
    );
    Case::new(&["id"], base, head)
        .check(expect![[r#"
        rows 3 → 3
        added 0, removed 0, changed 3 of 3
        id same: type INTEGER sum 6
        d retyped: type DECIMAL(18,2) → DECIMAL(10,4) nulls 1 → 0 sum 3.75 → 3.7501 changed 2 of 3
        e retyped: type DECIMAL(38,30) → DECIMAL(38,0) sum 4.5 → 5 changed 1 of 3
        changed id=1; e: 1.500000000000000000000000000000 → 2
        changed id=2; d: 2.25 → 2.2501
        changed id=3; d: NULL → 0.0000"#]])
        .await;
    Case::new(&[], base, head)
        .check(expect![[r#"
            rows 3 → 3
            added 3, removed 3
            id same: type INTEGER sum 6
            d retyped: type DECIMAL(18,2) → DECIMAL(10,4) nulls 1 → 0 sum 3.75 → 3.7501
            e retyped: type DECIMAL(38,30) → DECIMAL(38,0) sum 4.5 → 5"#]])
        .await;
}

/// DuckDB would cast both to `DECIMAL(38,30)`, which such a number overflows.
#[tokio::test]
async fn numbers_that_no_common_decimal_holds_are_compared_by_their_digits() {
    Case::new(
        &["id"],
        ["id INT, n BIGINT", "(1, 9223372036854775807), (2, 7), (3, 70)"],
        ["id INT, n DECIMAL(38, 30)", "(1, 1.5), (2, 7), (3, 70)"],
    )
    .check(expect![[r#"
        rows 3 → 3
        added 0, removed 0, changed 1 of 3
        id same: type INTEGER sum 6
        n retyped: type BIGINT → DECIMAL(38,30) sum 9.223372036854776e18 → 78.5 changed 1 of 3
        changed id=1; n: 9223372036854775807 → 1.500000000000000000000000000000"#]])
    .await;
}

#[tokio::test]
async fn a_date_that_became_a_moment_is_compared_as_a_moment() {
    let place = Place::new();
    let session = place.open(Database::new_file(&place.file())).await;
    for (moment, zone) in [("TIMESTAMP", ""), ("TIMESTAMPTZ", "+00")] {
        let columns = format!("id {moment}, d {moment}");
        let rows = format!(
            "('2024-01-01 00:00:00{zone}', '2024-01-01 00:00:00{zone}'), \
             ('2024-01-02 00:00:00{zone}', '2024-01-02 01:00:00{zone}'), \
             ('2024-01-03 00:00:00{zone}', NULL)"
        );
        let base =
            "('2024-01-01', '2024-01-01'), ('2024-01-02', '2024-01-02'), ('2024-01-03', NULL)";
        let base = ["id DATE, d DATE", base];
        for key in [&["id"][..], &[]] {
            let tally = Case::new(key, base, [&columns, &rows]).run(&session).await.tally;
            let expected = tally.matching.as_ref().map_or((1, 1), |_| (0, 0));
            assert_eq!((tally.added, tally.removed), expected, "{moment}");
            assert!(tally.matching.is_none_or(|m| (m.matched, m.changed) == (3, 1)), "{moment}");
        }
    }
}

#[tokio::test]
async fn moments_dates_and_booleans_are_compared_and_shown() {
    let columns =
        "id INT, moment TIMESTAMP, tz TIMESTAMPTZ, day DATE, time TIME, span INTERVAL, yes BOOLEAN";
    let row = |id: i32, at: &str, day: &str, yes: &str| {
        format!("({id}, '{at}', '{at}+00', '{day}', '12:00:00', INTERVAL 1 DAY, {yes})")
    };
    let base = [
        row(1, "2024-01-01 00:00:00", "2024-01-01", "true"),
        row(2, "2024-01-01 00:00:00", "infinity", "NULL"),
    ];
    let head = [
        row(1, "2024-01-01 00:00:00.000001", "2024-01-02", "false"),
        row(2, "2024-01-01 00:00:00", "infinity", "NULL"),
    ];
    Case::new(&["id"], [columns, &base.join(", ")], [columns, &head.join(", ")])
        .check(expect![[r#"
            rows 2 → 2
            added 0, removed 0, changed 1 of 2
            id same: type INTEGER sum 3
            moment same: type TIMESTAMP changed 1 of 2
            tz same: type TIMESTAMP WITH TIME ZONE changed 1 of 2
            day same: type DATE changed 1 of 2
            time same: type TIME changed 0 of 2
            span same: type INTERVAL changed 0 of 2
            yes same: type BOOLEAN nulls 1 changed 1 of 2
            changed id=1; moment: 2024-01-01 00:00:00 → 2024-01-01 00:00:00.000001; tz: 2024-01-01 00:00:00+00 → 2024-01-01 00:00:00.000001+00; day: 2024-01-01 → 2024-01-02; yes: true → false"#]])
        .await;
}

#[tokio::test]
async fn nested_and_odd_types_are_compared_and_shown() {
    let columns = "id INT, l INT[], s STRUCT(a INT, b TEXT), m MAP(TEXT, INT), j JSON, b BLOB,
                   u UUID, e ENUM('x', 'y'), bits BIT, dl DECIMAL(18, 2)[], fa FLOAT[3], un UNION(n INT, t TEXT)";
    let uuid = "'00000000-0000-0000-0000-00000000000";
    let row = |id: i32, n: i32, e: &str| {
        format!(
            "({id}, [{n}, NULL], {{'a': {n}, 'b': 'z'}}, MAP {{'k': {n}}}, '{{\"a\": {n}}}', '\\x0{n}', \
             {uuid}{n}', '{e}', '10{n}', [{n}.5], [{n}, 2, 3], {n})"
        )
    };
    let empty = "(3, [], NULL, MAP {}, 'null', '', NULL, NULL, NULL, [NULL], NULL, 'word')";
    let base = [row(1, 1, "x"), row(2, 1, "x"), empty.to_owned()];
    let head = [row(1, 0, "y"), row(2, 1, "x"), empty.to_owned()];
    let (base, head) = (base.join(", "), head.join(", "));
    Case::new(&["id"], [columns, &base], [columns, &head]).check(expect![[r#"
        rows 3 → 3
        added 0, removed 0, changed 1 of 3
        id same: type INTEGER sum 6
        l same: type INTEGER[] changed 1 of 3
        s same: type STRUCT(a INTEGER, b VARCHAR) nulls 1 changed 1 of 3
        m same: type MAP(VARCHAR, INTEGER) changed 1 of 3
        j same: type JSON changed 1 of 3
        b same: type BLOB changed 1 of 3
        u same: type UUID nulls 1 changed 1 of 3
        e same: type ENUM('x', 'y') nulls 1 changed 1 of 3
        bits same: type BIT nulls 1 changed 1 of 3
        dl same: type DECIMAL(18,2)[] changed 1 of 3
        fa same: type FLOAT[3] nulls 1 changed 1 of 3
        un same: type UNION(n INTEGER, t VARCHAR) changed 1 of 3
        changed id=1; l: [1, NULL] → [0, NULL]; s: {'a': 1, 'b': z} → {'a': 0, 'b': z}; m: {k=1} → {k=0}; j: {"a": 1} → {"a": 0}; b: \x01 → \x00; u: 00000000-0000-0000-0000-000000000001 → 00000000-0000-0000-0000-000000000000"#]]).await;
    Case::new(&[], [columns, &base], [columns, &head])
        .check(expect![[r#"
        rows 3 → 3
        added 1, removed 1
        id same: type INTEGER sum 6
        l same: type INTEGER[]
        s same: type STRUCT(a INTEGER, b VARCHAR) nulls 1
        m same: type MAP(VARCHAR, INTEGER)
        j same: type JSON
        b same: type BLOB
        u same: type UUID nulls 1
        e same: type ENUM('x', 'y') nulls 1
        bits same: type BIT nulls 1
        dl same: type DECIMAL(18,2)[]
        fa same: type FLOAT[3] nulls 1
        un same: type UNION(n INTEGER, t VARCHAR)"#]])
        .await;
}

#[tokio::test]
async fn nested_types_and_text_can_be_keys() {
    let columns = "l INT[], t TEXT, n INT";
    Case::new(
        &["l", "t"],
        [columns, "([1], 'ä', 1), ([2], '', 2), ([], 'c', 3)"],
        [columns, "([1], 'ä', 1), ([2], '', 3), ([], 'C', 3)"],
    )
    .check(expect![[r#"
        rows 3 → 3
        added 1, removed 1, changed 1 of 2
        l same: type INTEGER[]
        t same: type VARCHAR
        n same: type INTEGER sum 6 → 7 changed 1 of 2
        changed l=[2] t=; n: 2 → 3
        added l=[] t=C; n: → 3
        removed l=[] t=c; n: 3 →"#]])
    .await;
}

#[tokio::test]
async fn names_differ_in_case_only_and_are_the_same() {
    Case::new(&["ID"], ["Id INT, Amount INT", "(1, 1)"], ["iD INT, AMOUNT INT", "(1, 2)"])
        .check(expect![[r#"
            rows 1 → 1
            added 0, removed 0, changed 1 of 1
            iD same: type INTEGER sum 1
            AMOUNT same: type INTEGER sum 1 → 2 changed 1 of 1
            changed ID=1; AMOUNT: 1 → 2"#]])
        .await;
}

#[tokio::test]
async fn names_with_quotes_spaces_dots_and_unicode_are_names() {
    let columns =
        r#""the ""key""" INT, "a.b" INT, "it's" INT, "größe 🦆" INT, "x y" INT, "%s {0}" INT"#;
    Case::new(
        &[r#"the "key""#],
        [columns, "(1, 1, 1, 1, 1, 1), (2, 1, 1, 1, 1, 1)"],
        [columns, "(1, 2, 3, 4, 5, 6), (3, 1, 1, 1, 1, 1)"],
    )
    .check(expect![[r#"
        rows 2 → 2
        added 1, removed 1, changed 1 of 1
        the "key" same: type INTEGER sum 3 → 4
        a.b same: type INTEGER sum 2 → 3 changed 1 of 1
        it's same: type INTEGER sum 2 → 4 changed 1 of 1
        größe 🦆 same: type INTEGER sum 2 → 5 changed 1 of 1
        x y same: type INTEGER sum 2 → 6 changed 1 of 1
        %s {0} same: type INTEGER sum 2 → 7 changed 1 of 1
        changed the "key"=1; a.b: 1 → 2; it's: 1 → 3; größe 🦆: 1 → 4; x y: 1 → 5; %s {0}: 1 → 6
        added the "key"=3; a.b: → 1; it's: → 1; größe 🦆: → 1; x y: → 1; %s {0}: → 1
        removed the "key"=2; a.b: 1 →; it's: 1 →; größe 🦆: 1 →; x y: 1 →; %s {0}: 1 →"#]])
    .await;
}

#[tokio::test]
async fn relations_may_have_any_name() {
    let place = Place::new();
    let path = place.path("My Shop's.duckdb");
    let session = place.open(Database::new_file(&path)).await;
    let name = |identifier: &str| RelationName {
        database: "My Shop's".to_owned(),
        schema: r#"Sch"ema. 'x'"#.to_owned(),
        identifier: identifier.to_owned(),
    };
    let (base, head) = (name(r#"Größe "1".'a'"#), name("select"));
    fill(&session, &base, "id INT, n INT", "(1, 1), (2, 2)").await;
    fill(&session, &head, "id INT, n INT", "(1, 1), (2, 3)").await;
    // dbt and the warehouse need not agree on the case of a name.
    let shouted = RelationName { identifier: "SELECT".to_owned(), ..head };
    let comparison = Comparison {
        dialect: Dialect::DuckDb,
        base: side(&session, base).await,
        head: side(&session, shouted).await,
        key: key(&["id"]),
        ignored: vec![],
        masked: vec![],
        tolerances: Tolerances::default(),
    };
    let outcome = compare(&session, comparison, Samples { each: 3, columns: 6 }).await;
    expect![[r#"
        rows 2 → 2
        added 0, removed 0, changed 1 of 2
        id same: type INTEGER sum 3
        n same: type INTEGER sum 3 → 4 changed 1 of 2
        changed id=2; n: 2 → 3"#]]
    .assert_eq(&outcome.in_words());
}

/// Words of SQL and the aliases that the statements use themselves.
const RESERVED: [&str; 28] = [
    "select",
    "from",
    "order",
    "group",
    "table",
    "b0",
    "h0",
    "b1",
    "k0",
    "k1",
    "present",
    "in_base",
    "in_head",
    "d0",
    "side",
    "rows",
    "kind",
    "s",
    "b",
    "h",
    "n",
    "times",
    "several",
    "paired",
    "matched",
    "changed",
    "duplicate_keys",
    "null_keys",
];

#[tokio::test]
async fn columns_may_be_called_what_the_statements_call_their_own() {
    let columns: String = RESERVED.iter().map(|name| format!(", \"{name}\" INT")).collect();
    let columns = format!("id INT{columns}");
    let row = |id: usize, value: usize| {
        let values = (0..RESERVED.len()).map(|at| format!(", {}", value + at));
        format!("({id}{})", values.collect::<String>())
    };
    let base = [row(1, 100), row(2, 200), row(3, 300)].join(", ");
    let head = [row(1, 100), row(2, 201), row(4, 300), row(4, 300)].join(", ");
    let outcome = Case::new(&["id"], [&columns, &base], [&columns, &head]).outcome().await;
    let matching = outcome.tally.matching.clone().unwrap();
    assert_eq!((matching.matched, matching.changed), (2, 1));
    assert_eq!(matching.columns, vec![1; RESERVED.len()]);
    assert_eq!((outcome.tally.added, outcome.tally.removed), (0, 1));
    let first = outcome.examples.iter().find(|example| example.kind == ExampleKind::Changed);
    let expected = (0..6).map(|at| {
        (RESERVED[at].to_owned(), Some((200 + at).to_string()), Some((201 + at).to_string()))
    });
    assert_eq!(first.unwrap().values, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn keys_may_be_called_what_the_statements_call_their_own() {
    let place = Place::new();
    let session = place.open(Database::new_file(&place.file())).await;
    for name in RESERVED {
        let columns = format!("\"{name}\" INT, v INT");
        let outcome = Case::new(
            &[name],
            [&columns, "(1, 1), (2, 2), (3, 3)"],
            [&columns, "(1, 1), (2, 9), (4, 4), (5, 5), (5, 5), (6, 6), (6, 6), (6, 6)"],
        )
        .run(&session)
        .await;
        let words = outcome.in_words().replace(&format!("{name}="), "id=");
        assert_eq!(
            words.replace(&format!("\n{name} same"), "\nid same"),
            "rows 3 → 8, duplicate keys 0 → 2, extra rows 0 → 3".to_owned()
                + "\nadded 1, removed 1, changed 1 of 2"
                + "\nid same: type INTEGER sum 6 → 35"
                + "\nv same: type INTEGER sum 6 → 42 changed 1 of 2"
                + "\nduplicated id=6 3 times\nduplicated id=5 2 times"
                + "\nchanged id=2; v: 2 → 9\nadded id=4; v: → 4\nremoved id=3; v: 3 →",
            "{name}"
        );
    }
}

#[tokio::test]
async fn keys_may_be_named_like_aliases_of_one_another() {
    let columns = "k1 INT, k0 INT, b0 INT";
    Case::new(
        &["k1", "k0"],
        [columns, "(1, 2, 3), (2, 1, 4)"],
        [columns, "(1, 2, 3), (2, 1, 5), (2, 2, 6)"],
    )
    .check(expect![[r#"
        rows 2 → 3
        added 1, removed 0, changed 1 of 2
        k1 same: type INTEGER sum 3 → 5
        k0 same: type INTEGER sum 3 → 5
        b0 same: type INTEGER sum 7 → 14 changed 1 of 2
        changed k1=2 k0=1; b0: 4 → 5
        added k1=2 k0=2; b0: → 6"#]])
    .await;
}

#[tokio::test]
async fn a_table_of_300_columns_is_compared_whole() {
    let columns: Vec<String> = (0..300).map(|at| format!("c{at} INT")).collect();
    let columns = format!("id INT, {}", columns.join(", "));
    let row = |id: usize, change: Option<usize>| {
        let cells = (0..300).map(|at| (at + usize::from(change == Some(at))).to_string());
        format!("({id}, {})", cells.collect::<Vec<_>>().join(", "))
    };
    let rows = |change| [row(1, change), row(2, None)].join(", ");
    let (base, head) = (rows(None), rows(Some(277)));
    let outcome = Case::new(&["id"], [&columns, &base], [&columns, &head]).outcome().await;
    let matching = outcome.tally.matching.clone().unwrap();
    assert_eq!((matching.matched, matching.changed), (2, 1));
    assert_eq!(matching.columns.iter().position(|&changed| changed == 1), Some(277));
    assert_eq!(
        outcome.examples[0].values,
        [("c277".into(), Some("277".into()), Some("278".into()))]
    );
    let outcome = Case::new(&[], [&columns, &base], [&columns, &head]).outcome().await;
    assert_eq!((outcome.tally.added, outcome.tally.removed), (1, 1));
}

#[tokio::test]
async fn masked_values_stay_in_the_warehouse_and_that_they_differ_does_not() {
    let columns = "id INT, Email TEXT, salary INT, n INT";
    let outcome = Case::new(
        &["id"],
        [columns, "(1, 'secret1', 77001, 1), (2, 'secret2', 77002, 2), (3, 'secret3', NULL, 3), (5, NULL, 77005, 1)"],
        [columns, "(1, 'secret1', 77001, 9), (2, 'secret8', 77009, 2), (4, 'secret4', 77004, 3), (5, 'secret5', NULL, 1)"],
    )
    .masking(&["email", "salary"])
    .outcome()
    .await;
    expect![[r#"
        rows 4 → 4
        added 1, removed 1, changed 3 of 3
        id same: type INTEGER sum 11 → 12
        Email same: type VARCHAR nulls 1 → 0 changed 2 of 3
        salary same: type INTEGER nulls 1 changed 2 of 3
        n same: type INTEGER sum 7 → 15 changed 1 of 3
        changed id=1; n: 1 → 9
        changed id=2; Email: ••• → ••• (differs); salary: ••• → ••• (differs)
        changed id=5; Email: NULL → ••• (differs); salary: ••• → NULL
        added id=4; Email: → •••; salary: → •••; n: → 3
        removed id=3; Email: ••• →; salary: NULL →; n: 3 →"#]]
    .assert_eq(&outcome.in_words());
    assert!(!outcome.cells().contains("secret"), "{}", outcome.cells());
    assert!(!outcome.cells().contains("77"), "{}", outcome.cells());
}

#[tokio::test]
async fn the_sum_of_a_masked_column_is_not_taken() {
    // A sum over one row is the value.
    let columns = "id INT, salary INT";
    let case = Case::new(&["id"], [columns, "(1, 77001)"], [columns, "(1, 77001)"]);
    let outcome = case.masking(&["salary"]).outcome().await;
    assert!(!outcome.cells().contains("77001"), "{}", outcome.cells());
}

#[tokio::test]
async fn a_masked_key_is_not_shown() {
    let columns = "Email TEXT, n INT";
    let outcome = Case::new(
        &["email"],
        [columns, "('secret1', 1), ('secret2', 2)"],
        [columns, "('secret1', 9), ('secret3', 3), ('secret4', 4), ('secret4', 4)"],
    )
    .masking(&["email"])
    .outcome()
    .await;
    expect![[r#"
        rows 2 → 4, duplicate keys 0 → 1, extra rows 0 → 1
        added 1, removed 1, changed 1 of 1
        Email same: type VARCHAR
        n same: type INTEGER sum 3 → 20 changed 1 of 1
        duplicated email=••• 2 times
        changed email=•••; n: 1 → 9
        added email=•••; n: → 3
        removed email=•••; n: 2 →"#]]
    .assert_eq(&outcome.in_words());
    assert!(!outcome.cells().contains("secret"), "{}", outcome.cells());
}

#[tokio::test]
async fn a_masked_name_with_quotes_is_masked() {
    let place = Place::new();
    let session = place.open(Database::new_file(&place.file())).await;
    for name in [r#"e"mail"#, r#""email""#, r#"""#, "e mail", "GRÖSSE"] {
        let columns = format!("id INT, {} TEXT", crate::quote(name));
        let masked = [name.to_lowercase()];
        let masked: Vec<&str> = masked.iter().map(String::as_str).collect();
        let (base, head) =
            ([columns.as_str(), "(1, 'secret1')"], [columns.as_str(), "(1, 'secret2')"]);
        for key in [&["id"][..], &[name]] {
            let outcome = Case::new(key, base, head).masking(&masked).run(&session).await;
            assert!(!outcome.cells().contains("secret"), "{name}: {}", outcome.cells());
            assert!(outcome.cells().contains("•••"), "{name}: {}", outcome.cells());
        }
    }
}

#[tokio::test]
async fn a_masked_value_is_not_told_by_an_error() {
    let (base, head) = (
        ["id TEXT, email TEXT", "('secret1', 'secret1'), ('2', 'b')"],
        ["id INT, email INT", "(1, 1), (2, 2)"],
    );
    let outcome = Case::new(&["id"], base, head).masking(&["id", "email"]).outcome().await;
    assert!(!outcome.cells().contains("secret"), "{}", outcome.cells());
}

#[tokio::test]
async fn a_filter_keeps_rows_out_of_every_answer() {
    let place = Place::new();
    let session = place.open(Database::new_file(&place.file())).await;
    let name = |schema: &str| RelationName {
        database: "shop".to_owned(),
        schema: schema.to_owned(),
        identifier: "snap".to_owned(),
    };
    let columns = "id INT, n INT, dbt_valid_to TIMESTAMP";
    let past = "'2024-01-01'";
    fill(&session, &name("base"), columns, &format!("(1, 1, {past}), (1, 2, NULL)")).await;
    let rows = format!("(1, 1, {past}), (1, 2, {past}), (1, 3, NULL), (2, 7, {past})");
    fill(&session, &name("head"), columns, &rows).await;
    let current = async |schema: &str| Side {
        filter: Some("dbt_valid_to IS NULL".to_owned()),
        ..side(&session, name(schema)).await
    };
    let mut comparison = Comparison {
        dialect: Dialect::DuckDb,
        base: current("base").await,
        head: current("head").await,
        key: key(&["id"]),
        ignored: vec!["dbt_valid_to".to_owned()],
        masked: vec![],
        tolerances: Tolerances::default(),
    };
    let samples = Samples { each: 3, columns: 6 };
    let outcome = compare(&session, comparison.clone(), samples).await;
    expect![[r#"
        rows 1 → 1
        added 0, removed 0, changed 1 of 1
        id same: type INTEGER sum 1
        n same: type INTEGER sum 2 → 3 changed 1 of 1
        dbt_valid_to same: type TIMESTAMP nulls 1
        changed id=1; n: 2 → 3"#]]
    .assert_eq(&outcome.in_words());
    comparison.key = None;
    expect![[r#"
        rows 1 → 1
        added 1, removed 1
        id same: type INTEGER sum 1
        n same: type INTEGER sum 2 → 3
        dbt_valid_to same: type TIMESTAMP nulls 1"#]]
    .assert_eq(&compare(&session, comparison, samples).await.in_words());
}

#[tokio::test]
async fn examples_are_few_sorted_and_show_changed_columns_first() {
    let columns = "id INT, a INT, b INT, c INT";
    let rows = |add: i32| {
        let rows = (1..=9).map(|id| format!("({id}, {id}, {}, {id})", id + add));
        rows.collect::<Vec<_>>().join(", ")
    };
    let (base, head) = (rows(0), rows(1) + ", (20, 1, 1, 1)");
    let mut case = Case::new(&["id"], [columns, &base], [columns, &head]);
    case.samples = Samples { each: 2, columns: 1 };
    case.check(expect![[r#"
        rows 9 → 10
        added 1, removed 0, changed 9 of 9
        id same: type INTEGER sum 45 → 65
        a same: type INTEGER sum 45 → 46 changed 0 of 9
        b same: type INTEGER sum 45 → 55 changed 9 of 9
        c same: type INTEGER sum 45 → 46 changed 0 of 9
        changed id=1; b: 1 → 2
        changed id=2; b: 2 → 3
        added id=20; b: → 1"#]])
        .await;
}

#[tokio::test]
async fn views_are_compared_like_tables() {
    let place = Place::new();
    let session = place.open(Database::new_file(&place.file())).await;
    for (schema, factor) in [("base", 1), ("head", 2)] {
        session.change(&format!("CREATE SCHEMA {schema}")).await.unwrap();
        let view = format!(
            "CREATE VIEW {schema}.v AS SELECT i AS id, i * {factor} AS n FROM range(3) t(i)"
        );
        session.change(&view).await.unwrap();
    }
    let name = |schema: &str| RelationName {
        database: "SHOP".to_owned(),
        schema: schema.to_owned(),
        identifier: "V".to_owned(),
    };
    let comparison = Comparison {
        dialect: Dialect::DuckDb,
        base: side(&session, name("base")).await,
        head: side(&session, name("head")).await,
        key: key(&["id"]),
        ignored: vec![],
        masked: vec![],
        tolerances: Tolerances::default(),
    };
    let outcome = compare(&session, comparison, Samples { each: 1, columns: 6 }).await;
    expect![[r#"
        rows 3 → 3
        added 0, removed 0, changed 2 of 3
        id same: type BIGINT sum 3
        n same: type BIGINT sum 3 → 6 changed 2 of 3
        changed id=1; n: 1 → 2"#]]
    .assert_eq(&outcome.in_words());
}

#[tokio::test]
async fn schemas_are_found_by_how_their_names_begin() {
    let place = Place::new();
    let session = place.open(Database::new_file(&place.file())).await;
    for schema in ["belay_1", "belay_2", "belayx", "Belay_3", "main_belay_"] {
        session.change(&format!("CREATE SCHEMA \"{schema}\"")).await.unwrap();
    }
    let rows = session.rows(&Dialect::DuckDb.schemas_query("belay_")).await.unwrap();
    let found: Vec<_> = rows.rows.iter().map(|row| (row[0].text(), row[1].text())).collect();
    assert_eq!(found, [(Some("shop"), Some("belay_1")), (Some("shop"), Some("belay_2"))]);
    let rows = session.rows(&Dialect::DuckDb.schemas_query("it's")).await.unwrap();
    assert!(rows.rows.is_empty());
}

#[tokio::test]
async fn without_a_key_floats_are_one_value_only_where_they_are_equal() {
    let columns = "f DOUBLE";
    Case::new(
        &[],
        [columns, "('nan'), (0.0), ('inf'), (0.3), (NULL)"],
        [columns, "('nan'), (-0.0), ('inf'), (0.1 + 0.2::DOUBLE), (NULL)"],
    )
    .check(expect![[r#"
        rows 5 → 5
        added 1, removed 1
        f same: type DOUBLE nulls 1 sum NaN"#]])
    .await;
}

#[tokio::test]
async fn a_value_that_is_only_spelled_differently_is_no_example_of_a_change() {
    Case::new(
        &["id"],
        ["id INT, d DECIMAL(18, 2), f DOUBLE, n INT", "(1, 1.50, 0.3, 1), (2, 2.50, 1, 1)"],
        [
            "id INT, d DECIMAL(18, 4), f DOUBLE, n INT",
            "(1, 1.5, 0.30000000000000004, 2), (2, 9, 9, 1)",
        ],
    )
    .check(expect![[r#"
        rows 2 → 2
        added 0, removed 0, changed 2 of 2
        id same: type INTEGER sum 3
        d retyped: type DECIMAL(18,2) → DECIMAL(18,4) sum 4 → 10.5 changed 1 of 2
        f same: type DOUBLE sum 1.3 → 9.3 changed 1 of 2
        n same: type INTEGER sum 2 → 3 changed 1 of 2
        changed id=1; n: 1 → 2
        changed id=2; d: 2.50 → 9.0000; f: 1.0 → 9.0"#]])
    .await;
}

#[tokio::test]
async fn examples_of_big_tables_come_in_order() {
    let place = Place::new();
    let session = place.open(Database::new_file(&place.file())).await;
    for (schema, begin, factor) in [("base", 0, 1), ("head", 50_000, 2)] {
        session.change(&format!("CREATE SCHEMA {schema}")).await.unwrap();
        let table = format!(
            "CREATE TABLE {schema}.t AS
             SELECT (i * 7919) % 300_000 + {begin} AS id, i * {factor} AS n FROM range(300_000) t(i)"
        );
        session.change(&table).await.unwrap();
    }
    let name = |schema: &str| RelationName {
        database: "shop".to_owned(),
        schema: schema.to_owned(),
        identifier: "t".to_owned(),
    };
    let comparison = Comparison {
        dialect: Dialect::DuckDb,
        base: side(&session, name("base")).await,
        head: side(&session, name("head")).await,
        key: key(&["id"]),
        ignored: vec![],
        masked: vec![],
        tolerances: Tolerances::default(),
    };
    for _ in 0..3 {
        let samples = Samples { each: 2, columns: 6 };
        let outcome = compare(&session, comparison.clone(), samples).await;
        let shown = outcome.examples.iter().map(|example| {
            format!("{} {}", example.kind.as_str(), shown(example.key[0].1.as_deref()))
        });
        let expected = [
            "changed 50000",
            "changed 50001",
            "added 300000",
            "added 300001",
            "removed 0",
            "removed 1",
        ];
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }
}
