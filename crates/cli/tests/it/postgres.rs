//! Reviews of a real dbt project on a real PostgreSQL: `BELAY_TEST_POSTGRES` says where one is. Each
//! test has a database and a user of its own.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Executor as _, Row as _};

use crate::home::{Home, Ran};

const PROJECT: &str =
    "name: shop\nversion: '1.0'\nprofile: shop\nseeds:\n  shop:\n    +schema: raw\n";

const SEED: &str = "order_id,customer_id,amount\n1,10,5.00\n2,10,7.50\n3,11,1.25\n4,12,9.99\n";

/// The source follows the target's schema, so that in scratch it has to be made visible.
const SOURCES: &str = "
sources:
  - name: pay
    schema: \"{{ target.schema }}\"
    tables: [{name: payments}]
models:
  - name: fct_orders
    columns: [{name: order_id, data_tests: [unique, not_null]}]
  - name: report
    columns: [{name: customer_id, data_tests: [unique, not_null]}]
";

const PAID_ONCE: &str = "
select o.order_id, o.customer_id, o.amount, p.paid, p.paid_at
from {{ ref('orders') }} o
left join (
  select order_id, sum(paid) as paid, max(paid_at) as paid_at from {{ source('pay', 'payments') }} group by order_id
) p on p.order_id = o.order_id
";

/// The planted regression: a row for each payment.
const FANS_OUT: &str = "
select o.order_id, o.customer_id, o.amount, p.paid, p.paid_at
from {{ ref('orders') }} o
left join {{ source('pay', 'payments') }} p on p.order_id = o.order_id
";

const REPORT: &str = "
select customer_id, count(*) as orders, sum(amount) as amount
from {{ ref('fct_orders') }} group by customer_id
";

/// A shop whose main is built.
struct Shop {
    home: Home,
    name: String,
    password: String,
}

impl Shop {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("it_{}_{number}", std::process::id());
        let password = format!("pla'nted\\{name}");
        let told = password.replace('\'', "''");
        on_server(&server(), &format!("CREATE ROLE {name} LOGIN PASSWORD '{told}'"));
        on_server(&server(), &format!("CREATE DATABASE {name} OWNER {name}"));
        let shop = Self { home: Home::new(), name, password };
        shop.tell("CREATE SCHEMA analytics");
        shop.tell(
            "CREATE TABLE analytics.payments AS SELECT * FROM (VALUES \
             (1, 1, 5.00, TIMESTAMPTZ '2024-01-01 10:00+01'), (2, 2, 7.00, '2024-01-02 10:00+01'), \
             (3, 2, 0.50, '2024-01-03 10:00+01'), (4, 3, 1.25, NULL)) t(id, order_id, paid, paid_at)",
        );
        for (path, text) in [
            ("dbt_project.yml", PROJECT),
            ("seeds/orders.csv", SEED),
            ("models/schema.yml", SOURCES),
            ("models/fct_orders.sql", PAID_ONCE),
            ("models/report.sql", REPORT),
            (".gitignore", "profiles.yml\ntarget/\nlogs/\n.belay/\n"),
        ] {
            shop.home.write(path, text);
        }
        shop.profile(&shop.password, &shop.name);
        shop.home.git("", &["init", "--quiet"]);
        shop.home.git("", &["add", "."]);
        shop.home.git("", &["commit", "--quiet", "--message", "a shop"]);
        shop.dbt(&["build", "--quiet"]);
        shop
    }

    /// Writes the profile: the password spelled out, the user out of the environment.
    fn profile(&self, password: &str, database: &str) {
        let options = server();
        let password = serde_json::to_string(password).unwrap();
        self.home.write(
            "profiles.yml",
            &format!(
                "shop:\n  outputs:\n    default:\n      type: postgres\n      host: {}\n      port: {}\n      \
                 user: \"{{{{ env_var('SHOP_USER') }}}}\"\n      password: {password}\n      dbname: {database}\n      \
                 schema: analytics\n      threads: 2\n",
                options.get_host(),
                options.get_port(),
            ),
        );
    }

    fn options(&self) -> PgConnectOptions {
        server().username(&self.name).password(&self.password).database(&self.name)
    }

    fn tell(&self, sql: &str) {
        on_server(&self.options(), sql);
    }

    fn ask(&self, sql: &str) -> Vec<String> {
        asked(&self.options(), sql)
    }

    fn schemas(&self) -> Vec<String> {
        self.ask("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'belay%' ORDER BY 1")
    }

    fn dbt(&self, args: &[&str]) {
        let dbt = belay_outside::Cache::new(crate::home::cache()).dbt("postgres");
        assert!(dbt.is_some(), "run ./check, which installs dbt for PostgreSQL");
        let ran = Command::new(dbt.unwrap())
            .args(args)
            .current_dir(self.home.work())
            .env("SHOP_USER", &self.name)
            .env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
        for folder in ["target", "logs"] {
            std::fs::remove_dir_all(self.home.work().join(folder)).unwrap();
        }
    }

    fn belay(&self, args: &[&str]) -> Ran {
        let ran = self.home.belay_with(&[("SHOP_USER", &self.name)], args);
        for told in [&ran.stdout, &ran.stderr] {
            assert!(!told.contains(&self.password), "the password is told: {told}");
        }
        ran
    }

    /// Nothing in the work folder holds the password but the user's own profile: not the state folder,
    /// not a report, and while a run is cut off not its temporary folder.
    fn password_is_nowhere(&self) {
        let own = self.home.work().join("profiles.yml");
        let spelled = serde_json::to_string(&self.password).unwrap();
        let spellings = [self.password.as_str(), spelled.trim_matches('"')];
        let mut open = vec![self.home.work()];
        let mut looked_at = 0;
        while let Some(folder) = open.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    open.push(path);
                } else if path != own {
                    let bytes = std::fs::read(&path).unwrap();
                    let text = String::from_utf8_lossy(&bytes);
                    let found = spellings.iter().any(|password| text.contains(password));
                    assert!(!found, "the password is in {}", path.display());
                    looked_at += 1;
                }
            }
        }
        assert!(looked_at > 20, "there is something to look at");
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        on_server(&server(), &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        on_server(&server(), &format!("DROP ROLE {}", self.name));
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where it is")]
fn server() -> PgConnectOptions {
    let url = std::env::var("BELAY_TEST_POSTGRES");
    assert!(
        url.is_ok(),
        "this test needs a PostgreSQL: run `export BELAY_TEST_POSTGRES=$(tools/postgres start)`"
    );
    url.unwrap().parse().unwrap()
}

fn on_server(options: &PgConnectOptions, sql: &str) {
    drop(asked(options, sql));
}

fn asked(options: &PgConnectOptions, sql: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection: PgConnection = options.connect().await.unwrap();
        let rows = connection.fetch_all(sqlx::AssertSqlSafe(sql)).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    })
}

fn kinds(report: &Value, node: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let of = findings.filter(|finding| finding["node"] == node);
    of.map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_join_that_fans_out_is_found_on_postgres_and_nothing_is_left() {
    let shop = Shop::new();
    shop.home.write("models/fct_orders.sql", FANS_OUT);
    let args = ["impact", "--format", "json", "--out", "report.html"];
    let report = shop.belay(&args).ends_with(1).json();
    let found = kinds(&report, "model.shop.fct_orders");
    assert!(found.contains(&"rows.duplicated".to_owned()), "{found:?}");
    assert_eq!(report["risk"]["level"], "critical", "{report}");
    let downstream = kinds(&report, "model.shop.report");
    assert!(!downstream.is_empty(), "{report}");
    let base: Vec<&str> = report["tests"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|test| test["base"].as_str())
        .collect();
    assert!(!base.is_empty() && base.iter().all(|outcome| *outcome == "pass"), "{base:?}");
    assert_eq!(shop.schemas(), Vec::<String>::new());
    let left = shop.belay(&["clean", "--dry-run"]).ends_with(0);
    assert_eq!(left.stdout, "nothing is left behind\n");
    drop(shop.belay(&["trace", "check"]).ends_with(0));
    drop(shop.belay(&["doctor"]).ends_with(0));
    shop.password_is_nowhere();
}

#[test]
fn a_change_of_form_alone_is_proved_harmless_on_postgres() {
    let shop = Shop::new();
    shop.home.write("models/fct_orders.sql", &PAID_ONCE.replace("group by order_id", "group by 1"));
    let report = shop.belay(&["-q", "impact", "--format", "json"]).ends_with(0).json();
    let harmless = report["harmless"].as_array().unwrap();
    assert!(harmless.iter().any(|node| node["node"] == "model.shop.fct_orders"), "{report}");
    assert_eq!(shop.schemas(), Vec::<String>::new());
}

#[test]
fn what_a_killed_review_left_is_dropped_with_the_login_of_the_profile_and_no_other() {
    let shop = Shop::new();
    shop.home.write("models/fct_orders.sql", &format!("{FANS_OUT} where pg_sleep(20) is not null"));
    let mut child = shop.home.start_with(&[("SHOP_USER", &shop.name)], &["impact"]);
    let began = Instant::now();
    while shop.schemas().is_empty() {
        assert!(began.elapsed() < Duration::from_mins(4), "the build never began");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    let _ = child.wait().unwrap();
    assert!(!shop.schemas().is_empty());
    shop.password_is_nowhere();

    shop.profile("wrong", &shop.name);
    let refused = shop.belay(&["clean"]).ends_with(2);
    assert!(refused.stderr.contains("error[warehouse/login]"), "{}", refused.stderr);
    shop.profile(&shop.password, "postgres");
    let refused = shop.belay(&["clean"]).ends_with(2);
    assert!(refused.stderr.contains("error[scratch/other-database]"), "{}", refused.stderr);
    let unset = shop.home.belay(&["clean"]).ends_with(2);
    assert!(unset.stderr.contains("`SHOP_USER` is not set"), "{}", unset.stderr);
    assert!(!shop.schemas().is_empty());

    shop.profile(&shop.password, &shop.name);
    let cleaned = shop.belay(&["clean", "--format", "json"]).ends_with(0).json();
    let database = cleaned["leftovers"][0]["database"].as_str().unwrap();
    assert!(database.starts_with("postgres://") && database.ends_with(&shop.name), "{database}");
    assert_eq!(shop.schemas(), Vec::<String>::new());
    assert_eq!(
        shop.ask("SELECT nspname::text FROM pg_namespace WHERE nspname = 'analytics'").len(),
        1
    );
    let left = shop.belay(&["clean"]).ends_with(0);
    assert_eq!(left.stdout, "nothing is left behind\n");
    shop.password_is_nowhere();
}

#[test]
fn a_database_that_refuses_is_told_in_its_own_way_and_before_anything_is_claimed() {
    let shop = Shop::new();
    shop.home.write("models/fct_orders.sql", FANS_OUT);
    let refusal = |slug: &str, code: i32| {
        let ran = shop.belay(&["-q", "impact"]).ends_with(code);
        assert!(ran.stderr.contains(&format!("error[{slug}]")), "{slug}: {}", ran.stderr);
        assert!(ran.stderr.contains("help: "), "{}", ran.stderr);
        let left = shop.belay(&["clean", "--dry-run"]).ends_with(0);
        assert_eq!(left.stdout, "nothing is left behind\n");
    };
    shop.profile("wrong", &shop.name);
    refusal("warehouse/login", 2);
    shop.profile(&shop.password, "no_such_shop");
    refusal("warehouse/no-such-database", 2);
    drop(shop.belay(&["doctor"]).ends_with(1));
    shop.profile(&shop.password, &shop.name);
    on_server(&server(), &format!("ALTER DATABASE {} OWNER TO CURRENT_USER", shop.name));
    refusal("warehouse/no-create", 2);
    // What needs no database does not ask for one.
    drop(shop.belay(&["-q", "impact", "--no-build"]).ends_with(0));
}

#[test]
fn tests_of_base_run_in_sessions_that_refuse_to_write() {
    let shop = Shop::new();
    let writes = "{% if execute %}{% do run_query('create table ' ~ target.schema ~ '.sly as select 1 as id') %}\
                  {% endif %}\nselect 1 from {{ ref('fct_orders') }} where false";
    shop.home.write("tests/sly.sql", writes);
    shop.home.git("", &["add", "."]);
    shop.home.git("", &["commit", "--quiet", "--message", "a test that writes"]);
    shop.home.write("models/fct_orders.sql", &format!("-- reviewed\n{PAID_ONCE}"));
    let args = ["-q", "impact", "--base", "HEAD", "--format", "json", "--fail-on", "never"];
    let report = shop.belay(&args).ends_with(0).json();
    assert_eq!(
        shop.ask("SELECT tablename::text FROM pg_tables WHERE tablename = 'sly'"),
        Vec::<String>::new()
    );
    let tests = report["tests"].as_array().unwrap();
    let sly = tests.iter().find(|test| test["node"].as_str().is_some_and(|id| id.contains("sly")));
    assert_ne!(sly.unwrap()["base"], "pass", "{report}");
    assert!(tests.iter().any(|test| test["base"] == "pass"), "{report}");
}
