//! What Redis reports, told for a person: which server, and what to do.

use std::error::Error as StdError;
use std::time::Duration;

use protean_port::Error;
use redis::{RedisError, ServerError};

/// What passes by itself, by a word of the report.
const PASSING: &[(&str, &str)] = &[
    ("LOADING", "is loading its data; it answers once that is done"),
    ("READONLY", "is a replica and cannot be written; let the URI name the primary"),
    ("MASTERDOWN", "is a replica without its primary; start the primary"),
    ("OOM", "is full; raise maxmemory, or wait until consumers have drained it"),
    ("MISCONF", "cannot write to its disk; free some space, its log says where"),
    ("NOREPLICAS", "has too few replicas to take writes; start them"),
    ("BUSY", "is busy with somebody's script; wait, or end it with SCRIPT KILL"),
];

/// What somebody has to change, by a word of the report.
const LASTING: &[(&str, &str)] = &[
    ("WRONGPASS", "refuses the user name or the password; put the right ones into the URI"),
    (
        "AuthenticationFailed",
        "refuses the user name or the password; put the right ones into the URI",
    ),
    ("NOAUTH", "asks for a password; put it into the URI: redis://user:password@host:port/0"),
    ("without any password configured", "has no password; take it out of the URI"),
    ("WRONGTYPE", "has something else where a stream belongs; rename or remove that key"),
    ("DB index", "has no database of that number; end the URI with another, such as /0"),
    (
        "UnknownIssuer",
        "shows a certificate of an unknown authority; add the file of that \
      authority to the URI: ?ssl_ca_certs=/path/to/ca.pem",
    ),
    ("certificate expired", "shows a certificate that has expired; renew it"),
    ("Expired", "shows a certificate that has expired; renew it"),
    (
        "not valid for",
        "shows a certificate for another host; name the host in the URI as the \
      certificate does",
    ),
    (
        "NotValidFor",
        "shows a certificate for another host; name the host in the URI as the \
      certificate does",
    ),
    ("invalid peer certificate", "shows a certificate that cannot be trusted"),
    (
        "CertificateRequired",
        "asks for a certificate of ours; add it to the URI: \
      ?ssl_certfile=/path/to/cert.pem&ssl_keyfile=/path/to/key.pem",
    ),
    (
        "InvalidContentType",
        "does not speak TLS; write redis:// instead of rediss://, or turn TLS \
      on there",
    ),
];

/// What Redis says when a stream or a group is missing.
const MISSING: &[&str] = &["NOGROUP", "UNBLOCKED", "no such key", "requires the key to exist"];

/// A connection that cannot be made, or has failed.
pub(crate) fn of_connecting(failed: RedisError, place: &str) -> Error {
    if failed.is_connection_refusal() {
        Error::unavailable(format!(
            "Redis at {place} refuses the connection; start it, or correct the URI"
        ))
    } else if failed.is_timeout() {
        Error::unavailable(format!("Redis at {place} does not answer; {}", doubt(place)))
    } else if failed.is_connection_dropped() {
        Error::unavailable(format!("Redis at {place} closes the connection; {}", doubt(place)))
    } else {
        let report = all_of(&failed);
        let told = described(&report, place);
        // Otherwise it would only say again what is told already.
        if known(&report).is_none() { told.with_source(failed) } else { told }
    }
}

/// What may be behind a silence: a server waits for the rest of what it does not understand.
fn doubt(place: &str) -> &'static str {
    if place.starts_with("rediss:") {
        "see whether it is overloaded or cut off; if it does not speak TLS, write redis:// \
         instead of rediss://"
    } else {
        "see whether it is overloaded or cut off; if it expects TLS, write rediss:// instead of \
         redis://"
    }
}

/// A server that has not answered in time.
pub(crate) fn silent(place: &str, patience: Duration) -> Error {
    let seconds = patience.as_secs_f32();
    let doubt = doubt(place);
    Error::unavailable(format!("Redis at {place} has not answered for {seconds} s; {doubt}"))
}

/// A refusal of the server.
pub(crate) fn answered(refusal: &ServerError, place: &str) -> Error {
    outage(described(&line(refusal), place))
}

/// An answer of another form than the protocol gives.
pub(crate) fn unexpected(what: &str, place: &str) -> Error {
    Error::unavailable(format!(
        "Redis at {place} answers {what} in an unknown form; expected Redis 6.2 or later"
    ))
}

/// While running, whatever has to be changed is an outage: no message is at fault.
pub(crate) fn outage(error: Error) -> Error {
    if error.is_unavailable() || error.is_not_found() {
        return error;
    }
    Error::unavailable(error.to_string()).with_source(error)
}

/// What a refusal says, on one line.
pub(crate) fn line(refusal: &ServerError) -> String {
    format!("{} {}", refusal.code(), refusal.details().unwrap_or_default())
}

/// The error for what Redis reports.
pub(crate) fn described(report: &str, place: &str) -> Error {
    if MISSING.iter().any(|word| report.contains(word)) {
        return Error::not_found(format!("stream with this group at {place}"), report);
    }
    let message = format!("Redis at {place} {}", advice(report));
    let lasting =
        report.contains("NOPERM") || LASTING.iter().any(|(word, _)| report.contains(word));
    if lasting { Error::misused(message) } else { Error::unavailable(message) }
}

/// What Redis reports, as what it does and what to do about it.
pub(crate) fn advice(report: &str) -> String {
    known(report).unwrap_or_else(|| format!("reports: {}", report.trim()))
}

fn known(report: &str) -> Option<String> {
    if report.contains("NOPERM") {
        let report = report.trim();
        return Some(format!("denies a right ({report}); give it to the user with ACL SETUSER"));
    }
    let mut known = LASTING.iter().chain(PASSING).filter(|(word, _)| report.contains(word));
    known.next().map(|(_, text)| (*text).to_owned())
}

/// All that an error and its causes say.
fn all_of(failed: &RedisError) -> String {
    let mut said = match failed.code() {
        Some(code) => format!("{code} {}", failed.detail().unwrap_or_default()),
        None => failed.to_string(),
    };
    let mut cause = failed.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        cause = next.source();
    }
    said
}
