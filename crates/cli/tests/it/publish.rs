//! `belay publish` against a strict double of a git host: one comment, one check, no token anywhere.

use serde_json::json;

use crate::commands::pair;
use crate::git_host::{GitHost, TOKEN};
use crate::home::{Home, Ran};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A home with a finished review in it.
fn reviewed() -> Home {
    let home = Home::new();
    pair(&home);
    drop(home.belay(&["impact", "--base", "base", "--head", "head"]).ends_with(0));
    home
}

fn publish(home: &Home, host: &GitHost, to: &str) -> Ran {
    let (number, variable) =
        if to == "github" { ("12", "GITHUB_TOKEN") } else { ("7", "BELAY_GITLAB_TOKEN") };
    let args = ["publish", "--to", to, "--api", &host.url, "--project", "acme/shop"];
    let more = ["--number", number, "--commit", SHA];
    let ran = home.belay_with(&[(variable, TOKEN)], &[&args[..], &more[..]].concat());
    assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN), "{ran:?}");
    ran
}

#[test]
fn publishing_twice_leaves_one_comment_that_is_current() {
    for (to, host) in [("github", GitHost::github()), ("gitlab", GitHost::gitlab())] {
        let home = reviewed();
        let first = publish(&home, &host, to).ends_with(0);
        assert!(first.stdout.starts_with("comment created · check created"), "{}", first.stdout);
        let second = publish(&home, &host, to).ends_with(0);
        assert!(second.stdout.starts_with("comment unchanged"), "{}", second.stdout);
        // A newer review of the same change has another run in it.
        drop(home.belay(&["impact", "--base", "base", "--head", "base"]).ends_with(0));
        let third = publish(&home, &host, to).ends_with(0);
        assert!(third.stdout.starts_with("comment updated"), "{}", third.stdout);
        let state = host.state.lock().unwrap();
        assert_eq!(state.comments.len(), 1, "{to}");
        assert!(state.comments[0].2.starts_with("<!-- belay:impact:default -->\n"));
        drop(state);
        host.took_everything();
    }
}

#[test]
fn a_comment_of_somebody_else_with_belays_marker_is_left_alone() {
    let (home, host) = (reviewed(), GitHost::github());
    let forged = "<!-- belay:impact:default -->\nall is well".to_owned();
    let quoted = "> <!-- belay:impact:default -->\nI quote".to_owned();
    host.state.lock().unwrap().comments.extend([
        (1, "eve".to_owned(), forged.clone()),
        (2, "belay-bot".to_owned(), quoted.clone()),
    ]);
    drop(publish(&home, &host, "github").ends_with(0));
    let state = host.state.lock().unwrap();
    assert_eq!(state.comments.len(), 3);
    assert_eq!((&state.comments[0].2, &state.comments[1].2), (&forged, &quoted));
    drop(state);
    host.took_everything();
}

#[test]
fn the_comment_is_found_on_a_later_page() {
    for (to, host) in [("github", GitHost::github()), ("gitlab", GitHost::gitlab())] {
        let home = reviewed();
        drop(publish(&home, &host, to).ends_with(0));
        let mut state = host.state.lock().unwrap();
        let own = state.comments.remove(0);
        state.comments.extend((0..5).map(|id| (id, "ada".to_owned(), "fine".to_owned())));
        state.comments.push(own);
        state.page = 2;
        drop(state);
        let again = publish(&home, &host, to).ends_with(0);
        assert!(again.stdout.starts_with("comment unchanged"), "{}", again.stdout);
        host.took_everything();
    }
}

#[test]
fn a_workflows_token_that_may_not_ask_who_it_is_still_finds_its_comment() {
    let (home, host) = (reviewed(), GitHost::github());
    host.state.lock().unwrap().knows_user = false;
    drop(publish(&home, &host, "github").ends_with(0));
    let again = publish(&home, &host, "github").ends_with(0);
    assert!(again.stdout.starts_with("comment unchanged"), "{}", again.stdout);
    host.took_everything();
}

#[test]
fn without_the_right_to_make_check_runs_a_commit_status_is_set() {
    let (home, host) = (reviewed(), GitHost::github());
    host.state.lock().unwrap().may_check = false;
    drop(publish(&home, &host, "github").ends_with(0));
    let state = host.state.lock().unwrap();
    assert_eq!((state.checks.len(), state.statuses.len()), (0, 1));
    drop(state);
    host.took_everything();
}

#[test]
fn a_host_that_asks_for_patience_is_asked_again_and_gets_one_comment() {
    let (home, host) = (reviewed(), GitHost::github());
    let limit = json!({"message": "You have exceeded a secondary rate limit"});
    host.fails("POST", "/issues/12/comments", 403, "retry-after: 0\r\n", limit.clone());
    host.fails("POST", "/issues/12/comments", 429, "retry-after: 0\r\n", limit);
    host.fails("POST", "/check-runs", 429, "retry-after: 0\r\n", json!({"message": "later"}));
    drop(publish(&home, &host, "github").ends_with(0));
    assert_eq!(host.state.lock().unwrap().comments.len(), 1);
    host.took_everything();
}

#[test]
fn a_host_that_refuses_costs_no_report_and_says_what_may_help() {
    let cases = [
        (
            "GET",
            "/user",
            401,
            json!({"message": "Bad credentials"}),
            "error[host/refused]: GitHub refused to say who the token belongs to with status 401: Bad credentials\n  help: check the token: it may have expired\n",
        ),
        (
            "POST",
            "/issues/12/comments",
            403,
            json!({"message": "Resource not accessible by integration"}),
            "error[host/refused]: GitHub refused to write the comment with status 403: Resource not accessible by integration\n  help: the token may lack a permission: GitHub needs `pull-requests: write` and `checks: write`, GitLab the scope `api`\n",
        ),
        (
            "POST",
            "/issues/12/comments",
            422,
            json!({"message": TOKEN}),
            "error[host/refused]: GitHub refused to write the comment with status 422: ***\n  help: try again: the report is in the record\n",
        ),
        // Nobody knows whether it was carried out: a second POST could leave two comments.
        (
            "POST",
            "/issues/12/comments",
            502,
            json!(null),
            "error[host/refused]: GitHub refused to write the comment with status 502: no reason given\n  help: try again: the report is in the record\n",
        ),
        (
            "GET",
            "/issues/12/comments",
            200,
            json!({"no": "list"}),
            "error[host/answer]: GitHub answered with something unexpected when asked to list the comments\n  help: try again: the report is in the record\n",
        ),
        (
            "POST",
            "/check-runs",
            500,
            json!({"message": "boom"}),
            "error[host/refused]: GitHub refused to set the check with status 500: boom\n  help: try again: the report is in the record\n",
        ),
    ];
    let home = reviewed();
    for (method, end, status, body, told) in cases {
        let host = GitHost::github();
        host.fails(method, end, status, "", body);
        let ran = publish(&home, &host, "github").ends_with(3);
        let error = ran
            .stderr
            .split_once("error[")
            .map(|(_, error)| format!("error[{error}"))
            .unwrap_or_default();
        assert_eq!(error, told);
        assert_eq!(ran.stdout, "");
        host.took_everything();
    }
    // The record has every attempt, and the report.
    let runs = home.belay(&["runs", "list", "--format", "json"]).ends_with(0).json();
    let of = |state: &str| {
        let runs = runs["runs"].as_array().unwrap().iter();
        runs.filter(|run| run["workflow"] == "publish-report" && run["state"] == state).count()
    };
    assert_eq!(of("failed"), 6);
    drop(home.belay(&["publish", "--dry-run"]).ends_with(0));
}

#[test]
fn a_host_that_is_not_there_is_named_without_secrets() {
    let home = reviewed();
    let args = ["publish", "--to", "github", "--api", "http://u:hidden@127.0.0.1:9", "--project"];
    let more = ["acme/shop", "--number", "12", "--commit", SHA];
    let ran = home.belay_with(&[("GITHUB_TOKEN", TOKEN)], &[&args[..], &more[..]].concat());
    let ran = ran.ends_with(3);
    assert!(
        ran.stderr
            .contains("error[host/unreachable]: GitHub cannot be reached at `http://127.0.0.1:9`"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("hidden") && !ran.stderr.contains(TOKEN), "{}", ran.stderr);
}

#[test]
fn what_is_missing_is_asked_for_by_name() {
    let home = reviewed();
    let all = [
        "--to",
        "github",
        "--api",
        "http://127.0.0.1:9",
        "--project",
        "a/b",
        "--number",
        "1",
        "--commit",
        SHA,
    ];
    for (left_out, slug, help) in [
        ("--to", "publish/no-pull-request", "--to github|gitlab"),
        ("--api", "publish/no-pull-request", "--api URL"),
        ("--project", "publish/no-pull-request", "--project NAME"),
        ("--number", "publish/no-pull-request", "--number N"),
        ("--commit", "publish/no-pull-request", "--commit SHA"),
        ("", "publish/no-token", "GITHUB_TOKEN"),
    ] {
        let kept = all.chunks(2).filter(|pair| pair[0] != left_out).flatten().copied();
        let args: Vec<&str> = ["publish"].into_iter().chain(kept).collect();
        let ran = home.belay(&args).ends_with(2);
        assert!(ran.stderr.contains(&format!("error[{slug}]")), "{left_out}: {}", ran.stderr);
        assert!(ran.stderr.contains(help), "{left_out}: {}", ran.stderr);
    }
    let empty = Home::new();
    let ran = empty.belay(&["publish"]).ends_with(2);
    assert!(ran.stderr.contains("error[publish/no-report]"), "{}", ran.stderr);
}

#[test]
fn in_a_job_the_pull_request_is_found_by_itself() {
    let (home, host) = (reviewed(), GitHost::github());
    home.write(
        "event.json",
        &format!(r#"{{"pull_request": {{"number": 12, "head": {{"sha": "{SHA}"}}}}}}"#),
    );
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_PATH", "event.json"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_API_URL", host.url.as_str()),
        ("GITHUB_TOKEN", TOKEN),
    ];
    let ran = home.belay_with(&variables, &["publish", "--format", "json", "--name", "shop"]);
    let told = ran.ends_with(0).json();
    assert_eq!(told["pull_request"], "github:acme/shop#12");
    assert_eq!(told["comment"]["how"], "created");
    assert_eq!(host.state.lock().unwrap().checks[0]["head_sha"], SHA);
    host.took_everything();
}

#[test]
fn nothing_that_is_written_down_has_the_token() {
    let (home, host) = (reviewed(), GitHost::github());
    host.fails("POST", "/check-runs", 500, "", json!({"message": format!("seen: {TOKEN}")}));
    drop(publish(&home, &host, "github").ends_with(3));
    let mut folders = vec![home.work()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let found = bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
                assert!(!found, "{}", path.display());
            }
        }
    }
}
