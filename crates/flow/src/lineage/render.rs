//! Code that dbt has not compiled, where it needs no dbt: references to other nodes and nothing else.

/// Puts relations in the place of `ref`, `source` and `this`, and leaves `config` out. `None` if
/// there is any other Jinja.
pub(super) fn render(
    raw: &str,
    relation: &mut dyn FnMut(&Reference<'_>) -> Option<String>,
) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('{') {
        let (plain, tail) = rest.split_at(at);
        text.push_str(plain);
        if let Some(comment) = tail.strip_prefix("{#") {
            rest = comment.split_once("#}")?.1;
        } else if let Some(expression) = tail.strip_prefix("{{") {
            let (inside, after) = close(expression)?;
            let inside = inside.trim().trim_start_matches('-').trim_end_matches('-').trim();
            match call(inside)? {
                Reference::Config => (),
                reference => text.push_str(&relation(&reference)?),
            }
            rest = after;
        } else if tail.starts_with("{%") {
            return None;
        } else {
            text.push('{');
            rest = tail.strip_prefix('{')?;
        }
    }
    text.push_str(rest);
    Some(text)
}

/// What stands between the braces.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reference<'a> {
    Config,
    This,
    Ref { package: Option<&'a str>, name: &'a str, version: Option<&'a str> },
    Source { system: &'a str, name: &'a str },
}

/// Up to the `}}` that is in no string and in no braces of its own.
fn close(text: &str) -> Option<(&str, &str)> {
    let (mut quote, mut depth) = (None, 0_u32);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '{') => depth += 1,
            (None, '}') if depth > 0 => depth -= 1,
            (None, '}') => {
                let (inside, tail) = text.split_at(at);
                return tail.strip_prefix("}}").map(|after| (inside, after));
            }
            _ => (),
        }
    }
    None
}

fn call(text: &str) -> Option<Reference<'_>> {
    if text == "this" {
        return Some(Reference::This);
    }
    let (name, arguments) = text.strip_suffix(')')?.split_once('(')?;
    if name.trim() == "config" {
        return Some(Reference::Config);
    }
    let mut plain = Vec::new();
    let mut version = None;
    for argument in arguments.split(',').map(str::trim) {
        match argument.split_once('=') {
            Some((key, value)) if matches!(key.trim(), "v" | "version") => {
                let value = value.trim();
                let is_number = value.chars().all(|digit| digit.is_ascii_digit() || digit == '.');
                version = Some(if is_number { value } else { literal(value)? });
            }
            Some(_) => return None,
            None => plain.push(literal(argument)?),
        }
    }
    match (name.trim(), plain.as_slice()) {
        ("ref", [name]) => Some(Reference::Ref { package: None, name, version }),
        ("ref", [package, name]) => Some(Reference::Ref { package: Some(package), name, version }),
        ("source", [system, name]) if version.is_none() => Some(Reference::Source { system, name }),
        _ => None,
    }
}

/// A string without its quotes.
fn literal(text: &str) -> Option<&str> {
    let inside =
        ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))?;
    (!inside.contains(['\'', '"', '\\'])).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: Option<&str>) {
        let mut relation = |reference: &Reference<'_>| Some(format!("<{reference:?}>"));
        let shown = render(raw, &mut relation).map(|text| {
            text.replace("Ref { package: None, name: ", "")
                .replace(", version: None }", "")
                .replace("\\\"", "\"")
        });
        assert_eq!(shown.as_deref(), expected, "{raw}");
    }

    #[test]
    fn references_are_put_in_and_config_is_left_out() {
        check(
            "{{ config(meta={'a': {'b': '}}'}}) }}select '{' from {{ ref('a') }}",
            Some("select '{' from <\"a\">"),
        );
        check("{# {{ any() }} #}select 1 from {{- this -}}", Some("select 1 from <This>"));
        check(
            "{{ref(\"p\", 'a', v=2)}}",
            Some("<Ref { package: Some(\"p\"), name: \"a\", version: Some(\"2\") }>"),
        );
        check("{{ source('raw', 'o') }}", Some("<Source { system: \"raw\", name: \"o\" }>"));
    }

    #[test]
    fn other_jinja_is_left_to_dbt() {
        for raw in [
            "{{ cents('a') }}",
            "{% if is_incremental() %}a{% endif %}",
            "{{ ref(name) }}",
            "{{ ref('a').identifier }}",
            "{{ ref('a') }} {{ var('x') }}",
            "{{ ref('a') ",
            "{# open",
            "{{ source('raw') }}",
            "{{ ref('a' ~ 'b') }}",
        ] {
            check(raw, None);
        }
    }
}
