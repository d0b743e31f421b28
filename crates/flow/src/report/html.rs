//! The report as one self-contained page: no script, no request, readable in light and dark.

use askama::Template;

use super::markdown::{shown, what};
use super::picture::{self, Picture};
use super::short;
use super::view::{self, Hole, differs, moved_columns};
use super::wire::{Data, Edit, Finding, Impact, Override, Sample};
use crate::FlowError;
use crate::figures::{amount, counted_usize, grouped};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Impact,
    picture: Picture,
}

/// Nodes in the picture.
const MOST_NODES: usize = 80;

/// Renders the page. The template escapes everything that is not its own.
pub fn html(report: &Impact) -> Result<String, FlowError> {
    let report = &super::legible(report);
    let rendered = Page { report, picture: picture::draw(report, MOST_NODES) }.render();
    rendered.map_err(|error| FlowError::Render { message: error.to_string() })
}

#[expect(
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    clippy::ref_option,
    reason = "a template reaches only methods of its page, and passes references"
)]
impl Page<'_> {
    fn contradictions(&self) -> Vec<&Finding> {
        view::contradictions(self.report)
    }

    fn findings(&self) -> Vec<&Finding> {
        view::evidence(self.report)
    }

    fn edits(&self) -> Vec<&Edit> {
        view::telling(self.report).0
    }

    fn drafted(&self) -> Option<(&str, String)> {
        view::drafted(self.report)
    }

    /// A word on the edits that moved nothing.
    fn quiet(&self) -> Option<String> {
        let quiet = view::telling(self.report).1;
        (!quiet.is_empty()).then(|| view::quiet(&quiet))
    }

    fn holes(&self) -> Vec<Hole<'_>> {
        view::holes(self.report)
    }

    fn told(&self, hole: &Hole<'_>) -> String {
        hole.told()
    }

    fn place_of(&self, edit: &Edit) -> String {
        view::place_of(edit)
    }

    fn meaning_of(&self, edit: &Edit) -> String {
        view::meaning_of(edit)
    }

    fn reach_of(&self, edit: &Edit) -> String {
        view::reach_of(edit)
    }

    fn moved_of(&self, edit: &Edit) -> String {
        view::moved_of(edit, self.report)
    }

    fn left_out(&self) -> usize {
        self.picture.left_out
    }

    fn overridden(&self, one: &Override) -> String {
        view::overridden(one)
    }

    fn cost(&self) -> Option<String> {
        view::cost(self.report)
    }

    /// Factors that say why; reports of old have none.
    fn factors(&self) -> Vec<&super::wire::Factor> {
        self.report.risk.factors.iter().filter(|factor| !factor.name.is_empty()).collect()
    }

    /// The text in pieces: `true` for what stood between backticks.
    fn pieces<'a>(&self, text: &'a str) -> Vec<(bool, &'a str)> {
        text.split('`').enumerate().map(|(at, piece)| (at % 2 == 1, piece)).collect()
    }

    /// The first lines of the evidence; the rest is in the JSON.
    fn evidence<'a>(&self, finding: &'a Finding) -> Vec<&'a str> {
        finding.evidence.iter().map(String::as_str).take(4).collect()
    }

    /// The summary without the level, which stands above it.
    fn lead(&self) -> &str {
        let summary = self.report.summary.as_str();
        summary.split_once(": ").map_or(summary, |(_, rest)| rest)
    }

    fn moved(&self) -> Vec<&Data> {
        self.report.data.iter().filter(|data| differs(data)).collect()
    }

    fn name(&self, node: &str) -> String {
        short(node).to_owned()
    }

    fn place(&self, finding: &Finding) -> String {
        let node = finding.node.as_deref().map_or("project", short);
        finding
            .column
            .as_deref()
            .map_or_else(|| node.to_owned(), |column| format!("{node}.{column}"))
    }

    fn columns(&self, data: &Data) -> String {
        moved_columns(data)
    }

    fn number(&self, count: &i64) -> String {
        grouped(*count)
    }

    fn maybe(&self, count: &Option<i64>) -> String {
        count.map_or_else(|| "–".to_owned(), grouped)
    }

    fn sum(&self, sum: &Option<f64>) -> String {
        sum.map_or_else(|| "–".to_owned(), amount)
    }

    fn key(&self, sample: &Sample) -> String {
        let values = sample
            .key
            .iter()
            .map(|value| format!("{} = {}", value.column, shown(value.value.as_deref())));
        values.collect::<Vec<_>>().join(", ")
    }

    fn what(&self, sample: &Sample) -> String {
        what(sample)
    }

    fn count(&self, count: usize, noun: &str) -> String {
        counted_usize(count, noun)
    }

    fn interesting<'a>(&self, data: &'a Data) -> Vec<&'a super::wire::Column> {
        view::interesting(data)
    }

    fn distinct(&self, column: &super::wire::Column) -> String {
        view::distinct(column)
    }

    fn range(&self, column: &super::wire::Column) -> String {
        view::range(column)
    }

    fn shift(&self, column: &super::wire::Column) -> String {
        view::shift(column)
    }

    fn top(&self, column: &super::wire::Column) -> String {
        view::top(column)
    }

    /// How wide the bar of a column's changed share is, in percent.
    fn width(&self, column: &super::wire::Column) -> i64 {
        let (changed, compared) = (column.changed.unwrap_or(0), column.compared.unwrap_or(0));
        if compared == 0 {
            0
        } else {
            (changed * 100 / compared).clamp(i64::from(changed > 0), 100)
        }
    }

    fn ran(&self) -> usize {
        self.report.tests.iter().filter(|test| test.head.is_some()).count()
    }

    fn verdicts(&self, verdict: &str) -> usize {
        self.report.tests.iter().filter(|test| test.verdict == verdict).count()
    }
}
