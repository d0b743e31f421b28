//! Which types come through as which cells.

use belay_model::Explain as _;
use belay_model::explain::Blame;
use belay_model::rows::Cell;

use super::fixture::Place;
use crate::{Database, WarehouseError};

#[tokio::test]
async fn every_type_that_a_cell_holds_arrives_unchanged() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    let text = |text: &str| Cell::Text(text.to_owned());
    let cases = [
        ("true", Cell::Bool(true)),
        ("false", Cell::Bool(false)),
        ("CAST(-2147483648 AS INTEGER)", Cell::Int(-2_147_483_648)),
        ("CAST(-9223372036854775808 AS BIGINT)", Cell::Int(i64::MIN)),
        ("CAST(9223372036854775807 AS BIGINT)", Cell::Int(i64::MAX)),
        ("CAST(0.1 AS DOUBLE)", Cell::Float(0.1)),
        ("CAST('-infinity' AS DOUBLE)", Cell::Float(f64::NEG_INFINITY)),
        ("'it''s größer, 🦆'", text("it's größer, 🦆")),
        ("''", text("")),
        ("repeat('long ', 1000)", text(&"long ".repeat(1000))),
        ("chr(0) || 'x'", text("\0x")),
        ("NULL", Cell::Null),
        ("CAST(NULL AS BOOLEAN)", Cell::Null),
        ("CAST(NULL AS BIGINT)", Cell::Null),
        ("CAST(NULL AS DOUBLE)", Cell::Null),
        ("CAST(NULL AS VARCHAR)", Cell::Null),
    ];
    for (sql, expected) in cases {
        assert_eq!(session.cell(&format!("SELECT {sql}")).await, expected, "{sql}");
    }
    let Cell::Float(nan) = session.cell("SELECT CAST('nan' AS DOUBLE)").await else { panic!() };
    assert!(nan.is_nan());
}

#[tokio::test]
async fn a_type_that_no_cell_holds_is_refused_with_the_name_of_its_column() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    for sql in [
        "CAST(1 AS TINYINT)",
        "CAST(1 AS UBIGINT)",
        "CAST(1 AS FLOAT)",
        "CAST(1.5 AS DECIMAL(18, 2))",
        "DATE '2024-01-01'",
        "TIMESTAMP '2024-01-01'",
        "INTERVAL 1 DAY",
        "[1, 2]",
        "{'a': 1}",
        "'ab'::BLOB",
        "'a'::ENUM('a', 'b')",
    ] {
        let error =
            session.rows(&format!("SELECT 1 AS ok, {sql} AS \"odd one\"")).await.unwrap_err();
        assert!(
            matches!(&error, WarehouseError::Type { column, .. } if column == "odd one"),
            "{sql}: {error:?}"
        );
        assert_eq!((error.code(), error.blame()), ("warehouse/type", Blame::Belay));
    }
}

#[tokio::test]
async fn names_and_rows_keep_their_order_over_many_batches() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    let sql = "SELECT i AS \"The Number\", CASE WHEN i % 3 = 0 THEN NULL ELSE 'n' || i END AS s
               FROM range(10000) t(i) ORDER BY i";
    let rows = session.rows(sql).await.unwrap();
    assert_eq!(rows.columns, ["The Number", "s"]);
    assert_eq!(rows.rows.len(), 10_000);
    for (number, row) in rows.rows.iter().enumerate() {
        let text = Cell::Text(format!("n{number}"));
        let expected = if number % 3 == 0 { Cell::Null } else { text };
        assert_eq!(row[..], [Cell::Int(i64::try_from(number).unwrap()), expected]);
    }
}

#[tokio::test]
async fn an_empty_answer_still_names_its_columns() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    let rows = session.rows("SELECT id, note, 1.5 AS odd FROM orders WHERE false").await.unwrap();
    assert_eq!(
        (rows.columns.as_slice(), rows.rows.len()),
        (&["id", "note", "odd"].map(str::to_owned)[..], 0)
    );
}
