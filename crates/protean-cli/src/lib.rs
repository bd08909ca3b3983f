//! The commands of a domain's own binary.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     protean_cli::run(protean::domain("fidelis"))
//! }
//! ```
//!
//! provides `fidelis server`, `fidelis observatory`, `fidelis subscriptions status`, `fidelis events`, `fidelis dlq`,
//! `fidelis outbox`, `fidelis verify`, `fidelis snapshot`, `fidelis check`, `fidelis contracts` and
//! `fidelis db`; [`run_with`] adds the domain's own commands. The program `protean`, which comes with this
//! library, hands over to such a binary: `protean server --domain=fidelis`.
//!
//! ```text
//! run ─▶ command_line ─▶ App ─▶ command/* ─┬▶ Reply ─▶ stdout   a table, or one JSON object
//!                                          └▶ Error ─▶ stderr   what, why, what to do
//! ```

/// Compiles the code of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod app;
#[cfg(test)]
mod book_tests;
mod command;
mod command_line;
mod contracts;
mod error;
mod escape;
mod export;
mod forms;
mod globals;
mod idle;
mod image;
mod lock_file;
mod logging;
mod reply;
mod report;
mod restarts;
mod run;
#[cfg(test)]
mod sample;
mod shutdown;
mod stdout;
mod table;
mod worker;
mod workers;

pub use app::App;
pub use error::{Error, Result};
pub use escape::escape;
pub use protean_engine::{grouped, short};
pub use reply::Reply;
pub use run::{run, run_with};
pub use shutdown::{Stop, stop_signal};
pub use table::Table;
