//! `belay sql`: what a change to a query means.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use belay_model::{Columns, Effect, RowEffect};
use belay_sql::{Dialect, Table, TableName, Tables, canonical_type, compare, with_deep_stack};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::args::{SqlCommand, SqlCompareArgs};
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

pub(crate) fn sql(command: &SqlCommand, ui: &Ui) -> Result<Outcome, Failure> {
    match command {
        SqlCommand::Compare(args) => comparison(args, ui),
    }
}

fn comparison(args: &SqlCompareArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let dialect = Dialect::parse(&args.dialect).ok_or_else(|| {
        let names: Vec<&str> = Dialect::ALL.into_iter().map(Dialect::as_str).collect();
        let message = format!("there is no dialect `{}`", args.dialect);
        Failure::input("sql/dialect", message).help(format!("they are: {}", names.join(", ")))
    })?;
    let (base, head) = (text_of(&args.base)?, text_of(&args.head)?);
    let tables = match &args.schema {
        None => Tables::default(),
        Some(file) => tables(file, dialect)?,
    };
    let effect = with_deep_stack(|| compare(&base, &head, dialect, &tables, &tables).effect)
        .map_err(|error| Failure::surroundings("sql/no-stack", error.to_string()))?;
    let told = Told::of(&effect);
    if ui.is_json() {
        ui.json(&told)?;
    } else {
        ui.result(&told.text())?;
    }
    Ok(if effect.meaning.keeps_data() { Outcome::Clear } else { Outcome::No })
}

fn text_of(path: &Path) -> Result<String, Failure> {
    fs_err::read_to_string(path)
        .map_err(|error| Failure::input("files/unreadable", error.to_string()))
}

/// What a change means, as a document.
#[derive(Debug, Serialize, JsonSchema)]
struct Told {
    schema: String,
    /// cosmetic, metadata, physical, additive, values, rows, schema or unknown.
    meaning: String,
    /// The columns that are new, gone, renamed, of another type, or whose values may differ; `*`
    /// for all there are.
    columns: BTreeSet<String>,
    /// What may bring rows in or take rows out.
    rows: Vec<String>,
    /// The gravest first.
    reasons: Vec<String>,
}

const SCHEMA: &str = "belay.sql-compare/1";

impl Told {
    fn of(effect: &Effect) -> Self {
        let mut columns: BTreeSet<String> = match &effect.values {
            Columns::All => BTreeSet::from(["*".to_owned()]),
            Columns::These(names) => names.clone(),
        };
        for names in [&effect.added, &effect.removed, &effect.retyped] {
            columns.extend(names.iter().cloned());
        }
        for (from, to) in &effect.renamed {
            columns.extend([from.clone(), to.clone()]);
        }
        Self {
            schema: SCHEMA.to_owned(),
            meaning: effect.meaning.to_string(),
            columns,
            rows: effect.rows.iter().map(|row: &RowEffect| row.as_str().to_owned()).collect(),
            reasons: effect.reasons.clone(),
        }
    }

    fn text(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let mut text = format!("{}\n", self.meaning);
        for (word, list) in [("columns", columns.join(", ")), ("rows", self.rows.join(", "))] {
            if !list.is_empty() {
                text.push_str(&format!("{word}: {list}\n"));
            }
        }
        for reason in &self.reasons {
            text.push_str(&format!("  - {reason}\n"));
        }
        text
    }
}

/// The schema of `belay.sql-compare/1`.
pub(crate) fn schema() -> Schema {
    let mut schema = schema_for!(Told);
    if let Some(word) = schema.pointer_mut("/properties/schema") {
        *word = serde_json::json!({"const": SCHEMA});
    }
    schema
}

fn tables(file: &Path, dialect: Dialect) -> Result<Tables, Failure> {
    let wrong = |what: String| {
        let message = format!("`{}` is no schema: {what}", file.display());
        Failure::input("sql/schema", message)
            .help("write it as {\"table\": {\"column\": \"type\"}}")
    };
    let text = text_of(file)?;
    let written: InOrder<InOrder<Option<String>>> =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let mut tables = Tables::default();
    let mut names = BTreeSet::new();
    for (name, columns) in written.0 {
        let name = TableName(name.split('.').map(|part| dialect.fold(part, false)).collect());
        if !names.insert(name.clone()) {
            return Err(wrong(format!("table `{name}` stands twice")));
        }
        let mut table = Table { is_complete: true, ..Table::default() };
        for (column, data_type) in columns.0 {
            let column = dialect.fold(&column, false);
            if table.columns.iter().any(|(known, _)| *known == column) {
                return Err(wrong(format!("column `{column}` of `{name}` stands twice")));
            }
            let data_type = data_type.map(|data_type| canonical_type(&data_type, dialect));
            table.columns.push((column, data_type));
        }
        tables.insert(name, table);
    }
    Ok(tables)
}

/// A JSON object in the order in which it is written.
struct InOrder<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InOrder<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = InOrder<T>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(InOrder(members))
            }
        }

        from.deserialize_map(Members(std::marker::PhantomData))
    }
}
