//! What the author of a change says about findings, in the change itself: a line in a commit message or
//! in the pull request's text. It is data: it can take a judgement off the level, never a fact.

use std::path::Path;

use belay_outside::Repository;

use super::{Findings, Request, SideSource};
use crate::FlowError;

/// `belay: accept <finding> until <day> because <reason>`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// A finding's id, or `kind:node`.
    pub what: String,
    /// The last day on which it holds, as `2026-12-31`.
    pub until: String,
    pub because: String,
    /// Where it stands: a commit, or the pull request's text.
    pub from: String,
}

/// A line that begins like an override and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub line: String,
    pub from: String,
    pub why: &'static str,
}

const PREFIX: &str = "belay: accept ";
/// More than this of one text is not read.
const MOST_LINES: usize = 10_000;
const LONGEST_REASON: usize = 300;

/// Every override in `text`, and every line that was meant to be one.
pub(super) fn parse(text: &str, from: &str) -> Vec<Result<Override, Unreadable>> {
    let lines = text.lines().take(MOST_LINES).map(str::trim);
    let asked = lines.filter_map(|line| Some((line, line.strip_prefix(PREFIX)?)));
    asked.map(|(line, rest)| one(line, rest, from)).collect()
}

fn one(line: &str, rest: &str, from: &str) -> Result<Override, Unreadable> {
    let unreadable = |why| Unreadable {
        line: line.chars().take(LONGEST_REASON).collect(),
        from: from.to_owned(),
        why,
    };
    let (what, rest) = rest
        .split_once(" until ")
        .ok_or_else(|| unreadable("it has no `until` with a day: an override runs out"))?;
    let (until, because) = rest
        .split_once(" because ")
        .ok_or_else(|| unreadable("it has no `because` with a reason"))?;
    let (what, until, because) = (what.trim(), until.trim(), because.trim());
    if what.is_empty() || what.contains(char::is_whitespace) {
        return Err(unreadable("it names no finding: an id, or kind:node"));
    }
    if !is_day(until) {
        return Err(unreadable("its day is not written as 2026-12-31"));
    }
    if because.is_empty() {
        return Err(unreadable("its reason is empty"));
    }
    Ok(Override {
        what: what.to_owned(),
        until: until.to_owned(),
        because: because.chars().take(LONGEST_REASON).collect(),
        from: from.to_owned(),
    })
}

/// A day that there is, as `2026-12-31`. Such texts compare as the days do.
pub(super) fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// The day of a moment, in UTC.
pub(super) fn day_of(at: belay_model::Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    moment.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// Reads the messages of the commits under review and the pull request's text, where one was given.
pub(super) async fn gather(
    request: &Request,
    findings: &Findings,
) -> Result<Vec<Result<Override, Unreadable>>, FlowError> {
    let mut found = Vec::new();
    if let SideSource::Commit(base) = &findings.base.source
        && !matches!(findings.head.source, SideSource::Artefacts(_))
        && let Ok(repository) = Repository::around(&request.folder).await
    {
        let head = match &findings.head.source {
            SideSource::Commit(head) => head.sha.as_str(),
            _ => "HEAD",
        };
        for (commit, message) in repository.messages(&base.sha, head).await? {
            found.extend(parse(&message, &commit));
        }
    }
    if let Some(path) = &request.pull_request {
        found.extend(parse(&text_of(path)?, "pull request"));
    }
    Ok(found)
}

fn text_of(path: &Path) -> Result<String, FlowError> {
    let unreadable = |source| FlowError::Unreadable { path: path.to_owned(), source };
    let bytes = fs_err::read(path).map_err(unreadable)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<(&str, &str, &str), &str>) {
        let found = parse(&format!("Subject\n\n  {line}\n"), "abc");
        let [one] = found.as_slice() else { panic!("{found:?}") };
        let told = one
            .as_ref()
            .map(|one| (one.what.as_str(), one.until.as_str(), one.because.as_str()))
            .map_err(|one| one.why);
        assert_eq!(told, expected, "{line}");
    }

    #[test]
    fn an_override_names_a_finding_a_day_and_a_reason_or_is_none() {
        check(
            "belay: accept values.changed:dim_customers until 2026-12-31 because tiers were redrawn",
            Ok(("values.changed:dim_customers", "2026-12-31", "tiers were redrawn")),
        );
        check(
            "belay: accept F-1 because I say so",
            Err("it has no `until` with a day: an override runs out"),
        );
        check("belay: accept F-1 until 2026-12-31", Err("it has no `because` with a reason"));
        check(
            "belay: accept F-1 until 2026-02-30 because x",
            Err("its day is not written as 2026-12-31"),
        );
        check(
            "belay: accept all of it until 2026-02-03 because x",
            Err("it names no finding: an id, or kind:node"),
        );
        assert_eq!(parse("we accept it\nBelay: accept", "abc"), vec![]);
    }

    #[test]
    fn a_day_is_that_of_utc() {
        assert_eq!(day_of(belay_model::Timestamp::from_nanos(86_400_000_000_000)), "1970-01-02");
    }
}
