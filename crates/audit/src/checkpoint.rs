//! Checkpoints as C2SP tlog-checkpoint has them: origin, size, root, and lines of one's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use belay_model::Digest;

use crate::{AuditError, Frontier, Signer, VerifierKey, note};

/// The extension line that carries the frontier, so that the next checkpoint starts from this one.
const FRONTIER: &str = "belay-frontier";

/// The name of a workspace's tree.
pub fn origin(workspace: &str) -> String {
    format!("belay/{workspace}")
}

/// What is signed: so many leaves, and this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Digest,
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint of the tree that `frontier` stands for, which it carries along.
    pub fn of(workspace: &str, frontier: &Frontier) -> Self {
        let hashes: String = frontier.peaks().iter().map(|peak| format!(" {peak}")).collect();
        Self {
            origin: origin(workspace),
            size: frontier.size(),
            root: frontier.root(),
            extensions: vec![format!("{FRONTIER}{hashes}")],
        }
    }

    /// The frontier that it carries; `None` where it carries none that leads to its root.
    pub fn frontier(&self) -> Option<Frontier> {
        let line = self.extensions.iter().find_map(|line| line.strip_prefix(FRONTIER))?;
        let peaks = line.split_whitespace().map(|hash| hash.parse().ok()).collect::<Option<_>>()?;
        Frontier::new(self.size, peaks).filter(|frontier| frontier.root() == self.root)
    }

    /// The signed note.
    pub fn sign(&self, signer: &Signer) -> String {
        let root = STANDARD.encode(self.root.as_bytes());
        let more: String = self.extensions.iter().map(|line| format!("{line}\n")).collect();
        signer.sign(&format!("{}\n{}\n{root}\n{more}", self.origin, self.size))
    }

    /// Reads a note that one of the keys has signed.
    pub fn open(note: &str, keys: &[VerifierKey]) -> Result<Self, AuditError> {
        let wrong = |why| AuditError::Note { why };
        let text = note::open(note, keys)?;
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(wrong("it is no checkpoint: origin, size and root are missing"));
        };
        let number: u64 = size.parse().map_err(|_| wrong("its size is no number"))?;
        let bytes = STANDARD.decode(root).ok().filter(|bytes| bytes.len() == 32);
        let bytes = bytes.ok_or(wrong("its root is no SHA-256 in base64"))?;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let root = hex.parse().map_err(|_| wrong("its root is no SHA-256 in base64"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty()
            || number.to_string() != size
            || extensions.iter().any(String::is_empty)
        {
            return Err(wrong("it is no checkpoint"));
        }
        Ok(Self { origin: origin.to_owned(), size: number, root, extensions })
    }
}
