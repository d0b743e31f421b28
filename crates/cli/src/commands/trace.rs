//! `belay trace`: whether a record is whole, spans as a tree, traces out and in.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use belay_flow::Desk;
use belay_flow::otel::{self, Form, Node, Selection, Wanted};
use belay_flow::trace as record;
use belay_model::redact::names_secret;
use belay_model::{Redactor, Timestamp};
use belay_otlp::wire::ExportTraceServiceRequest;
use belay_server::{Door, Endpoint, Receiver};
use serde_json::{Value, json};

use super::records::{instant, moment};
use crate::args::{ExportArgs, ExportFormat, ListenArgs, ShowArgs};
use crate::args::{RunArgs, TraceCommand};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

/// Shorter values of secret variables are words that stand in every text.
const SHORTEST_SECRET: usize = 8;

pub(crate) async fn trace(
    command: &TraceCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    match command {
        TraceCommand::Check(args) => check(args, &house.desk(ui).await?, ui).await,
        TraceCommand::Show(args) => show(args, house, ui).await,
        TraceCommand::Export(args) => export(args, house, ui).await,
        TraceCommand::Listen(args) => listen(args, house, ui).await,
    }
}

/// What must not be written: known shapes, the secrets of this environment, sensitive columns.
fn redactor(house: &House) -> Redactor {
    let secrets = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        (names_secret(&name) && value.len() >= SHORTEST_SECRET).then_some(value)
    });
    Redactor::new(secrets).with_sensitive(house.config.list("impact.sensitive"))
}

async fn check(args: &RunArgs, desk: &Desk, ui: &Ui) -> Result<Outcome, Failure> {
    let record::Checked { record, faults, erased } = record::check(desk, &args.run).await?;
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.trace-check/1",
            "run": record.run.id.to_string(),
            "valid": faults.is_empty(),
            "faults": faults,
            "erased": erased,
            "steps": record.steps.len(),
            "decisions": record.decisions.len(),
            "effects": record.effects.len(),
            "leaves": record.leaves.len(),
        }))?;
    } else {
        let count = format!(
            "{} steps, {} decisions, {} effects, {} artefacts, {} scores, {} audit leaves",
            record.steps.len(),
            record.decisions.len(),
            record.effects.len(),
            record.artefacts.len(),
            record.scores.len(),
            record.leaves.len()
        );
        let verdict = if faults.is_empty() { "valid" } else { "NOT VALID" };
        let mut text =
            format!("run {}: the trace is {verdict}\n  {count}\n", record.run.id.short());
        faults.iter().for_each(|fault| text.push_str(&format!("  - {fault}\n")));
        erased.iter().for_each(|name| text.push_str(&format!("  artefact `{name}` is erased\n")));
        ui.result(&text)?;
    }
    Ok(if faults.is_empty() { Outcome::Clear } else { Outcome::No })
}

async fn show(args: &ShowArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let found = otel::wanted(&desk, &Selection::One(args.trace.clone())).await?;
    let mut nodes = Vec::new();
    for wanted in &found {
        nodes.extend(otel::tree(&otel::spans(&desk, wanted, &redactor(house)).await?));
    }
    let trace = nodes.first().map(|node| node.trace.clone()).unwrap_or_default();
    let run = found.iter().find_map(|wanted| match wanted {
        Wanted::Run(run) => Some(run.id),
        Wanted::Trace(_) => None,
    });
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.trace/1",
            "trace": trace,
            "run": run.map(|run| run.to_string()),
            "spans": nodes.iter().map(node_json).collect::<Vec<_>>(),
        }))?;
    } else {
        let of = run.map_or_else(|| "received".to_owned(), |run| format!("run {}", run.short()));
        ui.result(&format!("trace {trace} ({of})\n{}", drawn(&nodes)))?;
    }
    Ok(Outcome::Clear)
}

fn node_json(node: &Node) -> Value {
    let at = |nanos: u64| instant(timestamp(nanos));
    let events: Vec<Value> = node
        .events
        .iter()
        .map(|(time, name, attributes)| json!({"at": at(*time), "name": name, "attributes": attributes}))
        .collect();
    json!({
        "span": node.span, "parent": node.parent, "depth": node.depth, "service": node.service,
        "name": node.name, "started": at(node.started), "ended": at(node.ended),
        "nanos": node.ended.saturating_sub(node.started), "status": node.status,
        "message": node.message, "attributes": node.attributes, "events": events,
    })
}

fn timestamp(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// The tree as text: one line a span with its duration, its events below it.
fn drawn(nodes: &[Node]) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    // For each depth, whether the branch goes on below.
    let mut open: Vec<bool> = Vec::new();
    for node in nodes {
        open.truncate(node.depth.saturating_sub(1));
        let stem: String = open.iter().map(|more| if *more { "│  " } else { "   " }).collect();
        let branch = match (node.depth, node.last) {
            (0, _) => "",
            (_, true) => "└─ ",
            (_, false) => "├─ ",
        };
        if node.depth > 0 {
            open.push(!node.last);
        }
        let status = match (node.status, node.message.as_str()) {
            ("error", "") => "  error".to_owned(),
            ("error", message) => format!("  error: {}", plain(message)),
            _ => String::new(),
        };
        let took = format!("{:>9}{status}", took(node.ended.saturating_sub(node.started)));
        lines.push((format!("{stem}{branch}{}", plain(&node.name)), took));
        let stem: String = open.iter().map(|more| if *more { "│  " } else { "   " }).collect();
        for (_, name, attributes) in &node.events {
            let word =
                word(attributes).map(|word| format!(": {}", plain(word))).unwrap_or_default();
            lines.push((format!("{stem}   · {}{word}", plain(name)), String::new()));
        }
    }
    let shown = nodes.first().map(|node| moment(timestamp(node.started)));
    let wide = lines.iter().filter(|(_, took)| !took.is_empty());
    let width = wide.map(|(name, _)| unicode_width::UnicodeWidthStr::width(name.as_str())).max();
    let width = width.unwrap_or_default().min(72);
    let mut text = shown.map(|shown| format!("began {shown}\n\n")).unwrap_or_default();
    for (name, took) in lines {
        let gap = width.saturating_sub(unicode_width::UnicodeWidthStr::width(name.as_str()));
        text.push_str(format!("{name}{}  {took}", " ".repeat(gap)).trim_end());
        text.push('\n');
    }
    text
}

/// The one word that says most of an event.
fn word(attributes: &Value) -> Option<&str> {
    [
        "belay.decision.answer",
        "gen_ai.evaluation.name",
        "belay.review.judgement",
        "belay.approval.state",
        "exception.message",
    ]
    .iter()
    .find_map(|key| attributes.get(*key)?.as_str())
}

/// Others wrote these names: nothing in them may steer a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(200).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a duration for people")]
fn took(nanos: u64) -> String {
    let nanos = nanos as f64;
    match nanos {
        nanos if nanos < 1e6 => format!("{:.0} µs", nanos / 1e3),
        nanos if nanos < 1e9 => format!("{:.1} ms", nanos / 1e6),
        nanos => format!("{:.1} s", nanos / 1e9),
    }
}

async fn export(args: &ExportArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let form = match args.format {
        ExportFormat::OtlpJson => Form::OtlpJson,
        ExportFormat::Otlp => Form::Otlp,
        ExportFormat::Parquet => Form::Parquet,
        ExportFormat::Jsonl => Form::Jsonl,
    };
    let is_text = matches!(form, Form::OtlpJson | Form::Jsonl);
    if !is_text && args.out.is_none() && args.endpoint.is_none() {
        let message = "this form is not text, and there is no file to write it to";
        return Err(Failure::input("trace/needs-file", message).help("name one: `--out FILE`"));
    }
    let desk = house.desk(ui).await?;
    let selection = match (&args.since, args.all) {
        (Some(since), _) => Selection::Since(since_when(since, desk.now())?),
        (None, true) => Selection::All,
        (None, false) => Selection::One(args.trace.clone()),
    };
    let redactor = redactor(house);
    if let Some(url) = &args.endpoint {
        return push(url, &desk, &selection, &redactor, house, ui).await;
    }
    let wanted = otel::wanted(&desk, &selection).await?;
    if let Some(path) = &args.out {
        let written = write(path, &desk, &wanted, form, &redactor).await?;
        ui.note(&format!(
            "wrote {} spans of {} traces to {}",
            written.spans,
            written.traces,
            path.display()
        ));
    } else {
        let mut text = Vec::new();
        otel::export(&desk, &wanted, form, &redactor, &mut text).await?;
        ui.result(&String::from_utf8_lossy(&text))?;
    }
    Ok(Outcome::Clear)
}

/// The file is there as a whole or not at all.
async fn write(
    path: &Path,
    desk: &Desk,
    wanted: &[Wanted],
    form: Form,
    redactor: &Redactor,
) -> Result<otel::Exported, Failure> {
    let failed = |error: std::io::Error| Failure::surroundings("trace/out", error.to_string());
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let mut file = BufWriter::new(fs_err::File::create(&name).map_err(failed)?);
    let exported = otel::export(desk, wanted, form, redactor, &mut file).await;
    let exported = match exported {
        Ok(exported) => exported,
        Err(error) => {
            // The error counts, not what is left of the file.
            fs_err::remove_file(&name).ok();
            return Err(error.into());
        }
    };
    file.flush().map_err(failed)?;
    file.get_ref().sync_all().map_err(failed)?;
    fs_err::rename(&name, path).map_err(failed)?;
    Ok(exported)
}

async fn push(
    url: &str,
    desk: &Desk,
    selection: &Selection,
    redactor: &Redactor,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let headers = (house.tools.env)("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
    let endpoint = Endpoint::new(url, belay_server::headers(&headers)?)?;
    let (mut traces, mut spans, mut rejected) = (0, 0, 0);
    for wanted in otel::wanted(desk, selection).await? {
        let groups = otel::spans(desk, &wanted, redactor).await?;
        traces += 1;
        spans += groups.iter().map(|group| group.spans().count()).sum::<usize>();
        let request = ExportTraceServiceRequest { resource_spans: groups };
        let sent = endpoint.send(&request).await?;
        rejected += sent.rejected;
        if !sent.message.is_empty() {
            ui.note(&format!("the receiver says: {}", plain(&sent.message)));
        }
    }
    ui.note(&format!("sent {spans} spans of {traces} traces to {}", endpoint.shown()));
    if rejected > 0 {
        ui.note(&format!("{rejected} spans were rejected"));
        return Ok(Outcome::No);
    }
    Ok(Outcome::Clear)
}

/// `24h`, `7d`, a date or a moment.
fn since_when(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = || {
        Failure::input("trace/since", format!("`{text}` is no time"))
            .help("write `24h`, `7d`, `2026-01-31` or `2026-01-31T12:00:00Z`")
    };
    let unit = |unit: char| match unit {
        's' => Some(1_i64),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        _ => None,
    };
    let mut letters = text.chars();
    let seconds = letters.next_back().and_then(unit);
    if let (Some(seconds), Ok(count)) = (seconds, letters.as_str().parse::<u32>()) {
        let nanos = i64::from(count).checked_mul(seconds * 1_000_000_000).ok_or_else(wrong)?;
        return Ok(Timestamp::from_nanos(now.nanos().saturating_sub(nanos)));
    }
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let moment: jiff::Timestamp = whole.parse().map_err(|_| wrong())?;
    i64::try_from(moment.as_nanosecond()).map(Timestamp::from_nanos).map_err(|_| wrong())
}

async fn listen(args: &ListenArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let token = (house.tools.env)("BELAY_INGEST_TOKEN");
    let door = Door::new(args.listen, args.allow_remote, token.as_deref())?;
    let desk = house.desk(ui).await?;
    let (door, listener) = belay_server::bind(door).await?;
    ui.note(&format!("receiving OTLP at http://{}/v1/traces; Ctrl-C ends it", door.address));
    let (memory, redactor) = (desk.memory.clone(), redactor(house));
    let receiver = Receiver { memory, redactor, clock: desk.clock };
    let tally = receiver.serve(door, listener, desk.stop).await?;
    desk.memory.close().await;
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.trace-listen/1",
            "batches": tally.batches,
            "spans": tally.stored,
            "duplicates": tally.duplicates,
            "failed": tally.failed,
        }))?;
    } else {
        ui.result(&format!(
            "kept {} spans of {} batches; {} were there already, {} batches failed\n",
            tally.stored, tally.batches, tally.duplicates, tally.failed
        ))?;
    }
    Ok(Outcome::Clear)
}
