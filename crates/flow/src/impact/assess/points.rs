//! What the causes weigh, in points that add up and each say why.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::NodeId;
use belay_model::{Meaning, Severity};

use super::causes::Causes;
use super::consumers::Consumers;
use super::weights::{NO_KEY, NOT_COMPARED, SAMPLED, Weight, level_of, of_meaning, of_severity};
use super::{Judged, Ledger};
use crate::figures::counted_usize;
use crate::impact::Findings;
use crate::report::short;

/// Points, and what they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// The name of a weight in the table, or of a team's rule.
    pub name: String,
    pub points: i64,
    pub why: String,
    /// The finding or else the edit that it is about.
    pub about: String,
}

/// One cause with everything that speaks for or against it: one edit, edits that cannot be told apart,
/// or a finding that no edit explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub edits: BTreeSet<String>,
    /// Ids of findings.
    pub findings: Vec<String>,
    pub factors: Vec<Factor>,
    pub level: Severity,
}

impl Cause {
    pub fn points(&self) -> i64 {
        self.factors.iter().map(|factor| factor.points).sum()
    }
}

/// Kinds of findings that only repeat what was edited; their worth is not raised by who reads it.
fn is_notice(kind: &str) -> bool {
    matches!(
        kind,
        "config.changed"
            | "contract.changed"
            | "snapshot.changed"
            | "relation.moved"
            | "model.new"
            | "vars.changed"
            | "seed.not_compared"
            | "engine.upgraded"
            | "data.not_compared"
            | "data.drift"
            | "test.removed"
            | "test.still_failing"
            | "test.fixed"
            | "prediction.absent"
    )
}

/// The causes, the heaviest first.
pub(super) fn causes(
    facts: &Findings,
    found: &Causes,
    judged: &[Judged],
    ledger: &Ledger<'_>,
    consumers: Consumers<'_>,
) -> Vec<Cause> {
    let mut groups: BTreeMap<BTreeSet<String>, Vec<&Judged>> = BTreeMap::new();
    let mut alone = Vec::new();
    for one in judged {
        if one.caused_by.is_empty() {
            alone.push(one);
        } else {
            groups.entry(one.caused_by.clone()).or_default().push(one);
        }
    }
    let grouped: BTreeSet<&String> = groups.keys().flatten().collect();
    let quiet: Vec<&str> = found
        .edits
        .iter()
        .map(|edit| edit.id.as_str())
        .filter(|id| !grouped.contains(&(*id).to_owned()))
        .collect();
    let scale = Scale { facts, found, ledger, consumers };
    let mut causes: Vec<Cause> = { groups }
        .into_iter()
        .map(|(edits, judged)| scale.weigh(edits, &judged))
        .chain(alone.into_iter().map(|one| scale.weigh(BTreeSet::new(), &[one])))
        .chain(quiet.into_iter().map(|id| scale.weigh(BTreeSet::from([id.to_owned()]), &[])))
        .collect();
    causes.sort_by_key(|cause| {
        (std::cmp::Reverse((cause.level, cause.points())), cause.edits.clone())
    });
    causes
}

/// Everything that is put on the scale.
struct Scale<'a> {
    facts: &'a Findings,
    found: &'a Causes,
    ledger: &'a Ledger<'a>,
    consumers: Consumers<'a>,
}

impl Scale<'_> {
    fn weigh(&self, edits: BTreeSet<String>, judged: &[&Judged]) -> Cause {
        let counted: Vec<&&Judged> = judged.iter().filter(|one| one.accepted.is_none()).collect();
        let observed = counted.iter().filter(|one| !is_notice(one.finding.kind));
        let observed = observed.max_by_key(|one| one.finding.severity);
        let notice = counted.iter().filter(|one| is_notice(one.finding.kind));
        let notice = notice.max_by_key(|one| one.finding.severity);
        let all_accepted = counted.is_empty() && !judged.is_empty();
        let predicted = if all_accepted || edits.is_empty() {
            Vec::new()
        } else {
            self.predicted(
                &edits,
                observed.is_some_and(|one| one.finding.severity > Severity::Info),
            )
        };
        let notice = notice.and_then(|one| evidence(one));
        let evidence = observed.and_then(|one| evidence(one));
        let sum = |factors: &[Factor]| factors.iter().map(|factor| factor.points).sum::<i64>();
        let mut factors: Vec<Factor> = evidence.into_iter().chain(predicted).collect();
        // What only says that something was edited counts by itself, or not at all.
        if let Some(notice) = notice.filter(|notice| notice.points > sum(&factors)) {
            factors = vec![notice];
        }
        let is_fact = counted.iter().any(|one| one.is_fact);
        Cause {
            level: level_of(sum(&factors), is_fact),
            findings: judged.iter().map(|one| one.finding.id()).collect(),
            edits,
            factors,
        }
    }

    /// What the code says that the edits can do, to whom, and what nobody looked at. Nothing where the
    /// data show that they did nothing.
    fn predicted(&self, edits: &BTreeSet<String>, moved: bool) -> Vec<Factor> {
        let nodes: BTreeSet<NodeId> = edits
            .iter()
            .filter_map(|id| self.found.edit(id))
            .flat_map(|edit| edit.nodes.iter().cloned())
            .collect();
        let open: BTreeSet<NodeId> =
            nodes.iter().filter(|node| !self.found.is_still(node)).cloned().collect();
        if open.is_empty() && !moved {
            return Vec::new();
        }
        let about = edits.iter().cloned().collect::<Vec<_>>().join(", ");
        let factor = |weight: &Weight, why: String| Factor {
            name: weight.name.to_owned(),
            points: weight.points,
            why,
            about: about.clone(),
        };
        let mut factors = Vec::new();
        let class = self.class(&open);
        if let Some((weight, why)) = class {
            factors.push(factor(weight, why));
        }
        if factors.is_empty() && !moved {
            return factors;
        }
        let consumers = self.consumers.weigh(&nodes);
        factors.extend(consumers.into_iter().map(|(weight, why)| factor(weight, why)));
        factors.extend(self.gap(&open).map(|(weight, why)| factor(weight, why)));
        factors
    }

    /// The gravest meaning of what was edited and is not proved to stand still.
    fn class(&self, open: &BTreeSet<NodeId>) -> Option<(&'static Weight, String)> {
        let effects = &self.facts.meaning.effects;
        let graves = open.iter().filter_map(|node| Some((node, effects.get(node)?)));
        let (node, effect) = graves.max_by_key(|(_, effect)| {
            of_meaning(effect.meaning).map_or(0, |weight| weight.points)
        })?;
        let weight = of_meaning(effect.meaning)?;
        let word = match effect.meaning {
            Meaning::Unknown => "was not understood".to_owned(),
            meaning => format!("changes {meaning}"),
        };
        let reason = effect.reasons.first().map(|reason| format!(": {reason}"));
        Some((weight, format!("`{}` {word}{}", short(node.as_str()), reason.unwrap_or_default())))
    }

    fn gap(&self, open: &BTreeSet<NodeId>) -> Option<(&'static Weight, String)> {
        let names = |nodes: &[&NodeId]| match nodes {
            [only] => format!("`{}`", short(only.as_str())),
            several => counted_usize(several.len(), "edited node"),
        };
        let effects = &self.facts.meaning.effects;
        let can_move =
            |node: &&NodeId| effects.get(*node).is_none_or(|effect| !effect.meaning.keeps_data());
        let has_base = |node: &&NodeId| self.facts.base.manifest.node(node).is_some();
        let compared = |node: &NodeId| self.facts.data.iter().find(|one| one.node == *node);
        let blind: Vec<&NodeId> = open
            .iter()
            .filter(can_move)
            .filter(has_base)
            .filter(|node| compared(node).is_none())
            .collect();
        if !blind.is_empty() {
            return Some((&NOT_COMPARED, format!("{} was not compared with base", names(&blind))));
        }
        let sampled: Vec<&NodeId> =
            open.iter().filter(|node| self.ledger.is_sampled(node)).collect();
        if !sampled.is_empty() {
            return Some((&SAMPLED, format!("{} was compared in part", names(&sampled))));
        }
        let unkeyed: Vec<&NodeId> = open
            .iter()
            .filter(|node| compared(node).is_some_and(|one| one.key.is_none()))
            .collect();
        (!unkeyed.is_empty()).then(|| (&NO_KEY, format!("{} has no key", names(&unkeyed))))
    }
}

fn evidence(one: &Judged) -> Option<Factor> {
    let weight = of_severity(one.finding.severity)?;
    let node = one.finding.node.as_deref().map(short);
    let column = one.finding.column.as_deref().map(|column| format!(".{column}"));
    let place = node.map(|node| format!("`{node}{}`: ", column.unwrap_or_default()));
    let places = match one.places.len() {
        0 => String::new(),
        count => format!(" (and {} below)", counted_usize(count, "place")),
    };
    Some(Factor {
        name: weight.name.to_owned(),
        points: weight.points,
        why: format!("{}{}{places}", place.unwrap_or_default(), one.finding.message),
        about: one.finding.id(),
    })
}
