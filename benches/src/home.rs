//! One database and one Redis number on the servers of a run.

use protean_test_servers::Database;

/// A fresh database and a fresh Redis number.
pub(crate) struct Home {
    pub(crate) database: Database,
    pub(crate) redis: String,
}
