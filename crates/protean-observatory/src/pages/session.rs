//! Logging in and out.

use hyper::StatusCode;
use hyper::header::{HeaderValue, SET_COOKIE};
use maud::{Markup, html};
use tracing::{info, warn};

use super::layout;
use crate::access::Asked;
use crate::query::Query;
use crate::response::{self, Answer};
use crate::visit::{LOGIN, Visit};

/// The form that asks for a token.
pub(crate) fn login(visit: &Visit<'_>) -> Answer {
    response::page(StatusCode::OK, layout::page(visit, "Log in", form(visit, None)))
}

/// Begins a session for the operator with the secret of the form.
pub(crate) fn log_in(visit: &Visit<'_>, asked: &Asked<'_>, form_data: &Query) -> Answer {
    let secret = form_data.get("token").unwrap_or_default();
    let Some((operator, session)) = visit.shared.access.log_in(secret) else {
        warn!("observatory: login attempt with an unknown token");
        let page = layout::page(visit, "Log in", form(visit, Some("Unknown token.")));
        return response::page(StatusCode::UNAUTHORIZED, page);
    };
    info!(operator = operator.name(), "observatory: operator logged in");
    let is_encrypted = asked.origin.is_some_and(|origin| origin.starts_with("https://"));
    let mut answer = response::see_other(&next(visit, form_data));
    set_cookie(&mut answer, visit, &session, if is_encrypted { "; Secure" } else { "" });
    answer
}

/// Ends the session.
pub(crate) fn log_out(visit: &Visit<'_>) -> Answer {
    let mut answer = response::see_other(&visit.address("lanes"));
    set_cookie(&mut answer, visit, "", "; Max-Age=0");
    answer
}

fn set_cookie(answer: &mut Answer, visit: &Visit<'_>, value: &str, more: &str) {
    let (name, base) = (&visit.shared.cookie, &visit.shared.base);
    let path = if base.is_empty() { "/" } else { base };
    let cookie = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Strict{more}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
}

/// The page to continue with: always one of this site's own pages.
fn next(visit: &Visit<'_>, form: &Query) -> String {
    let wanted = form.get("next").unwrap_or_default();
    let is_ours = wanted.chars().all(|letter| letter.is_ascii_lowercase() || "-/".contains(letter))
        && !wanted.contains("//")
        && !wanted.starts_with('/');
    visit.address(if is_ours && !wanted.is_empty() { wanted } else { "lanes" })
}

fn form(visit: &Visit<'_>, fault: Option<&str>) -> Markup {
    let next = visit.query.get("next").unwrap_or_default();
    html! {
        @if visit.shared.access.has_tokens() {
            form.login method="post" action=(visit.address(LOGIN)) data-action="login" {
                @if let Some(fault) = fault { p.notice role="alert" data-fault { (fault) } }
                input type="hidden" name="next" value=(next);
                label for="token" { "Operator token" }
                input #token type="password" name="token" required autocomplete="current-password"
                    autofocus;
                button type="submit" { "Log in" }
            }
            p.hint {
                "On the loopback address, reading needs no token; making changes always does."
            }
        } @else {
            p.notice data-no-tokens {
                "No operator has a token. To set one, add a " code { "secret" } " to "
                code { "[server.observatory.tokens.NAME]" } " in the settings."
            }
        }
    }
}
