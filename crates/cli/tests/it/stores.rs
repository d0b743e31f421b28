//! `belay store copy`, `belay store clock` and `belay migrate`, on the real engines.

use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::home::Home;

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where it is")]
fn server() -> String {
    let url = std::env::var("BELAY_TEST_POSTGRES");
    assert!(
        url.is_ok(),
        "this test needs a PostgreSQL: run `export BELAY_TEST_POSTGRES=$(tools/postgres start)`"
    );
    url.unwrap()
}

fn tell(sql: String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(&server()).await.unwrap();
        connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
    });
}

fn home() -> Home {
    let home = Home::new();
    home.write("belay.toml", "workspace = \"acme\"\n");
    drop(home.belay(&["level", "tier", "L2", "--reason", "a first step"]).ends_with(0));
    home
}

#[test]
fn a_record_goes_to_postgres_and_back_by_the_command_line() {
    let home = home();
    let schema = format!("cli{}", std::process::id());
    tell(format!("CREATE SCHEMA {schema}"));
    let url = format!("{}?options[search_path]={schema}", server());
    let there =
        home.belay(&["store", "copy", "--from", ".belay", "--to", &url, "--format", "json"]);
    let there = there.ends_with(0).json();
    let back = ["store", "copy", "--from", &url, "--to", "other", "--format", "json"];
    let back = home.belay(&back).ends_with(0).json();
    assert_eq!(there["rows"], back["rows"]);
    let twice = home.belay(&["store", "copy", "--from", ".belay", "--to", "other"]);
    tell(format!("DROP SCHEMA {schema} CASCADE"));
    assert_eq!(there["rows"]["control"], 1);
    let twice = twice.ends_with(2);
    assert!(twice.stderr.starts_with("error[store/not-empty]"), "{}", twice.stderr);
    let password = url.split([':', '@']).nth(2).unwrap();
    assert!(!twice.stderr.contains(password) && !there.to_string().contains(password));
}

#[test]
fn a_place_that_is_no_store_is_said_so_and_nothing_is_made() {
    let home = home();
    for (from, code, slug) in [
        ("nowhere", 2, "error[store/none]"),
        ("mysql://u:secret@host/db", 2, "error[store/url]"),
        ("postgres:///db", 2, "error[store/url]"),
        ("postgres://u:secret@127.0.0.1:1/db", 3, "error[store/open]"),
    ] {
        let ran = home.belay(&["store", "copy", "--from", from, "--to", "other"]).ends_with(code);
        assert!(ran.stderr.starts_with(slug), "{from}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
        assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
        assert!(!home.work().join("nowhere").exists());
    }
}

#[test]
fn migrate_says_what_a_store_needs_and_does_it() {
    let home = Home::new();
    home.write("belay.toml", "workspace = \"acme\"\n");
    let needs = home.belay(&["migrate", "--check"]).ends_with(1);
    assert!(needs.stdout.contains("needs migration 1, record"), "{}", needs.stdout);
    let done = home.belay(&["migrate"]).ends_with(0);
    assert!(done.stdout.contains("now has migration 2, control plane"), "{}", done.stdout);
    let again = home.belay(&["migrate", "--check"]).ends_with(0);
    assert!(again.stdout.ends_with("is up to date\n"), "{}", again.stdout);
}

#[test]
fn the_clock_is_accepted_only_when_it_has_to_be_and_with_a_reason() {
    let home = home();
    let ran = home.belay(&["store", "clock"]).ends_with(0);
    assert_eq!(ran.stdout, "the clock agrees with the record\n");
    let accept = ["store", "clock", "--accept", "--reason", "the machine was mended"];
    let refused = home.belay(&accept).ends_with(2);
    assert!(refused.stderr.contains("authority-needs-a-role"), "{}", refused.stderr);
    home.write("belay.toml", "workspace = \"acme\"\n[people]\ntester = [\"steward\"]\n");
    let ran = home.belay(&accept).ends_with(0);
    assert_eq!(ran.stdout, "the clock agrees with the record\n");
    let ran = home.belay(&["store", "clock", "--accept"]).ends_with(2);
    assert!(ran.stderr.contains("--reason"), "{}", ran.stderr);
}
