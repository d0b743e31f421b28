use proptest::prelude::*;
use serde_json::json;

use super::*;

fn hidden(text: &str) -> String {
    Redactor::default().text(text).into_owned()
}

#[test]
fn every_pattern_compiles_and_has_a_bit() {
    assert!(COMPILED.is_some());
    assert!(SHAPES.len() <= 32);
}

#[test]
fn known_shapes_are_hidden_and_what_stands_around_them_is_not() {
    let letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    let cases = [
        ("key AKIAIOSFODNN7EXAMPLE.".to_owned(), "key [redacted:aws-key]."),
        (format!("AIza{}", letters.trim_end_matches('9')), "[redacted:google-key]"),
        (format!("x=ghp_{letters} y"), "x=[redacted:github-token] y"),
        (format!("(github_pat_{letters})"), "([redacted:github-token])"),
        (format!("glpat-{letters}"), "[redacted:gitlab-token]"),
        ("xoxb-1234567890-abcdef".to_owned(), "[redacted:slack-token]"),
        ("https://hooks.slack.com/services/T0/B0/xyz".to_owned(), "https://[redacted:slack-token]"),
        (format!("eyJ{letters}.eyJ{letters}.sig!"), "[redacted:jwt]!"),
        (format!("sk-{letters}"), "[redacted:api-key]"),
        (format!("Bearer {letters}"), "Bearer [redacted:authorization]"),
        ("Basic dXNlcjpwYXNzd29yZDEyMw==".to_owned(), "Basic [redacted:authorization]"),
        (
            "postgres://me:s3c/r@t@db:5432/x?a=b".to_owned(),
            "postgres://me:[redacted:password]@db:5432/x?a=b",
        ),
        (
            "https://t0kent0kent0kent0ken@git.test/x".to_owned(),
            "https://[redacted:password]@git.test/x",
        ),
        ("password=hunter2 user=me".to_owned(), "password=[redacted:password] user=me"),
        (
            r#"{"password": "a\"b", "n": 1}"#.to_owned(),
            r#"{"password": "[redacted:password]", "n": 1}"#,
        ),
        (r#"{\"token\": \"abc\"}"#.to_owned(), r#"{\"token\": \"[redacted:secret]\"}"#),
        ("Driver=x;PWD={a;b};Server=y".to_owned(), "Driver=x;PWD=[redacted:password];Server=y"),
        ("AWS_SECRET_ACCESS_KEY=a/b+c".to_owned(), "AWS_SECRET_ACCESS_KEY=[redacted:secret]"),
        ("Authorization: Basic dTpw".to_owned(), "Authorization: [redacted:secret]"),
        ("ALTER USER u PASSWORD 'it''s'".to_owned(), "ALTER USER u PASSWORD '[redacted:password]'"),
        ("run --api-key abc --x".to_owned(), "run --api-key [redacted:secret] --x"),
        (
            "https://s/x?sv=1&sig=a%2Fb&z=1".to_owned(),
            "https://s/x?sv=1&sig=[redacted:signature]&z=1",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest".to_owned(),
            "[redacted:private-key]\nrest",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\ncut".to_owned(), "[redacted:private-key]"),
    ];
    for (text, expected) in cases {
        assert_eq!(hidden(&text), expected, "{text}");
    }
}

#[test]
fn ordinary_words_stay() {
    for text in [
        "the token was unexpected",
        "gen_ai.usage.input_tokens=512 max_tokens: 10",
        "basic checks pass",
        "http://127.0.0.1:4318/v1/traces?mail=a@b",
        "select password_changed from users",
        "sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    ] {
        assert_eq!(hidden(text), text);
    }
}

#[test]
fn values_known_to_be_secret_are_hidden_in_every_spelling() {
    let redactor = Redactor::new(["p@ss\"word", "1", ""]);
    assert_eq!(redactor.text("1 p@ss\"word 1"), "1 [redacted:value] 1");
    assert_eq!(redactor.text("p%40ss%22word"), "[redacted:value]");
    assert_eq!(redactor.text(r#"p@ss\"word"#), "[redacted:value]");
    assert_eq!(redactor.bytes(b"\xffp@ss\"word\xfe").as_ref(), b"\xff[redacted:value]\xfe");
}

#[test]
fn keys_that_name_secrets_and_sensitive_columns_hide_their_whole_value() {
    let redactor = Redactor::default().with_sensitive(["Email", "customers.phone"]);
    let mut value = json!({
        "db.password": ["a", {"b": 1}], "api-key": 7, "access_token": null, "input_tokens": 5,
        "customers.email": "a@b", "customers.phone": "1", "phone": "2", "sql": "where email = 'a@b'",
        "AKIAIOSFODNN7EXAMPLE": "x",
    });
    redactor.json(&mut value);
    let expected = json!({
        "db.password": "[redacted:key]", "api-key": "[redacted:key]", "access_token": null, "input_tokens": 5,
        "customers.email": "[redacted:sensitive]", "customers.phone": "[redacted:sensitive]", "phone": "2",
        "sql": "where email = '[redacted:sensitive]'", "[redacted:aws-key]": "x",
    });
    assert_eq!(value, expected);
}

fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z =:'\"@/\\\\é{}]{0,6}",
        Just("password".to_owned()),
        Just("token=".to_owned()),
        Just("://u:".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
        Just("[redacted:password]".to_owned()),
        Just("[redacted:".to_owned()),
        Just("secretvalue".to_owned()),
        Just("eyJabcdefghij.klmnopqrst.uv".to_owned()),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn hiding_twice_is_hiding_once(text in texts()) {
        let redactor = Redactor::new(["secretvalue", "redacted", "act"]).with_sensitive(["u"]);
        let once = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.text(&once), once.as_str());
    }

    #[test]
    fn a_known_value_never_survives(before in texts(), after in texts()) {
        let redactor = Redactor::new(["Zq9!secret#value"]);
        let text = format!("{before}Zq9!secret#value{after}");
        prop_assert!(!redactor.text(&text).contains("Zq9!secret#value"));
    }

    #[test]
    fn ids_and_digests_stay(
        parts in proptest::collection::vec(
            prop_oneof!["[0-9a-f]{64}", "[0-9a-f]{32}", "[0-9a-f]{16}",
                        "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        "R[0-4]", "model\\.[a-z]{3,8}\\.[a-z]{3,8}"], 1..8)
    ) {
        let text = parts.join(" ");
        prop_assert_eq!(hidden(&text), text);
    }
}
