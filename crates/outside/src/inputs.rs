//! The files that a command reads and leaves: found by path or glob under a root, never outside it.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use belay_model::Digest;
use fs_err as fs;
use glob::{MatchOptions, Pattern};

use crate::OutsideError;

/// Larger outputs are digested and not kept.
const KEPT: u64 = 64 << 20;

/// More files than this is a mistake in a pattern.
const MOST_FILES: usize = 20_000;

const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// A file that a command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Under the root.
    pub path: String,
    pub digest: Digest,
    pub bytes: u64,
    /// Nothing when it is larger than 64 MiB.
    pub body: Option<Vec<u8>>,
}

/// What a command left, and what it should have left and did not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outputs {
    pub files: Vec<Output>,
    /// Patterns that match no file.
    pub missing: Vec<String>,
}

/// Why `pattern` is none.
pub fn pattern_fault(pattern: &str) -> Option<String> {
    let wrong = Pattern::new(pattern).err()?;
    Some(format!("`{pattern}` is no pattern: {}", wrong.msg))
}

/// Whether `pattern` names `path`, itself or the folder that it is in.
pub fn pattern_matches(pattern: &str, path: &str) -> bool {
    let matches = |path: &Path| {
        Pattern::new(pattern).is_ok_and(|known| known.matches_path_with(path, MATCHING))
    };
    Path::new(path).ancestors().any(matches)
}

/// The digests of all files that the patterns name, in the order of their paths. Each pattern must
/// match a file; a folder stands for all that is in it. A link that leads out of the root is refused.
pub fn digest_inputs(
    root: &Path,
    patterns: &[String],
) -> Result<Vec<(String, Digest)>, OutsideError> {
    let (files, missing) = find(root, patterns)?;
    if let Some(pattern) = missing.into_iter().next() {
        return Err(OutsideError::NoInput { pattern });
    }
    files.into_iter().map(|path| Ok((path.clone(), digest(root, &path)?))).collect()
}

/// The files that a command left. What is missing is told, not an error: the command ran.
pub fn collect_outputs(root: &Path, patterns: &[String]) -> Result<Outputs, OutsideError> {
    let (files, missing) = find(root, patterns)?;
    let files = files.into_iter().map(|path| output(root, path)).collect::<Result<_, _>>()?;
    Ok(Outputs { files, missing })
}

fn output(root: &Path, path: String) -> Result<Output, OutsideError> {
    let place = root.join(&path);
    let bytes = fs::metadata(&place).map_err(reading(&path))?.len();
    if bytes > KEPT {
        return Ok(Output { digest: digest(root, &path)?, path, bytes, body: None });
    }
    let body = fs::read(&place).map_err(reading(&path))?;
    let bytes = body.len() as u64;
    Ok(Output { digest: Digest::of(&body), path, bytes, body: Some(body) })
}

fn reading(path: &str) -> impl FnOnce(std::io::Error) -> OutsideError {
    OutsideError::io(format!("cannot read `{path}`"))
}

fn digest(root: &Path, path: &str) -> Result<Digest, OutsideError> {
    let mut file = fs::File::open(root.join(path)).map_err(reading(path))?;
    let mut body = Vec::new();
    file.read_to_end(&mut body).map_err(reading(path))?;
    Ok(Digest::of(body))
}

/// The files that patterns match, and the patterns that match none.
fn find(root: &Path, patterns: &[String]) -> Result<(BTreeSet<String>, Vec<String>), OutsideError> {
    let real = fs::canonicalize(root).map_err(OutsideError::io("cannot find the root"))?;
    let mut all = BTreeSet::new();
    let mut missing = Vec::new();
    for pattern in patterns {
        let mut search = Search::new(root, &real, pattern);
        search.run()?;
        if search.found.is_empty() {
            missing.push(pattern.clone());
        }
        all.extend(search.found);
    }
    Ok((all, missing))
}

struct Search<'a> {
    root: &'a Path,
    real: &'a Path,
    pattern: &'a str,
    found: BTreeSet<String>,
    /// Folders by their real place: links may lead round in a ring.
    seen: BTreeSet<PathBuf>,
}

impl<'a> Search<'a> {
    fn new(root: &'a Path, real: &'a Path, pattern: &'a str) -> Self {
        Self { root, real, pattern, found: BTreeSet::new(), seen: BTreeSet::new() }
    }

    fn run(&mut self) -> Result<(), OutsideError> {
        let parts: Vec<&str> =
            self.pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if self.pattern.starts_with('/') || parts.contains(&"..") {
            return Err(OutsideError::LinkOut { path: self.pattern.to_owned() });
        }
        let is_glob = |part: &&&str| part.contains(['*', '?', '[']);
        let literal: Vec<&str> = parts.iter().take_while(|part| !is_glob(part)).copied().collect();
        let whole = literal.len() == parts.len();
        let start = literal.join("/");
        let pattern = Pattern::new(&parts.join("/"))
            .map_err(|_| OutsideError::NoInput { pattern: self.pattern.to_owned() })?;
        self.visit(&start, if whole { None } else { Some(&pattern) })
    }

    /// Goes through a file or a folder; without a pattern everything below counts.
    fn visit(&mut self, path: &str, pattern: Option<&Pattern>) -> Result<(), OutsideError> {
        let place = self.root.join(path);
        let Ok(itself) = fs::symlink_metadata(&place) else { return Ok(()) };
        let wanted = pattern.is_none_or(|pattern| pattern.matches_with(path, MATCHING));
        let named = self.seen.is_empty();
        if itself.is_symlink() && !wanted && !named {
            // Not followed: what is behind it has a name of its own.
            return Ok(());
        }
        let Some(place) = self.real_place(path, &place)? else { return Ok(()) };
        if place.is_dir() {
            let new = self.seen.insert(place.clone());
            return if new { self.visit_folder(path, &place, pattern) } else { Ok(()) };
        }
        if wanted && place.is_file() {
            if self.found.len() >= MOST_FILES {
                return Err(OutsideError::TooManyFiles { pattern: self.pattern.to_owned() });
            }
            self.found.insert(path.to_owned());
        }
        Ok(())
    }

    fn visit_folder(
        &mut self,
        path: &str,
        place: &Path,
        pattern: Option<&Pattern>,
    ) -> Result<(), OutsideError> {
        let doing = || OutsideError::io(format!("cannot list `{path}`"));
        for entry in fs::read_dir(place).map_err(doing())? {
            let name = entry.map_err(doing())?.file_name();
            let name = name.to_string_lossy();
            if name == ".git" || name == ".belay" {
                continue;
            }
            let below = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            self.visit(&below, pattern)?;
        }
        Ok(())
    }

    /// Where it is with all links followed: under the root, or refused. Nothing for a loose link.
    fn real_place(&self, path: &str, place: &Path) -> Result<Option<PathBuf>, OutsideError> {
        match fs::canonicalize(place) {
            Ok(real) if real.starts_with(self.real) => Ok(Some(real)),
            Ok(_) => Err(OutsideError::LinkOut { path: path.to_owned() }),
            Err(_) => Ok(None),
        }
    }
}
