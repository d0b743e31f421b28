//! Verification, line by line: O(n) time, and memory for the frontier alone. It stops at the first thing
//! that does not hold.

use std::io::BufRead;

use belay_model::Digest;

use crate::export::{Header, LeafLine, Line, parse, parse_header};
use crate::{AuditError, Checkpoint, Fault, Frontier, VerifierKey, Why, origin};

/// Whether leaves behind the last checkpoint are a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// In an export: whatever is not signed may have been written by anyone.
    MustBeSigned,
    /// In a living store: the next checkpoint will cover them.
    MayBeUnsigned,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub workspace: String,
    /// How many leaves were read and fit, up to the fault if there is one.
    pub leaves: u64,
    /// How many of them the last checkpoint that holds covers.
    pub signed: u64,
    pub checkpoints: u64,
    /// Rows that stand beside their leaf and fit it.
    pub rows: u64,
    /// Checkpoints from outside that the tree goes on from.
    pub anchors: u64,
    /// Of all leaves read.
    pub root: Digest,
    pub fault: Option<Fault>,
}

impl Report {
    pub fn holds(&self) -> bool {
        self.fault.is_none()
    }
}

/// Verifies an export: all it needs is in `keys`, beside checkpoints that were found elsewhere
/// (`anchors`: place and note).
pub fn verify(
    export: impl BufRead,
    keys: &[VerifierKey],
    anchors: &[(String, String)],
) -> Result<Report, AuditError> {
    let mut export = export;
    let mut line = Vec::new();
    let mut read = |line: &mut Vec<u8>| -> Result<bool, AuditError> {
        line.clear();
        let count = export.read_until(b'\n', line).map_err(|source| AuditError::Read { source })?;
        Ok(count > 0)
    };
    read(&mut line)?;
    let first = text_of(&line).map_err(|why| AuditError::NotAnExport { why: why.to_string() })?;
    let mut auditor = Auditor::new(first, keys, anchors)?;
    while auditor.holds() && read(&mut line)? {
        match text_of(&line) {
            Ok(text) => auditor.line(text),
            Err(why) => auditor.damaged(why),
        }
    }
    Ok(auditor.finish(Tail::MustBeSigned))
}

fn text_of(line: &[u8]) -> Result<&str, Why> {
    let line = line.strip_suffix(b"\n").ok_or(Why::CutOff)?;
    str::from_utf8(line).map_err(|_| Why::Damaged("it is not UTF-8".to_owned()))
}

/// Reads the lines of an export one after the other.
#[derive(Debug)]
pub struct Auditor<'a> {
    keys: &'a [VerifierKey],
    header: Header,
    origin: String,
    /// By size, those still to come.
    anchors: Vec<(String, Checkpoint)>,
    frontier: Frontier,
    lines: u64,
    report: Report,
}

impl<'a> Auditor<'a> {
    /// Reads the first line, and checks the signatures of the anchors.
    pub fn new(
        header: &str,
        keys: &'a [VerifierKey],
        anchors: &[(String, String)],
    ) -> Result<Self, AuditError> {
        let header = parse_header(header).map_err(|why| AuditError::NotAnExport { why })?;
        let report = Report {
            workspace: header.workspace.clone(),
            leaves: 0,
            signed: 0,
            checkpoints: 0,
            rows: 0,
            anchors: 0,
            root: crate::root_of_nothing(),
            fault: None,
        };
        let origin = origin(&header.workspace);
        let frontier = Frontier::default();
        let mut auditor =
            Self { keys, header, origin, anchors: Vec::new(), frontier, lines: 1, report };
        for (place, note) in anchors {
            match Checkpoint::open(note, keys) {
                Ok(found) if found.origin == auditor.origin => {
                    auditor.anchors.push((place.clone(), found));
                }
                Ok(found) => auditor.stop(
                    None,
                    Why::Origin { found: found.origin, expected: auditor.origin.clone() },
                ),
                Err(error) => auditor.stop(None, Why::Note(format!("{place}: {error}"))),
            }
        }
        auditor.anchors.sort_by_key(|(_, checkpoint)| std::cmp::Reverse(checkpoint.size));
        auditor.meet_anchors();
        Ok(auditor)
    }

    pub fn holds(&self) -> bool {
        self.report.fault.is_none()
    }

    /// The tree as far as it was read.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Reads the next line, without its newline. Once something does not hold, nothing more is read.
    pub fn line(&mut self, line: &str) {
        if !self.holds() {
            return;
        }
        self.lines += 1;
        match parse(line) {
            Ok(Line::Leaf(leaf)) => self.leaf(&leaf),
            Ok(Line::Checkpoint(note)) => self.checkpoint(&note),
            Err(why) => {
                let position =
                    (self.frontier.size() < self.header.size).then(|| self.frontier.size());
                self.stop_at(position, None, Why::Damaged(why));
            }
        }
    }

    fn damaged(&mut self, why: Why) {
        self.lines += 1;
        self.stop(None, why);
    }

    fn leaf(&mut self, line: &LeafLine<'_>) {
        let position = self.frontier.size();
        let hash = Digest::of_leaf(line.text.as_bytes());
        match self.leaf_fault(line, position, hash) {
            None => {
                self.report.rows += u64::from(line.row.is_some());
                self.frontier.push(hash);
                self.report.leaves = self.frontier.size();
                self.meet_anchors();
            }
            Some(why) => self.stop_at(Some(position), Some(line.leaf.kind.to_string()), why),
        }
    }

    fn leaf_fault(&self, line: &LeafLine<'_>, position: u64, hash: Digest) -> Option<Why> {
        let leaf = &line.leaf;
        let form = leaf.form.unwrap_or(1);
        // Before 0.2 a leaf did not name its position; where it stands is then all there is to it.
        let found = leaf.position.unwrap_or_default();
        let placed = if form == 1 {
            leaf.position.is_none()
        } else {
            leaf.position.is_some_and(|found| u64::try_from(found) == Ok(position))
        };
        if !is_hex_of(hash, line.hash) {
            Some(Why::Hash)
        } else if !(form == 2 || leaf.form.is_none()) {
            Some(Why::Form { found: form })
        } else if leaf.workspace != self.header.workspace {
            Some(Why::Workspace { found: leaf.workspace.to_string() })
        } else if !placed {
            Some(Why::Position { found })
        } else if line.row.is_some_and(|row| !is_hex_of(Digest::of(row), &leaf.body)) {
            Some(Why::Row)
        } else {
            None
        }
    }

    fn checkpoint(&mut self, note: &str) {
        let size = self.frontier.size();
        let found = match Checkpoint::open(note, self.keys) {
            Ok(found) => found,
            Err(error) => return self.stop(None, Why::Note(error.to_string())),
        };
        if found.origin != self.origin {
            let expected = self.origin.clone();
            self.stop(None, Why::Origin { found: found.origin, expected });
        } else if found.size != size {
            self.stop(None, Why::Place { size: found.size, behind: size.saturating_sub(1) });
        } else if found.root != self.frontier.root() {
            let (from, to) = (self.report.signed, size.saturating_sub(1));
            self.stop_at(Some(from), None, Why::Root { size, from, to });
        } else {
            self.report.checkpoints += 1;
            self.report.signed = size;
        }
    }

    fn meet_anchors(&mut self) {
        let size = self.frontier.size();
        while let Some((place, checkpoint)) = self.anchors.pop_if(|(_, one)| one.size == size) {
            if checkpoint.root != self.frontier.root() {
                self.stop(None, Why::Anchor { place, size });
                return;
            }
            self.report.anchors += 1;
        }
    }

    /// Everything was read.
    pub fn finish(mut self, tail: Tail) -> Report {
        self.report.root = self.frontier.root();
        if self.holds() {
            self.lines = 0;
            let (leaves, signed) = (self.report.leaves, self.report.signed);
            let counts = [
                ("leaves", self.header.size, leaves),
                ("checkpoints", self.header.checkpoints, self.report.checkpoints),
            ];
            if let Some(&(what, said, found)) = counts.iter().find(|(_, said, found)| said != found)
            {
                let position = (what == "leaves").then_some(leaves);
                self.stop_at(position, None, Why::Count { what, said, found });
            } else if let Some((place, checkpoint)) = self.anchors.pop() {
                let (size, found) = (checkpoint.size, leaves);
                self.stop(None, Why::Beyond { place, size, found });
            } else if tail == Tail::MustBeSigned
                && (signed < leaves || self.report.checkpoints == 0)
            {
                self.stop_at(Some(signed), None, Why::Unsigned);
            }
        }
        self.report
    }

    fn stop(&mut self, kind: Option<String>, why: Why) {
        self.stop_at(None, kind, why);
    }

    fn stop_at(&mut self, position: Option<u64>, kind: Option<String>, why: Why) {
        let line = self.lines;
        self.report.fault.get_or_insert(Fault { line, position, kind, why });
    }
}

/// Whether `text` is the digest in lower-case hex, without making a text of it.
fn is_hex_of(digest: Digest, text: &str) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let fits = |(byte, pair): (&u8, &[u8; 2])| {
        *pair == [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
    };
    pairs.len() == 32 && rest.is_empty() && digest.as_bytes().iter().zip(pairs).all(fits)
}
