//! GitHub's REST API, version 2022-11-28: issue comments, check runs, commit statuses.

use serde_json::{Value, json};

use super::{Annotation, Check, Comment, Conclusion, Host, HostError, Published, Weight, segment};

/// Who writes with the token of a workflow, which cannot ask who it is.
const WORKFLOW_BOT: &str = "github-actions[bot]";

/// The most annotations that one request takes.
const MOST_ANNOTATIONS: usize = 50;

/// The most annotations of a check in all: the first ones are those of the gravest findings.
const ALL_ANNOTATIONS: usize = 300;

/// The longest summary of a check, in bytes as GitHub counts it.
const LONGEST_SUMMARY: usize = 65_535;

/// The longest description of a status.
const LONGEST_DESCRIPTION: usize = 140;

pub(super) fn headers(token: &str) -> Vec<(&'static str, String)> {
    vec![
        ("accept", "application/vnd.github+json".to_owned()),
        ("authorization", format!("Bearer {token}")),
        ("x-github-api-version", "2022-11-28".to_owned()),
    ]
}

impl Host {
    fn repository(&self) -> String {
        let parts: Vec<String> = self.pull.project.split('/').map(segment).collect();
        format!("/repos/{}", parts.join("/"))
    }

    /// Who the token writes as. A workflow's token is not allowed to ask.
    pub(super) async fn github_login(&self) -> Result<String, HostError> {
        let doing = "say who the token belongs to";
        let answer = self.exchange("GET", "/user", None).await?;
        match answer.status {
            200 => {
                let login = answer.body.get("login").and_then(Value::as_str);
                login.map(str::to_owned).ok_or_else(|| self.unexpected(doing))
            }
            403 => Ok(WORKFLOW_BOT.to_owned()),
            _ => Err(self.refused(doing, &answer)),
        }
    }

    pub(super) async fn github_comments(
        &self,
        page: usize,
    ) -> Result<(Vec<Comment>, bool), HostError> {
        let doing = "list the comments";
        let (repository, number) = (self.repository(), self.pull.number);
        let path = format!("{repository}/issues/{number}/comments?per_page=100&page={page}");
        let answer = self.ask(doing, "GET", &path, None).await?;
        let is_last = !answer.header("link").is_some_and(|links| links.contains("rel=\"next\""));
        let rows = answer.body.as_array().ok_or_else(|| self.unexpected(doing))?;
        let comment = |row: &Value| {
            Some(Comment {
                id: row.get("id")?.as_u64()?,
                // An account that was deleted leaves none.
                author: row.pointer("/user/login").and_then(Value::as_str).unwrap_or("").to_owned(),
                body: row.get("body").and_then(Value::as_str).unwrap_or("").to_owned(),
                url: row.get("html_url").and_then(Value::as_str).unwrap_or("").to_owned(),
            })
        };
        let comments = rows.iter().map(comment).collect::<Option<_>>();
        Ok((comments.ok_or_else(|| self.unexpected(doing))?, is_last))
    }

    pub(super) async fn github_write(
        &self,
        id: Option<u64>,
        body: &str,
    ) -> Result<String, HostError> {
        let repository = self.repository();
        let number = self.pull.number;
        let (doing, method, path) = if let Some(id) = id {
            ("update the comment", "PATCH", format!("{repository}/issues/comments/{id}"))
        } else {
            ("write the comment", "POST", format!("{repository}/issues/{number}/comments"))
        };
        let answer = self.ask(doing, method, &path, Some(json!({"body": body}))).await?;
        Ok(link(&answer.body))
    }

    /// A check run; where the token may not make one, a commit status. Only apps may make check runs.
    pub(super) async fn github_check(&self, check: &Check) -> Result<Published, HostError> {
        let doing = "set the check";
        let repository = self.repository();
        let known: Vec<&Annotation> = check.annotations.iter().take(ALL_ANNOTATIONS).collect();
        let mut batches = known.chunks(MOST_ANNOTATIONS);
        let first = batches.next().unwrap_or_default();
        let body = json!({
            "name": check.name,
            "head_sha": self.pull.head,
            "status": "completed",
            "conclusion": conclusion(check.conclusion),
            "output": output(check, first),
        });
        let answer = self.exchange("POST", &format!("{repository}/check-runs"), Some(body)).await?;
        if matches!(answer.status, 403 | 404) {
            return self.github_status(check).await;
        }
        if !answer.is_good() {
            return Err(self.refused(doing, &answer));
        }
        let id = answer.body.get("id").and_then(Value::as_u64);
        let id = id.ok_or_else(|| self.unexpected(doing))?;
        for batch in batches {
            let path = format!("{repository}/check-runs/{id}");
            let body = json!({"output": output(check, batch)});
            self.ask("annotate the check", "PATCH", &path, Some(body)).await?;
        }
        Ok(Published { how: "created", url: link(&answer.body) })
    }

    async fn github_status(&self, check: &Check) -> Result<Published, HostError> {
        let path = format!("{}/statuses/{}", self.repository(), segment(&self.pull.head));
        let state = match check.conclusion {
            Conclusion::Success | Conclusion::Neutral => "success",
            Conclusion::Failure => "failure",
        };
        let description: String = check.title.chars().take(LONGEST_DESCRIPTION).collect();
        let body = json!({"state": state, "context": check.name, "description": description});
        let answer = self.ask("set the commit status", "POST", &path, Some(body)).await?;
        let url = answer.body.get("target_url").and_then(Value::as_str).unwrap_or("").to_owned();
        Ok(Published { how: "created", url })
    }
}

fn link(body: &Value) -> String {
    body.get("html_url").and_then(Value::as_str).unwrap_or("").to_owned()
}

const fn conclusion(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Success => "success",
        Conclusion::Neutral => "neutral",
        Conclusion::Failure => "failure",
    }
}

fn output(check: &Check, annotations: &[&Annotation]) -> Value {
    let mut summary = check.summary.clone();
    if summary.len() > LONGEST_SUMMARY {
        let fits = (0..=LONGEST_SUMMARY).rev().find(|at| summary.is_char_boundary(*at));
        summary.truncate(fits.unwrap_or(0));
    }
    let annotation = |one: &&Annotation| {
        json!({
            "path": one.path,
            "start_line": one.line,
            "end_line": one.line,
            "annotation_level": match one.weight {
                Weight::Notice => "notice",
                Weight::Warning => "warning",
                Weight::Failure => "failure",
            },
            "title": one.title.chars().take(255).collect::<String>(),
            "message": one.message,
        })
    };
    json!({
        "title": check.title,
        "summary": summary,
        "annotations": annotations.iter().map(annotation).collect::<Vec<_>>(),
    })
}
