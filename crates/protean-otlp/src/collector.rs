//! The connection to the collector: OTLP over HTTP, and the log lines when it does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tracing::{info, warn};

/// How long a collector may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Sends requests to a collector. What it does not take is dropped, which is logged once, until it
/// takes something again.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    /// Where requests run: spans are exported by a thread of the SDK.
    runtime: Handle,
    is_silent: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let address = address(request.uri());
        let sending = async { tokio::time::timeout(ANSWER_TIMEOUT, send(request)).await };
        let answered = match self.runtime.spawn(sending).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(format!("no answer within {ANSWER_TIMEOUT:?}").into()),
            // The program ends.
            Err(ended) => return Err(ended.into()),
        };
        self.note(&address, &answered);
        answered
    }
}

impl Collector {
    /// One whose requests run here.
    pub(crate) fn here() -> Self {
        Self { runtime: Handle::current(), is_silent: Arc::default() }
    }

    /// Logs that what is exported is lost, or that it arrives again.
    fn note(&self, collector: &str, answered: &Result<Response<Bytes>, HttpError>) {
        let why = match answered {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let was_silent = self.is_silent.swap(why.is_some(), Ordering::Relaxed);
        match why {
            Some(error) if !was_silent => warn!(
                %collector, error,
                "the collector does not take telemetry; spans and metrics are dropped until it does; \
                 check telemetry.endpoint"
            ),
            None if was_silent => info!(%collector, "the collector takes telemetry again"),
            _ => {}
        }
    }
}

/// The host and the port, without what may be secret.
fn address(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port(uri))
}

fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if is_encrypted(uri) { 443 } else { 80 })
}

fn is_encrypted(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let uri = request.uri();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let stream = TcpStream::connect((host.as_str(), port(uri))).await?;
    if !is_encrypted(uri) {
        return exchange(stream, request).await;
    }
    let stream = encrypted()?.connect(ServerName::try_from(host)?, stream).await?;
    exchange(stream, request).await
}

fn encrypted() -> Result<TlsConnector, HttpError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

/// One request on a connection of its own.
async fn exchange<S>(stream: S, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender.
    tokio::spawn(connection);
    let answer = sender.send_request(of_origin(request)?).await?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}

/// The request in the form for the server itself, with user and password in a header.
fn of_origin(request: Request<Bytes>) -> Result<Request<Full<Bytes>>, HttpError> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map(ToString::to_string).unwrap_or_default();
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = percent_decode_str(user).collect::<Vec<u8>>();
            let basic = format!("Basic {}", BASE64_STANDARD.encode(user));
            let mut basic = HeaderValue::try_from(basic)?;
            basic.set_sensitive(true);
            head.headers.insert(AUTHORIZATION, basic);
            host
        }
        None => &authority,
    };
    head.headers.insert(HOST, HeaderValue::try_from(host)?);
    head.uri = head.uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    Ok(Request::from_parts(head, Full::new(body)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::Request;

    use super::{address, of_origin};

    #[test]
    fn a_password_is_in_a_header_and_in_no_message() {
        let uri = "http://ada:p%40ss@collector:4318/v1/traces";
        let request = Request::post(uri).body(Bytes::new()).unwrap();
        assert_eq!(address(request.uri()), "collector:4318");
        let request = of_origin(request).unwrap();
        assert_eq!(request.uri(), "/v1/traces");
        assert_eq!(request.headers()["host"], "collector:4318");
        // ada:p@ss
        assert_eq!(request.headers()["authorization"], "Basic YWRhOnBAc3M=");
        assert!(!format!("{request:?}").contains("YWRh"));
    }
}
