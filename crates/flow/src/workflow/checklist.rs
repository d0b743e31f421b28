//! What a person does at L0: exact commands, what to expect, how to take it back.

/// One step on paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub id: String,
    pub title: String,
    /// Shell lines to type, in order.
    pub lines: Vec<String>,
    /// Exit codes that count as done.
    pub expect: Vec<i32>,
    /// What to look for afterwards.
    pub outputs: Vec<String>,
    /// Shell lines that take it back, or why nothing does.
    pub undo: Vec<String>,
}

/// The checklist as a page that can be ticked off.
#[must_use]
pub fn markdown(items: &[Item]) -> String {
    let mut text = String::from("# Checklist\n");
    for (number, item) in (1..).zip(items) {
        let expect: Vec<String> = item.expect.iter().map(ToString::to_string).collect();
        text.push_str(&format!("\n## {number}. {} (`{}`)\n\n- [ ] run\n\n", item.title, item.id));
        text.push_str(&fenced(&item.lines));
        text.push_str(&format!("\nExpect exit {}.", expect.join(" or ")));
        if !item.outputs.is_empty() {
            text.push_str(&format!(" It leaves `{}`.", item.outputs.join("`, `")));
        }
        text.push('\n');
        if !item.undo.is_empty() {
            text.push_str(&format!("\nTo take it back:\n\n{}", fenced(&item.undo)));
        }
    }
    text
}

fn fenced(lines: &[String]) -> String {
    format!("```sh\n{}\n```\n", lines.join("\n"))
}
