//! Turns what Redis reports into errors that name the server, the problem and the fix.

use std::error::Error as StdError;
use std::time::Duration;

use protean_port::Error;
use redis::{RedisError, ServerError};

/// Problems that pass without a change on our side, by a word of the report.
const TEMPORARY: &[(&str, &str)] = &[
    ("LOADING", "is loading its data; wait until it is done"),
    ("READONLY", "is a read-only replica; point the URI to the primary"),
    ("MASTERDOWN", "is a replica that has lost its primary; start the primary"),
    ("OOM", "is out of memory; raise maxmemory, or wait until consumers have drained it"),
    ("MISCONF", "cannot write to its disk; free some space, and see its log"),
    ("NOREPLICAS", "has too few replicas to accept writes; start them"),
    ("BUSY", "is busy running a script; wait, or end the script with SCRIPT KILL"),
];

/// Problems that last until somebody changes the configuration, by a word of the report.
const PERMANENT: &[(&str, &str)] = &[
    ("WRONGPASS", WRONG_CREDENTIALS),
    ("AuthenticationFailed", WRONG_CREDENTIALS),
    ("NOAUTH", "asks for a password; add it to the URI: redis://user:password@host:port/0"),
    ("without any password configured", "has no password; remove the password from the URI"),
    ("WRONGTYPE", "holds a key of another type where a stream belongs; rename or remove the key"),
    (
        "DB index",
        "has no database with this number; end the URI with the number of an existing \
         one, such as /0",
    ),
    (
        "UnknownIssuer",
        "presents a certificate from an unknown authority; add the authority's file to the \
         URI: ?ssl_ca_certs=/path/to/ca.pem",
    ),
    ("certificate expired", EXPIRED_CERTIFICATE),
    ("Expired", EXPIRED_CERTIFICATE),
    ("not valid for", CERTIFICATE_OF_ANOTHER_HOST),
    ("NotValidFor", CERTIFICATE_OF_ANOTHER_HOST),
    ("invalid peer certificate", "presents a certificate that cannot be trusted; replace it"),
    (
        "CertificateRequired",
        "requires a client certificate; add one to the URI: \
         ?ssl_certfile=/path/to/cert.pem&ssl_keyfile=/path/to/key.pem",
    ),
    (
        "InvalidContentType",
        "does not speak TLS; use redis:// instead of rediss://, or enable TLS on the server",
    ),
];

const WRONG_CREDENTIALS: &str =
    "rejects the user name or the password; correct the credentials in the URI";

const EXPIRED_CERTIFICATE: &str = "presents an expired certificate; renew it";

const CERTIFICATE_OF_ANOTHER_HOST: &str = "presents a certificate for another host; use the host \
                                           name of the certificate in the URI";

/// What Redis reports when a stream or a group is missing.
const MISSING_REPORTS: &[&str] =
    &["NOGROUP", "UNBLOCKED", "no such key", "requires the key to exist"];

/// The error of a connection that failed or could not be opened.
pub(crate) fn from_connection(failed: RedisError, address: &str) -> Error {
    if failed.is_connection_refusal() {
        Error::unavailable(format!(
            "Redis at {address} refuses the connection; start the server, or correct the URI"
        ))
    } else if failed.is_timeout() {
        Error::unavailable(format!("Redis at {address} does not answer; {}", tls_hint(address)))
    } else if failed.is_connection_dropped() {
        Error::unavailable(format!(
            "Redis at {address} closes the connection; {}",
            tls_hint(address)
        ))
    } else {
        let report = report_of(&failed);
        let error = from_report(&report, address);
        // The source of a known problem would repeat what the message says.
        if advice_on_known(&report).is_none() { error.with_source(failed) } else { error }
    }
}

/// Silence may mean the wrong protocol: a server waits for the rest of what it cannot parse.
fn tls_hint(address: &str) -> &'static str {
    if address.starts_with("rediss:") {
        "check whether it is overloaded or unreachable; if it does not speak TLS, use redis:// \
         instead of rediss://"
    } else {
        "check whether it is overloaded or unreachable; if it expects TLS, use rediss:// instead \
         of redis://"
    }
}

/// The error of a server that did not answer in time.
pub(crate) fn timed_out(address: &str, timeout: Duration) -> Error {
    let seconds = timeout.as_secs_f32();
    let hint = tls_hint(address);
    Error::unavailable(format!("Redis at {address} has not answered for {seconds} s; {hint}"))
}

/// The error of an error reply to a command.
pub(crate) fn from_reply(reply: &ServerError, address: &str) -> Error {
    outage(from_report(&report_line(reply), address))
}

/// The error of a reply that is not of the form that the protocol defines.
pub(crate) fn unexpected(command: &str, address: &str) -> Error {
    Error::unavailable(format!(
        "Redis at {address} answers {command} in an unknown form; Redis 6.2 or later is required"
    ))
}

/// While the server runs, a configuration problem is an outage: no message is at fault.
pub(crate) fn outage(error: Error) -> Error {
    if error.is_unavailable() || error.is_not_found() {
        return error;
    }
    Error::unavailable(format!("{error:#}"))
}

/// An error reply on one line.
pub(crate) fn report_line(reply: &ServerError) -> String {
    format!("{} {}", reply.code(), reply.details().unwrap_or_default())
}

/// The error for what Redis reports.
pub(crate) fn from_report(report: &str, address: &str) -> Error {
    if MISSING_REPORTS.iter().any(|word| report.contains(word)) {
        let report = report.trim();
        return Error::missing(format!("Redis at {address} has no such stream or group: {report}"));
    }
    let message = format!("Redis at {address} {}", advice(report));
    let is_permanent =
        report.contains("NOPERM") || PERMANENT.iter().any(|(word, _)| report.contains(word));
    if is_permanent { Error::misused(message) } else { Error::unavailable(message) }
}

/// What Redis does, and what to do about it: the predicate of a sentence about the server.
pub(crate) fn advice(report: &str) -> String {
    advice_on_known(report).unwrap_or_else(|| format!("reports: {}", report.trim()))
}

fn advice_on_known(report: &str) -> Option<String> {
    if report.contains("NOPERM") {
        let report = report.trim();
        return Some(format!("denies a right ({report}); grant it with ACL SETUSER"));
    }
    let mut known = PERMANENT.iter().chain(TEMPORARY).filter(|(word, _)| report.contains(word));
    known.next().map(|(_, advice)| (*advice).to_owned())
}

/// What an error and its causes say, without repetition.
fn report_of(failed: &RedisError) -> String {
    let mut report = match failed.code() {
        Some(code) => format!("{code} {}", failed.detail().unwrap_or_default()),
        None => failed.to_string(),
    };
    let mut cause = failed.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !report.contains(&more) {
            report = format!("{report}: {more}");
        }
        cause = next.source();
    }
    report
}
