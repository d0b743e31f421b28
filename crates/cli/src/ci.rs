//! What the environment of a CI job says of the pull request that it runs for.

use std::path::Path;

use belay_outside::host::HostKind;
use serde_json::Value;

/// A CI job's pull request, as far as the environment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Job {
    pub host: Option<HostKind>,
    pub api: Option<String>,
    pub project: Option<String>,
    pub number: Option<u64>,
    /// The head of the pull request; not the merge commit that GitHub checks out.
    pub head: Option<String>,
    /// The change comes from a repository of somebody else's.
    pub is_fork: bool,
    /// When the pull request was opened, as the host spells it.
    pub opened: Option<String>,
}

impl Job {
    /// Reads GitHub Actions' or GitLab CI's variables; nothing where it is neither.
    pub(crate) fn read(env: &dyn Fn(&str) -> Option<String>) -> Self {
        if env("GITHUB_ACTIONS").is_some() {
            Self::github(env)
        } else if env("GITLAB_CI").is_some() {
            Self::gitlab(env)
        } else {
            Self::default()
        }
    }

    fn github(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let event = env("GITHUB_EVENT_PATH").and_then(|path| event(Path::new(&path)));
        let event = event.unwrap_or_default();
        let text = |at: &str| event.pointer(at).and_then(Value::as_str).map(str::to_owned);
        // A deleted fork has no name; what it wrote is still not the team's.
        let from = text("/pull_request/head/repo/full_name");
        let is_pull = event.get("pull_request").is_some();
        Self {
            host: Some(HostKind::GitHub),
            api: env("GITHUB_API_URL"),
            is_fork: is_pull && from != text("/pull_request/base/repo/full_name"),
            project: env("GITHUB_REPOSITORY"),
            number: event.pointer("/pull_request/number").and_then(Value::as_u64),
            head: text("/pull_request/head/sha").or_else(|| env("GITHUB_SHA")),
            opened: text("/pull_request/created_at"),
        }
    }

    fn gitlab(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let (from, to) =
            (env("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), env("CI_MERGE_REQUEST_PROJECT_ID"));
        // Of a merged-results pipeline CI_COMMIT_SHA is the merge, which is on no branch.
        let head = env("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| env("CI_COMMIT_SHA"));
        Self {
            host: Some(HostKind::GitLab),
            api: env("CI_API_V4_URL"),
            is_fork: to.is_some() && from != to,
            project: to.or_else(|| env("CI_PROJECT_ID")),
            number: env("CI_MERGE_REQUEST_IID").and_then(|number| number.parse().ok()),
            head,
            opened: None,
        }
    }
}

/// The event that set the job off. Without it the job says less, and what is missing is asked for.
fn event(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs_err::read(path).ok()?).ok()
}

/// The token for a host: belay's own variable first, then what the host gives its jobs. GitLab's job
/// token may not write notes.
pub(crate) fn token(host: HostKind, env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    names(host).into_iter().find_map(env)
}

/// Where tokens are looked for.
pub(crate) const fn names(host: HostKind) -> [&'static str; 2] {
    match host {
        HostKind::GitHub => ["BELAY_GITHUB_TOKEN", "GITHUB_TOKEN"],
        HostKind::GitLab => ["BELAY_GITLAB_TOKEN", "GITLAB_TOKEN"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(variables: &[(&str, &str)]) -> Job {
        let variables = variables.to_vec();
        Job::read(&move |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn outside_of_ci_there_is_no_pull_request() {
        assert_eq!(job(&[("CI", "true"), ("GITHUB_REPOSITORY", "a/b")]), Job::default());
    }

    #[test]
    fn githubs_event_says_which_pull_request_and_whether_it_is_a_forks() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        for (from, is_fork) in [
            (r#"{"full_name": "acme/shop"}"#, false),
            (r#"{"full_name": "eve/shop"}"#, true),
            ("null", true),
        ] {
            let event = format!(
                r#"{{"pull_request": {{"number": 12, "created_at": "2026-01-02T03:04:05Z",
                    "head": {{"sha": "abc", "repo": {from}}},
                    "base": {{"sha": "def", "repo": {{"full_name": "acme/shop"}}}}}}}}"#
            );
            std::fs::write(path, event).unwrap();
            let found = job(&[
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_EVENT_PATH", path),
                ("GITHUB_REPOSITORY", "acme/shop"),
                ("GITHUB_API_URL", "https://api.example"),
                ("GITHUB_SHA", "merge"),
            ]);
            let wanted = Job {
                host: Some(HostKind::GitHub),
                api: Some("https://api.example".to_owned()),
                project: Some("acme/shop".to_owned()),
                number: Some(12),
                head: Some("abc".to_owned()),
                is_fork,
                opened: Some("2026-01-02T03:04:05Z".to_owned()),
            };
            assert_eq!(found, wanted, "{from}");
        }
    }

    #[test]
    fn a_push_or_a_damaged_event_names_no_pull_request() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        for event in [r#"{"ref": "refs/heads/main"}"#, "{", ""] {
            std::fs::write(path, event).unwrap();
            let found = job(&[
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_EVENT_PATH", path),
                ("GITHUB_SHA", "s"),
            ]);
            assert_eq!(
                (found.number, found.is_fork, found.head.as_deref()),
                (None, false, Some("s"))
            );
        }
    }

    #[test]
    fn gitlabs_variables_say_the_same() {
        let of = |from: &str| {
            job(&[
                ("GITLAB_CI", "true"),
                ("CI_API_V4_URL", "https://git.example/api/v4"),
                ("CI_PROJECT_ID", "9"),
                ("CI_COMMIT_SHA", "merged"),
                ("CI_MERGE_REQUEST_IID", "7"),
                ("CI_MERGE_REQUEST_PROJECT_ID", "9"),
                ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", from),
                ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "tip"),
            ])
        };
        let own = of("9");
        assert_eq!((own.number, own.is_fork, own.head.as_deref()), (Some(7), false, Some("tip")));
        assert!(of("77").is_fork);
    }
}
