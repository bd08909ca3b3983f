//! A small domain for the tests: nothing handles anything in it.

use protean_core::domain::Domain;

/// A domain in memory, without a server.
pub(crate) fn domain() -> Domain {
    // Nothing answers at a port that no process can listen at.
    protean::domain("sample").in_memory().config("[server.health]\nport = 1\n").build().unwrap()
}
