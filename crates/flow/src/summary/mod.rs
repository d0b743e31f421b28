//! A language model may draft a summary for the reviewer, if the workspace names one. It decides nothing:
//! its draft is made after the verdict, each sentence is checked against the report, and what cannot be
//! checked is dropped. Without one everything works the same.

mod check;
mod prompt;
#[cfg(test)]
mod tests;

pub use self::check::{Checked, Names, check};
pub use self::prompt::question;

use belay_model::record::EffectState;
use belay_outside::language_model::{LanguageModel, ModelError, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::FlowError;
use crate::report::wire;
use crate::supervisor::Supervisor;

/// What the workspace says of drafts.
#[derive(Debug, Clone)]
pub struct Settings {
    pub model: LanguageModel,
    /// Example rows may be part of what is sent.
    pub rows: bool,
    /// What a million tokens cost, in whatever currency: in, out.
    pub price: Option<(f64, f64)>,
}

/// A checked draft, as it stands in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Draft {
    /// The model that wrote it, as it says.
    pub model: String,
    /// The sentences that hold; empty if none does.
    pub text: String,
    /// Why sentences were dropped, one for each.
    pub dropped: Vec<String>,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// In the currency of `summary.price_in`; absent without prices.
    pub cost: Option<f64>,
}

/// Asks for a draft and checks it. Whatever goes wrong costs the draft and nothing else: the reason is
/// for the report's notes.
pub async fn draft(
    run: &mut Supervisor<'_>,
    settings: &Settings,
    report: &wire::Impact,
    names: &Names,
) -> Result<Result<Draft, String>, FlowError> {
    let question = question(report, settings.rows);
    let model = &settings.model;
    run.step("draft a summary", async |run| {
        let action = model.asking(&question);
        let (permit, effect) = run.ask(&action).await?;
        let asked = model.ask(permit, &question).await;
        if let Some(effect) = effect {
            let (state, receipt) = match &asked {
                Ok(reply) => (EffectState::Committed, receipt(model, reply)),
                Err(error) => (EffectState::Failed, error.to_string()),
            };
            run.settle(&effect, state, &receipt).await?;
        }
        Ok(match asked {
            Ok(reply) => Ok(checked(settings, reply, report, names)),
            Err(ModelError::Permit(mismatch)) => return Err(ModelError::Permit(mismatch).into()),
            Err(error) => Err(format!("no summary was drafted: {error}")),
        })
    })
    .await
}

fn checked(settings: &Settings, reply: Reply, report: &wire::Impact, names: &Names) -> Draft {
    let Checked { kept, dropped } = check(&reply.text, report, names);
    // Token counts are far below what a float cannot hold.
    #[expect(clippy::cast_precision_loss, reason = "a price is no exact number")]
    let cost = settings.price.map(|(input, output)| {
        (reply.input_tokens as f64 * input + reply.output_tokens as f64 * output) / 1e6
    });
    Draft {
        model: reply.model,
        text: kept,
        dropped,
        input_tokens: reply.input_tokens,
        output_tokens: reply.output_tokens,
        cost,
    }
}

/// What the trace keeps of an answer, by the names of OpenTelemetry's conventions for generative AI.
fn receipt(model: &LanguageModel, reply: &Reply) -> String {
    json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": model.api.as_str(),
        "gen_ai.request.model": model.model,
        "gen_ai.response.model": reply.model,
        "gen_ai.response.finish_reasons": [reply.ended],
        "gen_ai.usage.input_tokens": reply.input_tokens,
        "gen_ai.usage.output_tokens": reply.output_tokens,
    })
    .to_string()
}
