//! Fitting a report into a comment. What does not fit is left out by whole rows, and counted; a table is
//! never cut in the middle.

/// A code host takes no comment longer than 65,536 characters.
pub(super) const LIMIT: usize = 65_000;

/// A part of the report: some words, then rows.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub title: String,
    /// Below the title without a click; the rest of the rows fold.
    pub open: Option<usize>,
    /// Before the rows: the head of a table.
    pub head: String,
    /// Each ends with its line break.
    pub rows: Vec<String>,
    /// What a row is, to count those left out.
    pub noun: &'static str,
}

/// How long a code host finds a text.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

impl Section {
    /// With its first rows, and a word on those that are left out.
    fn render(&self, kept: usize) -> String {
        let rows = self.rows.get(..kept).unwrap_or(&self.rows);
        let left = self.rows.len() - rows.len();
        let more = if left == 0 { String::new() } else { self.more(left) };
        match self.open {
            None => {
                let body = format!("{}{}", self.head, rows.concat());
                fold(&self.title, &format!("{}{more}", body.trim_end()))
            }
            Some(open) => {
                let (shown, folded) = rows.split_at(open.min(rows.len()));
                let mut out = format!("### {}\n\n{}{}\n", self.title, self.head, shown.concat());
                if !folded.is_empty() {
                    let title =
                        format!("{} more", crate::figures::counted_usize(folded.len(), self.noun));
                    out.push_str(&fold(&title, &format!("{}{}", self.head, folded.concat())));
                }
                if left > 0 {
                    out.push_str(&format!("{}\n\n", more.trim()));
                }
                out
            }
        }
    }

    fn more(&self, left: usize) -> String {
        let count = crate::figures::counted_usize(left, self.noun);
        format!("\n\n*{count} more: see `report.json` or `report.html` of the run.*")
    }
}

/// The lead, then as much of each section as fits, the first sections first. Every section is at least
/// named.
pub(super) fn fit(lead: &str, sections: &[Section], limit: usize) -> String {
    let sections: Vec<&Section> =
        sections.iter().filter(|section| !section.rows.is_empty()).collect();
    let least: Vec<usize> = sections.iter().map(|section| length(&section.render(0))).collect();
    let mut used = length(lead) + least.iter().sum::<usize>();
    let mut out = lead.to_owned();
    for (section, least) in sections.iter().zip(least) {
        let free = limit.saturating_sub(used);
        let kept = most(section, free + least);
        let text = section.render(kept);
        used = used - least + length(&text);
        out.push_str(&text);
    }
    out
}

/// More than a folded remainder and the words on what is left out take.
const WORDS: usize = 400;

/// How many rows of the section fit into `room`.
fn most(section: &Section, room: usize) -> usize {
    // All of it, most of the time.
    if length(&section.render(section.rows.len())) <= room {
        return section.rows.len();
    }
    let mut used = length(&section.head) * 2 + length(&section.title) + WORDS;
    let fits = |row: &&String| {
        used += length(row);
        used <= room
    };
    section.rows.iter().take_while(fits).count()
}

pub(super) fn fold(title: &str, body: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{}\n\n</details>\n\n", body.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(title: &str, rows: usize, open: Option<usize>) -> Section {
        let row = |at: usize| format!("| {at} | {} |\n", "x".repeat(40));
        Section {
            title: title.to_owned(),
            open,
            head: "| a | b |\n| --- | --- |\n".to_owned(),
            rows: (0..rows).map(row).collect(),
            noun: "row",
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_by_whole_rows_and_counted() {
        let sections =
            [table("first", 3, Some(2)), table("second", 5_000, None), table("third", 9, None)];
        let text = fit("# lead\n\n", &sections, 4_000);
        assert!(length(&text) <= 4_000, "{}", length(&text));
        assert!(text.contains("### first") && text.contains("1 row more"), "{text}");
        let kept = text.matches("xxxx |\n").count();
        assert!(text.contains("<summary>second</summary>"));
        assert!(text.contains("<summary>third</summary>"), "every section is named");
        assert!(kept > 30, "{kept}");
        assert!(text.contains("rows more: see `report.json`"), "{text}");
        assert!(text.lines().filter(|line| line.starts_with('|')).all(|line| line.ends_with('|')));
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }

    #[test]
    fn what_fits_is_all_there() {
        let text = fit("# lead\n\n", &[table("only", 9, None)], LIMIT);
        assert_eq!(text.matches("xxxx |\n").count() + 1, 10);
        assert!(!text.contains("more:"));
    }
}
