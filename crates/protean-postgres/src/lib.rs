//! Protean for Rust on a PostgreSQL server: the log, the rows and the ledger,
//! shared by as many processes as needed.
//!
//! ```text
//! Store::commit ─▶ writer (a thread) ─▶ commit (one transaction) ─▶ picture: load
//!                    two queues           turnstile ─▶ BEGIN         unit: decide, in memory
//! Log, Rows, Ledger ─▶ readers (a pool)                              flush: write, in arrays
//! other processes ─▶ NOTIFY ─▶ wake ─▶ Store::commits
//! ```
//!
//! * a server: `provider` reads its address, `connection` opens it, `tls` encrypts it,
//!   `schema` and `table` lay the database out
//! * one transaction writes at a time, in all processes: `turnstile` says why;
//!   `signature` tells what became of one whose COMMIT was not answered
//! * one process reads for a group: `claim`
//!
//! The SQL stands in `sql/`, a statement a file.

mod claim;
mod coalesced;
mod commit;
mod connection;
mod dialect;
mod error;
mod find;
mod flush;
mod forget;
mod layer;
mod ledger;
mod log;
mod picture;
mod provider;
mod readers;
mod recorded;
mod refusal;
mod row;
mod rows;
mod schema;
mod signature;
mod statement;
mod store;
mod table;
mod tls;
mod turnstile;
mod unique;
mod unit;
mod value;
mod wake;
mod writer;

pub use provider::Postgres;
