//! Whether two texts are the same but for blanks, comments, and the case of words.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::Dialect;

pub(super) fn are_same(base: &str, head: &str, dialect: Dialect) -> bool {
    match (tokens(base, dialect), tokens(head, dialect)) {
        (Some(base), Some(head)) => base == head,
        _ => false,
    }
}

/// How many words of the text pass the test.
pub(super) fn count(text: &str, dialect: Dialect, test: impl Fn(&str) -> bool) -> usize {
    let tokens = tokens(text, dialect).unwrap_or_default();
    let is_one =
        |token: &&Token| matches!(token, Token::Word(word) if test(&word.value.to_lowercase()));
    tokens.iter().filter(is_one).count()
}

fn tokens(text: &str, dialect: Dialect) -> Option<Vec<Token>> {
    let grammar = dialect.grammar();
    let mut tokens = Tokenizer::new(&*grammar, text).tokenize().ok()?;
    tokens.retain(|token| !matches!(token, Token::Whitespace(_)));
    while tokens.last() == Some(&Token::SemiColon) {
        tokens.pop();
    }
    for token in &mut tokens {
        if let Token::Word(word) = token
            && word.quote_style.is_none()
            // There the names of tables differ by case.
            && (dialect != Dialect::BigQuery || word.keyword != Keyword::NoKeyword)
        {
            word.value = word.value.to_lowercase();
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_comments_and_case_are_no_difference() {
        let base = "select a, 'X' -- why\nfrom t;";
        for (head, expected) in [
            ("SELECT A ,\n 'X' FROM /* here */ t", true),
            ("select a, 'x' from t", false),
            ("select a, \"X\" from t", false),
            ("select a from t", false),
        ] {
            assert_eq!(are_same(base, head, Dialect::Postgres), expected, "{head}");
        }
        assert!(!are_same("select a from Orders", "select a from orders", Dialect::BigQuery));
    }
}
