//! Git hosts: a report shown where its change is discussed. Built against GitHub's REST API (version
//! 2022-11-28) and GitLab's (v4).
//!
//! Both are told apart only here. A comment is found by a marker in its text *and* by its author, so
//! that a comment of somebody else's is never rewritten, whatever it says.

mod github;
mod gitlab;

use std::fmt;
use std::time::Duration;

use belay_gate::{Permit, PermitMismatch};
use belay_model::explain::Blame;
use belay_model::{Action, Digest, Explain, Resource, Verb, Zone};
use serde_json::Value;

use crate::web::{Answer, Call, Web, without_credentials};

/// The longest that one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most pages of comments that are read: with a hundred on each, more than anyone reads.
const MOST_PAGES: usize = 50;

/// Both hosts take comments of at least this many characters (GitHub: 65,536).
pub const LONGEST_COMMENT: usize = 65_536;

/// Which API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind {
    GitHub,
    GitLab,
}

impl HostKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
        }
    }
}

/// A pull request (a merge request, as GitLab says), and the commit that a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub host: HostKind,
    /// The root of the API, without a slash at its end.
    pub api: String,
    /// `owner/name`, or GitLab's number or path of a project.
    pub project: String,
    pub number: u64,
    /// The commit that the check belongs to.
    pub head: String,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    Success,
    /// Worth a look, and nothing that stops a merge.
    Neutral,
    Failure,
}

/// How much an annotation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Notice,
    Warning,
    Failure,
}

/// A remark on a line of a file at the head commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Relative to the repository's root.
    pub path: String,
    /// From one.
    pub line: u32,
    pub weight: Weight,
    pub title: String,
    pub message: String,
}

/// A check of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What the host lists it under; a newer one of this name replaces it.
    pub name: String,
    pub conclusion: Conclusion,
    /// One line.
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// Only hosts that can show them do; GitLab shows those of its code quality report instead.
    pub annotations: Vec<Annotation>,
}

/// Where something was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `created`, `updated` or `unchanged`.
    pub how: &'static str,
    /// Where people see it; empty where the host does not say.
    pub url: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HostError {
    #[error("{host} cannot be reached at `{api}`: {message}")]
    Unreachable { host: &'static str, api: String, message: String },
    #[error("{host} refused to {doing} with status {status}: {message}")]
    Refused { host: &'static str, doing: &'static str, status: u16, message: String },
    #[error("{host} answered with something unexpected when asked to {doing}")]
    Answer { host: &'static str, doing: &'static str },
    #[error("the comment has {characters} characters, and {host} takes {LONGEST_COMMENT}")]
    TooLong { host: &'static str, characters: usize },
    #[error("`{api}` is no address of an API")]
    Address { api: String },
    #[error(transparent)]
    Permit(#[from] PermitMismatch),
}

impl Explain for HostError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "host/unreachable",
            Self::Refused { .. } => "host/refused",
            Self::Answer { .. } => "host/answer",
            Self::TooLong { .. } => "host/too-long",
            Self::Address { .. } => "host/address",
            Self::Permit(mismatch) => mismatch.code(),
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::Unreachable { .. } => {
                "try again: the report is in the record, and publishing it twice leaves one comment"
            }
            Self::Refused { status: 401, .. } => "check the token: it may have expired",
            Self::Refused { status: 403 | 404, .. } => {
                "the token may lack a permission: GitHub needs `pull-requests: write` and `checks: write`, GitLab the scope `api`"
            }
            Self::Refused { .. } | Self::Answer { .. } => "try again: the report is in the record",
            Self::Address { .. } => "give the API's root, such as `https://git.example.com/api/v4`",
            Self::TooLong { .. } | Self::Permit(_) => return None,
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Address { .. } => Blame::Input,
            Self::TooLong { .. } | Self::Permit(_) => Blame::Belay,
            _ => Blame::Surroundings,
        }
    }
}

impl PullRequest {
    /// `github:owner/name#12`
    pub fn shown(&self) -> String {
        format!("{}:{}#{}", self.host.as_str(), self.project, self.number)
    }

    fn resource(&self) -> Resource {
        Resource::new(format!("pull-request:{}", self.shown()), Zone::Dev)
    }

    /// The action of putting this comment.
    pub fn commenting(&self, marker: &str, body: &str) -> Action {
        Action::new(Verb::PublishReport, self.resource())
            .with("api", without_credentials(&self.api))
            .with("what", "comment")
            .with("marker", marker)
            .with("digest", Digest::of(body).to_string())
    }

    /// The action of setting this check.
    pub fn checking(&self, check: &Check) -> Action {
        Action::new(Verb::PublishReport, self.resource())
            .with("api", without_credentials(&self.api))
            .with("what", "check")
            .with("commit", &self.head)
            .with("digest", Digest::of(format!("{check:?}")).to_string())
    }
}

/// A session with a host, for one pull request.
#[derive(Clone)]
pub struct Host {
    pub pull: PullRequest,
    web: Web,
    token: String,
}

impl fmt::Debug for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Host").field("pull", &self.pull).finish_non_exhaustive()
    }
}

/// A comment that stands there.
struct Comment {
    id: u64,
    author: String,
    body: String,
    url: String,
}

impl Host {
    /// # Errors
    ///
    /// [`HostError::Address`] for what is no address of the web.
    pub fn new(mut pull: PullRequest, token: String) -> Result<Self, HostError> {
        let is_web = pull.api.starts_with("https://") || pull.api.starts_with("http://");
        if !is_web
            || pull.api.contains(|letter: char| letter.is_whitespace() || "?#".contains(letter))
        {
            return Err(HostError::Address { api: without_credentials(&pull.api) });
        }
        pull.api.truncate(pull.api.trim_end_matches('/').len());
        Ok(Self { pull, web: Web::new(PATIENCE), token })
    }

    /// With another wait before the first retry, so that tests need not wait.
    #[must_use]
    pub fn waiting(mut self, first: Duration) -> Self {
        self.web = self.web.waiting(first);
        self
    }

    /// Puts the comment, or brings the one that stands there up to date. `marker` is how `body`
    /// begins: it tells belay's comment from others. Repeating it leaves one comment.
    pub async fn comment(
        &self,
        permit: Permit,
        marker: &str,
        body: &str,
    ) -> Result<Published, HostError> {
        permit.admit(&self.pull.commenting(marker, body))?;
        let characters = body.chars().count();
        if characters > LONGEST_COMMENT {
            return Err(HostError::TooLong { host: self.name(), characters });
        }
        let me = match self.pull.host {
            HostKind::GitHub => self.github_login().await?,
            HostKind::GitLab => self.gitlab_login().await?,
        };
        let mine = self.comments().await?.into_iter();
        let mut mine = mine.filter(|one| one.author == me && one.body.starts_with(marker));
        match mine.next() {
            Some(stands) if stands.body.trim_end() == body.trim_end() => {
                Ok(Published { how: "unchanged", url: stands.url })
            }
            Some(stands) => {
                let url = self.write_comment(Some(stands.id), body).await?;
                Ok(Published { how: "updated", url })
            }
            None => {
                let url = self.write_comment(None, body).await?;
                Ok(Published { how: "created", url })
            }
        }
    }

    /// Sets the check of the head commit.
    pub async fn check(&self, permit: Permit, check: &Check) -> Result<Published, HostError> {
        permit.admit(&self.pull.checking(check))?;
        match self.pull.host {
            HostKind::GitHub => self.github_check(check).await,
            HostKind::GitLab => self.gitlab_status(check).await,
        }
    }

    async fn comments(&self) -> Result<Vec<Comment>, HostError> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let (comments, is_last) = match self.pull.host {
                HostKind::GitHub => self.github_comments(page).await?,
                HostKind::GitLab => self.gitlab_notes(page).await?,
            };
            all.extend(comments);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    async fn write_comment(&self, id: Option<u64>, body: &str) -> Result<String, HostError> {
        match self.pull.host {
            HostKind::GitHub => self.github_write(id, body).await,
            HostKind::GitLab => self.gitlab_write(id, body).await,
        }
    }

    const fn name(&self) -> &'static str {
        match self.pull.host {
            HostKind::GitHub => "GitHub",
            HostKind::GitLab => "GitLab",
        }
    }

    /// Sends a request; whatever is no success is an error.
    async fn ask(
        &self,
        doing: &'static str,
        method: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, HostError> {
        let answer = self.exchange(method, path, body).await?;
        if answer.is_good() { Ok(answer) } else { Err(self.refused(doing, &answer)) }
    }

    fn refused(&self, doing: &'static str, answer: &Answer) -> HostError {
        let message = answer.reason().replace(&self.token, "***");
        HostError::Refused { host: self.name(), doing, status: answer.status, message }
    }

    fn unexpected(&self, doing: &'static str) -> HostError {
        HostError::Answer { host: self.name(), doing }
    }

    async fn exchange(
        &self,
        method: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, HostError> {
        let headers = match self.pull.host {
            HostKind::GitHub => github::headers(&self.token),
            HostKind::GitLab => gitlab::headers(&self.token),
        };
        let call = Call { method, url: format!("{}{path}", self.pull.api), headers, body };
        let unreachable = |lost: crate::web::Unanswered| HostError::Unreachable {
            host: self.name(),
            api: without_credentials(&self.pull.api),
            message: lost.message.replace(&self.token, "***"),
        };
        self.web.send(&call).await.map_err(unreachable)
    }
}

/// A path segment: nothing in it can lead elsewhere.
fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
