//! A language model behind an HTTP API: the chat completions of `OpenAI` and what is compatible with it,
//! and the messages of Anthropic (version 2023-06-01). One question, one answer, no tools, no stream.

use std::fmt;
use std::time::Duration;

use belay_gate::{Permit, PermitMismatch};
use belay_model::explain::Blame;
use belay_model::{Action, Digest, Explain, Resource, Verb, Zone};
use serde_json::{Value, json};

use crate::web::{Answer, Call, Web, without_credentials};

/// The longest that one answer may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Which API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelApi {
    OpenAi,
    Anthropic,
}

impl ModelApi {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::OpenAi, Self::Anthropic].into_iter().find(|api| api.as_str() == text)
    }
}

/// A model that a workspace named.
#[derive(Clone)]
pub struct LanguageModel {
    pub api: ModelApi,
    /// The root of the API, such as `https://models.example.com/v1`; no slash at its end.
    pub url: String,
    pub model: String,
    /// The most tokens of an answer.
    pub max_tokens: u64,
    key: String,
    web: Web,
}

impl fmt::Debug for LanguageModel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LanguageModel").field("model", &self.model).finish_non_exhaustive()
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What to do: belay's own words.
    pub instructions: String,
    /// What to do it with: data, whoever wrote it.
    pub material: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub text: String,
    /// The model that answered, as it says.
    pub model: String,
    /// Why it ended, in the API's own word: `stop`, `end_turn`, `length`, …
    pub ended: String,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ModelError {
    #[error("the language model cannot be reached at `{url}`: {message}")]
    Unreachable { url: String, message: String },
    #[error("the language model refused with status {status}: {message}")]
    Refused { status: u16, message: String },
    #[error("the language model's answer is not what its API says")]
    Answer,
    #[error("the language model gave no text: {reason}")]
    NoText { reason: String },
    #[error("`{url}` is no address of a language model")]
    Address { url: String },
    #[error(transparent)]
    Permit(#[from] PermitMismatch),
}

impl Explain for ModelError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "model/unreachable",
            Self::Refused { .. } => "model/refused",
            Self::Answer => "model/answer",
            Self::NoText { .. } => "model/no-text",
            Self::Address { .. } => "model/address",
            Self::Permit(mismatch) => mismatch.code(),
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::Refused { status: 401 | 403, .. } => {
                "check the key, in the variable that `summary.key_env` names"
            }
            Self::Refused { status: 404, .. } => "check `summary.url` and `summary.model`",
            Self::Address { .. } => "give the API's root, such as `https://models.example.com/v1`",
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Address { .. } => Blame::Input,
            Self::Permit(_) => Blame::Belay,
            _ => Blame::Surroundings,
        }
    }
}

impl LanguageModel {
    /// # Errors
    ///
    /// [`ModelError::Address`] for what is no address of the web.
    pub fn new(
        api: ModelApi,
        url: &str,
        model: &str,
        key: String,
        max_tokens: u64,
    ) -> Result<Self, ModelError> {
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        if !is_web || url.contains(|letter: char| letter.is_whitespace() || "?#".contains(letter)) {
            return Err(ModelError::Address { url: without_credentials(url) });
        }
        let url = url.trim_end_matches('/').to_owned();
        let (model, web) = (model.to_owned(), Web::new(PATIENCE));
        Ok(Self { api, url, model, max_tokens, key, web })
    }

    /// The action of asking exactly this.
    pub fn asking(&self, question: &Question) -> Action {
        let resource = format!("language-model:{}", without_credentials(&self.url));
        Action::new(Verb::ConsultModel, Resource::new(resource, Zone::Dev))
            .with("model", &self.model)
            .with("instructions", Digest::of(&question.instructions).to_string())
            .with("material", Digest::of(&question.material).to_string())
    }

    /// Asks once. What the model says is nobody's word: whoever uses it checks it.
    pub async fn ask(&self, permit: Permit, question: &Question) -> Result<Reply, ModelError> {
        permit.admit(&self.asking(question))?;
        let (path, headers, body) = match self.api {
            ModelApi::OpenAi => (
                "/chat/completions",
                vec![("authorization", format!("Bearer {}", self.key))],
                json!({
                    "model": self.model,
                    "max_completion_tokens": self.max_tokens,
                    "messages": [
                        {"role": "system", "content": question.instructions},
                        {"role": "user", "content": question.material},
                    ],
                }),
            ),
            ModelApi::Anthropic => (
                "/messages",
                vec![
                    ("x-api-key", self.key.clone()),
                    ("anthropic-version", "2023-06-01".to_owned()),
                ],
                json!({
                    "model": self.model,
                    "max_tokens": self.max_tokens,
                    "system": question.instructions,
                    "messages": [{"role": "user", "content": question.material}],
                }),
            ),
        };
        let url = format!("{}{path}", self.url);
        let call = Call { method: "POST", url, headers, body: Some(body) };
        let unreachable = |lost: crate::web::Unanswered| ModelError::Unreachable {
            url: without_credentials(&self.url),
            message: lost.message.replace(&self.key, "***"),
        };
        let answer = self.web.send(&call).await.map_err(unreachable)?;
        if !answer.is_good() {
            let message = answer.reason().replace(&self.key, "***");
            return Err(ModelError::Refused { status: answer.status, message });
        }
        let reply = match self.api {
            ModelApi::OpenAi => chat_completion(&answer)?,
            ModelApi::Anthropic => message(&answer)?,
        };
        if reply.text.trim().is_empty() {
            return Err(ModelError::NoText { reason: format!("it ended with `{}`", reply.ended) });
        }
        Ok(reply)
    }
}

fn text(body: &Value, at: &str) -> Option<String> {
    Some(body.pointer(at)?.as_str()?.to_owned())
}

fn chat_completion(answer: &Answer) -> Result<Reply, ModelError> {
    let body = &answer.body;
    if let Some(refusal) = text(body, "/choices/0/message/refusal") {
        return Err(ModelError::NoText { reason: refusal.chars().take(200).collect() });
    }
    let count = |at: &str| body.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    Ok(Reply {
        // An answer without content is said by `text` below; one without choices is none.
        text: match body.pointer("/choices/0/message") {
            Some(message) => {
                message.get("content").and_then(Value::as_str).unwrap_or("").to_owned()
            }
            None => return Err(ModelError::Answer),
        },
        model: text(body, "/model").unwrap_or_default(),
        ended: text(body, "/choices/0/finish_reason").unwrap_or_default(),
        input_tokens: count("/usage/prompt_tokens"),
        output_tokens: count("/usage/completion_tokens"),
    })
}

fn message(answer: &Answer) -> Result<Reply, ModelError> {
    let body = &answer.body;
    let blocks = body.get("content").and_then(Value::as_array).ok_or(ModelError::Answer)?;
    let texts = blocks.iter().filter(|block| block.get("type") == Some(&json!("text")));
    let texts = texts.filter_map(|block| block.get("text")?.as_str());
    let count = |at: &str| body.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    Ok(Reply {
        text: texts.collect(),
        model: text(body, "/model").unwrap_or_default(),
        ended: text(body, "/stop_reason").unwrap_or_default(),
        input_tokens: count("/usage/input_tokens"),
        output_tokens: count("/usage/output_tokens"),
    })
}
