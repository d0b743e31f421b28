//! What a team adds to the weights: `belay/impact.yaml`. A rule can raise; one that lowers has a reason
//! and runs out.

use std::path::{Path, PathBuf};

use belay_dbt::NodeId;
use belay_dbt::manifest::Node;
use belay_model::{Meaning, Severity};
use fs_err as fs;
use glob::Pattern;

use super::overrides::is_day;
use super::{Findings, Request};
use crate::FlowError;
use crate::registry::document::{Fields, Reading, Value};
use crate::registry::{Faults, Kind};

/// The file's place in a repository.
pub(super) const FILE: &str = "belay/impact.yaml";

/// A team's rules, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(pub Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub matching: Matching,
    pub does: Does,
    pub why: String,
    /// Whom the report asks to look.
    pub reviewers: Vec<String>,
    /// The last day on which it holds.
    pub until: Option<String>,
}

/// What a rule does to a cause that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Points more.
    Points(i64),
    AtLeast(Severity),
    /// Lowers what is judged, never what facts say.
    AtMost(Severity),
}

/// What a rule is about: nodes for which all of this holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    pub path: Option<Pattern>,
    pub node: Option<Pattern>,
    pub tag: Option<String>,
    pub owner: Option<String>,
    pub exposure: Option<String>,
    pub meta: Option<String>,
    pub column: Option<String>,
    pub meaning: Vec<Meaning>,
}

/// What is known of a node when a rule looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub node: &'a Node,
    pub meaning: Option<Meaning>,
    /// Columns that moved, or that the code says may move.
    pub columns: &'a [String],
    /// Names of the exposures below it.
    pub exposures: &'a [String],
}

impl Rules {
    /// Reads a file. Everything that is wrong with it is told at once.
    pub fn parse(file: &str, text: &str) -> Result<Self, Faults> {
        let mut reading = Reading::new(Kind::Impact, file);
        let Some(document) = reading.document(text) else {
            return reading.faults.or(Self::default());
        };
        let mut rules = Vec::new();
        if let Some(top) = reading.fields(&document, "", &["rules"]) {
            if top.node("rules").is_none() {
                top.missing(&mut reading, "rules");
            }
            for item in top.items(&mut reading, "rules") {
                rules.extend(rule(&mut reading, item));
            }
        }
        let mut names = std::collections::BTreeSet::new();
        for rule in &rules {
            if !names.insert(rule.name.clone()) {
                reading.fault(0, format!("two rules have the name `{}`", rule.name));
            }
        }
        reading.faults.or(Self(rules))
    }
}

const KEYS: [&str; 8] =
    ["name", "match", "points", "at_least", "at_most", "why", "reviewers", "until"];
const MATCHES: [&str; 8] =
    ["path", "node", "tag", "owner", "exposure", "meta", "column", "meaning"];
const LEVELS: &str = "info, low, medium, high, critical";

fn rule(reading: &mut Reading, item: &crate::registry::document::Node) -> Option<Rule> {
    let fields = reading.fields(item, "rule", &KEYS)?;
    let name = fields.required(reading, "name");
    let why = fields.required(reading, "why");
    let reviewers = fields.texts(reading, "reviewers");
    let until = fields.text(reading, "until");
    if let Some(day) = until.as_deref().filter(|day| !is_day(day)) {
        reading.fault(
            fields.line_of("until"),
            format!("`until` is `{day}`, expected a day such as \"2026-12-31\""),
        );
    }
    let does = does(reading, &fields, &name, until.is_some());
    let matching = if let Some(node) = fields.node("match") {
        matching(reading, node)
    } else {
        fields.missing(reading, "match");
        None
    };
    Some(Rule { name, matching: matching?, does: does?, why, reviewers, until })
}

fn does(reading: &mut Reading, fields: &Fields<'_>, name: &str, runs_out: bool) -> Option<Does> {
    let given: Vec<&str> = ["points", "at_least", "at_most"]
        .into_iter()
        .filter(|key| fields.node(key).is_some())
        .collect();
    let level = |reading: &mut Reading, key: &str| {
        fields.spelled(reading, key, |text| text.parse::<Severity>().ok(), LEVELS)
    };
    match given.as_slice() {
        ["points"] => fields.number(reading, "points", 1, 100).map(Does::Points),
        ["at_least"] => level(reading, "at_least").map(Does::AtLeast),
        [_] => {
            if !runs_out {
                let line = fields.line_of("at_most");
                reading.fault(line, format!("rule `{name}` lowers, so it needs `until`"));
            }
            level(reading, "at_most").map(Does::AtMost)
        }
        [] => {
            reading.fault(
                fields.line,
                format!("rule `{name}` does nothing: give `points`, `at_least` or `at_most`"),
            );
            None
        }
        [_, second, ..] => {
            let line = fields.line_of(second);
            reading.fault(
                line,
                format!(
                    "rule `{name}` does two things: give one of `points`, `at_least`, `at_most`"
                ),
            );
            None
        }
    }
}

fn matching(reading: &mut Reading, node: &crate::registry::document::Node) -> Option<Matching> {
    let fields = reading.fields(node, "match", &MATCHES)?;
    if MATCHES.iter().all(|key| fields.node(key).is_none()) {
        reading.fault(fields.line, "`match` is empty: say what the rule is about");
    }
    let pattern = |reading: &mut Reading, key: &str| {
        let text = fields.text(reading, key)?;
        let pattern = Pattern::new(&text);
        if let Err(error) = &pattern {
            reading.fault(fields.line_of(key), format!("`{key}` is no pattern: {}", error.msg));
        }
        pattern.ok()
    };
    let meaning = fields.node("meaning").map(|node| match &node.value {
        Value::List(_) => fields.texts(reading, "meaning"),
        _ => fields.text(reading, "meaning").into_iter().collect(),
    });
    let mut meanings = Vec::new();
    for word in meaning.unwrap_or_default() {
        if let Some(meaning) = Meaning::ALL.iter().find(|meaning| meaning.as_str() == word) {
            meanings.push(*meaning);
        } else {
            let known: Vec<&str> = Meaning::ALL.iter().map(|meaning| meaning.as_str()).collect();
            let line = fields.line_of("meaning");
            reading.fault(line, format!("unknown meaning `{word}`; known: {}", known.join(", ")));
        }
    }
    Some(Matching {
        path: pattern(reading, "path"),
        node: pattern(reading, "node"),
        tag: fields.text(reading, "tag"),
        owner: fields.text(reading, "owner"),
        exposure: fields.text(reading, "exposure"),
        meta: fields.text(reading, "meta"),
        column: fields.text(reading, "column"),
        meaning: meanings,
    })
}

impl Matching {
    /// All that the rule names holds.
    pub fn holds(&self, seen: &Seen<'_>) -> bool {
        let node = seen.node;
        let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
        let path = self.path.as_ref().is_none_or(|path| path.matches(&node.path));
        let name = self.node.as_ref().is_none_or(|name| name.matches(&node.name));
        let tag = self.tag.as_ref().is_none_or(|tag| node.tags.iter().any(|one| **one == **tag));
        let owner = self.owner.as_ref().is_none_or(|owner| owners(node).contains(owner));
        let exposure = { &self.exposure }.as_ref().is_none_or(|name| seen.exposures.contains(name));
        let meta = self.meta.as_ref().is_none_or(|wanted| has_meta(node, wanted));
        let column = { &self.column }
            .as_ref()
            .is_none_or(|name| seen.columns.iter().any(|column| same(column, name)));
        let meaning = self.meaning.is_empty()
            || seen.meaning.is_some_and(|meaning| self.meaning.contains(&meaning));
        path && name && tag && owner && exposure && meta && column && meaning
    }
}

/// `key`, or `key=value`.
fn has_meta(node: &Node, wanted: &str) -> bool {
    let (key, value) =
        wanted.split_once('=').map_or((wanted, None), |(key, value)| (key, Some(value)));
    let Some(found) = node.meta_value(key.trim()) else { return false };
    match value.map(str::trim) {
        None => !found.is_null() && found.as_bool() != Some(false),
        Some(value) => match found {
            serde_json::Value::String(text) => text == value,
            other => {
                let spelled = other.to_string();
                spelled == value
            }
        },
    }
}

/// Who owns a node: its group, and what its meta says.
fn owners(node: &Node) -> Vec<String> {
    let meta = node.meta_value("owner").and_then(|owner| owner.as_str());
    meta.into_iter().chain(node.group()).map(str::to_owned).collect()
}

/// The rules in force: those of base, so that a pull request cannot loosen its own. Where base is a
/// folder of artefacts, those of the folder that the user stands in.
pub(super) fn in_force(request: &Request, findings: &Findings) -> Result<Rules, FlowError> {
    let found = match &findings.base.project {
        // The tree was written out to a folder of this name.
        Some(project) => above(project, |folder| folder.ends_with("tree")),
        None => above(&request.folder, |folder| folder.join(".git").exists()),
    };
    let Some(path) = found else { return Ok(Rules::default()) };
    let text = fs::read_to_string(&path)
        .map_err(|source| FlowError::Unreadable { path: PathBuf::from(FILE), source })?;
    Ok(Rules::parse(FILE, &text)?)
}

/// The file in `folder` or above it, up to where `is_root` says that the tree ends.
fn above(folder: &Path, is_root: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let path = folder.join(FILE);
        if path.is_file() {
            return Some(path);
        }
        if is_root(folder) {
            return None;
        }
    }
    None
}

/// A node of either side.
pub(super) fn node_of<'a>(findings: &'a Findings, id: &NodeId) -> Option<&'a Node> {
    findings.head.manifest.node(id).or_else(|| findings.base.manifest.node(id))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let told = match Rules::parse(FILE, text) {
            Ok(rules) => format!("{} rules", rules.0.len()),
            Err(faults) => faults.to_string(),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn a_file_is_read_strictly_and_tells_all_its_faults_at_once() {
        check(
            "rules:\n  - name: finance\n    match: {path: 'models/finance/**', meaning: [rows, values]}\n    at_least: high\n    why: the month is closed on it\n    reviewers: [anna]\n",
            expect!["1 rules"],
        );
        check(
            "rules:\n  - name: quiet\n    match: {tag: nightly}\n    at_most: low\n    why: rebuilt every night\n  - name: odd\n    match: {}\n    points: 0\n    at_least: grave\n    why: x\n  - name: none\n    match: {path: '[', colour: red, meaning: odd}\n    points: 5\n    why: ''\n    until: soon\n",
            expect![[r#"
                belay/impact.yaml:4: rule `quiet` lowers, so it needs `until`
                  belay/impact.yaml:7: `match` is empty: say what the rule is about
                  belay/impact.yaml:9: rule `odd` does two things: give one of `points`, `at_least`, `at_most`
                  belay/impact.yaml:12: `path` is no pattern: invalid range pattern
                  belay/impact.yaml:12: unknown key `colour`; known: path, node, tag, owner, exposure, meta, column, meaning
                  belay/impact.yaml:12: unknown meaning `odd`; known: cosmetic, metadata, physical, additive, new, values, rows, schema, removed, unknown
                  belay/impact.yaml:14: `why` is empty
                  belay/impact.yaml:15: `until` is `soon`, expected a day such as "2026-12-31""#]],
        );
    }
}
