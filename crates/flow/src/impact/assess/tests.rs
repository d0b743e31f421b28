use belay_dbt::Manifest;
use belay_diff::{Profile, Tally};
use belay_model::{Effect, Meaning, RowEffect};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::worked::{World, moved, profile, rows, same, told, values};
use super::*;
use crate::impact::overrides::parse;
use crate::impact::{Compared, CutOff, Spared};

const NO_NODES: &str = r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
    "dbt_version": "1.11.16", "adapter_type": "duckdb", "project_name": "shop"},
    "nodes": {}, "sources": {}, "macros": {}, "exposures": {}, "metrics": {}, "disabled": {}}"#;

fn check(change: impl FnOnce(&mut Compared), expected: Expect) {
    let mut compared = same("orders");
    change(&mut compared);
    let head = Manifest::parse(NO_NODES.as_bytes()).unwrap();
    let found = data_findings(&compared, Consumers { head: &head });
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
    assert!(same("orders").is_equal());
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

fn assessed(world: &World) -> Assessed {
    let mut findings = world.findings();
    settle_volatile(&mut findings);
    assess(&findings, &Judgement { today: "2026-06-01".to_owned(), ..Judgement::default() })
}

#[test]
fn an_edit_with_many_places_is_one_finding_and_what_it_weighs_is_told() {
    let mut world = World::of("stg*; mart: stg; leaf: mart; other: stg; @board: leaf");
    world.edit("stg", &["mart", "leaf", "other", "@board"]);
    for name in ["stg", "mart", "leaf"] {
        world.effect(name, values(&["amount"])).compared(name, moved(20));
    }
    world.effect("other", values(&["amount"])).compared("other", moved(900));
    expect![[r#"
        high (37 points)
          high values.changed stg.amount [E-stg] 20 of 1,000 rows changed (2.0 %)
            high other: 900 of 1,000 rows changed (90.0 %)
            medium leaf: 20 of 1,000 rows changed (2.0 %)
            medium mart: 20 of 1,000 rows changed (2.0 %)
          25 evidence: high: `stg.amount`: 20 of 1,000 rows changed (2.0 %) (and 3 places below)
           6 meaning: values: `stg` changes values: another expression
           4 consumer: exposure: reaches `board`, maturity high
           2 consumer: fan-out: 3 nodes below the edit
    "#]]
    .assert_eq(&told(&assessed(&world)));
}

#[test]
fn the_data_that_refute_the_code_are_a_fact_at_the_first_place_only() {
    let mut world = World::of("stg*; mart: stg");
    world.edit("stg", &["mart"]);
    world.effect("stg", Effect::none(Meaning::Cosmetic)).compared("stg", moved(1));
    world.effect("mart", Effect::none(Meaning::Cosmetic)).compared("mart", moved(1));
    expect![[r#"
        high (29 points)
          high! prediction.moved stg.amount [E-stg] it moved in 1 row, and the code says that it stays
          medium values.changed stg.amount [E-stg] 1 of 1,000 rows changed (0.10 %)
            medium mart: 1 of 1,000 rows changed (0.10 %)
          25 evidence: high: `stg.amount`: it moved in 1 row, and the code says that it stays
           2 consumer: not known: no exposure is reached: who reads it outside the project is not known
           2 consumer: fan-out: 1 node below the edit
    "#]].assert_eq(&told(&assessed(&world)));

    let mut world = World::of("stg*");
    world.edit("stg", &[]).effect("stg", values(&["amount"])).compared("stg", |compared| {
        (compared.tally.removed, compared.base) = (1, profile(1_001));
    });
    expect![[r#"
        high (33 points)
          high! prediction.rows stg [E-stg] rows came or went, and the code says that they stay
          medium rows.removed stg [E-stg] 1 row removed (0.10 %)
          25 evidence: high: `stg`: rows came or went, and the code says that they stay
           6 meaning: values: `stg` changes values: another expression
           2 consumer: not known: no exposure is reached: who reads it outside the project is not known
    "#]].assert_eq(&told(&assessed(&world)));
}

#[test]
fn a_predicted_change_that_is_absent_is_weak() {
    let mut world = World::of("stg*");
    world.edit("stg", &[]).effect("stg", rows(RowEffect::Filter)).compared("stg", |_| ());
    expect![[r#"
        low (2 points)
          low prediction.absent stg [] the code changes what it says, and no row of these data exercises it
           2 evidence: low: `stg`: the code changes what it says, and no row of these data exercises it
    "#]].assert_eq(&told(&assessed(&world)));
}

#[test]
fn what_no_edit_can_have_moved_is_drift_and_weighs_little() {
    // The edited model came out equal; what is below it differs all the same.
    let mut world = World::of("stg*; mart: stg");
    world.edit("stg", &["mart"]);
    world.effect("stg", values(&["amount"])).compared("stg", |_| ());
    world.effect("mart", values(&["amount"])).compared("mart", moved(900));
    let found = assessed(&world);
    expect![[r#"
        low (6 points)
          low prediction.absent stg [] the code changes what it says, and no row of these data exercises it
          low data.drift mart [] 1 relation with data that no edit moved: base's data are not what its code makes of today's sources, or a build does not come out the same twice
          low values.changed mart.amount [] 900 of 1,000 rows changed (90.0 %)
           2 evidence: low: `stg`: the code changes what it says, and no row of these data exercises it
           2 evidence: low: `mart`: 1 relation with data that no edit moved: base's data are not what its code makes of today's sources, or a build does not come out the same twice
           2 evidence: low: `mart.amount`: 900 of 1,000 rows changed (90.0 %)
    "#]].assert_eq(&told(&found));
    assert_eq!(found.level, Severity::Low);
    assert!(found.moved_by[&worked::id("mart")].is_empty());
}

#[test]
fn a_spared_node_that_moved_below_what_moved_refutes_its_proof() {
    let mut world = World::of("stg*; mart: stg");
    world.edit("stg", &[]);
    world.effect("stg", values(&["zone"])).compared("stg", |compared| {
        compared.columns[1].name = "zone".to_owned();
        moved(10)(compared);
    });
    world.meaning.spared =
        vec![Spared { node: worked::id("mart"), proof: "reads only id of stg".to_owned() }];
    world.compared("mart", moved(10));
    let found = assessed(&world);
    let refuted = found.findings.iter().find(|one| one.finding.kind == "prediction.moved").unwrap();
    assert_eq!(refuted.finding.node.as_deref(), Some("model.shop.mart"));
    assert!(refuted.is_fact && found.blocks);
}

#[test]
fn a_volatile_column_refutes_nothing_and_is_named_as_not_verified() {
    let mut world = World::of("stg*");
    world
        .edit("stg", &[])
        .effect("stg", Effect::none(Meaning::Cosmetic))
        .compared("stg", moved(1_000));
    world.meaning.volatile.insert(worked::id("stg"), BTreeSet::from(["AMOUNT".to_owned()]));
    let found = assessed(&world);
    assert!(found.findings.is_empty(), "{}", told(&found));
    expect![[r#"[NotVerified { kind: RawCode, node: None, why: "nodes were compared as written: a variable is not seen, and a macro counts wherever it is called" }, NotVerified { kind: Volatile, node: Some("model.shop.stg"), why: "`AMOUNT`: another value at every build" }]"#]].assert_eq(&format!("{:?}", found.not_verified));
}

#[test]
fn nobody_judges_by_shares_where_there_are_three_rows() {
    let mut world = World::of("stg*");
    world.edit("stg", &[]).effect("stg", values(&["amount"])).compared("stg", |compared| {
        moved(3)(compared);
        (compared.base, compared.head) = (profile(3), profile(3));
        compared.columns[1].compared = Some(3);
    });
    let found = assessed(&world);
    assert_eq!(found.findings[0].finding.severity, Severity::Medium);
}

#[test]
fn what_was_not_verified_is_a_list_of_its_own() {
    let mut world = World::of("stg*; mart: stg; gone*");
    world.effect("stg", Effect::unknown("a macro that makes columns")).compared(
        "stg",
        |compared| {
            compared.key = None;
            compared.tally.matching = None;
        },
    );
    world.set("mart", |node| node["config"]["materialized"] = "incremental".into());
    world.compared("mart", |_| ());
    world.meaning.unread = vec![(worked::id("gone"), "line 3: QUALIFY".to_owned())];
    world.meaning.cut_off = vec![CutOff { node: worked::id("mart"), because: worked::id("stg") }];
    let found = assessed(&world);
    let told: Vec<String> = found
        .not_verified
        .iter()
        .map(|one| {
            let node =
                one.node.as_ref().map_or("project", |node| crate::report::short(node.as_str()));
            format!("{} {node}: {}\n", one.kind.as_str(), one.why)
        })
        .collect();
    expect![[r#"
        not_parsed gone: line 3: QUALIFY
        not_understood stg: a macro that makes columns
        no_key stg: no key: rows were compared as a multiset, so columns were not told apart
        fresh_build mart: it is incremental: a fresh build was compared, the increment was not
        raw_code project: nodes were compared as written: a variable is not seen, and a macro counts wherever it is called
    "#]].assert_eq(&told.concat());
}

#[test]
fn a_promise_that_is_broken_is_a_fact() {
    let mut world = World::of("stg*; mart: stg");
    world.edit("stg", &["mart"]);
    world.meaning.broken = vec![crate::impact::Broken {
        node: worked::id("mart"),
        column: "zone".to_owned(),
        parent: worked::id("stg"),
    }];
    let found = assessed(&world);
    assert!(found.blocks && found.level == Severity::High, "{}", told(&found));
}

fn with_override(world: &World, line: &str) -> Assessed {
    let judgement = Judgement {
        overrides: parse(line, "abc1234"),
        today: "2026-06-01".to_owned(),
        ..Judgement::default()
    };
    assess(&world.findings(), &judgement)
}

#[test]
fn an_override_takes_a_judgement_off_the_level_and_never_a_fact() {
    let mut world = World::of("stg*");
    world.edit("stg", &[]).effect("stg", values(&["amount"])).compared("stg", moved(900));
    assert_eq!(assessed(&world).level, Severity::High);
    let state = |found: &Assessed| (found.overrides[0].state, found.level);
    let cases = [
        ("values.changed:stg until 2026-12-31", OverrideState::Applied, Severity::Info),
        ("values.changed:stg until 2026-06-01", OverrideState::Applied, Severity::Info),
        ("values.changed:stg until 2026-05-31", OverrideState::Expired, Severity::High),
        ("values.changed:mart until 2026-12-31", OverrideState::Unmatched, Severity::High),
        ("values.changed:stg for ever", OverrideState::Unreadable, Severity::High),
    ];
    for (what, expected, level) in cases {
        let line = format!("belay: accept {what} because the unit is cents now");
        assert_eq!(state(&with_override(&world, &line)), (expected, level), "{what}");
    }
    let mut world = World::of("stg*");
    world.edit("stg", &[]).compared("stg", |compared| {
        compared.head = Profile { duplicate_keys: Some(1), extra_rows: Some(2), ..profile(1_002) };
    });
    let line = "belay: accept rows.duplicated:stg until 2026-12-31 because I say so";
    assert_eq!(state(&with_override(&world, line)), (OverrideState::Refused, Severity::Critical));
}

#[test]
fn a_teams_rules_raise_and_lower_what_is_judged() {
    let mut world = World::of("stg*; mart: stg; @board: mart");
    world.edit("stg", &["mart", "@board"]);
    world.effect("stg", values(&["amount"])).compared("stg", moved(5));
    let judge = |rules: &str| {
        let rules = Rules::parse("belay/impact.yaml", rules).unwrap();
        let today = "2026-06-01".to_owned();
        assess(&world.findings(), &Judgement { rules, today, ..Judgement::default() })
    };
    let rule = |matching: &str, does: &str| {
        format!(
            "rules:\n  - name: r\n    match: {{{matching}}}\n    {does}\n    why: because\n    reviewers: [anna]\n"
        )
    };
    let plain = assessed(&world).level;
    assert_eq!(plain, Severity::High);
    let cases = [
        ("path: 'models/st*.sql'", "at_least: critical", Severity::Critical),
        ("path: 'models/mart.sql'", "at_least: critical", plain),
        ("tag: nightly, exposure: board", "at_least: critical", Severity::Critical),
        ("column: Amount, meaning: values", "at_least: critical", Severity::Critical),
        ("column: zone", "at_least: critical", plain),
        ("meaning: [rows, schema]", "at_least: critical", plain),
        ("node: stg", "at_most: low\n    until: '2026-12-31'", Severity::Low),
        ("node: stg", "at_most: low\n    until: '2026-05-31'", plain),
        // Points are a heuristic: without a fact they end below critical.
        ("node: stg", "points: 100", Severity::High),
    ];
    for (matching, does, expected) in cases {
        let found = judge(&rule(matching, does));
        assert_eq!(found.level, expected, "{matching} {does}\n{}", told(&found));
    }
    assert_eq!(
        judge(&rule("node: stg", "points: 3")).reviewers,
        BTreeSet::from(["anna".to_owned()])
    );
}

#[test]
fn the_table_of_weights_in_the_reference_is_this_one() {
    let mut table = "| factor | points | when |\n| --- | ---: | --- |\n".to_owned();
    for weight in weights::ALL {
        table.push_str(&format!("| {} | {} | {} |\n", weight.name, weight.points, weight.when));
    }
    let page = include_str!("../../../../../docs/reference/risk.md");
    assert!(page.contains(&table), "put this into docs/reference/risk.md:\n{table}");
}

/// What a made-up relation shows, and what the code says of it.
#[derive(Debug, Clone)]
struct Case {
    changed: i64,
    added: i64,
    removed: i64,
    nulls: i64,
    meaning: Meaning,
    has_key: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let meaning = prop::sample::select(Meaning::ALL.to_vec());
    (0..1_000_i64, 0..200_i64, 0..200_i64, 0..500_i64, meaning, any::<bool>()).prop_map(
        |(changed, added, removed, nulls, meaning, has_key)| Case {
            changed,
            added,
            removed,
            nulls,
            meaning,
            has_key,
        },
    )
}

fn world_of(case: &Case) -> World {
    let mut world = World::of("stg*; mart: stg; a: mart; b: mart; c: b; d: c; @board: mart");
    world.edit("stg", &["mart", "a", "b", "c", "d", "@board"]);
    let mut effect = Effect::unknown("made up");
    effect.meaning = case.meaning;
    world.effect("stg", effect).compared("stg", |compared| {
        moved(case.changed)(compared);
        (compared.tally.added, compared.tally.removed) = (case.added, case.removed);
        compared.head = profile(1_000 + case.added - case.removed);
        compared.columns[1].nulls_head = Some(case.nulls);
        if !case.has_key {
            compared.key = None;
            compared.tally.matching = None;
            compared.columns[1].changed = None;
        }
    });
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What was judged, and not measured, is high at most, whatever comes together.
    #[test]
    fn no_judgement_alone_is_critical(case in cases()) {
        let found = assessed(&world_of(&case));
        let has_fact = found.findings.iter().any(|one| one.is_fact);
        prop_assert!(has_fact || found.level <= Severity::High);
        prop_assert_eq!(has_fact, found.blocks);
    }

    #[test]
    fn points_add_up_and_each_says_why(case in cases()) {
        let found = assessed(&world_of(&case));
        let factors: Vec<&Factor> = found.causes.iter().flat_map(|cause| &cause.factors).collect();
        prop_assert_eq!(found.score, factors.iter().map(|factor| factor.points).sum::<i64>());
        prop_assert!(factors.iter().all(|factor| !factor.why.is_empty() && factor.points > 0));
        prop_assert!(found.reasons.len() <= 3);
    }

    /// More that speaks against a change never makes it look better.
    #[test]
    fn the_level_does_not_fall_as_evidence_grows(case in cases(), more in 1..200_i64) {
        let worse = Case {
            changed: (case.changed + more).min(1_000),
            removed: case.removed + more,
            nulls: case.nulls + more,
            ..case.clone()
        };
        // The same rows, and more of them hurt: only removals that change the net are left as they are.
        let worse = Case { removed: if case.has_key { worse.removed } else { case.removed }, ..worse };
        let (before, after) = (assessed(&world_of(&case)), assessed(&world_of(&worse)));
        prop_assert!(after.level >= before.level, "{} {}", told(&before), told(&after));
    }

    /// What only the code says, without any data, does not stop a merge.
    #[test]
    fn a_prediction_alone_is_medium_at_most(meaning in prop::sample::select(Meaning::ALL.to_vec())) {
        let mut world = World::of("stg*; mart: stg; a: mart; b: mart; c: b; d: c; @board: mart");
        world.edit("stg", &["mart", "a", "b", "c", "d", "@board"]);
        world.set("stg", |node| node["config"]["contract"] = serde_json::json!({"enforced": true}));
        let mut effect = Effect::unknown("made up");
        effect.meaning = meaning;
        world.effect("stg", effect);
        let found = assessed(&world);
        prop_assert!(found.level <= Severity::Medium, "{}", told(&found));
    }
}
