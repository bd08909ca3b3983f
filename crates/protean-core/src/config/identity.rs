//! How identities are made.

use super::choice::Choice;

/// Where a new identity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityStrategy {
    /// A fresh UUID of version 7.
    Uuid,
}

/// What an identity is kept as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityType {
    /// Text.
    String,
    /// A UUID.
    Uuid,
}

impl Choice for IdentityStrategy {
    const ALL: &'static [(&'static str, Self)] = &[("uuid", Self::Uuid)];
}

impl Choice for IdentityType {
    const ALL: &'static [(&'static str, Self)] = &[("string", Self::String), ("uuid", Self::Uuid)];
}
