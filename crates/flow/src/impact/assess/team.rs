//! What people add to the judgement: the team's rules, and overrides in the change itself.

use std::collections::BTreeSet;

use belay_dbt::NodeId;
use belay_model::{Columns, Finding, Severity};

use super::causes::Causes;
use super::consumers::Consumers;
use super::points::{Cause, Factor};
use super::{Judged, Judgement};
use crate::impact::Findings;
use crate::impact::overrides::{Override, Unreadable};
use crate::impact::rules::{Does, Rule, Seen, node_of};
use crate::report::short;

/// What became of an override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    pub what: String,
    pub until: String,
    pub because: String,
    pub from: String,
    pub state: OverrideState,
    /// Findings that it takes off the level.
    pub findings: Vec<String>,
    /// Why it does nothing, for people.
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverrideState {
    Applied,
    /// Its day is over.
    Expired,
    /// It names a fact, and facts are not to be accepted away.
    Refused,
    /// No finding is of that name.
    Unmatched,
    Unreadable,
}

impl OverrideState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Unmatched => "unmatched",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Marks findings that an override takes off the level, and says what became of each.
pub(super) fn accept(judged: &mut [Judged], judgement: &Judgement) -> Vec<Overridden> {
    judgement.overrides.iter().map(|one| accept_one(judged, one, &judgement.today)).collect()
}

fn accept_one(
    judged: &mut [Judged],
    read: &Result<Override, Unreadable>,
    today: &str,
) -> Overridden {
    let one = match read {
        Ok(one) => one,
        Err(unreadable) => {
            return Overridden {
                what: unreadable.line.clone(),
                until: String::new(),
                because: String::new(),
                from: unreadable.from.clone(),
                state: OverrideState::Unreadable,
                findings: Vec::new(),
                note: Some(unreadable.why.to_owned()),
            };
        }
    };
    let mut named: Vec<&mut Judged> =
        judged.iter_mut().filter(|judged| is_named(&judged.finding, &one.what)).collect();
    let facts = named.iter().filter(|judged| judged.is_fact).count();
    let (state, note) = if named.is_empty() {
        (OverrideState::Unmatched, Some("no finding is of that name"))
    } else if one.until.as_str() < today {
        (OverrideState::Expired, Some("its day is over"))
    } else if facts == named.len() {
        (OverrideState::Refused, Some("what is measured, not judged, cannot be accepted"))
    } else {
        (OverrideState::Applied, None)
    };
    let mut findings = Vec::new();
    if state == OverrideState::Applied {
        for judged in named.iter_mut().filter(|judged| !judged.is_fact) {
            judged.accepted = Some(one.because.clone());
            findings.push(judged.finding.id());
        }
    }
    Overridden {
        what: one.what.clone(),
        until: one.until.clone(),
        because: one.because.clone(),
        from: one.from.clone(),
        state,
        findings,
        note: note.map(str::to_owned),
    }
}

/// By id, or by kind and node: `values.changed:dim_customers`.
fn is_named(finding: &Finding, what: &str) -> bool {
    if finding.id() == what {
        return true;
    }
    let Some((kind, node)) = what.split_once(':') else { return false };
    let of = finding.node.as_deref().unwrap_or_default();
    finding.kind == kind && (of == node || short(of) == node)
}

/// Lays the team's rules on the causes. Returns who is asked to look.
pub(super) fn apply(
    facts: &Findings,
    found: &Causes,
    judged: &[Judged],
    judgement: &Judgement,
    consumers: Consumers<'_>,
    causes: &mut [Cause],
) -> BTreeSet<String> {
    let mut reviewers = BTreeSet::new();
    // What lowers comes before what raises, so that raising wins.
    let mut rules: Vec<&Rule> = judgement.rules.0.iter().collect();
    rules.sort_by_key(|rule| match rule.does {
        Does::Points(_) => 0,
        Does::AtMost(_) => 1,
        Does::AtLeast(_) => 2,
    });
    for cause in causes {
        let nodes = nodes_of(facts, found, judged, cause);
        let has_fact =
            judged.iter().any(|one| one.is_fact && cause.findings.contains(&one.finding.id()));
        for rule in &rules {
            if rule.until.as_deref().is_some_and(|until| until < judgement.today.as_str()) {
                continue;
            }
            let Some(node) = nodes.iter().find(|node| matches(facts, consumers, rule, node)) else {
                continue;
            };
            reviewers.extend(rule.reviewers.iter().cloned());
            lay(rule, node, has_fact, cause);
        }
    }
    reviewers
}

fn lay(rule: &Rule, node: &NodeId, has_fact: bool, cause: &mut Cause) {
    let (points, does) = match rule.does {
        Does::Points(points) => (points, String::new()),
        Does::AtLeast(level) => (0, format!(", at least {level}")),
        Does::AtMost(level) => (0, format!(", at most {level}")),
    };
    let until = rule.until.as_deref().map(|day| format!(" (until {day})")).unwrap_or_default();
    cause.factors.push(Factor {
        name: format!("rule `{}`", rule.name),
        points,
        why: format!("`{}`{does}: {}{until}", short(node.as_str()), rule.why),
        about: cause.edits.iter().next().or(cause.findings.first()).cloned().unwrap_or_default(),
    });
    let weighed = super::weights::level_of(cause.points(), has_fact);
    cause.level = match rule.does {
        Does::Points(_) => cause.level.max(weighed),
        Does::AtLeast(level) => cause.level.max(level),
        Does::AtMost(level) if !has_fact => cause.level.min(level),
        Does::AtMost(_) => cause.level,
    };
}

/// The nodes that a cause is about: what was edited and is not proved to stand still, and what moved.
fn nodes_of(
    facts: &Findings,
    found: &Causes,
    judged: &[Judged],
    cause: &Cause,
) -> BTreeSet<NodeId> {
    let edited = cause.edits.iter().filter_map(|id| found.edit(id)).flat_map(|edit| &edit.nodes);
    let visible = |node: &&NodeId| {
        let effect = facts.meaning.effects.get(*node);
        !found.is_still(node) && effect.is_none_or(|effect| !effect.is_invisible())
    };
    let mut nodes: BTreeSet<NodeId> = edited.filter(visible).cloned().collect();
    for one in judged.iter().filter(|one| cause.findings.contains(&one.finding.id())) {
        if one.finding.severity > Severity::Info {
            nodes.extend(one.node());
            nodes.extend(one.places.iter().map(|place| place.node.clone()));
        }
    }
    nodes
}

fn matches(facts: &Findings, consumers: Consumers<'_>, rule: &Rule, id: &NodeId) -> bool {
    let Some(node) = node_of(facts, id) else { return false };
    let effect = facts.meaning.effects.get(id);
    let mut columns: Vec<String> = match effect.map(|effect| &effect.values) {
        Some(Columns::All) => node.columns.iter().map(|column| column.name.to_string()).collect(),
        Some(Columns::These(names)) => names.iter().cloned().collect(),
        None => Vec::new(),
    };
    if let Some(effect) = effect {
        columns.extend(effect.removed.iter().chain(&effect.added).chain(&effect.retyped).cloned());
    }
    let moved = facts.data.iter().filter(|compared| compared.node == *id);
    let moved = moved.flat_map(|compared| &compared.columns);
    let moved = moved.filter(|column| {
        column.changed > Some(0) || column.change != belay_diff::ColumnChange::Same
    });
    columns.extend(moved.map(|column| column.name.clone()));
    // Only a rule that asks for exposures pays for finding them.
    let exposures: Vec<String> = match &rule.matching.exposure {
        Some(_) => consumers.exposures(id).iter().map(|id| consumers.name(id)).collect(),
        None => Vec::new(),
    };
    let meaning = effect.map(|effect| effect.meaning);
    rule.matching.holds(&Seen { node, meaning, columns: &columns, exposures: &exposures })
}
