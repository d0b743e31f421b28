//! One cause, one finding: what a change does to the data further down is a place of the finding at
//! the edit, not a finding of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use belay_dbt::NodeId;
use belay_model::{Finding, Severity};

use super::Judged;
use super::causes::Causes;
use crate::impact::Findings;

/// Where a finding shows as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub node: NodeId,
    pub kind: &'static str,
    pub severity: Severity,
    pub message: String,
}

const DATA: [&str; 4] = ["rows.", "values.", "nulls.", "column."];

/// About the data of a relation.
pub(super) fn is_about_data(finding: &Finding) -> bool {
    DATA.iter().any(|family| finding.kind.starts_with(family))
}

/// Folds findings about data into the nearest finding about data above them that has the same cause.
pub(super) fn fold(facts: &Findings, causes: &Causes, judged: Vec<Judged>) -> Vec<Judged> {
    // Info is told where it is; it is no consequence that anybody has to look at.
    let folds = |one: &Judged| is_about_data(&one.finding) && one.finding.severity > Severity::Info;
    let (data, rest): (Vec<Judged>, Vec<Judged>) =
        judged.into_iter().partition(|one| folds(one) && one.node().is_some());
    let mut of_node: BTreeMap<NodeId, Vec<Judged>> = BTreeMap::new();
    for one in data {
        if let Some(node) = one.node() {
            of_node.entry(node).or_default().push(one);
        }
    }
    let speaking: BTreeSet<NodeId> = of_node.keys().cloned().collect();
    let mut led: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for node in &speaking {
        if let Some(lead) = lead(facts, causes, node, &speaking) {
            led.entry(lead).or_default().push(node.clone());
        }
    }
    let followers: BTreeMap<NodeId, NodeId> = led
        .iter()
        .flat_map(|(lead, nodes)| nodes.iter().map(|node| (node.clone(), lead.clone())))
        .collect();
    let mut found = rest;
    let mut places: BTreeMap<NodeId, Vec<Judged>> = BTreeMap::new();
    let mut leads: BTreeMap<NodeId, Vec<Judged>> = BTreeMap::new();
    for (node, findings) in of_node {
        match root(&followers, &node) {
            Some(lead) => places.entry(lead).or_default().extend(findings),
            None => {
                leads.insert(node, findings);
            }
        }
    }
    for (node, mut findings) in leads {
        if let Some(below) = places.remove(&node) {
            let gravest = findings.iter_mut().max_by_key(|one| one.finding.severity);
            if let Some(first) = gravest {
                first.take_in(below);
            }
        }
        found.extend(findings);
    }
    found
}

/// The finding that a chain of places leads to in the end.
fn root(followers: &BTreeMap<NodeId, NodeId>, node: &NodeId) -> Option<NodeId> {
    let mut lead = followers.get(node)?;
    // Leads are above what they lead, so this ends.
    while let Some(above) = followers.get(lead) {
        lead = above;
    }
    Some(lead.clone())
}

/// The nearest node above with findings about data, moved by the same edits. What somebody edited
/// stands for itself.
fn lead(
    facts: &Findings,
    causes: &Causes,
    node: &NodeId,
    speaking: &BTreeSet<NodeId>,
) -> Option<NodeId> {
    let why = causes.of(node);
    if why.is_empty() || causes.is_edited(node) {
        return None;
    }
    let mut open = VecDeque::from([node.clone()]);
    let mut seen = BTreeSet::from([node.clone()]);
    while let Some(id) = open.pop_front() {
        for parent in facts.head.manifest.parents(&id) {
            if causes.is_still(&parent.id) || !seen.insert(parent.id.clone()) {
                continue;
            }
            if speaking.contains(&parent.id) && !causes.of(&parent.id).is_disjoint(&why) {
                return Some(parent.id.clone());
            }
            open.push_back(parent.id.clone());
        }
    }
    None
}

impl Judged {
    /// Takes the consequences of this finding in; it is as grave as the gravest of them.
    fn take_in(&mut self, below: Vec<Self>) {
        let own = self.finding.severity;
        let gravest = below.iter().max_by_key(|one| one.finding.severity);
        if let Some(worse) = gravest.filter(|worse| worse.finding.severity > own) {
            let node = worse.finding.node.as_deref().unwrap_or_default();
            let name = crate::report::short(node);
            self.finding.severity = worse.finding.severity;
            self.finding.evidence.push(format!("below, `{name}`: {}", worse.finding.message));
        }
        for one in below {
            self.is_fact |= one.is_fact;
            self.caused_by.extend(one.caused_by.iter().cloned());
            if let Some(node) = one.node() {
                self.places.push(Place {
                    node,
                    kind: one.finding.kind,
                    severity: one.finding.severity,
                    message: one.finding.message,
                });
            }
        }
        self.places.sort_by_key(|place| (std::cmp::Reverse(place.severity), place.node.clone()));
    }
}
