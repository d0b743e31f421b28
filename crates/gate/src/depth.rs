//! How deep a policy goes. Cedar reads, checks and drops a policy by recursion, so that one nested without
//! end would end the process; it is refused before Cedar sees it.

/// Brackets inside brackets.
const NESTED: usize = 32;
/// Operators of one policy: each may make what stands before it one deeper.
const OPERATORS: usize = 100;

/// Where a policy of `text` goes too deep: the offset in bytes and what to do.
pub(crate) fn too_deep(text: &str) -> Option<(usize, String)> {
    let (mut nested, mut operators, mut word) = (0usize, 0usize, String::new());
    let mut letters = text.char_indices().peekable();
    while let Some((offset, letter)) = letters.next() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        operators += usize::from(matches!(word.as_str(), "if" | "when" | "unless"));
        word.clear();
        match letter {
            '"' => {
                while let Some((_, inside)) = letters.next() {
                    if inside == '\\' {
                        letters.next();
                    } else if inside == '"' {
                        break;
                    }
                }
            }
            '/' if letters.peek().is_some_and(|(_, next)| *next == '/') => {
                letters.by_ref().find(|(_, inside)| matches!(inside, '\n' | '\r'));
            }
            '(' | '[' | '{' => nested += 1,
            ')' | ']' | '}' => nested = nested.saturating_sub(1),
            ';' => operators = 0,
            '&' | '|' | '+' | '-' | '*' | '!' | '.' => operators += 1,
            _ => (),
        }
        if nested > NESTED {
            return Some((offset, format!("more than {NESTED} brackets inside each other")));
        }
        if operators > OPERATORS {
            let message =
                format!("a policy with more than {OPERATORS} operators: make several of it");
            return Some((offset, message));
        }
    }
    None
}
