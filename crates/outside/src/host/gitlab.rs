//! GitLab's REST API, v4: notes of merge requests, commit statuses.

use serde_json::{Value, json};

use super::{Check, Comment, Conclusion, Host, HostError, Published, segment};

/// The longest description of a status.
const LONGEST_DESCRIPTION: usize = 255;

pub(super) fn headers(token: &str) -> Vec<(&'static str, String)> {
    vec![("accept", "application/json".to_owned()), ("private-token", token.to_owned())]
}

impl Host {
    fn merge_request(&self) -> String {
        format!("/projects/{}/merge_requests/{}", segment(&self.pull.project), self.pull.number)
    }

    pub(super) async fn gitlab_login(&self) -> Result<String, HostError> {
        let doing = "say who the token belongs to";
        let answer = self.ask(doing, "GET", "/user", None).await?;
        let name = answer.body.get("username").and_then(Value::as_str);
        name.map(str::to_owned).ok_or_else(|| self.unexpected(doing))
    }

    pub(super) async fn gitlab_notes(
        &self,
        page: usize,
    ) -> Result<(Vec<Comment>, bool), HostError> {
        let doing = "list the notes";
        let path = format!(
            "{}/notes?per_page=100&page={page}&order_by=created_at&sort=asc",
            self.merge_request()
        );
        let answer = self.ask(doing, "GET", &path, None).await?;
        let is_last = answer.header("x-next-page").is_none_or(|next| next.trim().is_empty());
        let rows = answer.body.as_array().ok_or_else(|| self.unexpected(doing))?;
        let note = |row: &Value| {
            let id = row.get("id")?.as_u64()?;
            Some(Comment {
                id,
                author: row.pointer("/author/username")?.as_str()?.to_owned(),
                body: row.get("body").and_then(Value::as_str).unwrap_or("").to_owned(),
                // The API gives notes no address of their own.
                url: String::new(),
            })
        };
        let notes = rows.iter().map(note).collect::<Option<_>>();
        Ok((notes.ok_or_else(|| self.unexpected(doing))?, is_last))
    }

    pub(super) async fn gitlab_write(
        &self,
        id: Option<u64>,
        body: &str,
    ) -> Result<String, HostError> {
        let request = self.merge_request();
        let (doing, method, path) = match id {
            Some(id) => ("update the note", "PUT", format!("{request}/notes/{id}")),
            None => ("write the note", "POST", format!("{request}/notes")),
        };
        self.ask(doing, method, &path, Some(json!({"body": body}))).await?;
        Ok(String::new())
    }

    pub(super) async fn gitlab_status(&self, check: &Check) -> Result<Published, HostError> {
        let (project, commit) = (segment(&self.pull.project), segment(&self.pull.head));
        let state = match check.conclusion {
            Conclusion::Success | Conclusion::Neutral => "success",
            Conclusion::Failure => "failed",
        };
        let description: String = check.title.chars().take(LONGEST_DESCRIPTION).collect();
        let body = json!({"state": state, "name": check.name, "description": description});
        let path = format!("/projects/{project}/statuses/{commit}");
        let answer = self.exchange("POST", &path, Some(body)).await?;
        // Setting the state that it has already is refused; it is what was wanted.
        let stands = answer.status == 400 && answer.reason().contains("Cannot transition status");
        if stands {
            return Ok(Published { how: "unchanged", url: String::new() });
        }
        if !answer.is_good() {
            return Err(self.refused("set the commit status", &answer));
        }
        let url = answer.body.get("target_url").and_then(Value::as_str).unwrap_or("").to_owned();
        Ok(Published { how: "created", url })
    }
}
