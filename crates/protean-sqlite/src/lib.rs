//! Protean for Rust on one SQLite file: the log, the rows and the ledger,
//! without any service.
//!
//! ```text
//! Store::commit ─▶ writer (one thread) ─▶ commit (one transaction) ─▶ unit, row, coalesced
//!                    two queues             turnstile ─▶ BEGIN IMMEDIATE
//! Log, Rows, Ledger ─▶ readers (a few threads, a connection each)
//! `-wal` file ─▶ checkpoint (one thread) ─▶ the file
//! other processes ─▶ `-wal` file ─▶ wake ─▶ Store::commits
//! ```
//!
//! * a file: `provider` reads its name, `connection` opens it, `schema` and
//!   `table` lay it out; `dialect` has the words that `protean-sql` lacks
//! * production goes first: in the queues of `writer`, and between processes
//!   through `turnstile`
//! * one process reads for a group: `claim`
//!
//! The SQL stands in `sql/`, a statement a file.

mod checkpoint;
mod claim;
mod coalesced;
mod commit;
mod connection;
mod dialect;
mod error;
mod find;
mod forget;
mod ledger;
mod log;
mod provider;
mod readers;
mod recorded;
mod refusal;
mod row;
mod rows;
mod schema;
mod step;
mod store;
mod table;
mod turnstile;
mod unit;
mod value;
mod wake;
#[cfg(target_os = "linux")]
mod wal;
mod writer;

pub use provider::Sqlite;
