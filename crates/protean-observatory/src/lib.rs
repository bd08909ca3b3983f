//! Pages that show a running domain of Protean for Rust to people: how long production waits beside
//! a migration, what each handler does, what was given up and why, what caused what.
//!
//! ```text
//! request ─▶ access ─▶ pages/* ─┬▶ feed ─▶ snapshot   lanes, handlers: one a second for all
//!            (pure)             └▶ store              the others: what a visit asks for
//! ```
//!
//! The program of a domain serves them: `fidelis observatory`, and `fidelis server` beside its
//! health pages. An application serves them behind its own login, as a `tower` service: see
//! [`Observatory`].
//!
//! Reading needs nothing at the loopback and a token elsewhere; a change needs a token everywhere,
//! and is recorded as an event of the category `<domain>::operations`. The pages load nothing from
//! elsewhere.

mod access;
mod chart;
mod feed;
mod history;
mod mask;
mod observatory;
mod pages;
mod query;
mod rates;
mod response;
#[cfg(test)]
mod sample;
mod service;
mod shared;
mod snapshot;
mod text;
mod visit;

pub use observatory::Observatory;
pub use protean_core::domain::Operator;
