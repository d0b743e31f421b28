//! Text of others inside Markdown.

/// Text of others between words of ours: nothing in it may act as markup, mention or link.
pub(super) fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut in_code = false;
    for letter in text.chars() {
        match letter {
            '`' => {
                in_code = !in_code;
                safe.push('`');
            }
            '<' if !in_code => safe.push_str("&lt;"),
            '@' if !in_code => safe.push_str("@\u{200b}"),
            '*' | '_' | '[' | ']' | '#' | '|' | '!' if !in_code => {
                safe.push('\\');
                safe.push(letter);
            }
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    if in_code { safe.replace('`', "'") } else { safe }
}

/// In a table a bar ends the cell, even inside code.
pub(super) fn cell(content: &str) -> String {
    let escaped = text(content);
    escaped.replace("\\|", "|").replace('|', "\\|")
}

/// Between backticks.
pub(super) fn code(text: &str) -> String {
    let shown = text.replace('`', "'").replace(char::is_control, " ");
    shown.replace('|', "\\|")
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_become_markup() {
        let hostile = "<img src=x> @everyone [click](http://x) # big | cell `a|b` *bold*";
        let safe = text(hostile);
        assert!(
            !safe.contains("<img") && !safe.contains("@everyone") && !safe.contains("[click]"),
            "{safe}"
        );
        assert_eq!(text("an odd ` tick <b>").matches('`').count(), 0);
        assert_eq!(cell("a | `b|c`"), "a \\| `b\\|c`");
    }
}
