//! Protean for Rust on a PostgreSQL server: the log, the rows and the ledger,
//! shared by any number of processes.
//!
//! ```text
//! Store::commit ─▶ writer (a thread) ─▶ commit (one transaction) ─▶ working_set: load
//!                    two queues           turnstile ─▶ BEGIN         unit: decide, in memory
//! Log, Rows, Ledger ─▶ readers (a pool)                              flush: write, in arrays
//! other processes ─▶ NOTIFY ─▶ wake ─▶ signal ─▶ Store::commits
//! ```
//!
//! * the server: `provider` reads its address, `connection` opens it, `tls` encrypts it,
//!   `schema` and `table` lay out the database; `dialect` adapts what both SQL adapters
//!   share in `protean-sql`
//! * one transaction writes at a time, in all processes: `turnstile` says why;
//!   `commit_marker` finds out whether one was committed when its COMMIT gets no answer;
//!   `compound` makes one statement of several
//! * one process at a time reads for a group: `claim`; what the ledger calls it: `group_names`
//! * a projection gets a table that was filled anew: `rebuild`
//! * what `check` says about a server: `advice`
//!
//! The SQL is in `sql/`, one statement a file.

mod advice;
mod attempt;
mod claim;
mod coalesced;
mod commit;
mod commit_marker;
mod compound;
mod connection;
mod correlations;
mod dialect;
mod error;
mod find;
mod flush;
mod forget;
mod group_names;
mod intake;
mod intake_changes;
mod ledger;
mod log;
mod ownership;
mod pooler;
mod provider;
mod readers;
mod rebuild;
mod recent;
mod recorded;
mod refusal;
mod row;
mod rows;
mod schedules;
mod schema;
mod signal;
mod staged;
mod statement;
mod store;
mod table;
mod tls;
mod touched;
mod turnstile;
mod unique;
mod unit;
mod value;
mod wake;
mod working_set;
mod writer;

pub use provider::Postgres;
