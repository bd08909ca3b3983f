//! Turns an error of SQLite into one that names the file and says what to do.

use std::path::Path;

use protean_port::Error;
use rusqlite::ErrorCode;

/// The error as a caller sees it.
pub(crate) fn explain(error: rusqlite::Error, path: &Path) -> Error {
    let message = describe(&error, path);
    let explained =
        if is_outage(&error) { Error::unavailable(message) } else { Error::failed(message) };
    explained.with_source(error)
}

/// Says what happened to the file, and what to do about it.
pub(crate) fn describe(error: &rusqlite::Error, path: &Path) -> String {
    format!("the database '{}' {}", path.display(), advice(error))
}

/// True when the file cannot be used at all for now.
pub(crate) fn is_outage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::OperationInterrupted
                | ErrorCode::FileLockingProtocolFailed
        )
    ) || is_unprepared(error)
}

/// True when the connection must be opened again before it is used.
pub(crate) fn wants_reopening(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::OutOfMemory
        )
    )
}

/// True when a table or a column is missing.
pub(crate) fn is_unprepared(error: &rusqlite::Error) -> bool {
    let text = error.to_string();
    text.contains("no such table")
        || text.contains("no such column")
        || text.contains("has no column")
}

fn advice(error: &rusqlite::Error) -> String {
    if is_unprepared(error) {
        return format!(
            "is not prepared for this version of the program ({error}); run `db setup`"
        );
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "is locked by another process; look for a long transaction, such as an open sqlite3 shell".into()
        }
        Some(ErrorCode::DiskFull) => "cannot grow: the disk is full; free some space".into(),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "cannot be written; check the permissions of the file and its folder".into()
        }
        Some(ErrorCode::CannotOpen) => {
            "cannot be opened; check that its folder exists and is writable".into()
        }
        Some(ErrorCode::SystemIoFailure) => {
            format!("cannot be read or written ({error}); check the disk")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            format!("is damaged or is not a SQLite file ({error}); restore it from a backup")
        }
        _ => format!("reported an error: {error}"),
    }
}
