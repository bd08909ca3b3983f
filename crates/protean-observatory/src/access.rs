//! Decides which requests may read and which may make changes. Pure: it looks only at the request.
//!
//! ```text
//!              on a loopback address           elsewhere
//! read         nothing                         a token
//! change       a token, and an Origin that is this very page
//! ```
//!
//! * Before both, the Host must be a name of this page: a foreign site whose name leads to the
//!   loopback (DNS rebinding) reads nothing.
//! * A session is a cookie made from the token's secret; a script sends the secret itself, as
//!   `Authorization: Bearer …`, and needs no Origin, since no browser sends that by itself.
//! * An application that serves the pages behind its own login names the user itself.

use std::net::IpAddr;

use hyper::StatusCode;
use protean_core::domain::Operator;
use sha2::{Digest, Sha256};

/// Separates the purposes of the hashes, so that one can never be used as another.
const SESSION: &str = "protean observatory session";
const CHECK: &str = "protean observatory check";

/// The hosts and tokens that decide what a request may do.
#[derive(Clone, Default)]
pub(crate) struct Access {
    hosts: Vec<String>,
    tokens: Vec<Token>,
}

/// An operator, and the hashes that identify them. The secret itself is not kept.
#[derive(Clone)]
struct Token {
    operator: Operator,
    /// What the session's cookie holds.
    session: String,
    /// The hash of that: comparing hashes leaks nothing about the session through timing.
    check: String,
}

/// What a request says about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The header `Host`.
    pub(crate) host: Option<&'a str>,
    /// The header `Origin`.
    pub(crate) origin: Option<&'a str>,
    /// True when the request arrived at a loopback address.
    pub(crate) at_loopback: bool,
    /// The requester's credential, if there is one.
    pub(crate) credential: Option<Credential>,
}

/// The operator behind a request, and how the operator was identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// By the cookie, which the browser sends.
    Session(Operator),
    /// By the secret, which a program sends.
    Bearer(Operator),
    /// The application around the pages says so.
    Application(Operator),
}

impl Credential {
    pub(crate) fn operator(&self) -> &Operator {
        let (Self::Session(operator) | Self::Bearer(operator) | Self::Application(operator)) = self;
        operator
    }
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request has no Host header.
    NoHost,
    /// The Host header is not a known name of this server.
    ForeignHost,
    /// The Origin header is missing or names another site.
    ForeignOrigin,
    /// A token is needed.
    NoToken,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NoHost => StatusCode::BAD_REQUEST,
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NoToken => StatusCode::UNAUTHORIZED,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::NoHost => "The request has no valid Host header.",
            Self::ForeignHost => {
                "Unknown host name. To allow it, add it to hosts in [server.observatory]."
            }
            Self::ForeignOrigin => "The request does not come from this page, so nothing was done.",
            Self::NoToken => "Log in with an operator's token.",
        }
    }
}

impl Access {
    /// Accepts these host names, and admits these operators, each with a secret.
    pub(crate) fn new<'a>(
        hosts: &[String],
        tokens: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut access = Self { hosts: hosts.to_vec(), tokens: Vec::new() };
        tokens.into_iter().for_each(|(name, secret)| access.admit(name, secret));
        access
    }

    /// Admits another operator.
    pub(crate) fn admit(&mut self, name: &str, secret: &str) {
        let session = hash(SESSION, secret);
        let check = hash(CHECK, &session);
        self.tokens.push(Token { operator: Operator::named(name), session, check });
    }

    /// True when at least one operator can log in.
    pub(crate) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// The operator with this secret, and the session that stands for it.
    pub(crate) fn log_in(&self, secret: &str) -> Option<(Operator, String)> {
        let token = self.token(&hash(SESSION, secret))?;
        Some((token.operator.clone(), token.session.clone()))
    }

    /// The operator of a session.
    pub(crate) fn session(&self, session: &str) -> Option<Operator> {
        Some(self.token(session)?.operator.clone())
    }

    fn token(&self, session: &str) -> Option<&Token> {
        let check = hash(CHECK, session);
        self.tokens.iter().find(|token| token.check == check)
    }

    /// Checks whether a request may read.
    ///
    /// # Errors
    /// When it may not, with the reason.
    pub(crate) fn may_read(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        if let Some(Credential::Application(_)) = asked.credential {
            return Ok(());
        }
        let host = asked.host.and_then(host_name).ok_or(Refusal::NoHost)?;
        let is_loopback = is_loopback(&host);
        if !is_loopback && !self.is_known(&host) {
            return Err(Refusal::ForeignHost);
        }
        match asked.credential {
            Some(_) => Ok(()),
            None if asked.at_loopback && is_loopback => Ok(()),
            None => Err(Refusal::NoToken),
        }
    }

    /// Checks whether a request may make a change, and returns the operator who makes it.
    ///
    /// # Errors
    /// When it may not, with the reason.
    pub(crate) fn may_change(&self, asked: &Asked<'_>) -> Result<Operator, Refusal> {
        let read = self.may_read(asked);
        if let Err(refusal @ (Refusal::NoHost | Refusal::ForeignHost)) = read {
            return Err(refusal);
        }
        let is_program = matches!(asked.credential, Some(Credential::Bearer(_)));
        if !(is_own_origin(asked) || (is_program && asked.origin.is_none())) {
            return Err(Refusal::ForeignOrigin);
        }
        let credential = asked.credential.as_ref().ok_or(Refusal::NoToken)?;
        Ok(credential.operator().clone())
    }

    /// True for the name of a host that nobody else can have given to this machine: an address, or
    /// one of the settings.
    fn is_known(&self, host: &str) -> bool {
        host.parse::<IpAddr>().is_ok()
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// True when the request comes from a page of this very host.
pub(crate) fn is_own_origin(asked: &Asked<'_>) -> bool {
    let (Some(host), Some(origin)) = (asked.host, asked.origin) else { return false };
    let of = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    of.is_some_and(|of| of.eq_ignore_ascii_case(host))
}

/// The name in `name:port`, without the brackets of an address.
fn host_name(host: &str) -> Option<String> {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    (!name.is_empty()).then(|| name.trim_end_matches('.').to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn hash(purpose: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(purpose.as_bytes());
    hash.update([0]);
    hash.update(text.as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
