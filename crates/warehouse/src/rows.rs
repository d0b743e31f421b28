//! From Arrow to plain values. Queries cast what they select, so only a few types can arrive.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::DataType;

use belay_model::rows::{Cell, Rows};

use crate::WarehouseError;

/// Why an answer could not be read to its end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The warehouse broke off while it sent.
    Sending(String),
    Type(WarehouseError),
}

pub(crate) fn collect(reader: impl RecordBatchReader) -> Result<Rows, Fault> {
    let columns = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| Fault::Sending(error.to_string()))?;
        rows.extend(rows_of(&batch).map_err(Fault::Type)?);
    }
    Ok(Rows { columns, rows })
}

fn rows_of(batch: &RecordBatch) -> Result<Vec<Vec<Cell>>, WarehouseError> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        for (index, row) in rows.iter_mut().enumerate() {
            let cell = cell(column, index).ok_or_else(|| WarehouseError::Type {
                column: field.name().clone(),
                arrow_type: field.data_type().to_string(),
            })?;
            row.push(cell);
        }
    }
    Ok(rows)
}

fn cell(column: &dyn Array, index: usize) -> Option<Cell> {
    if column.is_null(index) {
        return Some(Cell::Null);
    }
    Some(match column.data_type() {
        DataType::Null => Cell::Null,
        DataType::Boolean => Cell::Bool(column.as_boolean().value(index)),
        DataType::Int16 => Cell::Int(i64::from(column.as_primitive::<Int16Type>().value(index))),
        DataType::Int32 => Cell::Int(i64::from(column.as_primitive::<Int32Type>().value(index))),
        DataType::Int64 => Cell::Int(column.as_primitive::<Int64Type>().value(index)),
        DataType::Float64 => Cell::Float(column.as_primitive::<Float64Type>().value(index)),
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(index).to_owned()),
        DataType::LargeUtf8 => Cell::Text(column.as_string::<i64>().value(index).to_owned()),
        _ => return None,
    })
}
