//! The contracts of a domain: the forms of its published events and of its commands as JSON
//! Schema, and what a change of them breaks. Pure.
//!
//! ```text
//! Catalog ─▶ Document ─▶ file ─▶ Document ─┐
//!                                          ├─▶ diff ─▶ changes
//!                        file ─▶ Document ─┘
//! ```

mod change;
mod comparison;
mod diff;
#[cfg(test)]
mod diff_tests;
mod document;
#[cfg(test)]
mod harmless_tests;
mod limits;
mod schema;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod validator;

pub(crate) use change::{Change, MessageKind};
pub(crate) use diff::diff;
pub(crate) use document::Document;
