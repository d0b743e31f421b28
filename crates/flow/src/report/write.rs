//! From facts and their assessment to the document.

use std::collections::BTreeSet;

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::{Manifest, NodeId};
use belay_diff::Method;
use belay_model::{Columns, Effect, RunId};

use super::wire::{
    Affected, Arrow, Build, BuildNode, Cause, Changed, Column, Cost, CutOff, Data, Edit, Factor,
    Finding, Harmless, Impact, NotCompared, NotVerified, Override, Place, Risk, Rows, SCHEMA,
    Sample, Sampled, Selection, SideRef, Test, TopValue, Value, ValuePair,
};
use crate::impact::{Assessed, Compared, Findings, Judged, Side, SideSource};

/// Writes the facts and their assessment down.
pub fn build(run: RunId, facts: &Findings, assessed: &Assessed, cost: Cost) -> Impact {
    let scope = &facts.scope;
    let texts = |ids: &[NodeId]| ids.iter().map(ToString::to_string).collect();
    let meaning = &facts.meaning;
    Impact {
        schema: SCHEMA.to_owned(),
        run: run.to_string(),
        base: side(&facts.base),
        head: side(&facts.head),
        commits: facts.commits.clone(),
        changed: scope
            .changed
            .iter()
            .map(|(id, reasons)| Changed {
                node: id.to_string(),
                reasons: reasons.iter().map(ToString::to_string).collect(),
                meaning: meaning.effects.get(id).map(|effect| effect.meaning.to_string()),
                columns: meaning.effects.get(id).map(columns).unwrap_or_default(),
                path: path(facts, id),
            })
            .collect(),
        affected: scope
            .affected
            .iter()
            .map(|(id, via)| Affected {
                node: id.to_string(),
                via: via.iter().map(ToString::to_string).collect(),
                columns: meaning.effects.get(id).map(columns).unwrap_or_default(),
                rows: meaning.effects.get(id).is_some_and(|effect| !effect.rows.is_empty()),
            })
            .collect(),
        selection: Selection {
            build: texts(&scope.selection.build),
            test: texts(&scope.selection.test),
        },
        build: facts.built.as_ref().map(built),
        tests: facts.tests.iter().map(test).collect(),
        data: facts.data.iter().map(|compared| data(compared, facts, assessed)).collect(),
        not_compared: facts
            .uncompared
            .iter()
            .map(|one| NotCompared { node: one.node.to_string(), why: one.why.clone() })
            .collect(),
        findings: assessed.findings.iter().map(|one| finding(one, facts)).collect(),
        risk: risk(assessed),
        harmless: assessed
            .harmless
            .iter()
            .map(|(node, proof)| Harmless { node: node.to_string(), proof: proof.clone() })
            .collect(),
        exposures: assessed.exposures.iter().map(ToString::to_string).collect(),
        look_first: assessed.look_first.clone(),
        notes: facts.notes.clone(),
        summary: assessed.summary.clone(),
        edits: edits(facts, assessed),
        contradictions: assessed
            .findings
            .iter()
            .filter(|one| matches!(one.finding.kind, "prediction.moved" | "prediction.rows"))
            .map(|one| one.finding.id())
            .collect(),
        spared: meaning
            .spared
            .iter()
            .map(|one| Harmless { node: one.node.to_string(), proof: one.proof.clone() })
            .collect(),
        cut_off: meaning
            .cut_off
            .iter()
            .map(|one| CutOff { node: one.node.to_string(), because: one.because.to_string() })
            .collect(),
        not_verified: assessed
            .not_verified
            .iter()
            .map(|one| NotVerified {
                kind: one.kind.as_str().to_owned(),
                node: one.node.as_ref().map(ToString::to_string),
                why: one.why.clone(),
            })
            .collect(),
        overrides: assessed.overrides.iter().map(overridden).collect(),
        lineage: lineage(facts, assessed),
        cost,
        draft: None,
    }
}

fn node<'a>(facts: &'a Findings, id: &NodeId) -> Option<&'a Node> {
    facts.head.manifest.node(id).or_else(|| facts.base.manifest.node(id))
}

fn path(facts: &Findings, id: &NodeId) -> Option<String> {
    let path = node(facts, id)?.path.to_string();
    (!path.is_empty()).then_some(path)
}

/// The columns that an effect names, in alphabetical order.
fn columns(effect: &Effect) -> Vec<String> {
    if effect.values == Columns::All {
        return vec!["*".to_owned()];
    }
    let Columns::These(values) = &effect.values else { return Vec::new() };
    let renamed = effect.renamed.iter().flat_map(|(old, new)| [old, new]);
    let named = values.iter().chain(&effect.added).chain(&effect.removed).chain(&effect.retyped);
    let all: BTreeSet<&String> = named.chain(renamed).collect();
    all.into_iter().cloned().collect()
}

/// The edits, those of the heaviest causes first.
fn edits(facts: &Findings, assessed: &Assessed) -> Vec<Edit> {
    let rank = |id: &str| {
        let place = assessed.causes.iter().position(|cause| cause.edits.contains(id));
        place.unwrap_or(usize::MAX)
    };
    let mut edits: Vec<&crate::impact::Edit> = assessed.edits.iter().collect();
    edits.sort_by_key(|edit| (rank(&edit.id), edit.title.clone()));
    let is_exposure =
        |id: &&NodeId| node(facts, id).is_some_and(|node| node.kind == Kind::Exposure);
    let one = |edit: &crate::impact::Edit| {
        let effects = edit.nodes.iter().filter_map(|id| facts.meaning.effects.get(id));
        let worst = effects.max_by_key(|effect| effect.meaning);
        let moved = assessed.moved_by.iter().filter(|(_, edits)| edits.contains(&edit.id));
        Edit {
            id: edit.id.clone(),
            kind: edit.kind.as_str().to_owned(),
            title: edit.title.clone(),
            path: edit.path.clone(),
            line: edit.line,
            meaning: worst.map(|effect| effect.meaning.to_string()),
            reasons: worst.map(|effect| effect.reasons.clone()).unwrap_or_default(),
            nodes: edit.nodes.iter().map(ToString::to_string).collect(),
            reaches: edit.reaches.iter().map(ToString::to_string).collect(),
            exposures: edit.reaches.iter().filter(is_exposure).map(ToString::to_string).collect(),
            moved: moved.map(|(id, _)| id.to_string()).collect(),
        }
    };
    edits.into_iter().map(one).collect()
}

/// Who reads whom, of what is in scope, compared or spared; tests left out.
fn lineage(facts: &Findings, assessed: &Assessed) -> Vec<Arrow> {
    let scope = &facts.scope;
    let mut shown: BTreeSet<&NodeId> = scope.changed.keys().chain(scope.affected.keys()).collect();
    shown.extend(facts.data.iter().map(|compared| &compared.node));
    shown.extend(facts.meaning.spared.iter().map(|one| &one.node));
    shown.extend(&assessed.exposures);
    shown.retain(|id| node(facts, id).is_some_and(|node| !node.kind.is_test()));
    let reads = |manifest: &Manifest, id: &NodeId| {
        let parents: Vec<NodeId> = manifest.parents(id).map(|parent| parent.id.clone()).collect();
        parents
    };
    let mut arrows = BTreeSet::new();
    for to in &shown {
        let manifest = if facts.head.manifest.node(to).is_some() {
            &facts.head.manifest
        } else {
            &facts.base.manifest
        };
        for from in reads(manifest, to).into_iter().filter(|from| shown.contains(from)) {
            arrows.insert((from.to_string(), to.to_string()));
        }
    }
    arrows.into_iter().map(|(from, to)| Arrow { from, to }).collect()
}

fn side(side: &Side) -> SideRef {
    let (kind, sha) = match &side.source {
        SideSource::Commit(commit) => ("commit", Some(commit.sha.clone())),
        SideSource::WorkTree { .. } => ("work_tree", None),
        SideSource::Artefacts(_) => ("artefacts", None),
    };
    let dbt_version = side.manifest.metadata.dbt_version.to_string();
    SideRef { kind: kind.to_owned(), name: side.name(), sha, dbt_version }
}

fn built(built: &crate::impact::Built) -> Build {
    let node = |node: &crate::impact::BuiltNode| BuildNode {
        node: node.node.to_string(),
        status: node.status.as_str().to_owned(),
        seconds: node.seconds,
    };
    Build {
        schema: built.schema.clone(),
        kept: built.kept,
        seconds: built.seconds,
        nodes: built.nodes.iter().map(node).collect(),
    }
}

fn test(row: &crate::impact::TestRow) -> Test {
    Test {
        node: row.node.to_string(),
        base: row.base.as_ref().map(|status| status.as_str().to_owned()),
        head: row.head.as_ref().map(|status| status.as_str().to_owned()),
        verdict: row.verdict.as_str().to_owned(),
    }
}

fn data(compared: &Compared, facts: &Findings, assessed: &Assessed) -> Data {
    let matching = compared.tally.matching.as_ref();
    let caused: Vec<String> =
        assessed.moved_by.get(&compared.node).into_iter().flatten().cloned().collect();
    let effect = facts.meaning.effects.get(&compared.node);
    Data {
        node: compared.node.to_string(),
        relation: compared.relation.to_string(),
        key: compared.key.as_ref().map(|key| key.columns.clone()).unwrap_or_default(),
        key_origin: compared.key.as_ref().map(|key| key.origin.clone()),
        method: Method::as_str(compared.method).to_owned(),
        rows: Rows {
            base: compared.base.rows,
            head: compared.head.rows,
            added: compared.tally.added,
            removed: compared.tally.removed,
            changed: matching.map(|matching| matching.changed),
            duplicated: compared.head.duplicate_keys,
        },
        columns: compared
            .columns
            .iter()
            .map(|one| column(one, compared, effect, &caused))
            .collect(),
        samples: compared.examples.iter().map(sample).collect(),
        remark: compared.remark.clone(),
        caused_by: caused,
        how: compared.how.as_str().to_owned(),
        sampled: compared.sampled.map(|sampled| Sampled {
            share: sampled.share,
            rows: sampled.rows,
            changed_low: sampled.changed.map(|interval| interval.low),
            changed_high: sampled.changed.map(|interval| interval.high),
        }),
    }
}

fn column(
    column: &belay_diff::ColumnDiff,
    compared: &Compared,
    effect: Option<&Effect>,
    caused: &[String],
) -> Column {
    let facts = &column.facts;
    let range =
        |range: &Option<(String, String)>| range.clone().map(|(least, greatest)| [least, greatest]);
    let top = |top: &belay_diff::TopValue| TopValue {
        value: top.value.clone(),
        base: top.base,
        head: top.head,
    };
    let moved = column.changed > Some(0) || column.change != belay_diff::ColumnChange::Same;
    let claimed = effect.is_none_or(|effect| crate::impact::claims_change(effect, &column.name));
    Column {
        name: column.name.clone(),
        change: column.change.as_str().to_owned(),
        compared: column.compared,
        changed: column.changed,
        null_base: column.nulls_base,
        null_head: column.nulls_head,
        sum_base: column.sum_base.filter(|sum| sum.is_finite()),
        sum_head: column.sum_head.filter(|sum| sum.is_finite()),
        type_base: column.type_base.clone(),
        type_head: column.type_head.clone(),
        caused_by: if moved && claimed { caused.to_vec() } else { Vec::new() },
        volatile: compared.volatile.iter().any(|name| name.eq_ignore_ascii_case(&column.name)),
        distinct_base: facts.distinct.map(|(base, _)| base),
        distinct_head: facts.distinct.map(|(_, head)| head),
        range_base: range(&facts.range_base),
        range_head: range(&facts.range_head),
        shift: facts.shift.filter(|shift| shift.is_finite()),
        top: facts.top.iter().map(top).collect(),
    }
}

fn sample(example: &belay_diff::Example) -> Sample {
    let value = |(column, value): &(String, Option<String>)| Value {
        column: column.clone(),
        value: value.clone(),
    };
    let pair = |(column, base, head): &(String, Option<String>, Option<String>)| ValuePair {
        column: column.clone(),
        base: base.clone(),
        head: head.clone(),
    };
    Sample {
        kind: example.kind.as_str().to_owned(),
        key: example.key.iter().map(value).collect(),
        values: example.values.iter().map(pair).collect(),
        times: example.times,
    }
}

fn finding(one: &Judged, facts: &Findings) -> Finding {
    let finding = &one.finding;
    let id = finding.node.as_deref().map(NodeId::from);
    let edited = id.as_ref().and_then(|id| {
        facts.meaning.edits.iter().find(|edit| edit.nodes.contains(id) && edit.line.is_some())
    });
    let path = id.as_ref().and_then(|id| path(facts, id));
    let line = edited.filter(|edit| edit.path == path).and_then(|edit| edit.line);
    Finding {
        id: finding.id(),
        kind: finding.kind.to_owned(),
        severity: finding.severity.into(),
        node: finding.node.clone(),
        column: finding.column.clone(),
        message: finding.message.clone(),
        evidence: finding.evidence.clone(),
        fact: one.is_fact,
        caused_by: one.caused_by.iter().cloned().collect(),
        places: one
            .places
            .iter()
            .map(|place| Place {
                node: place.node.to_string(),
                kind: place.kind.to_owned(),
                severity: place.severity.into(),
                message: place.message.clone(),
            })
            .collect(),
        accepted: one.accepted.clone(),
        path,
        line,
    }
}

fn risk(assessed: &Assessed) -> Risk {
    let factors = assessed.causes.iter().flat_map(|cause| &cause.factors);
    let factor = |factor: &crate::impact::Factor| Factor {
        finding: factor.about.clone(),
        points: factor.points,
        name: factor.name.clone(),
        why: factor.why.clone(),
    };
    let cause = |cause: &crate::impact::Cause| Cause {
        level: cause.level.into(),
        points: cause.points(),
        edits: cause.edits.iter().cloned().collect(),
        findings: cause.findings.clone(),
    };
    Risk {
        level: assessed.level.into(),
        score: assessed.score,
        factors: factors.map(factor).collect(),
        reasons: assessed.reasons.clone(),
        blocks: assessed.blocks,
        reviewers: assessed.reviewers.iter().cloned().collect(),
        causes: assessed
            .causes
            .iter()
            .filter(|one| one.level > belay_model::Severity::Info)
            .map(cause)
            .collect(),
    }
}

fn overridden(one: &crate::impact::Overridden) -> Override {
    Override {
        what: one.what.clone(),
        until: one.until.clone(),
        because: one.because.clone(),
        from: one.from.clone(),
        state: one.state.as_str().to_owned(),
        findings: one.findings.clone(),
        note: one.note.clone(),
    }
}
