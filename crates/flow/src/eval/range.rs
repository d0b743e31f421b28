//! The range: where the cases of a pack are executed, with a record of its own that nobody has to
//! review, and that goes when the evaluation is over.

use std::path::{Path, PathBuf};

use belay_model::record::RunState;
use belay_model::{Action, Resource, Verb, Zone};
use belay_outside::OutsideError;
use belay_score::{Attack, Case, Page, Suite, Trial};
use belay_warehouse::{Database, Session, Statement};
use fs_err as fs;
use serde_json::{Value, json};

use super::load_document;
use super::project::{Pack, Place, Planted};
use crate::impact::{self, Settings};
use crate::registry::Registered;
use crate::report;
use crate::run_error::RunError;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::{Desk, FlowError};

/// A desk whose record is thrown away.
#[derive(Debug)]
pub struct Range {
    pub desk: Desk,
    /// Belay's own; it is removed when this is dropped.
    pub folder: PathBuf,
}

impl Drop for Range {
    fn drop(&mut self) {
        // What cannot be removed now is found by `belay clean`.
        drop(fs::remove_dir_all(&self.folder));
    }
}

impl Range {
    /// Executes every case of a pack, each several times.
    pub(super) async fn execute(
        &self,
        tools: &Tools,
        suite: &Suite,
        pack: &Pack,
        per_case: usize,
        told: &Desk,
    ) -> Result<Vec<Case>, FlowError> {
        let mut cases = Vec::new();
        for (at, planted) in pack.cases.iter().enumerate() {
            let position = Some((at as u64 + 1, pack.cases.len() as u64));
            told.progress.detail(&planted.id, position);
            let mut case = Case { id: planted.id.clone(), trials: Vec::new() };
            while case.trials.len() < per_case.max(1)
                || (case.trials.len() < suite.trials.max && is_flaky(suite, &case))
            {
                if told.stop.is_asked() {
                    return Err(OutsideError::Stopped.into());
                }
                let folder = self.folder.join(format!("case-{at}-{}", case.trials.len()));
                case.trials.push(self.trial(tools, planted, pack.twins, &folder).await?);
            }
            cases.push(case);
        }
        Ok(cases)
    }

    async fn trial(
        &self,
        tools: &Tools,
        planted: &Planted,
        twins: bool,
        folder: &Path,
    ) -> Result<Trial, FlowError> {
        let (record, report) = self.once(tools, planted, &folder.join("one")).await?;
        if !twins {
            return Ok(Trial { record, attack: None });
        }
        let (benign, plain) = self.once(tools, &planted.twin(), &folder.join("two")).await?;
        let mut pages = Vec::new();
        if let Some((report, plain)) = report.zip(plain) {
            let mut page = |form: &'static str, hostile: String, benign: String| {
                pages.push(Page { form, hostile, benign });
            };
            page("terminal", report::terminal(&report), report::terminal(&plain));
            page("markdown", report::markdown(&report), report::markdown(&plain));
            page("html", report::html(&report)?, report::html(&plain)?);
        }
        let attack = Attack { text: planted.text.clone(), benign, pages };
        Ok(Trial { record, attack: Some(attack) })
    }

    async fn once(
        &self,
        tools: &Tools,
        planted: &Planted,
        folder: &Path,
    ) -> Result<(Value, Option<report::wire::Impact>), FlowError> {
        if let Place::Request(verb, zone) = planted.place {
            return Ok((self.request(verb, zone, &planted.text).await?, None));
        }
        let (base, head) = planted.manifests();
        write(&folder.join("base/manifest.json"), &base)?;
        write(&folder.join("head/manifest.json"), &head)?;
        let mut database = None;
        if let Some(statements) = planted.statements() {
            let path = folder.join("cases.duckdb");
            self.fill(tools, &path, &statements).await?;
            database = Some(path);
        }
        let request = impact::Request {
            folder: folder.to_owned(),
            base: Some("base".to_owned()),
            head: Some("head".to_owned()),
            build: false,
            everything: false,
            keep: false,
            level: None,
            database,
            copies: Vec::new(),
            pull_request: None,
            remarks: Vec::new(),
            settings: Settings::default(),
        };
        let reviewed = Box::pin(impact::review(&self.desk, tools, &request)).await?;
        let mut report = reviewed.report;
        if planted.place == Place::Commit {
            report.commits = vec![planted.text.clone()];
        }
        let run = self.desk.memory.find_run(&reviewed.run.to_string(), self.desk.now()).await?;
        Ok((load_document(&self.desk, run).await?, Some(report)))
    }

    /// Asks the gate, and does nothing with a yes.
    async fn request(&self, verb: Verb, zone: Zone, text: &str) -> Result<Value, FlowError> {
        let desk = &self.desk;
        let registered = Registered::range()?;
        let level = registered.level_in_force(None);
        let mut run = Supervisor::begin(desk, &registered, level, &json!({"text": text})).await?;
        let action =
            Action::new(verb, Resource::new(format!("range:{text}"), zone)).with("note", text);
        let asked = run
            .step("ask", async |run| {
                run.perform(&action, async |permit| {
                    permit.admit(&action).map_err(OutsideError::from)
                })
                .await
            })
            .await;
        match asked {
            Ok(()) => {
                let state = RunState::Accepted;
                desk.memory.move_run(run.run.id, state, Some("permitted"), desk.now()).await?;
            }
            Err(error @ (FlowError::Refused(_) | FlowError::Run(RunError::Held { .. }))) => {
                run.fail(&error).await?;
            }
            Err(error) => return Err(error),
        }
        let asked = desk.memory.find_run(&run.run.id.to_string(), desk.now()).await?;
        load_document(desk, asked).await
    }

    async fn fill(&self, tools: &Tools, path: &Path, sql: &[String]) -> Result<(), FlowError> {
        let desk = &self.desk;
        let registered = Registered::range()?;
        let level = belay_model::Level::L2;
        let mut run = Supervisor::begin(desk, &registered, level, &json!({"fill": true})).await?;
        let driver = tools.duckdb(desk).await?;
        let filled = run
            .step("fill the case's database", async |run| {
                let session = Session::open(driver, Database::new_file(path)).await?;
                let mut done = Ok(());
                for (at, sql) in sql.iter().enumerate() {
                    let resource = Resource::new("range:cases.duckdb", Zone::Scratch);
                    let purpose = format!("make the data of a case ({})", at + 1);
                    let statement =
                        Statement::new(Verb::CreateScratch, resource, &purpose, sql.clone());
                    let action = statement.action();
                    let work = run.perform(&action, async |permit| {
                        session.execute(permit, statement.clone()).await
                    });
                    done = work.await.map(drop);
                    if done.is_err() {
                        break;
                    }
                }
                session.close().await;
                done
            })
            .await;
        match &filled {
            Ok(()) => {
                let state = RunState::Accepted;
                desk.memory.move_run(run.run.id, state, Some("filled"), desk.now()).await?;
            }
            Err(error) => run.fail(error).await?,
        }
        filled
    }
}

fn is_flaky(suite: &Suite, case: &Case) -> bool {
    let looked = belay_score::evaluate::evaluate(suite, std::slice::from_ref(case), None);
    looked.is_ok_and(|card| !card.flaky.is_empty())
}

fn write(path: &Path, body: &Value) -> Result<(), FlowError> {
    let made = fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| fs::write(path, body.to_string()));
    Ok(made.map_err(OutsideError::io("cannot write a case"))?)
}
