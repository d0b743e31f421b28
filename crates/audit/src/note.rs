//! Signed notes as C2SP signed-note has them, with Ed25519, and the text forms of keys that Go's note
//! package made customary.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::AuditError;

/// The first byte of keys and the last before a key in its id: the algorithm Ed25519.
const ED25519: u8 = 1;

const PRIVATE: &str = "PRIVATE+KEY+";

/// A private key with its name. Its text never shows in `Debug`.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Signer {
    /// The key of this seed: 32 bytes from a good source of randomness.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, AuditError> {
        if !is_name(name) {
            return Err(AuditError::Key { why: "its name is empty or holds a space or a plus" });
        }
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// Reads `PRIVATE+KEY+name+id+base64`. An error never repeats the text.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let rest = text.trim().strip_prefix(PRIVATE);
        let rest = rest.ok_or(AuditError::Key { why: "it does not start with `PRIVATE+KEY+`" })?;
        let (name, id, seed) = parts(rest)?;
        let signer = Self::from_seed(name, &seed)?;
        if signer.verifier().id == id { Ok(signer) } else { Err(MISTYPED) }
    }

    /// The text form: whoever has it can sign.
    pub fn secret_text(&self) -> String {
        let key = encoded_key(&self.key.to_bytes());
        format!("{PRIVATE}{}+{:08x}+{key}", self.name, self.verifier().id)
    }

    pub fn verifier(&self) -> VerifierKey {
        VerifierKey::new(&self.name, self.key.verifying_key())
    }

    /// Signs a text that ends with a newline.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let id = self.verifier().id.to_be_bytes();
        let blob = STANDARD.encode([id.as_slice(), signature.as_slice()].concat());
        format!("{text}\n— {} {blob}\n", self.name)
    }
}

/// A public key with its name; prints as `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl VerifierKey {
    fn new(name: &str, key: VerifyingKey) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(key.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let [first, second, third, fourth, ..] = digest;
        let id = u32::from_be_bytes([first, second, third, fourth]);
        Self { name: name.to_owned(), id, key }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn vouches(&self, text: &str, name: &str, blob: &[u8]) -> bool {
        let Some((id, signature)) = blob.split_first_chunk::<4>() else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        name == self.name
            && u32::from_be_bytes(*id) == self.id
            && self.key.verify_strict(text.as_bytes(), &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}+{:08x}+{}", self.name, self.id, encoded_key(self.key.as_bytes()))
    }
}

impl FromStr for VerifierKey {
    type Err = AuditError;

    fn from_str(text: &str) -> Result<Self, AuditError> {
        let text = text.trim();
        if text.starts_with(PRIVATE) {
            return Err(AuditError::Key {
                why: "it is the private key; `belay audit key` shows the public one",
            });
        }
        let (name, id, key) = parts(text)?;
        let key = VerifyingKey::from_bytes(&key)
            .map_err(|_| AuditError::Key { why: "it is no point of the curve" })?;
        let read = Self::new(name, key);
        if is_name(name) && read.id == id { Ok(read) } else { Err(MISTYPED) }
    }
}

/// The public keys in a text, one a line; empty lines and lines with `#` do not count.
pub fn verifier_keys(text: &str) -> Result<Vec<VerifierKey>, AuditError> {
    let lines = text.lines().map(str::trim);
    let keys: Vec<VerifierKey> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(AuditError::Key { why: "there is none" }) } else { Ok(keys) }
}

/// The notes in a text that holds one behind the other.
pub fn notes(text: &str) -> Vec<String> {
    let (mut found, mut note, mut signed) = (Vec::new(), String::new(), false);
    for line in text.split_inclusive('\n') {
        let is_signature = line.starts_with("— ");
        if signed && !is_signature {
            found.push(std::mem::take(&mut note));
        }
        signed = is_signature;
        note.push_str(line);
    }
    if !note.trim().is_empty() {
        found.push(note);
    }
    found
}

/// The text of a note that one of the keys has signed.
pub(crate) fn open<'a>(note: &'a str, keys: &[VerifierKey]) -> Result<&'a str, AuditError> {
    let wrong = |why| AuditError::Note { why };
    if note.chars().any(|letter| letter.is_control() && letter != '\n') {
        return Err(wrong("it holds a control character"));
    }
    let (before, signatures) =
        note.rsplit_once("\n\n").ok_or(wrong("no blank line stands before signatures"))?;
    let text = note.get(..=before.len()).ok_or(wrong("it is cut short"))?;
    let signatures = signatures.strip_suffix('\n').ok_or(wrong("its last line does not end"))?;
    let mut vouched = false;
    for line in signatures.split('\n') {
        let (name, blob) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or(wrong("a line of its signatures is none"))?;
        let blob = STANDARD.decode(blob).map_err(|_| wrong("a signature is no base64"))?;
        if !is_name(name) || blob.len() < 5 {
            return Err(wrong("a line of its signatures is none"));
        }
        vouched |= keys.iter().any(|key| key.vouches(text, name, &blob));
    }
    if vouched { Ok(text) } else { Err(AuditError::Signature { keys: named(keys) }) }
}

fn named(keys: &[VerifierKey]) -> String {
    let names: Vec<String> =
        keys.iter().map(|key| format!("{}+{:08x}", key.name, key.id)).collect();
    names.join(", ")
}

const MISTYPED: AuditError = AuditError::Key { why: "its id does not fit: it was mistyped or cut" };

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('+') && !name.chars().any(char::is_whitespace)
}

fn encoded_key(key: &[u8; 32]) -> String {
    STANDARD.encode([&[ED25519], key.as_slice()].concat())
}

/// `name+id+base64(algorithm ‖ 32 bytes)`; the base64 may hold a plus.
fn parts(text: &str) -> Result<(&str, u32, [u8; 32]), AuditError> {
    let wrong = |why| AuditError::Key { why };
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("it is not of the form `name+id+base64`"));
    };
    let hex = id.len() == 8 && id.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f'));
    let id = u32::from_str_radix(id, 16).ok().filter(|_| hex);
    let id = id.ok_or(wrong("its id is not eight hex digits"))?;
    let key = STANDARD.decode(key).map_err(|_| wrong("it is no base64"))?;
    let Some((&ED25519, key)) = key.split_first() else {
        return Err(wrong("it is not of Ed25519"));
    };
    let key = key.try_into().map_err(|_| wrong("it has not 32 bytes"))?;
    Ok((name, id, key))
}
