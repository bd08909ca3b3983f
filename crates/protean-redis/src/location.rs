//! What a URI says: which server, as whom, and which certificates to trust.

use std::collections::BTreeMap;
use std::time::Duration;

use protean_port::port::BrokerLocation;
use redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use redis::{TlsCertificates, parse_redis_url};

use crate::server::{Limits, Server};

/// How long an answer, and how long connecting, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The form of a URI, for who has another.
const FORM: &str = "expected redis://user:password@host:6379/0, rediss:// for TLS, \
                    or redis+unix:///path/to/socket";

/// Files of a URI, by what the configuration calls them.
type Files = BTreeMap<&'static str, String>;

const AUTHORITY: &str = "ssl_ca_certs";
const CERTIFICATE: &str = "ssl_certfile";
const KEY: &str = "ssl_keyfile";

/// The server at a location. What is wrong with one is told without the URI: it may
/// hold a password.
pub(crate) fn server(location: &BrokerLocation) -> Result<Server, String> {
    let (info, files) = parts(location)?;
    let place = match info.addr() {
        ConnectionAddr::TcpTls { .. } => format!("rediss://{}", info.addr()),
        ConnectionAddr::Tcp(..) => format!("redis://{}", info.addr()),
        _ => format!("redis+unix://{}", info.addr()),
    };
    let limits = Limits {
        answering: location.socket_timeout.unwrap_or(PATIENCE),
        connecting: location.socket_connect_timeout.unwrap_or(PATIENCE),
        connections: location.max_connections.unwrap_or(u32::MAX),
    };
    Ok(Server::new(client(info, &files)?, place, &limits))
}

/// What is wrong with a location, without touching anything.
pub(crate) fn fault(location: &BrokerLocation) -> Option<String> {
    parts(location).err()
}

fn parts(location: &BrokerLocation) -> Result<(ConnectionInfo, Files), String> {
    let uri = location.uri.as_deref().unwrap_or_default();
    if uri.is_empty() {
        return Err("redis needs a server: set URI = \"redis://localhost:6379/0\"".into());
    }
    let url = parse_redis_url(uri).ok_or_else(|| format!("URI is of an unknown form; {FORM}"))?;
    if url.fragment().is_some() {
        return Err("URI ends in #…, which would trust any certificate; remove it, and name the \
                    authority with ?ssl_ca_certs=/path/to/ca.pem"
            .into());
    }
    let named = url.query_pairs().filter_map(|(name, path)| {
        let known = [AUTHORITY, CERTIFICATE, KEY].into_iter().find(|known| *known == name)?;
        Some((known, path.into_owned()))
    });
    let files: Files = named.collect();
    let info = url.into_connection_info().map_err(|_| format!("URI cannot be read; {FORM}"))?;
    if !files.is_empty() && !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        return Err("URI names certificates and no TLS; write rediss:// instead of redis://".into());
    }
    if files.contains_key(CERTIFICATE) != files.contains_key(KEY) {
        return Err(format!("URI needs {CERTIFICATE} and {KEY} together, or neither"));
    }
    Ok((info, files))
}

fn client(info: ConnectionInfo, files: &Files) -> Result<Client, String> {
    let unread = || "URI cannot be used; expected the name of a server".to_owned();
    if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        return Client::open(info).map_err(|_| unread());
    }
    // The first one to choose has chosen for the whole process, and any choice will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if files.is_empty() {
        return Client::open(info).map_err(|_| unread());
    }
    let client_tls = match (read(files, CERTIFICATE)?, read(files, KEY)?) {
        (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
        _ => None,
    };
    let certificates = TlsCertificates { client_tls, root_cert: read(files, AUTHORITY)? };
    Client::build_with_tls(info, certificates).map_err(|failed| {
        format!("the certificates that the URI names cannot be used ({failed}); expected PEM")
    })
}

fn read(files: &Files, name: &'static str) -> Result<Option<Vec<u8>>, String> {
    let Some(path) = files.get(name) else { return Ok(None) };
    let content = std::fs::read(path);
    content.map(Some).map_err(|failed| format!("{name} = {path} cannot be read: {failed}"))
}

#[cfg(test)]
mod tests {
    use protean_port::port::BrokerLocation;

    use super::{fault, server};

    fn at(uri: &str) -> BrokerLocation {
        BrokerLocation { uri: Some(uri.into()), ..BrokerLocation::default() }
    }

    #[test]
    fn reads_every_form_of_a_uri() {
        for (uri, place) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("redis://bob:canary@host:7000/3", "redis://host:7000"),
            ("rediss://:canary@host", "rediss://host:6379"),
            ("redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock"),
        ] {
            assert_eq!(server(&at(uri)).map(|server| server.place).as_deref(), Ok(place));
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_uri_and_never_shows_it() {
        for uri in [
            "",
            "localhost:6379",
            "amqp://bob:canary@host",
            "redis://bob:canary@host/first",
            "rediss://bob:canary@host#insecure",
            "redis://bob:canary@host?ssl_ca_certs=ca.pem",
            "rediss://bob:canary@host?ssl_certfile=cert.pem",
        ] {
            let fault = fault(&at(uri)).unwrap_or_else(|| panic!("{uri} is taken"));
            assert!(!fault.contains("canary"), "{fault}");
        }
    }
}
