//! Comparing the data of both sides, relation by relation, in the warehouse.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use belay_dbt::key::candidate_keys;
use belay_dbt::manifest::Node;
use belay_dbt::run_results::Status;
use belay_dbt::{Manifest, NodeId};
use belay_diff::{
    Column, ColumnDiff, Comparison, Course, Dialect, Example, How, Key, Limits, Method, Outcome,
    Profile, RelationName, Sampled, Samples, Side as Rows, Tally, Tolerance, Tolerances, course,
};
use belay_model::{Zone, rows};
use belay_warehouse::{Refusal, Session, Statement, WarehouseError};
use tokio::time::Instant;

use super::containment::relation;
use super::{Findings, Request, verdicts};
use crate::FlowError;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::warehouse::Warehouse;

/// Columns shown beside the key where a whole row is new or gone.
const SAMPLE_COLUMNS: usize = 6;

/// Rows of a side that are compared after the comparison of all of them took too long.
const HASTY: u64 = 100_000;

const GROWN: &str = "it is incremental: head was built afresh, while base has grown by increments";

/// What configuration says of comparing data.
#[derive(Debug, Clone, Default)]
pub struct DiffSettings {
    pub limits: Limits,
    /// Of one relation. Beyond it the comparison is given up, and a sample is compared.
    pub max_seconds: Option<u64>,
    /// `float`, a column, or `node.column`, in lower case.
    pub tolerance: Vec<(String, Tolerance)>,
}

/// One relation, compared.
#[derive(Debug, Clone)]
pub struct Compared {
    pub node: NodeId,
    /// Where base's data are; head's are gone by the time anyone reads this.
    pub relation: RelationName,
    pub key: Option<Key>,
    pub method: Method,
    pub how: How,
    pub base: Profile,
    pub head: Profile,
    pub tally: Tally,
    pub columns: Vec<ColumnDiff>,
    pub examples: Vec<Example>,
    /// Only a sample was compared: the tally counts its rows, and this says what it means.
    pub sampled: Option<Sampled>,
    /// Columns whose values change from one run to the next, such as a time of loading: that they
    /// differ says nothing.
    pub volatile: BTreeSet<String>,
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
            // What was not looked at is not called equal.
            && self.sampled.is_none()
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

/// A relation as the warehouse spells it, with its columns.
type Found = (RelationName, Vec<Column>);

/// Where a session reads, and under which words.
struct Reader<'a> {
    session: &'a Session,
    dialect: Dialect,
    warehouse: String,
    /// By name in lower case: what the warehouse has under it.
    columns: BTreeMap<RelationName, BTreeMap<RelationName, Vec<Column>>>,
    masked: Vec<String>,
    request: &'a Request,
    /// When the comparison of a relation has to be over.
    deadline: Cell<Option<Instant>>,
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
            deadline: Cell::new(None),
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
            let texts: Vec<String> =
                row.iter().filter_map(rows::Cell::text).map(str::to_owned).collect();
            let Ok([database, schema, identifier, name, data_type]) =
                <[String; 5]>::try_from(texts)
            else {
                continue;
            };
            let relation = RelationName { database, schema, identifier };
            let alike = self.columns.entry(folded(&relation)).or_default();
            alike.entry(relation).or_default().push(Column { name, data_type });
        }
        Ok(())
    }

    /// What the warehouse has under these names: spelled alike, or else the only one that differs
    /// in case.
    fn columns_of(&self, pair: &Pair) -> Option<(Found, Found)> {
        let of = |relation: &RelationName| {
            let alike = self.columns.get(&folded(relation))?;
            let exact = alike.get_key_value(relation);
            let only = || alike.iter().next().filter(|_| alike.len() == 1);
            exact.or_else(only).map(|(name, columns)| (name.clone(), columns.clone()))
        };
        of(&pair.base).zip(of(&pair.head))
    }

    async fn compare(
        &self,
        run: &mut Supervisor<'_>,
        findings: &Findings,
        pair: &Pair,
        base: Found,
        head: Found,
    ) -> Result<Compared, FlowError> {
        let side = |(relation, columns)| Rows { relation, columns, filter: None };
        let name = findings.head.manifest.node(&pair.node).map_or("", |node| &node.name);
        let comparison = Comparison {
            dialect: self.dialect,
            base: side(base),
            head: side(head),
            key: None,
            ignored: Vec::new(),
            masked: self.masked.clone(),
            tolerances: self.tolerances(name),
        };
        let course = Course {
            candidates: self.keys(findings, pair, &comparison),
            comparison,
            samples: Samples { each: self.request.settings.samples, columns: SAMPLE_COLUMNS },
            limits: self.request.settings.diff.limits,
        };
        let (outcome, cut) = self.within(run, course).await?;
        let remarks = [
            pair.incremental.then(|| GROWN.to_owned()),
            cut.then(|| {
                "the comparison of all rows took too long: a sample was compared".to_owned()
            }),
            outcome.sampled.as_ref().map(sample_remark),
            key_remark(&outcome),
        ];
        let remark = remarks.into_iter().flatten().reduce(|one, other| format!("{one}; {other}"));
        Ok(Compared {
            node: pair.node.clone(),
            relation: pair.base.clone(),
            key: outcome.comparison.key,
            method: outcome.method,
            how: outcome.how,
            base: outcome.base,
            head: outcome.head,
            tally: outcome.tally,
            columns: outcome.columns,
            examples: outcome.examples,
            sampled: outcome.sampled,
            volatile: BTreeSet::new(),
            remark,
        })
    }

    /// The comparison; where it takes too long, that of a sample, and true.
    async fn within(
        &self,
        run: &mut Supervisor<'_>,
        mut course: Course,
    ) -> Result<(Outcome, bool), FlowError> {
        let Some(seconds) = self.request.settings.diff.max_seconds else {
            return Ok((self.follow(run, course).await?, false));
        };
        self.deadline.set(Some(Instant::now() + Duration::from_secs(seconds)));
        let done = self.follow(run, course.clone()).await;
        // Taken, so that the sample may take its time.
        let is_over = self.deadline.take().is_some_and(|deadline| deadline <= Instant::now());
        match done {
            Ok(outcome) => return Ok((outcome, false)),
            Err(FlowError::Warehouse(WarehouseError::Statement { .. })) if is_over => (),
            Err(error) => return Err(error),
        }
        course.limits.max_rows = Some(course.limits.max_rows.unwrap_or(HASTY).min(HASTY));
        Ok((self.follow(run, course).await?, true))
    }

    async fn follow(&self, run: &mut Supervisor<'_>, course: Course) -> Result<Outcome, FlowError> {
        let mut ask = async |purpose: &'static str, sql: String| {
            self.run(run, self.query(purpose, sql)).await
        };
        Box::pin(course::run::<FlowError>(course, &mut ask)).await
    }

    /// What holds for the columns of a node: its own word goes before one for every node.
    fn tolerances(&self, node: &str) -> Tolerances {
        let mut tolerances = Tolerances::default();
        let own = format!("{}.", node.to_lowercase());
        let said = &self.request.settings.diff.tolerance;
        for (name, tolerance) in said.iter().filter(|(name, _)| !name.contains('.')) {
            if name == "float" {
                tolerances.float = *tolerance;
            } else {
                tolerances.columns.insert(name.clone(), *tolerance);
            }
        }
        for (name, tolerance) in said {
            if let Some(column) = name.strip_prefix(&own) {
                tolerances.columns.insert(column.to_owned(), *tolerance);
            }
        }
        tolerances
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
        let deadline = self.deadline.get();
        let too_late = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let late = WarehouseError::Statement {
            purpose: statement.purpose.clone(),
            message: "it took too long".to_owned(),
            refusal: Refusal::Timeout {
                seconds: self.request.settings.diff.max_seconds.unwrap_or(0),
            },
        };
        run.perform(&statement.action(), async |permit| {
            tokio::select! {
                rows = self.session.query(permit, statement) => rows.map_err(FlowError::from),
                () = too_late => {
                    self.session.cancel();
                    Err(late.into())
                }
                () = stop.asked() => {
                    self.session.cancel();
                    Err(belay_outside::OutsideError::Stopped.into())
                }
            }
        })
        .await
    }
}

/// What a reader has to know about a sample.
fn sample_remark(sampled: &Sampled) -> String {
    let interval = sampled.changed.map(|share| {
        format!(
            ", between {:.3} % and {:.3} % of all matched rows changed (95 %)",
            share.low * 100.0,
            share.high * 100.0
        )
    });
    format!(
        "only a sample of {:.3} % was compared: the counts are of {} rows{}",
        sampled.share * 100.0,
        sampled.rows,
        interval.unwrap_or_default()
    )
}

/// What a reader has to know about the key.
fn key_remark(outcome: &Outcome) -> Option<String> {
    if outcome.comparison.key.is_some() {
        return None;
    }
    let Some(key) = outcome.rejected.last() else {
        return Some("no key is known: rows were compared as a multiset".to_owned());
    };
    let columns = key.columns.join(", ");
    Some(format!(
        "`{columns}` ({}) does not identify the rows of base: rows were compared as a multiset",
        key.origin
    ))
}

/// Warehouses differ in case where dbt does not.
fn folded(relation: &RelationName) -> RelationName {
    RelationName {
        database: relation.database.to_lowercase(),
        schema: relation.schema.to_lowercase(),
        identifier: relation.identifier.to_lowercase(),
    }
}
