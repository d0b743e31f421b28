//! `POST /v1/traces`, as the OTLP specification says: what is answered with 200 is on the disk; 429 and
//! 503 ask to try again, everything else is not worth another try.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use belay_model::record::SpanBatch;
use belay_model::{Clock, Redactor};
use belay_otlp::wire::{
    Encoding, ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    RpcStatus,
};
use belay_outside::Stop;
use belay_store::Memory;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::ingest::{Ingest, Tally};
use crate::{Door, ServerError};

/// The longest body on the wire.
const BODY: usize = 16 << 20;

/// The longest body after gunzip.
const INFLATED: u64 = 64 << 20;

/// Requests between their first byte and their answer. More are told to come back.
const AT_ONCE: usize = 32;

/// A body that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long open connections may take after the stop.
const GRACE: Duration = Duration::from_secs(10);

/// What the receiver works with.
pub struct Receiver {
    pub memory: Memory,
    pub redactor: Redactor,
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Receiver").finish_non_exhaustive()
    }
}

struct Shared {
    door: Door,
    ingest: Ingest,
    redactor: Redactor,
    clock: Arc<dyn Clock>,
    room: Semaphore,
}

/// Takes the address. Port 0 takes a free one.
pub async fn bind(mut door: Door) -> Result<(Door, TcpListener), ServerError> {
    let address = door.address;
    let failed = |source| ServerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    door.address = listener.local_addr().map_err(failed)?;
    Ok((door, listener))
}

impl Receiver {
    /// Receives until `stop` is asked. Then what has begun is finished, and what was answered is on the
    /// disk.
    pub async fn serve(
        self,
        door: Door,
        listener: TcpListener,
        stop: Stop,
    ) -> Result<Tally, ServerError> {
        let (ingest, mut writer) = Ingest::start(self.memory);
        let shared = Arc::new(Shared {
            door,
            ingest,
            redactor: self.redactor,
            clock: self.clock,
            room: Semaphore::new(AT_ONCE),
        });
        let app = Router::new().route("/v1/traces", post(traces)).with_state(shared);
        let asked = stop.clone();
        let served =
            axum::serve(listener, app).with_graceful_shutdown(async move { asked.asked().await });
        let late = async {
            stop.asked().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = served => served.map_err(|source| ServerError::Serve { source })?,
            () = late => (),
        }
        // A connection that never ends must not keep the writer for ever.
        let written = tokio::time::timeout(GRACE, &mut writer).await;
        Ok(written.ok().and_then(Result::ok).unwrap_or_default())
    }
}

async fn traces(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    let encoding = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(Encoding::of);
    let refuse = |refusal: Refusal| refusal.answer(encoding.unwrap_or(Encoding::Json));
    if let Err((status, reason)) = shared.door.check(&headers) {
        return refuse(Refusal { status, reason: reason.to_owned() });
    }
    let Some(encoding) = encoding else {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let reason =
            "the content type must be application/x-protobuf or application/json".to_owned();
        return refuse(Refusal { status, reason });
    };
    let Ok(_room) = shared.room.try_acquire() else {
        let status = StatusCode::TOO_MANY_REQUESTS;
        return refuse(Refusal { status, reason: "too many requests at once".to_owned() });
    };
    match keep(&shared, encoding, &headers, body).await {
        Ok(response) => answer(StatusCode::OK, encoding, encoding.encode(&response)),
        Err(refusal) => refuse(refusal),
    }
}

async fn keep(
    shared: &Shared,
    encoding: Encoding,
    headers: &HeaderMap,
    body: Body,
) -> Result<ExportTraceServiceResponse, Refusal> {
    let request = read(encoding, headers, body).await?;
    let received = belay_otlp::receive(request, &shared.redactor, shared.clock.now());
    if !received.spans.is_empty() {
        let batch = SpanBatch::new(received.spans, shared.clock.now());
        let kept = shared.ingest.keep(batch).await;
        let lost = || Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            reason: "the spans could not be kept".to_owned(),
        };
        kept.ok_or_else(lost)?;
    }
    let partial = (received.rejected > 0).then(|| ExportTracePartialSuccess {
        rejected_spans: received.rejected,
        error_message: "spans without a valid trace id and span id were rejected".to_owned(),
    });
    Ok(ExportTraceServiceResponse { partial_success: partial })
}

/// The request behind a body. Its size is bounded before and after gunzip.
async fn read(
    encoding: Encoding,
    headers: &HeaderMap,
    body: Body,
) -> Result<ExportTraceServiceRequest, Refusal> {
    let refusal = |status, reason: &str| Refusal { status, reason: reason.to_owned() };
    let too_large = || refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| length > BODY) {
        return Err(too_large());
    }
    let bytes = tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, BODY)).await;
    let bytes = bytes
        .map_err(|_| refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long"))?
        .map_err(|_| too_large())?;
    let coding = headers.get(header::CONTENT_ENCODING).map(header::HeaderValue::as_bytes);
    let inflated = match coding {
        None | Some(b"identity") => None,
        Some(b"gzip") => {
            let mut inflated = Vec::new();
            let mut source = flate2::read::MultiGzDecoder::new(bytes.as_ref()).take(INFLATED + 1);
            let read = source.read_to_end(&mut inflated);
            read.map_err(|_| refusal(StatusCode::BAD_REQUEST, "the body is not gzip"))?;
            if u64::try_from(inflated.len()).is_ok_and(|length| length > INFLATED) {
                return Err(too_large());
            }
            Some(inflated)
        }
        Some(_) => {
            let reason = "the content encoding must be gzip or identity";
            return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
        }
    };
    let bytes = inflated.as_deref().unwrap_or(&bytes);
    encoding.decode(bytes).map_err(|error| refusal(StatusCode::BAD_REQUEST, &error.to_string()))
}

/// No success, and why. The reason never repeats what was sent.
struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    fn answer(self, encoding: Encoding) -> Response {
        let code = match self.status {
            StatusCode::UNAUTHORIZED => 16,
            StatusCode::FORBIDDEN => 7,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE => 8,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            _ => 3,
        };
        let body = encoding.encode(&RpcStatus { code, message: self.reason });
        let mut response = answer(self.status, encoding, body);
        let retry = match self.status {
            StatusCode::TOO_MANY_REQUESTS => Some("1"),
            StatusCode::SERVICE_UNAVAILABLE => Some("5"),
            _ => None,
        };
        if let Some(seconds) = retry {
            let seconds = header::HeaderValue::from_static(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

fn answer(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, encoding.media_type())], body).into_response()
}
