//! Encrypted connections: when they are used, and which certificates they accept.
//!
//! ```text
//! no sslmode, disable, allow, prefer  ─▶ plain text
//! require, verify-ca, verify-full     ─▶ TLS, or no connection: the certificate must be
//!                                        signed by an authority and name the host
//! ```
//! A connection is never less secure than requested. `require` verifies more than it does
//! elsewhere, because encryption for an unknown peer protects nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use percent_encoding::percent_decode_str;
use protean_port::port::BoxFuture;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

/// The parameter of a URI that names the file of the authority.
const AUTHORITY_KEY: &str = "sslrootcert";

/// What a URI requests.
#[derive(Default)]
pub(crate) struct TlsRequest {
    pub(crate) is_encrypted: bool,
    authority: Option<String>,
}

impl TlsRequest {
    /// Takes the parameters of TLS out of a URI and returns the rest.
    pub(crate) fn split(uri: &str) -> Result<(Self, String), String> {
        // A password may contain any character but this one.
        let host = uri.find('@').unwrap_or(0);
        let Some(query) = uri[host..].find('?').map(|at| host + at) else {
            return Ok((Self::default(), uri.to_owned()));
        };
        let (mut wanted, mut rest) = (Self::default(), Vec::new());
        for parameter in uri[query + 1..].split('&') {
            match parameter.split_once('=') {
                Some(("sslmode", "disable" | "allow" | "prefer")) => wanted.is_encrypted = false,
                Some(("sslmode", "require" | "verify-ca" | "verify-full")) => {
                    wanted.is_encrypted = true;
                }
                Some(("sslmode", _)) => {
                    return Err("sslmode in database_uri is unknown; write verify-full for an \
                                encrypted connection, or disable"
                        .into());
                }
                Some((AUTHORITY_KEY, path)) => {
                    let path = percent_decode_str(path).decode_utf8_lossy();
                    wanted.authority = Some(path.into_owned());
                }
                _ => rest.push(parameter),
            }
        }
        if wanted.authority.is_some() && !wanted.is_encrypted {
            return Err(format!(
                "database_uri has {AUTHORITY_KEY} but does not request TLS; add sslmode=verify-full"
            ));
        }
        let rest = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        Ok((wanted, format!("{}{rest}", &uri[..query])))
    }

    /// Reads the certificates of the authorities to trust.
    pub(crate) fn trust(&self) -> Result<Tls, String> {
        if !self.is_encrypted {
            return Ok(Tls(None));
        }
        let mut roots = RootCertStore::empty();
        match self.authority.as_deref().filter(|path| *path != "system") {
            Some(path) => {
                let file = format!("the file '{path}', {AUTHORITY_KEY} in database_uri,");
                let content = std::fs::read(path)
                    .map_err(|error| format!("{file} cannot be read: {error}"))?;
                for found in CertificateDer::pem_slice_iter(&content) {
                    let certificate = found.map_err(|error| {
                        format!("{file} is not in PEM format: {error}; convert it to PEM")
                    })?;
                    roots.add(certificate).map_err(|error| {
                        format!("{file} has an unusable certificate: {error}; replace it")
                    })?;
                }
                if roots.is_empty() {
                    return Err(format!(
                        "{file} has no certificate; give it the authority's in PEM format"
                    ));
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS is not available in this program: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Tls(Some(Arc::new(config))))
    }
}

/// Encrypts connections, if requested.
#[derive(Clone)]
pub(crate) struct Tls(Option<Arc<ClientConfig>>);

/// Encrypts one connection to a host.
pub(crate) struct Encrypting(Tls, String);

/// An encrypted connection.
pub(crate) struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Encrypting;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Encrypting> {
        Ok(Encrypting(self.clone(), host.to_owned()))
    }
}

impl TlsConnect<Socket> for Encrypting {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Encrypted>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let Self(Tls(config), host) = self;
            let config = config.ok_or_else(|| io::Error::other("TLS was not requested"))?;
            let name = ServerName::try_from(host).map_err(io::Error::other)?;
            TlsConnector::from(config).connect(name, socket).await.map(Encrypted)
        })
    }
}

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// What a failed handshake means, if waiting does not help.
pub(crate) fn advice(why: &str) -> Option<&'static str> {
    let known = [
        (
            "does not support TLS",
            "does not speak TLS; turn it on there (ssl = on), or write sslmode=disable in \
             database_uri",
        ),
        (
            "no hostname provided",
            "is on a local socket, which has no TLS; write sslmode=disable in \
             database_uri",
        ),
        (
            "UnknownIssuer",
            "has a certificate of an unknown authority; name the authority's file in \
             database_uri: sslrootcert=/path/to/ca.pem",
        ),
        ("certificate expired", "has an expired certificate; renew it"),
        (
            "not valid for",
            "has a certificate for another host; use the host name of the certificate in \
             database_uri",
        ),
        ("peer certificate", "has a certificate that is not valid; renew it"),
        (
            "CertificateRequired",
            "requires a client certificate, which is not supported; let it ask for a password",
        ),
    ];
    known.into_iter().find(|(word, _)| why.contains(word)).map(|(_, advice)| advice)
}
