//! Whether a pull request changes the data: every relation's rows as a multiset, on the columns that
//! both sides have. This is beside the review on purpose, and shares no code with it.

use std::collections::BTreeMap;
use std::path::Path;

use belay_model::rows::Cell;
use belay_model::{Resource, Verb, Zone};
use belay_warehouse::{Database, Session, Statement, quote};

use crate::FlowError;
use crate::supervisor::Supervisor;
use crate::tools::Tools;

/// What a database holds: for each relation its columns, each with its type and a digest.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    relations: BTreeMap<String, Relation>,
}

#[derive(Debug, Clone, Default)]
struct Relation {
    rows: String,
    /// Column → what its values come to, as a multiset.
    columns: BTreeMap<String, String>,
    /// What whole rows come to, by the columns that went into it.
    whole: (Vec<String>, String),
}

impl Shape {
    /// Where head's data are other than base's, in words; empty where they are the same.
    pub(super) fn differences(&self, head: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, base) in &self.relations {
            let Some(head) = head.relations.get(name) else {
                found.push(format!("{name} is gone"));
                continue;
            };
            if base.rows != head.rows {
                found.push(format!("{name}: {} rows, {} in head", base.rows, head.rows));
            }
            for (column, values) in &base.columns {
                match head.columns.get(column) {
                    None => found.push(format!("{name}.{column} is gone")),
                    Some(other) if other != values => {
                        found.push(format!("{name}.{column} has other values"));
                    }
                    Some(_) => (),
                }
            }
            // Values may move between rows while each column keeps its own.
            if base.whole.0 == head.whole.0 && base.whole.1 != head.whole.1 {
                found.push(format!("{name} has other rows"));
            }
        }
        found
    }
}

/// Reads what a database holds.
pub(super) async fn shape(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    database: &Path,
) -> Result<Shape, FlowError> {
    let driver = tools.duckdb(run.desk).await?;
    run.step("look at the data", async |run| {
        let session = Session::open(driver, Database::read_only(database)).await?;
        let shape = look(run, &session).await;
        session.close().await;
        shape
    })
    .await
}

async fn look(run: &mut Supervisor<'_>, session: &Session) -> Result<Shape, FlowError> {
    // What a snapshot says of its own making is the clock's.
    let columns = "select table_schema, table_name, column_name from information_schema.columns \
        where not starts_with(column_name, 'dbt_') order by 1, 2, 3";
    let listed = ask(run, session, "list the columns", columns.to_owned()).await?;
    let mut tables: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in listed {
        let [Cell::Text(schema), Cell::Text(table), Cell::Text(column)] = row.as_slice() else {
            continue;
        };
        tables.entry((schema.clone(), table.clone())).or_default().push(column.clone());
    }
    let mut shape = Shape::default();
    for ((schema, table), columns) in tables {
        let text = |column: &String| format!("{}::varchar", quote(column));
        let digest = |of: String| format!("(sum(hash({of})::hugeint))::varchar");
        let whole = digest(columns.iter().map(text).collect::<Vec<_>>().join(", "));
        let each: Vec<String> = columns.iter().map(|column| digest(text(column))).collect();
        let sql = format!(
            "select count(*)::varchar, {whole}, {} from {}.{}",
            each.join(", "),
            quote(&schema),
            quote(&table)
        );
        let name = format!("{schema}.{table}");
        let rows = ask(run, session, &format!("digest {name}"), sql).await;
        // A view whose source is gone cannot be read, and says so by having nothing.
        let cells = rows.unwrap_or_default().into_iter().next().unwrap_or_default();
        let mut cells = cells.into_iter().map(|cell| cell.text().unwrap_or_default().to_owned());
        let rows = cells.next().unwrap_or_else(|| "unreadable".to_owned());
        let whole = (columns.clone(), cells.next().unwrap_or_default());
        let columns = columns.into_iter().zip(cells).collect();
        shape.relations.insert(name, Relation { rows, columns, whole });
    }
    Ok(shape)
}

async fn ask(
    run: &mut Supervisor<'_>,
    session: &Session,
    purpose: &str,
    sql: String,
) -> Result<Vec<Vec<Cell>>, FlowError> {
    let resource = Resource::new("bench:data", Zone::Scratch);
    let statement = Statement::new(Verb::ReadMetadata, resource, purpose, sql);
    let rows = run
        .perform(&statement.action(), async |permit| session.query(permit, statement.clone()).await)
        .await?;
    Ok(rows.rows)
}
