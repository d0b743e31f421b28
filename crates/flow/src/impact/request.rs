//! What is asked of a review: read from arguments, kept with the run, done by a person at L0.

use std::path::PathBuf;

use belay_model::Level;
use serde_json::{Value, json};

use super::Settings;
use crate::workflow::{Checklist, checklist::quoted};
use crate::{FlowError, report};

/// What was asked.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "a pull request is called that")]
pub struct Request {
    /// Where the user stands.
    pub folder: PathBuf,
    pub base: Option<String>,
    pub head: Option<String>,
    pub build: bool,
    /// Build and test all that is below a change, spare and cut off nothing.
    pub everything: bool,
    /// Leave the scratch schema in place.
    pub keep: bool,
    pub level: Option<Level>,
    /// A DuckDB file to compare two folders of artefacts in.
    pub database: Option<PathBuf>,
    /// Files to write the report to as well; their endings say in which form.
    pub copies: Vec<(PathBuf, report::Form)>,
    /// A file with the pull request's text, in which overrides can stand.
    pub pull_request: Option<PathBuf>,
    /// What the report has to say about how it was asked for.
    pub remarks: Vec<String>,
    pub settings: Settings,
}

impl Request {
    /// What is kept with the run: enough to take it up again.
    pub fn input(&self) -> Value {
        let copies: Vec<Value> = self
            .copies
            .iter()
            .map(|(path, form)| json!([path.to_string_lossy(), form.as_str()]))
            .collect();
        json!({
            "folder": self.folder.to_string_lossy(),
            "base": self.base,
            "head": self.head,
            "build": self.build,
            "everything": self.everything,
            "keep": self.keep,
            "level": self.level.map(|level| level.to_string()),
            "database": self.database.as_ref().map(|path| path.to_string_lossy()),
            "copies": copies,
            "pull_request": self.pull_request.as_ref().map(|path| path.to_string_lossy()),
            "remarks": self.remarks,
        })
    }

    /// Reads [`Self::input`] back. Settings are those of today.
    pub fn from_input(input: &Value, settings: &Settings) -> Result<Self, FlowError> {
        let unreadable = || FlowError::Render { message: "the run's input cannot be read".into() };
        let text = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = |name: &str| input.get(name).and_then(Value::as_bool);
        let copies = input.get("copies").and_then(Value::as_array).into_iter().flatten();
        let copy = |pair: &Value| {
            let path = PathBuf::from(pair.get(0)?.as_str()?);
            Some((path, report::Form::parse(pair.get(1)?.as_str()?)?))
        };
        Ok(Self {
            folder: PathBuf::from(text("folder").ok_or_else(unreadable)?),
            base: text("base"),
            head: text("head"),
            build: flag("build").ok_or_else(unreadable)?,
            // Runs that an older belay began do not say.
            everything: flag("everything").unwrap_or(false),
            keep: flag("keep").ok_or_else(unreadable)?,
            level: text("level").and_then(|level| level.parse().ok()),
            database: text("database").map(PathBuf::from),
            copies: copies.map(copy).collect::<Option<_>>().ok_or_else(unreadable)?,
            pull_request: text("pull_request").map(PathBuf::from),
            remarks: input
                .get("remarks")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|remark| remark.as_str().map(str::to_owned))
                .collect(),
            settings: settings.clone(),
        })
    }
}

/// The review as a person does it by hand, with dbt's own commands.
pub fn checklist(request: &Request) -> Vec<Checklist> {
    let base = request.base.as_deref().unwrap_or("main");
    let (tree, base) = (quoted("../belay-base"), quoted(base));
    let head =
        request.head.as_deref().map(|head| format!("git switch --detach {} && ", quoted(head)));
    let head = head.unwrap_or_default();
    let mut items = vec![
        item(
            "base",
            "put the base beside the work tree",
            format!("git worktree add --detach {tree} {base}"),
        ),
        item(
            "parse",
            "parse base and head",
            format!("{head}dbt parse && (cd {tree} && dbt parse)"),
        ),
        item(
            "scope",
            "list what changed and what it reaches",
            format!("dbt ls --select state:modified+ --state {tree}/target"),
        ),
    ];
    if request.build {
        items.push(Checklist {
            undo: Some("dbt run-operation run_query --args '{sql: drop schema if exists belay_by_hand cascade}'".to_owned()),
            ..item(
                "build",
                "build what changed into a schema of your own (a target whose schema is belay_by_hand)",
                format!("dbt build --select state:modified+ --defer --state {tree}/target --target belay_by_hand"),
            )
        });
        items.push(item(
            "compare",
            "compare each built relation with its base: rows, keys, sums of changed columns",
            "dbt show --inline \"select count(*) from {{ ref('MODEL') }}\"".to_owned(),
        ));
    }
    items.push(Checklist {
        outputs: vec!["report.md".to_owned()],
        ..item(
            "report",
            "write down what the change does to the data",
            "${EDITOR:-vi} report.md".to_owned(),
        )
    });
    items.push(item("clean", "take the base away again", format!("git worktree remove {tree}")));
    items
}

fn item(step: &str, title: &str, line: String) -> Checklist {
    Checklist {
        step: step.to_owned(),
        title: title.to_owned(),
        line,
        environment: Vec::new(),
        expect: vec![0],
        outputs: Vec::new(),
        probe: None,
        undo: None,
        irreversible: None,
    }
}
