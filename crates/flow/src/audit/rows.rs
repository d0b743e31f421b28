//! The rows that leaves vouch for.

use std::collections::BTreeMap;

use belay_audit::{Fault, Why};
use belay_model::record::{Artefact, Audited, Cast, Disposed, Leaf};
use belay_model::{Digest, Timestamp, canonical};
use belay_store::StoreError;

use crate::{Desk, FlowError, trace};

/// The kinds of rows that `each` reads, by the first word of their leaves' kinds.
const READ: [&str; 11] = [
    "run",
    "step",
    "decision",
    "effect",
    "artefact",
    "score",
    "review",
    "disposition",
    "approval",
    "vote",
    "control",
];

/// Canonical bodies by their digest.
pub(super) type Texts = BTreeMap<Digest, String>;

/// Shows every row of the record to `see`, and the digests of the bodies that are kept.
async fn each(
    desk: &Desk,
    mut see: impl FnMut(&dyn Audited),
    mut kept: impl FnMut(&Artefact),
) -> Result<(), FlowError> {
    for run in desk.memory.runs(desk.now()).await? {
        let record = trace::load(desk, run).await?;
        see(&record.run);
        record.steps.iter().for_each(|row| see(row));
        record.decisions.iter().for_each(|row| see(row));
        record.effects.iter().for_each(|row| see(row));
        record.artefacts.iter().for_each(|row| see(row));
        record.scores.iter().for_each(|row| see(row));
        record.review.iter().for_each(|row| see(row));
        for disposition in &record.dispositions {
            see(&Disposed { run: record.run.id, disposition });
        }
        record.approvals.iter().for_each(|row| see(row));
        for vote in &record.votes {
            see(&Cast { run: record.run.id, vote });
        }
        let artefacts = record.artefacts.iter().filter(|artefact| artefact.kept);
        artefacts.for_each(&mut kept);
    }
    for control in desk.memory.control_rows().await? {
        see(&control);
    }
    Ok(())
}

pub(super) async fn texts(desk: &Desk) -> Result<Texts, FlowError> {
    let mut texts = Texts::new();
    let see = |row: &dyn Audited| {
        let text = canonical::json(&row.body());
        texts.insert(Digest::of(&text), text);
    };
    each(desk, see, |_| ()).await?;
    Ok(texts)
}

/// A row by the family of its kind and its subject.
type Name = (String, String);

/// What each row is now, as a digest.
#[derive(Debug, Default)]
pub(super) struct Record {
    rows: BTreeMap<Name, Digest>,
    /// Bodies that are kept, and since when at the latest.
    kept: BTreeMap<Digest, Timestamp>,
}

impl Record {
    pub(super) async fn read(desk: &Desk) -> Result<Self, FlowError> {
        let (mut rows, mut kept) = (BTreeMap::new(), BTreeMap::new());
        let see = |row: &dyn Audited| {
            rows.insert((family(row.kind()), row.subject()), row.body_digest());
        };
        each(desk, see, |artefact| {
            let since = kept.entry(artefact.digest).or_insert(artefact.at);
            *since = artefact.at.max(*since);
        })
        .await?;
        Ok(Self { rows, kept })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

fn family(kind: &str) -> String {
    kind.split('.').next().unwrap_or(kind).to_owned()
}

/// The last leaf of each row, gathered while the leaves go by.
#[derive(Debug)]
pub(super) struct Covered<'a> {
    record: &'a Record,
    /// The size of the tree before the rows were read: a later leaf may vouch for what a row became since.
    before: i64,
    last: BTreeMap<Name, (i64, String, Digest)>,
    /// What leaves say was erased, and when.
    erased: BTreeMap<String, Timestamp>,
}

impl<'a> Covered<'a> {
    pub(super) fn new(record: &'a Record, before: i64) -> Self {
        Self { record, before, last: BTreeMap::new(), erased: BTreeMap::new() }
    }

    pub(super) fn see(&mut self, leaf: &Leaf) {
        if leaf.kind == "body.erased" {
            self.erased.insert(leaf.subject.clone(), leaf.at);
        }
        let name = (family(&leaf.kind), leaf.subject.clone());
        let fits = self.record.rows.get(&name) == Some(&leaf.body);
        let seen = (leaf.sequence, leaf.kind.clone(), leaf.body);
        if leaf.sequence < self.before || fits {
            self.last.insert(name, seen);
        } else {
            self.last.entry(name).or_insert(seen);
        }
    }

    /// The first leaf whose row is another or gone, or a row without any.
    pub(super) fn fault(&self) -> Option<Fault> {
        let faults = self.last.iter().filter_map(|(name, (at, kind, body))| {
            let why = match self.record.rows.get(name) {
                Some(row) if row == body => return None,
                Some(_) => Why::OtherRow,
                // A row that was written since the rows were read, or one of a kind that is not read.
                None if *at >= self.before || !READ.contains(&name.0.as_str()) => return None,
                None => Why::NoRow,
            };
            let position = u64::try_from(*at).ok();
            Some(Fault { line: 0, position, kind: Some(kind.clone()), why })
        });
        faults.min_by_key(|fault| fault.position).or_else(|| {
            let bare = self.record.rows.keys().find(|name| !self.last.contains_key(*name))?;
            let why = Why::Uncovered(format!("{} {}", bare.0, bare.1));
            Some(Fault { line: 0, position: None, kind: None, why })
        })
    }
}

/// Which kept bodies are erased, as a leaf says, and what is wrong with the first that is altered or gone
/// without one.
pub(super) async fn bodies(
    desk: &Desk,
    record: &Record,
    covered: &Covered<'_>,
) -> (Vec<String>, Option<Why>) {
    let (mut erased, mut wrong) = (Vec::new(), None);
    for (digest, since) in &record.kept {
        let name = digest.to_string();
        // One that was kept again since may be there, and may not be lost.
        let is_erased = covered.erased.get(&name).is_some_and(|at| at >= since);
        match desk.memory.body(*digest).await {
            Ok(_) if is_erased => wrong = wrong.or(Some(Why::BodyBack(name))),
            Ok(_) => (),
            Err(StoreError::BodyMissing { .. }) if is_erased => erased.push(name),
            Err(StoreError::BodyMissing { .. }) => wrong = wrong.or(Some(Why::BodyLost(name))),
            Err(_) => wrong = wrong.or(Some(Why::Body(name))),
        }
    }
    (erased, wrong)
}
