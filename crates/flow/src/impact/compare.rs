//! Comparing the data of both sides, relation by relation, in the warehouse.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::key::candidate_keys;
use belay_dbt::manifest::Node;
use belay_dbt::run_results::Status;
use belay_dbt::{Manifest, NodeId};
use belay_diff::{
    Column, ColumnDiff, Comparison, Dialect, Example, Key, Method, Profile, RelationName, Samples,
    Side as Rows, Tally,
};
use belay_model::Zone;
use belay_model::rows::{self, Cell};
use belay_warehouse::{Session, Statement, WarehouseError};

use super::containment::relation;
use super::{Findings, Request, verdicts};
use crate::FlowError;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::warehouse::Warehouse;

/// Columns shown beside the key where a whole row is new or gone.
const SAMPLE_COLUMNS: usize = 6;

/// One relation, compared.
#[derive(Debug, Clone)]
pub struct Compared {
    pub node: NodeId,
    /// Where base's data are; head's are gone by the time anyone reads this.
    pub relation: RelationName,
    pub key: Option<Key>,
    pub method: Method,
    pub base: Profile,
    pub head: Profile,
    pub tally: Tally,
    pub columns: Vec<ColumnDiff>,
    pub examples: Vec<Example>,
    /// What a reader has to know about how it was compared.
    pub remark: Option<String>,
}

impl Compared {
    /// Nothing differs: not the rows, not a value, not a column.
    pub fn is_equal(&self) -> bool {
        self.data_is_equal()
            && self.columns.iter().all(|column| column.change == belay_diff::ColumnChange::Same)
    }

    /// The rows and every value that both sides have are the same.
    pub fn data_is_equal(&self) -> bool {
        let changed = self.tally.matching.as_ref().is_some_and(|matching| matching.changed > 0);
        !changed
            && self.tally.added == 0
            && self.tally.removed == 0
            && self.base.rows == self.head.rows
            && self.base.extra_rows == self.head.extra_rows
    }
}

/// One relation that was not compared, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncompared {
    pub node: NodeId,
    pub why: String,
    /// It could have been compared, had things gone well.
    pub has_base: bool,
}

/// One pair of relations to look at.
#[derive(Debug, Clone)]
struct Pair {
    node: NodeId,
    base: RelationName,
    head: RelationName,
    /// Base has grown by increments, head is built afresh.
    incremental: bool,
}

/// Where a session reads, and under which words.
struct Reader<'a> {
    session: &'a Session,
    dialect: Dialect,
    warehouse: String,
    columns: BTreeMap<RelationName, Vec<Column>>,
    masked: Vec<String>,
    request: &'a Request,
}

/// Compares what was built with what base has.
pub(super) async fn review_built(
    run: &mut Supervisor<'_>,
    warehouse: &Warehouse,
    request: &Request,
    findings: &mut Findings,
) -> Result<(), FlowError> {
    let Some(built) = findings.built.take() else { return Ok(()) };
    let mut pairs = Vec::new();
    for outcome in &built.nodes {
        let id = &outcome.node;
        let Some(head) = built.manifest.node(id).and_then(relation) else { continue };
        let old = findings.base.manifest.node(id);
        match old.and_then(relation) {
            None => findings.skip(id, "it is new", false),
            Some(_) if outcome.status != Status::Success => {
                findings.skip(id, &format!("it was not built: {}", outcome.status.as_str()), true);
            }
            Some(base) => {
                let incremental =
                    old.is_some_and(|node| node.materialized() == Some("incremental"));
                pairs.push(Pair { node: id.clone(), base, head, incremental });
            }
        }
    }
    findings.built = Some(built);
    compare_all(run, warehouse, request, findings, pairs).await
}

/// Without a build: tests from the artefacts of both sides and, where a database is given, the
/// relations that the two manifests name.
pub(super) async fn review_artefacts(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    request: &Request,
    findings: &mut Findings,
) -> Result<(), FlowError> {
    if let Some(head) = &findings.head.run_results {
        let base = findings.base.run_results.as_ref();
        let tests = &findings.scope.selection.test;
        findings.tests = verdicts::verdicts(tests, &findings.base.manifest, base, head);
    }
    let Some(database) = &request.database else { return Ok(()) };
    let driver = tools.duckdb(run.desk).await?;
    let mut pairs = Vec::new();
    for id in findings.scope.selection.build.clone() {
        let side = |manifest: &Manifest| manifest.node(&id).and_then(relation);
        match (side(&findings.base.manifest), side(&findings.head.manifest)) {
            (Some(base), Some(head)) if base != head => {
                pairs.push(Pair { node: id, base, head, incremental: false });
            }
            (Some(_), Some(_)) => findings.skip(&id, "both sides are the same relation", false),
            (None, Some(_)) => findings.skip(&id, "it is new", false),
            _ => (),
        }
    }
    let warehouse = Warehouse::duckdb(driver, &request.folder.join(database));
    compare_all(run, &warehouse, request, findings, pairs).await
}

impl Findings {
    fn skip(&mut self, node: &NodeId, why: &str, has_base: bool) {
        self.uncompared.push(Uncompared { node: node.clone(), why: why.to_owned(), has_base });
    }
}

async fn compare_all(
    run: &mut Supervisor<'_>,
    warehouse: &Warehouse,
    request: &Request,
    findings: &mut Findings,
    pairs: Vec<Pair>,
) -> Result<(), FlowError> {
    if pairs.is_empty() {
        return Ok(());
    }
    run.step(&format!("compare the data of {} relations", pairs.len()), async |run| {
        let dialect = warehouse.dialect()?;
        let session = warehouse.open(warehouse.reading(&request.settings)).await?;
        let mut reader = Reader {
            session: &session,
            dialect,
            warehouse: warehouse.name(),
            columns: BTreeMap::new(),
            masked: masked(findings, request),
            request,
        };
        let done = reader.read_all(run, findings, &pairs).await;
        session.close().await;
        done
    })
    .await
}

/// Columns that must not be shown: by mark in either project, on any node, and by name in the
/// configuration. By name, because a value keeps its name as it flows downstream more often than its
/// mark.
fn masked(findings: &Findings, request: &Request) -> Vec<String> {
    let marked = |node: &Node| -> Vec<String> {
        // Anything but a plain no: a mark that is misspelt must not show what it was to hide.
        let no = |value: &serde_json::Value| {
            value.is_null() || value.as_bool() == Some(false) || value.as_str() == Some("false")
        };
        let on = |value: &serde_json::Value| !no(value);
        let all = node.meta_value("sensitive").is_some_and(on);
        let columns = node.columns.iter();
        let of = columns.filter(|column| all || column.meta.value("sensitive").is_some_and(on));
        of.map(|column| column.name.to_lowercase()).collect()
    };
    let nodes = findings.base.manifest.nodes().chain(findings.head.manifest.nodes());
    let configured = request.settings.sensitive.iter().map(|name| name.to_lowercase());
    let all: BTreeSet<String> = nodes.flat_map(marked).chain(configured).collect();
    all.into_iter().collect()
}

impl Reader<'_> {
    async fn read_all(
        &mut self,
        run: &mut Supervisor<'_>,
        findings: &mut Findings,
        pairs: &[Pair],
    ) -> Result<(), FlowError> {
        self.read_columns(run, pairs).await?;
        for (done, pair) in pairs.iter().enumerate() {
            let position = Some((done as u64 + 1, pairs.len() as u64));
            run.desk.progress.detail(pair.node.as_str(), position);
            let Some((base, head)) = self.columns_of(pair) else {
                let why = format!("`{}` is not in the warehouse", pair.base);
                findings.skip(&pair.node, &why, true);
                continue;
            };
            match self.compare(run, findings, pair, base, head).await {
                Ok(compared) => findings.data.push(compared),
                // One relation that cannot be read must not cost the reader the others.
                Err(FlowError::Warehouse(WarehouseError::Statement { message, .. })) => {
                    findings.skip(&pair.node, &self.refusal(&message), true);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The warehouse's words can quote a value: where anything is sensitive, only their kind is told.
    fn refusal(&self, message: &str) -> String {
        let line = message.lines().next().unwrap_or_default();
        if self.masked.is_empty() {
            return line.to_owned();
        }
        let kind = line.split(':').next().unwrap_or_default();
        format!("{kind}; the rest is not shown, because the project has sensitive columns")
    }

    async fn read_columns(
        &mut self,
        run: &mut Supervisor<'_>,
        pairs: &[Pair],
    ) -> Result<(), FlowError> {
        let names: Vec<&RelationName> =
            pairs.iter().flat_map(|pair| [&pair.base, &pair.head]).collect();
        let statement = Statement::metadata(
            &self.warehouse,
            Zone::Prod,
            "read columns and types",
            self.dialect.columns_query(&names),
        );
        let rows = self.run(run, statement).await?;
        for row in rows.rows {
            let texts: Vec<String> = row.iter().filter_map(Cell::text).map(str::to_owned).collect();
            let Ok([database, schema, identifier, name, data_type]) =
                <[String; 5]>::try_from(texts)
            else {
                continue;
            };
            let relation = folded(&RelationName { database, schema, identifier });
            self.columns.entry(relation).or_default().push(Column { name, data_type });
        }
        Ok(())
    }

    fn columns_of(&self, pair: &Pair) -> Option<(Vec<Column>, Vec<Column>)> {
        let of = |relation| self.columns.get(&folded(relation)).cloned();
        of(&pair.base).zip(of(&pair.head))
    }

    async fn compare(
        &self,
        run: &mut Supervisor<'_>,
        findings: &Findings,
        pair: &Pair,
        base: Vec<Column>,
        head: Vec<Column>,
    ) -> Result<Compared, FlowError> {
        let side = |relation: &RelationName, columns: Vec<Column>| Rows {
            relation: relation.clone(),
            columns,
            filter: None,
        };
        let mut comparison = Comparison {
            dialect: self.dialect,
            base: side(&pair.base, base),
            head: side(&pair.head, head),
            key: None,
            ignored: Vec::new(),
            masked: self.masked.clone(),
        };
        let keys = self.keys(findings, pair, &comparison);
        let (profile, remark) = self.profile(run, &mut comparison, keys).await?;
        let method = if comparison.key.is_some() { Method::Key } else { Method::Multiset };
        let statement = self.query("compare the rows", comparison.tally_sql());
        let tally = Tally::read(&self.run(run, statement).await?, method)?;
        let columns = comparison.columns(&profile.0, &profile.1, Some(&tally));
        let examples = self.examples(run, &comparison, &columns, &tally, &profile.1).await?;
        let grown = "it is incremental: head was built afresh, while base has grown by increments";
        let remarks = [pair.incremental.then(|| grown.to_owned()), remark];
        let remark = remarks.into_iter().flatten().reduce(|one, other| format!("{one}; {other}"));
        Ok(Compared {
            node: pair.node.clone(),
            relation: pair.base.clone(),
            key: comparison.key,
            method,
            base: profile.0,
            head: profile.1,
            tally,
            columns,
            examples,
            remark,
        })
    }

    /// Candidates whose columns both sides have, the most trusted first.
    fn keys(&self, findings: &Findings, pair: &Pair, comparison: &Comparison) -> Vec<Key> {
        let named = |manifest: &Manifest| {
            let keys = candidate_keys(manifest, &pair.node).into_iter();
            let keys = keys
                .map(|key| Key { columns: key.columns, origin: key.origin.as_str().to_owned() });
            keys.collect::<Vec<_>>()
        };
        let name = findings.head.manifest.node(&pair.node).map_or("", |node| &node.name);
        let configured = self
            .request
            .settings
            .keys
            .iter()
            .filter(|(node, _)| node == name || node == pair.node.as_str());
        let configured = configured
            .map(|(_, columns)| Key { columns: columns.clone(), origin: "belay.toml".to_owned() });
        let pairs = comparison.pairs();
        let has = |column: &String| {
            pairs.iter().any(|pair| pair.both().is_some() && pair.name.eq_ignore_ascii_case(column))
        };
        let all =
            configured.chain(named(&findings.head.manifest)).chain(named(&findings.base.manifest));
        all.filter(|key| key.columns.iter().all(has)).collect()
    }

    /// Profiles both sides with the first key that identifies base's rows. A key that only head
    /// breaks is kept: that is the finding.
    async fn profile(
        &self,
        run: &mut Supervisor<'_>,
        comparison: &mut Comparison,
        keys: Vec<Key>,
    ) -> Result<((Profile, Profile), Option<String>), FlowError> {
        let mut remark = Some("no key is known: rows were compared as a multiset".to_owned());
        for key in keys {
            comparison.key = Some(key.clone());
            let profile = self.read_profile(run, comparison).await?;
            if profile.0.duplicate_keys == Some(0) && profile.0.null_keys == Some(0) {
                return Ok((profile, None));
            }
            let columns = key.columns.join(", ");
            let why = format!("`{columns}` ({}) does not identify the rows of base", key.origin);
            remark = Some(format!("{why}: rows were compared as a multiset"));
        }
        comparison.key = None;
        Ok((self.read_profile(run, comparison).await?, remark))
    }

    async fn read_profile(
        &self,
        run: &mut Supervisor<'_>,
        comparison: &Comparison,
    ) -> Result<(Profile, Profile), FlowError> {
        let statement = self.query("count rows, keys and nulls", comparison.profile_sql());
        Ok(Profile::read(&self.run(run, statement).await?)?)
    }

    async fn examples(
        &self,
        run: &mut Supervisor<'_>,
        comparison: &Comparison,
        columns: &[ColumnDiff],
        tally: &Tally,
        head: &Profile,
    ) -> Result<Vec<Example>, FlowError> {
        let samples = Samples { each: self.request.settings.samples, columns: SAMPLE_COLUMNS };
        let changed: Vec<String> = columns
            .iter()
            .filter(|column| column.changed > Some(0))
            .map(|column| column.name.clone())
            .collect();
        let mut examples = Vec::new();
        let duplicated = head.duplicate_keys > Some(0);
        if let (true, Some(sql)) =
            (duplicated && samples.each > 0, comparison.duplicates_sql(samples))
        {
            let rows = self.run(run, self.query("fetch examples of duplicated keys", sql)).await?;
            examples.extend(comparison.examples(&rows, &[], samples));
        }
        let differs = !changed.is_empty() || tally.added > 0 || tally.removed > 0;
        if let (true, Some(sql)) =
            (differs && samples.each > 0, comparison.samples_sql(&changed, samples))
        {
            let rows = self.run(run, self.query("fetch example rows", sql)).await?;
            examples.extend(comparison.examples(&rows, &changed, samples));
        }
        Ok(examples)
    }

    fn query(&self, purpose: &str, sql: String) -> Statement {
        Statement::query(&self.warehouse, Zone::Prod, purpose, sql)
    }

    /// Asks the gate, then the warehouse; lets go when somebody wants to stop.
    async fn run(
        &self,
        run: &mut Supervisor<'_>,
        statement: Statement,
    ) -> Result<rows::Rows, FlowError> {
        let stop = run.desk.stop.clone();
        run.perform(&statement.action(), async |permit| {
            tokio::select! {
                rows = self.session.query(permit, statement) => rows.map_err(FlowError::from),
                () = stop.asked() => {
                    self.session.cancel();
                    Err(belay_outside::OutsideError::Stopped.into())
                }
            }
        })
        .await
    }
}

/// Warehouses differ in case where dbt does not.
fn folded(relation: &RelationName) -> RelationName {
    RelationName {
        database: relation.database.to_lowercase(),
        schema: relation.schema.to_lowercase(),
        identifier: relation.identifier.to_lowercase(),
    }
}
