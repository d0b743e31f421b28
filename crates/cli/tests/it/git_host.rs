//! A git host on loopback, as strict as the documentation: what it does not know it refuses and writes
//! down, and a test that ends with anything written down has failed.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The token that both hosts take.
pub(crate) const TOKEN: &str = "token-that-nobody-may-see";

/// A member that a body may have, and what its value has to be.
pub(crate) type Member = (&'static str, fn(&Value) -> bool);

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Id, author, body.
    pub comments: Vec<(u64, String, String)>,
    pub checks: Vec<Value>,
    pub statuses: Vec<Value>,
    /// `POST /path`, in order.
    pub asked: Vec<String>,
    /// What no host would have taken.
    pub wrong: Vec<String>,
    /// Answers for the next requests of this method and end of path: status, headers, body.
    faults: VecDeque<(&'static str, &'static str, u16, &'static str, Value)>,
    /// How many comments a page has.
    pub page: usize,
    /// The token may say who it belongs to.
    pub knows_user: bool,
    /// The token may make check runs.
    pub may_check: bool,
}

#[derive(Debug)]
pub(crate) struct GitHost {
    pub url: String,
    pub state: Arc<Mutex<State>>,
}

pub(crate) struct Request {
    pub method: String,
    pub path: String,
    query: String,
    headers: Vec<(String, String)>,
    pub body: Value,
}

pub(crate) struct Response {
    pub status: u16,
    pub headers: String,
    pub body: Value,
}

fn answer(status: u16, body: Value) -> Response {
    Response { status, headers: String::new(), body }
}

impl GitHost {
    pub(crate) fn github() -> Self {
        Self::start(github)
    }

    pub(crate) fn gitlab() -> Self {
        Self::start(gitlab)
    }

    fn start(respond: fn(&mut State, &Request, &str) -> Response) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let first = State { page: 100, knows_user: true, may_check: true, ..State::default() };
        let state = Arc::new(Mutex::new(first));
        let (shared, own) = (Arc::clone(&state), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else { continue };
                let mut state = shared.lock().unwrap();
                state.asked.push(format!("{} {}", request.method, request.path));
                let fault = state.faults.front();
                let fits = fault.is_some_and(|(method, end, ..)| {
                    *method == request.method && request.path.ends_with(end)
                });
                let response = if fits {
                    let (_, _, status, headers, body) = state.faults.pop_front().unwrap();
                    Response { status, headers: headers.to_owned(), body }
                } else {
                    respond(&mut state, &request, &own)
                };
                drop(state);
                write(&stream, &response);
            }
        });
        Self { url, state }
    }

    /// The next request of this method whose path ends so gets this answer.
    pub(crate) fn fails(
        &self,
        method: &'static str,
        end: &'static str,
        status: u16,
        headers: &'static str,
        body: Value,
    ) {
        self.state.lock().unwrap().faults.push_back((method, end, status, headers, body));
    }

    /// Nothing was asked that the host does not know.
    #[track_caller]
    pub(crate) fn took_everything(&self) {
        let state = self.state.lock().unwrap();
        assert!(state.wrong.is_empty(), "{:#?}", state.wrong);
        assert!(state.faults.is_empty(), "not every fault was met");
    }
}

pub(crate) fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

pub(crate) fn write(mut stream: &TcpStream, response: &Response) {
    let body = response.body.to_string();
    // Whoever does not read the answer does not need it.
    drop(write!(
        stream,
        "HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{}\r\n{body}",
        response.status,
        body.len(),
        response.headers
    ));
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn page(&self) -> usize {
        let page = self.query.split('&').find_map(|pair| pair.strip_prefix("page="));
        page.map_or(1, |page| page.parse().unwrap())
    }

    /// The body has these members with these kinds of values, and no other.
    pub(crate) fn has(&self, members: &[Member]) -> Result<(), String> {
        check_members(&self.body, members)
    }
}

fn check_members(body: &Value, members: &[Member]) -> Result<(), String> {
    let Some(body) = body.as_object() else { return Err(format!("no object: {body}")) };
    for (name, value) in body {
        match members.iter().find(|(known, _)| known == name) {
            None => return Err(format!("unknown member `{name}`")),
            Some((_, fits)) if !fits(value) => return Err(format!("wrong `{name}`: {value}")),
            Some(_) => (),
        }
    }
    Ok(())
}

/// Writes down what was wrong, and answers as a host would.
fn refuse(state: &mut State, request: &Request, status: u16, why: &str) -> Response {
    state.wrong.push(format!("{} {}?{}: {why}", request.method, request.path, request.query));
    answer(status, json!({"message": why}))
}

fn paged(state: &State, page: usize) -> (Vec<&(u64, String, String)>, bool) {
    let from = (page - 1) * state.page;
    let rows = state.comments.iter().skip(from).take(state.page).collect();
    (rows, from + state.page < state.comments.len())
}

const REPOSITORY: &str = "/repos/acme/shop";

fn github(state: &mut State, request: &Request, url: &str) -> Response {
    let wanted = [
        ("authorization", format!("Bearer {TOKEN}")),
        ("accept", "application/vnd.github+json".to_owned()),
        ("x-github-api-version", "2022-11-28".to_owned()),
    ];
    for (name, value) in wanted {
        if request.header(name) != Some(&value) {
            return refuse(state, request, 401, &format!("`{name}` is missing or wrong"));
        }
    }
    if !request.header("user-agent").is_some_and(|agent| agent.starts_with("belay/")) {
        return refuse(state, request, 403, "no user agent");
    }
    let path = request.path.strip_prefix(REPOSITORY).unwrap_or(&request.path);
    let bot = if state.knows_user { "belay-bot" } else { "github-actions[bot]" };
    match (request.method.as_str(), path) {
        ("GET", "/user") if state.knows_user => answer(200, json!({"login": bot})),
        ("GET", "/user") => {
            answer(403, json!({"message": "Resource not accessible by integration"}))
        }
        ("GET", "/issues/12/comments") => {
            let page = request.page();
            let (rows, more) = paged(state, page);
            let rows: Vec<Value> = rows
                .into_iter()
                .map(|(id, author, body)| {
                    json!({"id": id, "user": {"login": author}, "body": body,
                        "html_url": format!("https://git.example/comment/{id}")})
                })
                .collect();
            let next = format!("link: <{url}{}?page={}>; rel=\"next\"\r\n", request.path, page + 1);
            let headers = if more { next } else { String::new() };
            Response { status: 200, headers, body: Value::Array(rows) }
        }
        ("POST", "/issues/12/comments") => {
            if let Err(why) = request.has(&[("body", is_comment)]) {
                return refuse(state, request, 422, &why);
            }
            let id = 1000 + state.comments.len() as u64;
            let body = request.body["body"].as_str().unwrap().to_owned();
            state.comments.push((id, bot.to_owned(), body));
            answer(201, json!({"id": id, "html_url": format!("https://git.example/comment/{id}")}))
        }
        ("PATCH", path) if path.starts_with("/issues/comments/") => {
            if let Err(why) = request.has(&[("body", is_comment)]) {
                return refuse(state, request, 422, &why);
            }
            let id: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
            let text = request.body["body"].as_str().unwrap().to_owned();
            match state.comments.iter().position(|(known, ..)| *known == id) {
                Some(at) if state.comments[at].1 == bot => state.comments[at].2 = text,
                _ => return refuse(state, request, 404, "that is somebody else's comment"),
            }
            answer(200, json!({"id": id, "html_url": format!("https://git.example/comment/{id}")}))
        }
        ("POST", "/check-runs") if !state.may_check => {
            answer(403, json!({"message": "You must authenticate via a GitHub App."}))
        }
        ("POST", "/check-runs") => {
            let members: [Member; 5] = [
                ("name", Value::is_string),
                ("head_sha", is_sha),
                ("status", |status| status == "completed"),
                ("conclusion", |one| {
                    ["success", "neutral", "failure"].contains(&one.as_str().unwrap_or(""))
                }),
                ("output", is_output),
            ];
            if let Err(why) = request.has(&members) {
                return refuse(state, request, 422, &why);
            }
            state.checks.push(request.body.clone());
            answer(
                201,
                json!({"id": state.checks.len(), "html_url": "https://git.example/check/1"}),
            )
        }
        ("PATCH", path) if path.starts_with("/check-runs/") => {
            if let Err(why) = request.has(&[("output", is_output)]) {
                return refuse(state, request, 422, &why);
            }
            let at: usize = path.rsplit('/').next().unwrap().parse().unwrap();
            let more = request.body["output"]["annotations"].as_array().unwrap().clone();
            let all = state.checks[at - 1]["output"]["annotations"].as_array_mut().unwrap();
            all.extend(more);
            answer(200, json!({"id": at}))
        }
        ("POST", path) if path.strip_prefix("/statuses/").is_some_and(is_hex) => {
            let members: [Member; 3] = [
                ("state", |one| ["success", "failure"].contains(&one.as_str().unwrap_or(""))),
                ("context", Value::is_string),
                ("description", |one| one.as_str().unwrap_or("").chars().count() <= 140),
            ];
            if let Err(why) = request.has(&members) {
                return refuse(state, request, 422, &why);
            }
            state.statuses.push(request.body.clone());
            answer(201, json!({"id": 1}))
        }
        _ => refuse(state, request, 404, "Not Found"),
    }
}

fn is_hex(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|letter| letter.is_ascii_hexdigit())
}

fn is_sha(value: &Value) -> bool {
    value.as_str().is_some_and(is_hex)
}

fn is_comment(value: &Value) -> bool {
    value.as_str().is_some_and(|body| !body.is_empty() && body.chars().count() <= 65_536)
}

fn is_output(value: &Value) -> bool {
    let members: [Member; 3] = [
        ("title", |title| title.as_str().is_some_and(|title| !title.is_empty())),
        ("summary", |summary| summary.as_str().is_some_and(|text| text.len() <= 65_535)),
        ("annotations", |all| {
            all.as_array().is_some_and(|all| all.len() <= 50 && all.iter().all(is_annotation))
        }),
    ];
    check_members(value, &members).is_ok()
}

fn is_annotation(value: &Value) -> bool {
    let members: [Member; 6] = [
        ("path", |path| path.as_str().is_some_and(|path| !path.starts_with('/'))),
        ("start_line", |line| line.as_u64().is_some_and(|line| line > 0)),
        ("end_line", |line| line.as_u64().is_some_and(|line| line > 0)),
        ("annotation_level", |level| {
            ["notice", "warning", "failure"].contains(&level.as_str().unwrap_or(""))
        }),
        ("title", |title| title.as_str().is_some_and(|title| title.len() <= 255)),
        ("message", |text| text.as_str().is_some_and(|text| text.len() <= 65_536)),
    ];
    check_members(value, &members).is_ok()
}

fn gitlab(state: &mut State, request: &Request, _: &str) -> Response {
    if request.header("private-token") != Some(TOKEN) {
        return refuse(state, request, 401, "401 Unauthorized");
    }
    let notes = "/projects/acme%2Fshop/merge_requests/7/notes";
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/user") => answer(200, json!({"username": "belay-bot"})),
        ("GET", path) if path == notes => {
            for pair in request.query.split('&') {
                let name = pair.split('=').next().unwrap();
                if !["per_page", "page", "order_by", "sort"].contains(&name) {
                    return refuse(state, request, 400, &format!("{name} is invalid"));
                }
            }
            let page = request.page();
            let (rows, more) = paged(state, page);
            let rows: Vec<Value> = rows
                .into_iter()
                .map(|(id, author, body)| {
                    json!({"id": id, "author": {"username": author}, "body": body})
                })
                .collect();
            let next = if more { (page + 1).to_string() } else { String::new() };
            let headers = format!("x-next-page: {next}\r\n");
            Response { status: 200, headers, body: Value::Array(rows) }
        }
        ("POST", path) if path == notes => {
            if let Err(why) = request.has(&[("body", Value::is_string)]) {
                return refuse(state, request, 400, &why);
            }
            let id = 1000 + state.comments.len() as u64;
            let body = request.body["body"].as_str().unwrap().to_owned();
            state.comments.push((id, "belay-bot".to_owned(), body));
            answer(201, json!({"id": id}))
        }
        ("PUT", path) if path.strip_prefix(notes).is_some_and(|rest| rest.starts_with('/')) => {
            let id: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
            let text = request.body["body"].as_str().unwrap().to_owned();
            let found = state
                .comments
                .iter_mut()
                .find(|(known, author, _)| *known == id && author == "belay-bot");
            match found {
                Some(comment) => comment.2 = text,
                None => return refuse(state, request, 403, "403 Forbidden"),
            }
            answer(200, json!({"id": id}))
        }
        ("POST", path)
            if path.strip_prefix("/projects/acme%2Fshop/statuses/").is_some_and(is_hex) =>
        {
            let members: [Member; 3] = [
                ("state", |one| ["success", "failed"].contains(&one.as_str().unwrap_or(""))),
                ("name", Value::is_string),
                ("description", |one| one.as_str().unwrap_or("").chars().count() <= 255),
            ];
            if let Err(why) = request.has(&members) {
                return refuse(state, request, 400, &why);
            }
            let again =
                state.statuses.last().is_some_and(|last| last["state"] == request.body["state"]);
            if again {
                let why = "Cannot transition status via :run from :running";
                return answer(400, json!({"message": why}));
            }
            state.statuses.push(request.body.clone());
            answer(201, json!({"id": 1}))
        }
        _ => refuse(state, request, 404, "404 Not Found"),
    }
}
