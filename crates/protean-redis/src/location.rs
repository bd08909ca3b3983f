//! Reads a URI: the server, the credentials, and the certificates to trust.

use std::collections::BTreeMap;
use std::time::Duration;

use protean_port::port::BrokerLocation;
use redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use redis::{TlsCertificates, parse_redis_url};

use crate::server::{Limits, Server};

/// For answers and for connecting, each.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The end of every message about a malformed URI.
const EXPECTED_FORM: &str = "expected redis://user:password@host:6379/0, rediss:// for TLS, \
                    or redis+unix:///path/to/socket";

/// The certificate files that a URI names, by parameter.
type Files = BTreeMap<&'static str, String>;

const AUTHORITY_PARAMETER: &str = "ssl_ca_certs";
const CERTIFICATE_PARAMETER: &str = "ssl_certfile";
const KEY_PARAMETER: &str = "ssl_keyfile";

/// The server at a location. Error messages leave the URI out, since it may hold a password.
pub(crate) fn server(location: &BrokerLocation) -> Result<Server, String> {
    let (info, files) = parts(location)?;
    let address = match info.addr() {
        ConnectionAddr::TcpTls { .. } => format!("rediss://{}", info.addr()),
        ConnectionAddr::Tcp(..) => format!("redis://{}", info.addr()),
        _ => format!("redis+unix://{}", info.addr()),
    };
    let limits = Limits {
        response_timeout: location.socket_timeout.unwrap_or(DEFAULT_TIMEOUT),
        connect_timeout: location.socket_connect_timeout.unwrap_or(DEFAULT_TIMEOUT),
        max_connections: location.max_connections.unwrap_or(u32::MAX),
    };
    Ok(Server::new(client(info, &files)?, address, &limits))
}

/// What is wrong with a location, found without connecting.
pub(crate) fn fault(location: &BrokerLocation) -> Option<String> {
    parts(location).err()
}

fn parts(location: &BrokerLocation) -> Result<(ConnectionInfo, Files), String> {
    let uri = location.uri.as_deref().unwrap_or_default();
    if uri.is_empty() {
        return Err("the redis provider needs a URI: set URI = \"redis://localhost:6379/0\"".into());
    }
    let url =
        parse_redis_url(uri).ok_or_else(|| format!("the URI is malformed; {EXPECTED_FORM}"))?;
    if url.fragment().is_some() {
        return Err(
            "the URI ends in #…, which turns certificate checks off; remove it, and name the \
                    authority's file with ?ssl_ca_certs=/path/to/ca.pem"
                .into(),
        );
    }
    let parameters = [AUTHORITY_PARAMETER, CERTIFICATE_PARAMETER, KEY_PARAMETER];
    let files: Files = url
        .query_pairs()
        .filter_map(|(name, path)| {
            let parameter = parameters.into_iter().find(|parameter| *parameter == name)?;
            Some((parameter, path.into_owned()))
        })
        .collect();
    let info =
        url.into_connection_info().map_err(|_| format!("the URI is malformed; {EXPECTED_FORM}"))?;
    if !files.is_empty() && !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        return Err(
            "the URI names certificates but does not use TLS; use rediss:// instead of redis://"
                .into(),
        );
    }
    if files.contains_key(CERTIFICATE_PARAMETER) != files.contains_key(KEY_PARAMETER) {
        return Err(format!(
            "the URI has only one of {CERTIFICATE_PARAMETER} and {KEY_PARAMETER}; give both, \
             or neither"
        ));
    }
    Ok((info, files))
}

fn client(info: ConnectionInfo, files: &Files) -> Result<Client, String> {
    let unusable = || "the URI cannot be used; give it the host name of a server".to_owned();
    if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        return Client::open(info).map_err(|_| unusable());
    }
    // Fails when the process has chosen a provider already, and any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if files.is_empty() {
        return Client::open(info).map_err(|_| unusable());
    }
    let client_tls = match (read(files, CERTIFICATE_PARAMETER)?, read(files, KEY_PARAMETER)?) {
        (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
        _ => None,
    };
    let certificates = TlsCertificates { client_tls, root_cert: read(files, AUTHORITY_PARAMETER)? };
    Client::build_with_tls(info, certificates).map_err(|failed| {
        format!("the certificates in the URI cannot be used ({failed}); give files in PEM format")
    })
}

fn read(files: &Files, parameter: &'static str) -> Result<Option<Vec<u8>>, String> {
    let Some(path) = files.get(parameter) else { return Ok(None) };
    let content = std::fs::read(path);
    content.map(Some).map_err(|failed| format!("{parameter} = {path} cannot be read: {failed}"))
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
        for (uri, address) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("redis://bob:canary@host:7000/3", "redis://host:7000"),
            ("rediss://:canary@host", "rediss://host:6379"),
            ("redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock"),
        ] {
            assert_eq!(server(&at(uri)).map(|server| server.address).as_deref(), Ok(address));
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_uri_without_showing_it() {
        for uri in [
            "",
            "localhost:6379",
            "amqp://bob:canary@host",
            "redis://bob:canary@host/first",
            "rediss://bob:canary@host#insecure",
            "redis://bob:canary@host?ssl_ca_certs=ca.pem",
            "rediss://bob:canary@host?ssl_certfile=cert.pem",
        ] {
            let fault = fault(&at(uri)).unwrap_or_else(|| panic!("{uri} is accepted"));
            assert!(!fault.contains("canary"), "{fault}");
        }
    }
}
