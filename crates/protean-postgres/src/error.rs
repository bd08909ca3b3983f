//! Turns an error of PostgreSQL into one that names the database and says what to do.

use protean_port::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::tls;

/// What is wrong about a pooler that shares connections, and what to do about it.
pub(crate) const BEHIND_A_POOLER: &str = "is reached through a pooler that shares its connections \
    between transactions; name PostgreSQL itself in database_uri, or set pool_mode = session";

/// What went wrong between this process and the server.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server reported an error, or the connection to it failed.
    Server(tokio_postgres::Error),
    /// A column holds something that this program never writes.
    Unreadable(String),
    /// The database cannot be used for now; the text is the whole message.
    Unusable(String),
    /// The database cannot be used until somebody changes it; the text is the whole message.
    Unsuitable(String),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl Fault {
    /// The code of the error, if the server reported it.
    pub(crate) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Server(error) => error.code(),
            Self::Unreadable(_) | Self::Unusable(_) | Self::Unsuitable(_) => None,
        }
    }

    /// The error as a caller sees it; `place` names the database.
    pub(crate) fn explain(self, place: &str) -> Error {
        let message = self.describe(place);
        let explained =
            if self.is_outage() { Error::unavailable(message) } else { Error::failed(message) };
        match self {
            // Any other source may reveal the request, and so a secret, or repeats the message.
            Self::Server(error)
                if error.as_db_error().is_some_and(|said| known(said).is_none()) =>
            {
                explained.with_source(error)
            }
            _ => explained,
        }
    }

    /// Says what happened to the database, and what to do about it.
    pub(crate) fn describe(&self, place: &str) -> String {
        match self {
            Self::Server(error) => format!("the database {place} {}", advice(error)),
            Self::Unreadable(found) => {
                format!(
                    "the database {place} holds a value that no release writes ({found}); restore it from a backup"
                )
            }
            Self::Unusable(message) | Self::Unsuitable(message) => message.clone(),
        }
    }

    /// True when the database cannot be used at all for now.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Server(error) => {
                error.code().is_none_or(is_outage) && tls::advice(&why(error)).is_none()
            }
            Self::Unreadable(_) | Self::Unsuitable(_) => false,
            Self::Unusable(_) => true,
        }
    }

    /// True when the same transaction may succeed if it is repeated.
    pub(crate) fn is_transient(&self) -> bool {
        let codes = [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED];
        self.code().is_some_and(|code| codes.contains(&code))
    }

    /// True when the connection must be opened again before it is used.
    pub(crate) fn wants_reopening(&self) -> bool {
        match self {
            Self::Server(error) => error.code().is_none_or(|code| {
                matches!(&code.code()[..2], "57" | "08" | "XX" | "58") || code.code() == "25006"
            }),
            Self::Unreadable(_) | Self::Unusable(_) | Self::Unsuitable(_) => false,
        }
    }

    /// True when an earlier statement of the transaction has failed.
    pub(crate) fn follows(&self) -> bool {
        self.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    }

    /// True when a table or a column is missing.
    pub(crate) fn is_unprepared(&self) -> bool {
        self.code().is_some_and(is_unprepared)
    }
}

/// The results of statements that were sent together. When one fails, it makes the ones
/// after it fail, so the first fault is reported.
pub(crate) fn all<T, const N: usize>(results: [Result<T, Fault>; N]) -> Result<[T; N], Fault> {
    let (mut done, mut failed) = (Vec::with_capacity(N), None);
    for result in results {
        match result {
            Ok(value) => done.push(value),
            Err(fault) if failed.as_ref().is_none_or(Fault::follows) => failed = Some(fault),
            Err(_) => {}
        }
    }
    match failed {
        Some(fault) => Err(fault),
        None => {
            done.try_into().map_err(|_| Fault::Unreadable("fewer results than statements".into()))
        }
    }
}

fn is_unprepared(code: &SqlState) -> bool {
    [&SqlState::UNDEFINED_TABLE, &SqlState::UNDEFINED_COLUMN].contains(&code)
}

/// True for conditions of the server, as opposed to faults of the statement.
fn is_outage(code: &SqlState) -> bool {
    let classes = ["08", "25", "28", "3D", "40", "53", "55", "57", "58", "XX", "F0"];
    is_unprepared(code)
        || classes.contains(&&code.code()[..2])
        || *code == SqlState::INSUFFICIENT_PRIVILEGE
}

fn advice(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => {
            known(said).unwrap_or_else(|| format!("reported an error: {}", said.message()))
        }
        None => unreachable(error),
    }
}

/// What the server reported and what to do about it, for the errors that are known.
fn known(said: &DbError) -> Option<String> {
    let message = said.message();
    Some(match said.code().code() {
        "28P01" => "rejected the password; correct it in database_uri".into(),
        "28000" if ["no encryption", "SSL off"].iter().any(|off| message.contains(off)) => {
            format!(
                "rejected a connection that is not encrypted ({message}); \
                 add sslmode=verify-full to database_uri"
            )
        }
        "28000" => format!("rejected the user ({message}); correct database_uri or pg_hba.conf"),
        "3D000" => format!("does not exist ({message}); create it with createdb"),
        "53300" => "has no connection left; lower pool_size or raise max_connections".into(),
        "53100" => "cannot grow: the disk is full; free some space".into(),
        "42501" => format!("denied access ({message}); grant the user the required rights"),
        "42P01" | "42703" => {
            format!("is not prepared for this version of the program ({message}); run `db setup`")
        }
        "3F000" => format!(
            "has no schema to create tables in ({message}); set a search_path that names one that \
             exists, such as ALTER ROLE app SET search_path = public"
        ),
        "26000" | "42P05" => format!("{} ({message})", BEHIND_A_POOLER),
        "25006" => "is read-only, perhaps a standby; name the primary in database_uri".into(),
        "57P03" => format!("is starting or stopping ({message}); retrying"),
        "57P01" | "57P02" => "closed the connection; reconnecting".into(),
        _ => return None,
    })
}

/// Why the server cannot be reached.
fn unreachable(error: &tokio_postgres::Error) -> String {
    let why = why(error);
    if error.is_closed() {
        return "closed the connection; reconnecting".into();
    }
    if why.contains("password") {
        return "asks for a password; add it to database_uri".into();
    }
    if let Some(advice) = tls::advice(&why) {
        return advice.into();
    }
    format!("cannot be reached ({why}); check that the server runs and that database_uri names it")
}

fn why(error: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    source.unwrap_or_else(|| error.to_string())
}
