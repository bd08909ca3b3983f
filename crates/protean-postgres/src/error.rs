//! What PostgreSQL reports, told for a person: which database, and what to do.

use protean_port::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::tls;

/// What went wrong in a conversation with the server.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server said so, or cannot be heard.
    Server(tokio_postgres::Error),
    /// A column does not hold what this program wrote.
    Unreadable(String),
    /// The database cannot be used, for a reason told already.
    Unusable(String),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl Fault {
    /// What the server calls it, when it was the server.
    pub(crate) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Server(error) => error.code(),
            Self::Unreadable(_) | Self::Unusable(_) => None,
        }
    }

    /// The error for a caller; `place` names the database.
    pub(crate) fn explain(self, place: &str) -> Error {
        let message = self.describe(place);
        let told =
            if self.is_outage() { Error::unavailable(message) } else { Error::failed(message) };
        match self {
            // The source of any other may show what was asked for, and so a secret, or says it again.
            Self::Server(error)
                if error.as_db_error().is_some_and(|said| known(said).is_none()) =>
            {
                told.with_source(error)
            }
            _ => told,
        }
    }

    /// What happened to which database, and what to do about it.
    pub(crate) fn describe(&self, place: &str) -> String {
        match self {
            Self::Server(error) => format!("the database {place} {}", advice(error)),
            Self::Unreadable(found) => {
                format!("the database {place} holds what no release has written: {found}")
            }
            Self::Unusable(told) => told.clone(),
        }
    }

    /// True when the database cannot be used now, whatever is asked of it.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Server(error) => {
                error.code().is_none_or(is_outage) && tls::advice(&why(error)).is_none()
            }
            Self::Unreadable(_) => false,
            Self::Unusable(_) => true,
        }
    }

    /// True when the same transaction may succeed when it is run again.
    pub(crate) fn is_transient(&self) -> bool {
        let codes = [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED];
        self.code().is_some_and(|code| codes.contains(&code))
    }

    /// True when the connection cannot be used again.
    pub(crate) fn wants_reopening(&self) -> bool {
        match self {
            Self::Server(error) => error.code().is_none_or(|code| {
                matches!(&code.code()[..2], "57" | "08" | "XX" | "58") || code.code() == "25006"
            }),
            Self::Unreadable(_) | Self::Unusable(_) => false,
        }
    }

    /// True when another statement of the transaction has failed before.
    pub(crate) fn follows(&self) -> bool {
        self.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    }

    /// True when a table or a column is missing.
    pub(crate) fn is_unprepared(&self) -> bool {
        self.code().is_some_and(is_unprepared)
    }
}

/// The results of statements that were sent together. When one fails, those behind it
/// fail because of it: the fault that is told is the first one's.
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
            done.try_into().map_err(|_| Fault::Unreadable("fewer answers than questions".into()))
        }
    }
}

fn is_unprepared(code: &SqlState) -> bool {
    [&SqlState::UNDEFINED_TABLE, &SqlState::UNDEFINED_COLUMN].contains(&code)
}

/// Classes of conditions that lie with the server and not with what was sent.
fn is_outage(code: &SqlState) -> bool {
    let classes = ["08", "25", "28", "3D", "40", "53", "55", "57", "58", "XX", "F0"];
    is_unprepared(code)
        || classes.contains(&&code.code()[..2])
        || *code == SqlState::INSUFFICIENT_PRIVILEGE
}

fn advice(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => known(said).unwrap_or_else(|| format!("reports: {}", said.message())),
        None => unheard(error),
    }
}

/// What the server says, and what to do about it, when that is known.
fn known(said: &DbError) -> Option<String> {
    let message = said.message();
    Some(match said.code().code() {
        "28P01" => "refuses the password; correct the one in database_uri".into(),
        "28000" if ["no encryption", "SSL off"].iter().any(|off| message.contains(off)) => {
            format!(
                "refuses a connection that is not encrypted ({message}); \
                 add sslmode=verify-full to database_uri"
            )
        }
        "28000" => format!("refuses the user ({message}); correct database_uri or pg_hba.conf"),
        "3D000" => format!("is not there ({message}); create it with createdb"),
        "53300" => "has no connection left; lower pool_size or raise max_connections".into(),
        "53100" => "cannot grow, the disk is full; free some space".into(),
        "42501" => format!("denies it ({message}); grant its user the rights"),
        "42P01" | "42703" => format!("is not prepared ({message}); run `db setup` first"),
        "25006" => "is read-only, perhaps a standby; name the primary in database_uri".into(),
        "57P03" => format!("is starting or stopping ({message}); it is tried again"),
        "57P01" | "57P02" => "has ended the connection; it is opened again".into(),
        _ => return None,
    })
}

/// What keeps the server from being heard.
fn unheard(error: &tokio_postgres::Error) -> String {
    let why = why(error);
    if error.is_closed() {
        return "has ended the connection; it is opened again".into();
    }
    if why.contains("password") {
        return "asks for a password; add one to database_uri".into();
    }
    if let Some(told) = tls::advice(&why) {
        return told.into();
    }
    format!("cannot be reached ({why}); check that the server runs and that database_uri names it")
}

fn why(error: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    source.unwrap_or_else(|| error.to_string())
}
