//! What the bench came to: rates with intervals, a row for each class, what went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use belay_model::Severity;
use belay_score::share_interval;
use serde_json::{Value, json};

use super::cases::Kind;
use super::trial::Tried;
use crate::figures::percent;

/// What has to be caught at least, and what may be alarmed about at most.
const CAUGHT: f64 = 0.95;
const ALARMS: f64 = 0.05;

/// The result of a run of the bench.
#[derive(Debug)]
pub struct Card {
    pub tried: Vec<Tried>,
}

/// How a card is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Markdown,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    of: usize,
    yes: usize,
}

impl Share {
    fn count<'a>(tried: impl Iterator<Item = &'a Tried>, yes: impl Fn(&Tried) -> bool) -> Self {
        tried.fold(Self::default(), |share, one| Self {
            of: share.of + 1,
            yes: share.yes + usize::from(yes(one)),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of cases")]
    fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| self.yes as f64 / self.of as f64)
    }

    fn words(self) -> String {
        let Some((rate, (lower, upper))) = self.rate().zip(share_interval(self.yes, self.of))
        else {
            return "none tried".to_owned();
        };
        format!(
            "{} of {}, {} (95 % interval {} to {})",
            self.yes,
            self.of,
            percent(rate),
            percent(lower),
            percent(upper)
        )
    }

    fn json(self) -> Value {
        let (lower, upper) = share_interval(self.yes, self.of).unzip();
        json!({"yes": self.yes, "of": self.of, "rate": self.rate(), "lower": lower, "upper": upper,
               "confidence": 0.95, "method": "wilson"})
    }
}

impl Card {
    pub fn of(tried: Vec<Tried>) -> Self {
        Self { tried }
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Tried> {
        self.tried.iter().filter(move |one| one.kind == kind)
    }

    /// Regressions that the review calls high or critical.
    fn caught(&self) -> Share {
        Share::count(self.of_kind(Kind::Regression), Tried::is_flagged)
    }

    /// Benign changes that it calls high or critical, or that it could not review.
    fn alarms(&self) -> Share {
        Share::count(self.of_kind(Kind::Benign), |one| !one.is_right())
    }

    /// Benign changes that it calls medium: not an alarm, but somebody's time.
    fn medium(&self) -> Share {
        Share::count(self.of_kind(Kind::Benign), |one| one.level == Ok(Severity::Medium))
    }

    /// Regressions on which one of the project's own tests fails.
    fn tests(&self) -> Share {
        Share::count(self.of_kind(Kind::Regression), fails)
    }

    /// Cases that the measurement shows to be wrong themselves.
    fn bad(&self) -> Vec<(&Tried, String)> {
        self.tried.iter().filter_map(|one| Some((one, one.fault()?))).collect()
    }

    /// Whether enough is caught, little enough alarmed about, and every case is what it says.
    pub fn is_good(&self) -> bool {
        self.caught().rate().is_none_or(|rate| rate >= CAUGHT)
            && self.alarms().rate().is_none_or(|rate| rate <= ALARMS)
            && self.bad().is_empty()
    }

    fn seconds(&self) -> f64 {
        self.tried.iter().map(|one| one.seconds).sum()
    }

    pub fn render(&self, form: Form) -> String {
        match form {
            Form::Text => self.text(),
            Form::Markdown => self.markdown(),
            Form::Json => format!("{:#}\n", self.json()),
        }
    }

    /// Class → how many were tried, how many the review and the project's tests got right.
    fn classes(&self, kind: Kind) -> BTreeMap<&str, (Share, Share)> {
        let mut classes: BTreeMap<&str, Vec<&Tried>> = BTreeMap::new();
        for one in self.of_kind(kind) {
            classes.entry(&one.class).or_default().push(one);
        }
        let shares = |all: Vec<&Tried>| {
            let belay = Share::count(all.iter().copied(), Tried::is_right);
            (belay, Share::count(all.iter().copied(), fails))
        };
        classes.into_iter().map(|(class, all)| (class, shares(all))).collect()
    }

    fn figures(&self) -> Vec<(&'static str, String)> {
        vec![
            ("regressions caught as high or critical", self.caught().words()),
            ("by the projects' own tests", self.tests().words()),
            ("false alarms on benign changes", self.alarms().words()),
            ("benign changes called medium", self.medium().words()),
        ]
    }

    fn text(&self) -> String {
        let mut out = String::new();
        for (name, words) in self.figures() {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name:<40} {words}");
        }
        for kind in [Kind::Regression, Kind::Benign] {
            let classes = self.classes(kind);
            if classes.is_empty() {
                continue;
            }
            let (title, right) = match kind {
                Kind::Regression => ("REGRESSION", "CAUGHT"),
                Kind::Benign => ("BENIGN CHANGE", "QUIET"),
            };
            let _ = writeln!(out, "\n{title:<34} {right:>8} {:>12}", "TESTS FAIL");
            for (class, (belay, tests)) in classes {
                let belay = format!("{} of {}", belay.yes, belay.of);
                let _ = writeln!(out, "{class:<34} {belay:>8} {:>12}", tests.yes);
            }
        }
        let wrong: Vec<&Tried> = self.tried.iter().filter(|one| !one.is_right()).collect();
        if !wrong.is_empty() {
            out.push_str("\nWRONG\n");
        }
        for one in wrong {
            let _ = writeln!(out, "  {}\n      {}", one.line(), one.why.trim());
            for finding in one.findings.iter().take(3) {
                let _ = writeln!(out, "      {}", told(finding));
            }
        }
        let bad = self.bad();
        if !bad.is_empty() {
            out.push_str("\nCASES THAT ARE NOT WHAT THEY SAY\n");
        }
        for (one, fault) in bad {
            let _ = writeln!(out, "  {}: {fault}", one.id);
        }
        let _ = writeln!(
            out,
            "\n{} cases, {:.0} s of reviews, {:.1} s each",
            self.tried.len(),
            self.seconds(),
            self.seconds() / f64::from(u32::try_from(self.tried.len().max(1)).unwrap_or(u32::MAX))
        );
        out
    }

    fn markdown(&self) -> String {
        let mut out = String::from("| | |\n| --- | --- |\n");
        for (name, words) in self.figures() {
            let _ = writeln!(out, "| {name} | {words} |");
        }
        for kind in [Kind::Regression, Kind::Benign] {
            let classes = self.classes(kind);
            if classes.is_empty() {
                continue;
            }
            let right = if kind == Kind::Regression { "caught" } else { "quiet" };
            let _ = writeln!(
                out,
                "\n| {} | {right} | the project's tests fail |\n| --- | --- | --- |",
                kind.as_str()
            );
            for (class, (belay, tests)) in classes {
                let _ =
                    writeln!(out, "| {class} | {} of {} | {} |", belay.yes, belay.of, tests.yes);
            }
        }
        out.push_str("\n| case | project | level | | why |\n| --- | --- | --- | --- | --- |\n");
        for one in self.tried.iter().filter(|one| !one.is_right()) {
            let level = match &one.level {
                Ok(level) => level.to_string(),
                Err(error) => error.clone(),
            };
            let word = if one.kind == Kind::Regression { "missed" } else { "false alarm" };
            let why = one.why.trim().replace('\n', " ");
            let _ = writeln!(out, "| {} | {} | {level} | {word} | {why} |", one.id, one.project);
        }
        out
    }

    fn json(&self) -> Value {
        let case = |one: &Tried| {
            json!({
                "id": one.id, "project": one.project, "kind": one.kind.as_str(), "class": one.class,
                "why": one.why,
                "level": one.level.as_ref().ok().map(Severity::to_string),
                "error": one.level.as_ref().err(),
                "right": one.is_right(),
                "tests_fail": fails(one),
                "seconds": one.seconds,
                "findings": one.findings,
                "measured": one.measured,
                "fault": one.fault(),
            })
        };
        json!({
            "schema": "belay.bench-regressions/1",
            "caught": self.caught().json(),
            "caught_by_tests": self.tests().json(),
            "false_alarms": self.alarms().json(),
            "benign_medium": self.medium().json(),
            "good": self.is_good(),
            "cases": self.tried.iter().map(case).collect::<Vec<_>>(),
        })
    }
}

/// Whether one of the project's own tests fails: as measured now, or as it was.
fn fails(one: &Tried) -> bool {
    one.measured.as_ref().map_or(one.tests_fail, |measured| !measured.faults.is_empty())
}

fn told(finding: &super::trial::Seen) -> String {
    let place = finding.node.as_deref().unwrap_or("the project");
    let place = place.splitn(3, '.').last().unwrap_or(place);
    format!("{} {} {place}: {}", finding.severity, finding.kind, finding.message)
}
