//! Policies written to get past a hard rule. Each set is either refused, or changes nothing: what it does
//! is shown by decisions, not by what its text looks like.

use super::*;

use crate::Rules;

fn file(name: &str, policies: &str) -> PolicyFile {
    PolicyFile {
        file: format!("belay/policies/{name}.cedar"),
        policies: policies.to_owned(),
        examples: None,
    }
}

/// The faults of a set, or the rules where there are none but missing examples.
fn tried(files: &[PolicyFile]) -> Result<Rules, Vec<&'static str>> {
    Rules::try_out(&built_in_files(), files)
        .map_err(|errors| errors.faults.iter().map(|fault| fault.kind.code()).collect())
}

/// One request for each hard rule, which nobody may get through without people.
fn forbidden() -> Vec<(&'static str, Worker, Action, Circumstances)> {
    let scratch_in_prod = Action::new(Verb::DropScratch, Resource::new("orders", Zone::Prod));
    let able = worker(Level::L4);
    let undone = |verb| on_prod(verb).undone_by("undo");
    let staged =
        Action::new(Verb::WriteTable, Resource::new("orders", Zone::Staging)).undone_by("undo");
    let expired = Some(Approval { humans: 2, stewards: 2, expires: Timestamp::from_nanos(0) });
    let one = Circumstances { approval: approved(1, 1), ..calm() };
    let quarantined = Worker { quarantined: true, ..able.clone() };
    let unlisted = Worker { tools: vec![], ..able.clone() };
    vec![
        (
            "H1-learned-high-risk",
            able.clone(),
            on_prod(Verb::GrantPrivilege),
            Circumstances { learned: true, approval: expired, ..calm() },
        ),
        ("H2-production-write", able.clone(), undone(Verb::WriteTable), calm()),
        ("H3-grants", able.clone(), undone(Verb::RevokePrivilege), calm()),
        ("H4-model-logic", able.clone(), undone(Verb::ChangeModel), calm()),
        ("H5-two-people", able.clone(), on_prod(Verb::DropAsset), one),
        ("H6-scratch-stays-scratch", able.clone(), scratch_in_prod, one),
        ("H7-control", able.clone(), on_prod(Verb::EditControl), one),
        ("H8-quarantine", quarantined, on_prod(Verb::RunQuery), one),
        ("H9-taint", able, staged, Circumstances { tainted: true, ..calm() }),
        ("H10-unlisted-tool", unlisted, on_prod(Verb::RunQuery), one),
    ]
}

#[track_caller]
fn hard_rules_hold(rules: &Rules, case: &str) {
    for (rule, worker, action, circumstances) in forbidden() {
        let judged = rules.judge(&worker, &action, circumstances);
        assert_ne!(judged.answer, Answer::Permit, "{case}: {rule}");
        assert!(judged.determining.iter().any(|id| id == rule), "{case}: {rule} {judged:?}");
    }
}

#[test]
fn there_is_a_forbidden_request_for_every_hard_rule() {
    let rules = gate().rules();
    let mut hard: Vec<&str> =
        rules.stated().filter(|(_, one)| one.file == "hard.cedar").map(|(id, _)| id).collect();
    let mut tried: Vec<&str> = forbidden().iter().map(|one| one.0).collect();
    hard.sort_unstable();
    tried.sort_unstable();
    assert_eq!(tried, hard);
    hard_rules_hold(rules, "nothing added");
}

#[test]
fn what_takes_a_hard_rules_name_or_looks_like_one_is_refused() {
    let permit = "permit (principal, action, resource);";
    for (id, code) in [
        ("H2-production-write", "policy/reserved"),
        ("h2-production-write", "policy/reserved"),
        ("H2", "policy/reserved"),
        ("H99-anything", "policy/reserved"),
        ("no-L5", "policy/reserved"),
        ("judge", "policy/reserved"),
        (" H2-production-write", "policy/nameless"),
        ("\u{41d}2-production-write", "policy/nameless"),
        ("\u{ff28}2-production-write", "policy/nameless"),
        ("H\u{200b}2-production-write", "policy/nameless"),
        ("H2\u{2010}production-write", "policy/nameless"),
        ("e\u{301}tat", "policy/nameless"),
        ("\u{1b}[2Jquiet", "policy/nameless"),
        (&"x".repeat(101), "policy/nameless"),
        ("", "policy/nameless"),
        ("  ", "policy/nameless"),
    ] {
        let policy = format!("@id({id:?}) {permit}");
        let policy = policy.replace("\\u{1b}", "\u{1b}");
        assert_eq!(tried(&[file("a", &policy)]).unwrap_err(), [code], "{id:?}");
    }
}

#[test]
fn what_is_no_plain_policy_is_refused() {
    for (policies, code) in [
        (r#"@id("a") permit (principal == ?principal, action, resource);"#, "policy/parse"),
        (
            r#"@id("a") permit (principal in ?principal, action, resource in ?resource);"#,
            "policy/parse",
        ),
        (r#"@id("a") @id("b") permit (principal, action, resource);"#, "policy/parse"),
        ("permit (principal, action, resource);", "policy/nameless"),
        (r#"@Id("a") permit (principal, action, resource);"#, "policy/nameless"),
        (r#"@id permit (principal, action, resource);"#, "policy/nameless"),
        (
            "@id(\"a\") @why(\"fine\u{202e}\") permit (principal, action, resource);",
            "policy/nameless",
        ),
        (
            "@id(\"a\") @why(\"fine\\n\\u{1b}[1Aok\") permit (principal, action, resource);",
            "policy/nameless",
        ),
        (
            r#"@id("a") permit (principal, action == Belay::Action::"act.fly", resource);"#,
            "policy/type",
        ),
        (r#"@id("a") permit (principal is Belay::God, action, resource);"#, "policy/type"),
        (
            r#"@id("a") permit (principal, action, resource) when { context.approval.humans := 9 };"#,
            "policy/parse",
        ),
    ] {
        let faults = tried(&[file("a", policies)]).map(|_| policies).unwrap_err();
        assert!(faults.contains(&code), "{policies}: {faults:?}");
    }
}

#[test]
fn two_files_cannot_share_an_id() {
    let one = r#"@id("a") forbid (principal, action, resource) when { context.tainted };"#;
    let other = r#"@id("a") permit (principal, action, resource);"#;
    let faults = tried(&[file("a", one), file("b", other)]).unwrap_err();
    assert!(faults.contains(&"policy/twice"), "{faults:?}");
}

#[test]
fn whatever_is_permitted_beside_the_hard_rules_they_hold() {
    let named = |scope: &str, condition: &str| format!("@id(\"a\") permit ({scope}) {condition};");
    let worker = "principal is Belay::Worker, action, resource";
    let cases = [
        named("principal, action, resource", ""),
        named(worker, "when { true }"),
        named(worker, "unless { false }"),
        named(worker, "when { context.risk >= 0 } when { principal.level >= 0 }"),
        named("principal == Belay::Worker::\"dbt-impact\", action, resource", ""),
        named("principal is Belay::Worker, action, resource == Belay::Asset::\"orders\"", ""),
        named(
            "principal is Belay::Worker, action in [Belay::Action::\"act.write\", Belay::Action::\"act.grant\", Belay::Action::\"act.control\"], resource",
            "",
        ),
        // Annotations mean nothing to a decision.
        format!(
            "@priority(\"9999\") @overrides(\"H2-production-write\") @effect(\"permit\") {}",
            named(worker, "")
        ),
        // A comment is no policy, and ends no policy of another file.
        format!(
            "// forbid /* H2 */ @id(\"H2-production-write\")\n{}\n// unless {{ true }}",
            named(worker, "")
        ),
        // A forbid that never applies takes nothing away from another one.
        format!(
            "{} @id(\"b\") forbid (principal, action, resource) when {{ false }};",
            named(worker, "")
        ),
        format!(
            "{} @id(\"b\") forbid (principal, action, resource) unless {{ true }};",
            named(worker, "")
        ),
        // In the file of the same name as belay's own.
        named(worker, ""),
    ];
    for case in cases {
        let mut own_name = file("x", &case);
        own_name.file = "belay/policies/hard.cedar".to_owned();
        for file in [file("a", &case), own_name] {
            hard_rules_hold(&tried(&[file]).unwrap(), &case);
        }
    }
}

#[test]
fn thousands_of_permits_outvote_no_forbid() {
    let permit = |number: usize| {
        format!("@id(\"a{number}\") permit (principal is Belay::Worker, action, resource);\n")
    };
    let many: String = (0..2_000).map(permit).collect();
    hard_rules_hold(&tried(&[file("many", &many)]).unwrap(), "many");
}

/// Cedar leaves a policy out that cannot be evaluated. Were a forbid left out, something could slip
/// through; the gate says no instead.
#[test]
fn a_policy_that_cannot_be_evaluated_opens_nothing() {
    let text = r#"@id("all") permit (principal is Belay::Worker, action, resource);
@id("overflow") forbid (principal is Belay::Worker, action, resource)
when { 9223372036854775807 + context.risk + context.targets > 0 };"#;
    let rules = tried(&[file("a", text)]).unwrap();
    for (rule, worker, action, circumstances) in forbidden() {
        let answer = rules.judge(&worker, &action, circumstances).answer;
        assert_ne!(answer, Answer::Permit, "{rule}");
    }
    let harmless = rules.judge(&worker(Level::L4), &on_prod(Verb::RunQuery), calm());
    assert_eq!(harmless.answer, Answer::Deny);
}

/// Nesting without end is an error with a line, and what is just allowed is read, checked, and harmless:
/// neither is the end of the process.
#[test]
fn a_condition_that_goes_too_deep_is_refused() {
    let policy = |condition: &str| {
        format!(
            "@id(\"a\")\npermit (principal is Belay::Worker, action, resource)\nwhen {{ {condition} }};"
        )
    };
    let nested = |many: usize| format!("{}true{}", "(".repeat(many), ")".repeat(many));
    let chosen = |many: usize| format!("{}true", "if true then false else ".repeat(many));
    let joined = |part: &str, many: usize| vec![part; many].join("");
    for (just, too_much) in [
        (nested(31), nested(32)),
        (nested(31), nested(100_000)),
        (chosen(95), chosen(100_000)),
        (joined("context.tainted && ", 32) + "true", joined("true && ", 100_000) + "true"),
        (joined("context.tainted || ", 32) + "true", joined("true || ", 100_000) + "true"),
        (joined("1 + ", 95) + "1 > 0", joined("1 + ", 100_000) + "1 > 0"),
        (joined("1 - ", 95) + "1 < 0", joined("1 * ", 100_000) + "1 > 0"),
        ("!!!!false".to_owned(), joined("!", 100_000) + "true"),
        (
            "context.approval.humans >= 0".to_owned(),
            "context".to_owned() + &joined(".approval", 100_000),
        ),
        (nested(3), "[".repeat(100_000) + "1"),
        (nested(3), "{a: ".repeat(100_000) + "1"),
    ] {
        hard_rules_hold(&tried(&[file("deep", &policy(&just))]).unwrap(), &just);
        let faults = tried(&[file("deep", &policy(&too_much))]).map(|_| ()).unwrap_err();
        assert_eq!(faults, ["policy/parse"]);
    }
    let quoted =
        policy(&format!("resource.name != \"{}\" // {}", "(\\\"".repeat(100), "(".repeat(100)));
    hard_rules_hold(&tried(&[file("deep", &quoted.replace(" };", "\n};"))]).unwrap(), "quoted");
}

proptest! {
    #![proptest_config(quick())]

    /// Under the most that any workspace could permit: taking back opens writes and scratch, and the rest
    /// only with people.
    #[test]
    fn taking_back_by_itself_opens_nothing_but_writes_and_scratch(
        worker in any_worker(), action in any_action(), circumstances in any_circumstances(),
    ) {
        static RULES: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(|| {
            tried(&[file("all", r#"@id("all") permit (principal, action, resource);"#)]).unwrap()
        });
        let alone = Circumstances { approval: None, ..circumstances };
        let answer = |rollback| {
            RULES.judge(&worker, &action, Circumstances { rollback, ..alone }).answer
        };
        if answer(true) == Answer::Permit && answer(false) != Answer::Permit {
            prop_assert!(matches!(action.verb.class(), Class::Write | Class::Scratch), "{:?}", action);
        }
    }
}
