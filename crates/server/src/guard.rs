//! Who may send: programs, not web pages; on this machine, or with a token.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode, header};
use belay_model::Digest;

use crate::ServerError;

const SHORTEST_TOKEN: usize = 16;

/// The conditions of one address.
#[derive(Clone)]
pub struct Door {
    pub address: SocketAddr,
    /// Digests are compared, so that the time it takes says nothing of the token.
    token: Option<Digest>,
}

impl fmt::Debug for Door {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Door").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Door {
    /// An address beyond this machine needs both a token and the word that it is meant.
    pub fn new(
        address: SocketAddr,
        allow_remote: bool,
        token: Option<&str>,
    ) -> Result<Self, ServerError> {
        if let Some(token) = token.filter(|token| token.len() < SHORTEST_TOKEN) {
            return Err(ServerError::ShortToken { length: token.len() });
        }
        if !(address.ip().is_loopback() || allow_remote && token.is_some()) {
            return Err(ServerError::Remote { address });
        }
        Ok(Self { address, token: token.map(Digest::of) })
    }

    /// The status and the reason of a refusal.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        // Only browsers send it: no web page has business here.
        if headers.contains_key(header::ORIGIN) {
            return Err((StatusCode::FORBIDDEN, "requests of web pages are refused"));
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        // A name that somebody else's DNS lets point here is not ours.
        if self.address.ip().is_loopback() && !host.is_some_and(is_loopback) {
            return Err((StatusCode::FORBIDDEN, "the Host header names another machine"));
        }
        let Some(token) = self.token else { return Ok(()) };
        let said = headers.get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        let said = said.and_then(|said| match said.split_at_checked(7) {
            Some((scheme, said)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(said),
            _ => None,
        });
        if said.map(Digest::of) == Some(token) {
            Ok(())
        } else {
            Err((StatusCode::UNAUTHORIZED, "a bearer token is needed, and this is not it"))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
