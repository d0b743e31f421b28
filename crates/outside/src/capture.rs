//! What a command says, line by line, without secrets; of much, the beginning and the end are kept.

use std::collections::VecDeque;

/// A line longer than this is taken in pieces.
const LONGEST_LINE: usize = 1 << 20;

const STARS: &[u8] = b"*****";

#[derive(Debug)]
pub(crate) struct Capture {
    /// For the beginning as for the end.
    half: usize,
    secrets: Vec<Vec<u8>>,
    line: Vec<u8>,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Capture {
    pub(crate) fn new(most: usize, secrets: Vec<Vec<u8>>) -> Self {
        let (line, head, tail) = (Vec::new(), Vec::new(), VecDeque::new());
        Self { half: most / 2, secrets, line, head, tail, left_out: 0 }
    }

    pub(crate) fn take(&mut self, bytes: &[u8], said: &mut impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= LONGEST_LINE {
                self.end(said);
            }
        }
    }

    /// The line is over.
    pub(crate) fn end(&mut self, said: &mut impl FnMut(&str)) {
        if self.line.is_empty() {
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        for secret in &self.secrets {
            line = without(&line, secret);
        }
        said(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        self.keep(&line);
    }

    fn keep(&mut self, line: &[u8]) {
        let room = self.half.saturating_sub(self.head.len()).min(line.len());
        let (first, rest) = line.split_at(room);
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..over);
        self.left_out += over as u64;
    }

    pub(crate) fn truncated(&self) -> bool {
        self.left_out > 0
    }

    pub(crate) fn kept(self) -> Vec<u8> {
        let mut all = self.head;
        if self.left_out > 0 {
            all.extend_from_slice(format!("\n[{} bytes left out]\n", self.left_out).as_bytes());
        }
        all.extend(self.tail);
        all
    }
}

/// `line` with stars in place of each `secret`.
fn without(line: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        if rest.starts_with(secret) {
            kept.extend_from_slice(STARS);
            rest = rest.get(secret.len()..).unwrap_or_default();
        } else {
            kept.push(*first);
            rest = after;
        }
    }
    kept
}
