//! The proof runs for real: cvc5 has to be there, as `./check` sees to.

use std::path::PathBuf;
use std::time::Duration;

use belay_gate::{PolicyFile, Rules, built_in_files};

use crate::{Held, Proved, prove};

#[expect(clippy::disallowed_methods, reason = "tests have no Config that the CLI read for them")]
fn solver() -> PathBuf {
    std::env::var("CVC5").map_or_else(|_| PathBuf::from("cvc5"), PathBuf::from)
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
        assert!(finding.checks > 0 && finding.took < Duration::from_secs(600), "{finding:?}");
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
