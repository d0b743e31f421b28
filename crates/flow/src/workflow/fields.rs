//! Values that worker and workflow files share: names, levels, paths, times.

use std::path::Path;
use std::time::Duration;

use belay_model::{Class, Level, Zone};

use crate::registry::document::{Fields, Reading};

/// Variables that belay itself sets for a command.
pub(crate) const RESERVED: [&str; 3] = ["BELAY_RUN", "BELAY_STEP", "BELAY_IDEMPOTENCY_KEY"];

const LONGEST: u64 = 24 * 3600;

pub(crate) fn schema(reading: &mut Reading, fields: &Fields<'_>, expected: &str) {
    let found = fields.required(reading, "schema");
    if !found.is_empty() && found != expected {
        let what = format!("`schema` is `{found}`, expected `{expected}`");
        reading.fault(fields.line_of("schema"), what);
    }
}

/// A name that is also that of the file.
pub(crate) fn name_of_file(reading: &mut Reading, fields: &Fields<'_>, file: &str) -> String {
    let name = word(reading, fields, "name");
    let stem = Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    if !name.is_empty() && stem.as_deref() != Some(name.as_str()) {
        let what = format!("`name` is `{name}`, but the file is `{}`", stem.unwrap_or_default());
        reading.fault(fields.line_of("name"), what);
    }
    name
}

/// Lower-case letters, digits, `-` and `_`, at most 63.
pub(crate) fn is_word(text: &str) -> bool {
    let fits = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-' || letter == '_'
    };
    let starts = text.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    starts && text.len() <= 63 && text.chars().all(fits)
}

/// A required name.
pub(crate) fn word(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> String {
    let text = fields.required(reading, name);
    if !text.trim().is_empty() && !is_word(&text) {
        let what = format!(
            "`{name}` is `{text}`, expected lower-case letters, digits, `-` and `_`, at most 63, \
             not beginning with a mark"
        );
        reading.fault(fields.line_of(name), what);
    }
    text
}

/// A ceiling: L0 to L4.
pub(crate) fn level(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Option<Level> {
    let level = fields.spelled(reading, name, |text| text.parse().ok(), "L0, L1, L2, L3, L4")?;
    if level > Level::L4 {
        let what = format!("`{name}` is {level}; no ceiling is above L4");
        reading.fault(fields.line_of(name), what);
    }
    Some(level)
}

pub(crate) fn parse_class(text: &str) -> Option<Class> {
    Class::ALL.into_iter().find(|class| class.as_str() == text && *class != Class::Control)
}

pub(crate) fn classes() -> String {
    let names = Class::ALL.iter().filter(|class| **class != Class::Control);
    names.map(|class| class.as_str()).collect::<Vec<_>>().join(", ")
}

pub(crate) fn class(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Option<Class> {
    if fields.node(name).is_none() {
        fields.missing(reading, name);
    }
    if fields.text(reading, name).as_deref() == Some(Class::Control.as_str()) {
        reading.fault(fields.line_of(name), "no step of a workflow edits control");
        return None;
    }
    fields.spelled(reading, name, parse_class, &classes())
}

pub(crate) fn zone(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Option<Zone> {
    if fields.node(name).is_none() {
        fields.missing(reading, name);
    }
    let known = Zone::ALL.map(Zone::as_str).join(", ");
    fields.spelled(reading, name, Zone::parse, &known)
}

/// Why `path` is no path under the root.
pub(crate) fn path_fault(path: &str) -> Option<String> {
    let parts = || path.split('/');
    if path.is_empty() {
        Some("a path is empty".to_owned())
    } else if path.contains(char::is_control) {
        Some(format!("`{}` holds a control character", path.escape_debug()))
    } else if path.starts_with('/') || path.starts_with('~') {
        Some(format!("`{path}` is absolute; paths are under the repository's root"))
    } else if parts().any(|part| part == "..") {
        Some(format!("`{path}` leads up; paths are under the repository's root"))
    } else if parts().any(|part| part == ".git" || part == ".belay") {
        Some(format!("`{path}` is not the workflow's to name"))
    } else {
        None
    }
}

/// Why the first word of a command is no program to run.
pub(crate) fn program_fault(program: &str) -> Option<String> {
    if program.starts_with('/') {
        let what = format!("`{program}` is absolute; use a name on PATH, or a path in the folder");
        return Some(what);
    }
    if program.contains('/') { path_fault(program) } else { None }
}

/// Paths or globs.
pub(crate) fn paths(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Vec<String> {
    let paths = fields.texts(reading, name);
    for path in &paths {
        let pattern = belay_outside::pattern_fault(path);
        if let Some(wrong) = path_fault(path).or(pattern) {
            reading.fault(fields.line_of(name), format!("`{name}`: {wrong}"));
        }
    }
    paths.into_iter().map(|path| path.trim_start_matches("./").to_owned()).collect()
}

pub(crate) fn folder(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Option<String> {
    let folder = fields.text(reading, name)?;
    if let Some(wrong) = path_fault(&folder) {
        reading.fault(fields.line_of(name), format!("`{name}`: {wrong}"));
    }
    let plain = folder.trim_start_matches("./").trim_end_matches('/');
    Some(if plain.is_empty() { ".".to_owned() } else { plain.to_owned() })
}

/// Names of environment variables.
pub(crate) fn variables(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Vec<String> {
    let mut names = fields.texts(reading, name);
    for variable in &names {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let digit = variable.starts_with(|letter: char| letter.is_ascii_digit());
        if variable.is_empty() || digit || !variable.chars().all(fits) {
            let what = format!("`{name}`: `{variable}` is no name of a variable");
            reading.fault(fields.line_of(name), what);
        } else if RESERVED.contains(&variable.as_str()) {
            let what = format!("`{name}`: belay itself sets `{variable}`");
            reading.fault(fields.line_of(name), what);
        }
    }
    names.sort();
    names.dedup();
    names
}

/// `90s`, `10m`, `2h`.
pub(crate) fn duration(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Option<Duration> {
    fields.spelled(reading, name, parse_duration, "`90s`, `10m`, `2h`, at most a day")
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(['s', 'm', 'h']);
    let factor = match text.strip_prefix(digits)? {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let seconds = digits.parse::<u64>().ok()?.checked_mul(factor)?;
    (1..=LONGEST).contains(&seconds).then(|| Duration::from_secs(seconds))
}
