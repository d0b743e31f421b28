//! The proof runs for real: cvc5 has to be there, as `./check` sees to.

use std::path::PathBuf;

use belay_gate::{PolicyFile, Rules, built_in_files};

use crate::{Held, Proved, prove};

/// As `belay policy prove` finds it: named, on the PATH, or in belay's cache.
fn solver() -> PathBuf {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("cvc5"));
    let found = var("CVC5").or_else(|| on_path.into_iter().find(|program| program.is_file()));
    let home = || var("HOME").unwrap().join(".cache");
    let caches = var("XDG_CACHE_HOME").unwrap_or_else(home).join("belay");
    let cached = || {
        let folder = var("BELAY_CACHE").unwrap_or(caches).join("cvc5");
        let installed = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let whole = installed.map(|entry| entry.path()).find(|one| one.join("complete").exists());
        whole.map(|one| one.join("bin").join("cvc5"))
    };
    found.or_else(cached).expect("no cvc5: run `belay drivers install --cvc5`")
}

async fn proved(own: &[PolicyFile], added: &[PolicyFile]) -> Proved {
    let rules = Rules::try_out(own, added).unwrap();
    let began = std::time::Instant::now();
    let clock = || began.elapsed();
    prove(&rules, &solver(), &clock, |_| ()).await.unwrap()
}

fn team(policies: &str) -> Vec<PolicyFile> {
    vec![PolicyFile {
        file: "belay/policies/team.cedar".to_owned(),
        policies: policies.to_owned(),
        examples: None,
    }]
}

#[tokio::test]
async fn the_default_policies_keep_every_claim_under_every_workspace() {
    let proved =
        proved(&built_in_files(), &team(r#"@id("all") permit (principal, action, resource);"#))
            .await;
    for finding in &proved.findings {
        assert!(matches!(finding.held, Held::Always), "{finding:#?}");
        assert!(finding.checks > 0, "{finding:?}");
    }
    let rules: Vec<&str> = proved.findings.iter().map(|finding| finding.rule.as_str()).collect();
    let hard = Rules::load(&[]).unwrap();
    let stated: Vec<&str> =
        hard.stated().filter(|(_, stated)| stated.file == "hard.cedar").map(|(id, _)| id).collect();
    assert_eq!(rules.len(), stated.len());
    for id in stated {
        assert!(rules.contains(&id), "no claim for {id}");
    }
}

/// A copy of belay's own policies with one change.
fn sabotaged(from: &str, to: &str) -> Vec<PolicyFile> {
    let mut files = built_in_files();
    let hard = files.iter_mut().find(|file| file.file == "hard.cedar").unwrap();
    assert!(hard.policies.contains(from), "{from}");
    hard.policies = hard.policies.replacen(from, to, 1);
    files
}

const VALID: &str = "context.approval.humans >= 1 && context.now < context.approval.expires";

#[tokio::test]
async fn every_planted_hole_is_found_with_a_request_that_slips_through() {
    let h4 = "action in Belay::Action::\"act.model_logic\", resource)\nunless { ";
    let cases = [
        ("H1-learned-high-risk", "context.risk >= 3", "context.risk >= 4".to_owned()),
        ("H2-production-write", "context.inverseTested && ", String::new()),
        (
            "H2-production-write",
            "== Belay::Zone::\"prod\"",
            "== Belay::Zone::\"staging\"".to_owned(),
        ),
        ("H4-model-logic", &format!("{h4}{VALID}"), format!("{h4}context.approval.humans >= 1")),
        (
            "H5-two-people",
            "context.approval.humans >= 2",
            "context.approval.humans >= 1".to_owned(),
        ),
        (
            "H6-scratch-stays-scratch",
            "resource.zone != Belay::Zone::\"scratch\"",
            "resource.zone == Belay::Zone::\"prod\"".to_owned(),
        ),
        (
            "H8-quarantine",
            "when { principal.quarantined }",
            "when { principal.quarantined && principal.level < 3 }".to_owned(),
        ),
        (
            "H10-unlisted-tool",
            "context.listed ||",
            "context.listed || context.bounded ||".to_owned(),
        ),
    ];
    for (rule, from, to) in cases {
        let own = sabotaged(from, &to);
        let added = team(r#"@id("all") permit (principal, action, resource);"#);
        let proved = proved(&own, &added).await;
        let finding = proved.findings.iter().find(|finding| finding.rule == rule).unwrap();
        let Held::Not(slipped) = &finding.held else { panic!("{rule} holds: {finding:?}") };
        let answer = |own: &[PolicyFile]| {
            let rules = Rules::try_out(own, &added).unwrap();
            let (request, entities) = slipped.as_cedar();
            let authorizer = cedar_policy::Authorizer::new();
            authorizer.is_authorized(request, rules.policy_set(), entities).decision()
        };
        assert_eq!(answer(&own), cedar_policy::Decision::Allow, "{rule}");
        assert_eq!(answer(&built_in_files()), cedar_policy::Decision::Deny, "{rule}");
    }
}
