//! Protean for Rust on one SQLite file: the log, the rows and the ledger,
//! without a server.
//!
//! ```text
//! Store::commit ─▶ writer (one thread) ─▶ commit (one transaction) ─▶ unit, row, coalesced
//!                    two queues             turnstile ─▶ BEGIN IMMEDIATE
//! Log, Rows, Ledger ─▶ readers (a few threads, a connection each)
//! `-wal` file ─▶ checkpoint (one thread) ─▶ the file
//! other processes ─▶ `-commits` file ─▶ notice ─▶ nudge ─▶ wake ─▶ signal ─▶ Store::commits
//! ```
//!
//! * the file: `provider` reads its path, `connection` opens it, `schema` and `table`
//!   lay it out; `dialect` adapts what both SQL adapters share in `protean-sql`
//! * production work goes first: in the queues of `writer`, and between processes
//!   through `turnstile`
//! * one process at a time reads for a group: `claim`; what the ledger calls it: `group_names`
//! * a projection gets a table that was filled anew: `rebuild`
//!
//! The SQL is in `sql/`, one statement a file.

mod checkpoint;
mod claim;
mod coalesced;
mod commit;
mod connection;
mod correlations;
mod dialect;
mod error;
mod find;
mod forget;
mod group_names;
mod intake;
mod intake_changes;
mod ledger;
mod log;
#[cfg(target_os = "linux")]
mod notice;
mod nudge;
mod opened_file;
mod provider;
mod readers;
mod rebuild;
mod recorded;
mod refusal;
mod row;
mod rows;
mod schedules;
mod schema;
mod signal;
mod statement;
mod step;
mod store;
mod table;
mod turnstile;
mod unit;
mod value;
mod wake;
mod writer;

pub use provider::Sqlite;
