use super::*;

use belay_model::explain::Blame;

fn file(policies: &str, examples: Option<&str>) -> PolicyFile {
    PolicyFile {
        file: "belay/policies/team.cedar".to_owned(),
        policies: policies.to_owned(),
        examples: examples.map(str::to_owned),
    }
}

const FREEZE: &str = r#"@id("freeze")
@why("finance is frozen")
forbid (principal is Belay::Worker, action in Belay::Action::"act.write", resource)
when { resource.name like "finance.*" };
"#;

const FREEZE_EXAMPLES: &str = "examples:
  - { policy: freeze, verb: write_table, zone: dev, inverse: true, resource: finance.orders, answer: deny }
  - { policy: freeze, verb: write_table, zone: dev, inverse: true, answer: permit, decided: false }
";

#[test]
fn a_team_adds_a_rule_of_its_own() {
    let gate = Gate::load(&[file(FREEZE, Some(FREEZE_EXAMPLES))]).unwrap();
    assert_ne!(gate.digest(), self::gate().digest());
    let action = |name: &str| {
        Action::new(Verb::WriteTable, Resource::new(name, Zone::Dev)).undone_by("undo")
    };
    let ruling = gate.decide(&worker(Level::L4), &action("finance.ledger"), calm());
    assert_eq!(
        (ruling.answer, ruling.reasons),
        (Answer::Deny, vec!["finance is frozen (freeze)".to_owned()])
    );
    assert_eq!(gate.decide(&worker(Level::L4), &action("sales"), calm()).answer, Answer::Permit);
}

/// Everything wrong with a file, as `belay policy check` prints it.
fn faults(policies: &str, examples: Option<&str>) -> String {
    let errors = Gate::load(&[file(policies, examples)]).unwrap_err();
    assert_eq!(errors.blame(), Blame::Input);
    errors.faults.iter().map(|fault| format!("{} {fault}\n", fault.kind.code())).collect()
}

#[test]
fn every_fault_has_its_file_and_line_and_all_come_at_once() {
    let policies = r#"@id("a")
permit (principal is Belay::Worker, action in Belay::Action::"act.read", resource)
when { principal.colour == "red" };

permit (principal is Belay::Worker, action in Belay::Action::"act.read", resource);

@id("H2-production-write")
permit (principal is Belay::Worker, action in Belay::Action::"act.read", resource);

@id("h11")
permit (principal is Belay::Worker, action in Belay::Action::"act.read", resource);

@id("a")
permit (principal is Belay::Worker, action == Belay::Action::"fly", resource);

@id("t")
permit (principal == ?principal, action, resource);
"#;
    expect_test::expect![[r#"
        policy/no-examples belay/policies/team.cedar:1: policy `a` has no example against it in `belay/policies/team.examples.yaml`
        policy/no-examples belay/policies/team.cedar:1: policy `a` has no example for it in `belay/policies/team.examples.yaml`
        policy/type belay/policies/team.cedar:3: for policy `a`, attribute `colour` on entity type `Belay::Worker` not found; did you mean `owner`?
        policy/nameless belay/policies/team.cedar:5: a policy has no `@id`
        policy/reserved belay/policies/team.cedar:7: `H2-production-write` is one of belay's own policies
        policy/reserved belay/policies/team.cedar:10: `h11` looks like a hard rule of belay's; ids such as `H1-…` are reserved
        policy/twice belay/policies/team.cedar:13: policy `a` stands at belay/policies/team.cedar:1 too
        policy/parse belay/policies/team.cedar:16: templates are not supported: write the principal and the resource out
    "#]].assert_eq(&faults(policies, None));
}

#[test]
fn a_policy_that_does_not_parse_names_the_line() {
    expect_test::expect![[r#"
        policy/parse belay/policies/team.cedar:5: '=' is not a valid operator in Cedar; try using '==' instead
    "#]].assert_eq(&faults(
        "// one\n\n@id(\"x\")\npermit (principal, action, resource)\nwhen { 1 = 2 };\n",
        None,
    ));
}

#[test]
fn examples_that_are_not_readable_or_not_true_are_faults_with_a_line() {
    let mut all = String::new();
    for examples in [
        "examples:\n  - { policy: freeze, verb: write_table, answer: permit, zone: dev, inverse: true }\n",
        "examples:\n  - { policy: freeze, verb: write_table, answer: deny, colour: red }\n",
        "examples:\n\t- { policy: freeze }\n",
        "examples:\n  - policy: freeze\n    verb: write_table\n    verb: drop_asset\n    answer: deny\n",
        "examples: []\nexamples: []\n",
        "examples:\n  - { policy: freeze, verb: fly, answer: deny }\n",
        "examples:\n  - { policy: thaw, verb: write_table, answer: deny }\n",
        "examples:\n  - { policy: freeze, answer: deny }\n",
    ] {
        writeln!(all, "{}", faults(FREEZE, Some(examples))).unwrap();
    }
    expect_test::expect![[r#"
        policy/no-examples belay/policies/team.cedar:1: policy `freeze` has no example against it in `belay/policies/team.examples.yaml`
        policy/examples-fail belay/policies/team.examples.yaml:2: example of `freeze` (write_table in dev at L4): expected permit decided by it, got permit by L3-low-risk, L4-reversible

        policy/examples belay/policies/team.examples.yaml:2: unknown field `colour`, expected one of policy, verb, deed, answer, decided, zone, level, resource, worker, owner, author, person, roles, proved, approvals, stewards, expired, guided, inverse, tested, targets, sensitive, learned, tainted, rollback, bounded, quarantined, listed, over_budget at line 2, column 56

        policy/examples belay/policies/team.examples.yaml:2: tabs disallowed within this context (block indentation) at line 2, column 2

        policy/examples belay/policies/team.examples.yaml:4: duplicate mapping key: verb at line 4, column 5

        policy/examples belay/policies/team.examples.yaml:2: duplicate mapping key: examples at line 2, column 1

        policy/examples belay/policies/team.examples.yaml:2: unknown verb `fly`

        policy/examples belay/policies/team.examples.yaml:2: there is no policy `thaw`

        policy/examples belay/policies/team.examples.yaml:2: an example has either a `verb` or a `deed`

    "#]].assert_eq(&all);
}

#[test]
fn whatever_a_workspace_permits_the_hard_rules_hold() {
    let all = r#"@id("all") permit (principal, action, resource);"#;
    let examples = "examples:
  - { policy: all, verb: run_query, level: L0, answer: permit }
  - { policy: all, verb: edit_control, answer: deny, decided: false }
";
    let gate = Gate::load(&[file(all, Some(examples))]).unwrap();
    let answer = |action: Action, circumstances| {
        gate.decide(&worker(Level::L4), &action, circumstances).answer
    };
    for verb in [Verb::WriteTable, Verb::GrantPrivilege, Verb::ChangeModel] {
        assert_eq!(answer(on_prod(verb).undone_by("undo"), calm()), Answer::Hold, "{verb}");
    }
    assert_eq!(answer(on_prod(Verb::EditControl), calm()), Answer::Deny);
    let unlisted = Worker { tools: vec![], ..worker(Level::L4) };
    assert_eq!(gate.decide(&unlisted, &on_prod(Verb::RunQuery), calm()).answer, Answer::Deny);
}

/// The slices decide like Cedar over the whole set.
fn whole(
    gate: &Gate,
    worker: &Worker,
    action: &Action,
    circumstances: Circumstances,
) -> Vec<String> {
    let (request, entities) = gate.rules().as_cedar(worker, action, circumstances).unwrap();
    let set = gate.rules().policy_set();
    let response = cedar_policy::Authorizer::new().is_authorized(&request, set, &entities);
    let mut ids: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
    ids.sort();
    ids
}

const SCOPES: &str = r#"
@id("one-asset") permit (principal, action, resource == Belay::Asset::"orders");
@id("one-worker") forbid (principal == Belay::Worker::"dbt-impact", action in [Belay::Action::"act.grant", Belay::Action::"drop_asset"], resource);
@id("other-worker") forbid (principal == Belay::Worker::"other", action, resource);
@id("both") forbid (principal == Belay::Worker::"dbt-impact", action == Belay::Action::"write_report", resource == Belay::Asset::"orders");
@id("people") forbid (principal is Belay::Human, action, resource);
@id("other-asset") forbid (principal, action in Belay::Action::"act.read", resource == Belay::Asset::"customers");
@id("any") forbid (principal, action == Belay::Action::"read_tree", resource) when { principal is Belay::Worker };
"#;

proptest! {
    #![proptest_config(quick())]

    #[test]
    fn looking_only_at_policies_that_could_apply_changes_no_answer(
        worker in any_worker(), action in any_action(), circumstances in any_circumstances(),
        other: bool, asset in prop::sample::select(vec!["orders", "customers", "x"]),
    ) {
        use std::sync::LazyLock;
        static GATE: LazyLock<Gate> = LazyLock::new(|| Gate {
            rules: crate::Rules::try_out(&built_in_files(), &[file(SCOPES, None)]).unwrap(),
        });
        let worker = Worker { name: if other { "other" } else { "dbt-impact" }.to_owned(), ..worker };
        let action = Action { resource: Resource::new(asset, action.resource.zone), ..action };
        let ruling = GATE.decide(&worker, &action, circumstances);
        prop_assert_eq!(&ruling.determining, &whole(&GATE, &worker, &action, circumstances));
    }
}
