//! The pages of one domain: from a request to its answer.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use protean_core::domain::{Domain, Operator};

use crate::access::{Access, Asked, Credential, Refusal};
use crate::feed::Feed;
use crate::pages;
use crate::query::{Query, cookie};
use crate::response::{self, Answer};
use crate::shared::Shared;
use crate::visit::{LOGIN, STREAM, Visit};

/// Where the pages are, unless [`Observatory::at`] says otherwise.
pub(crate) const BASE: &str = "/observatory";

/// A form has a few short fields.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// Pages that show a running domain to people. Cheap to clone; clones share their snapshots.
///
/// See the [crate](crate) docs for where to serve the pages and how access is controlled.
#[derive(Clone)]
pub struct Observatory {
    pub(crate) shared: Arc<Shared>,
}

impl Observatory {
    /// The pages of this domain, below `/observatory`. Its `[server.observatory]` says who may do
    /// what.
    pub fn of(domain: &Domain) -> Self {
        let settings = &domain.config().server.observatory;
        let tokens = settings.tokens.iter();
        let tokens = tokens.map(|(name, secret)| (name.as_str(), secret.reveal()));
        let shared = Shared {
            domain: domain.clone(),
            base: BASE.to_owned(),
            access: Access::new(&settings.hosts, tokens),
            feed: Arc::new(Feed::of(domain.clone())),
            cookie: cookie_name(domain.name()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The same pages below another path, such as `/internal/observatory`, for an application that
    /// serves them there. An empty path is the root.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        let path = path.trim_end_matches('/').to_owned();
        self.with(|shared| shared.base = path)
    }

    /// Admits another operator, in addition to those in the settings.
    #[must_use]
    pub fn with_token(self, name: &str, secret: &str) -> Self {
        self.with(|shared| shared.access.admit(name, secret))
    }

    /// True when an operator can log in: when there is a token.
    pub fn has_tokens(&self) -> bool {
        self.shared.access.has_tokens()
    }

    fn with(self, change: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.shared);
        change(&mut shared);
        Self { shared: Arc::new(shared) }
    }

    /// The answer to a request that came in at the address `at`, if that is known.
    pub(crate) async fn answer<B>(&self, request: Request<B>, at: Option<SocketAddr>) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let shared = &self.shared;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        // A router that nests the pages has taken the beginning away.
        let below = path.strip_prefix(&shared.base);
        let below = below.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let path = below.unwrap_or(path).trim_start_matches('/');
        if let Some(asset) = pages::asset(path) {
            return asset;
        }
        let asked = shared.asked(&parts, at);
        let visit = Visit {
            shared,
            path,
            query: Query::read(parts.uri.query().unwrap_or_default()),
            operator: asked.credential.as_ref().map(|known| known.operator().clone()),
            is_login_ours: !matches!(asked.credential, Some(Credential::Application(_))),
        };
        match parts.method {
            Method::GET | Method::HEAD => shared.read(&asked, &visit).await,
            Method::POST => {
                let Ok(form) = Limited::new(body, MAX_FORM_BYTES).collect().await else {
                    return response::text(StatusCode::BAD_REQUEST, "Cannot read the form.");
                };
                let form = Query::read(&String::from_utf8_lossy(&form.to_bytes()));
                shared.change(&asked, &visit, &form).await
            }
            _ => response::text(
                StatusCode::METHOD_NOT_ALLOWED,
                "Only GET, HEAD and POST are supported.",
            ),
        }
    }
}

impl Shared {
    fn asked<'a>(&self, parts: &'a Parts, at: Option<SocketAddr>) -> Asked<'a> {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        // In HTTP/2 the host is part of the address.
        let host = header(HOST).or_else(|| parts.uri.authority().map(|host| host.as_str()));
        Asked {
            host,
            origin: header(ORIGIN),
            at_loopback: at.is_some_and(|at| at.ip().is_loopback()),
            credential: self.credential(
                parts.extensions.get(),
                header(AUTHORIZATION),
                header(COOKIE),
            ),
        }
    }

    fn credential(
        &self,
        application: Option<&Operator>,
        authorization: Option<&str>,
        cookies: Option<&str>,
    ) -> Option<Credential> {
        if let Some(operator) = application {
            return Some(Credential::Application(operator.clone()));
        }
        if let Some(secret) = authorization.and_then(|text| text.strip_prefix("Bearer ")) {
            return self.access.log_in(secret).map(|(operator, _)| Credential::Bearer(operator));
        }
        let session = cookie(cookies?, &self.cookie)?;
        self.access.session(session).map(Credential::Session)
    }

    async fn read(&self, asked: &Asked<'_>, visit: &Visit<'_>) -> Answer {
        match self.access.may_read(asked) {
            Ok(()) => pages::read(visit).await,
            Err(Refusal::NoToken) if visit.path == LOGIN => pages::login(visit),
            Err(Refusal::NoToken) if visit.path != STREAM => {
                response::see_other(&visit.login_address())
            }
            Err(refusal) => pages::refused(visit, refusal),
        }
    }

    async fn change(&self, asked: &Asked<'_>, visit: &Visit<'_>, form: &Query) -> Answer {
        if visit.path == LOGIN {
            // A visitor who logs in has no token yet; the other checks still apply.
            let unknown = self.access.may_change(&Asked { credential: None, ..asked.clone() });
            return match unknown {
                Err(Refusal::NoToken) => pages::log_in(visit, asked, form),
                Ok(_) => pages::refused(visit, Refusal::NoToken),
                Err(refusal) => pages::refused(visit, refusal),
            };
        }
        match self.access.may_change(asked) {
            Ok(operator) => pages::change(visit, form, &operator).await,
            Err(refusal) => pages::refused(visit, refusal),
        }
    }
}

/// Letters of a cookie's name that every browser takes.
fn cookie_name(domain: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    format!("protean_observatory_{}", domain.chars().map(letter).collect::<String>())
}
