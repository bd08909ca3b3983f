//! The database of a domain, as the commands show it.

use protean::Domain;
use protean::config::{DatabaseKind, redact};
use serde::Serialize;

use crate::{Reply, escape};

/// The provider of the default database, and its URI without the password.
pub(super) fn database(domain: &Domain) -> (String, Option<String>) {
    let database = &domain.config().database;
    let uri = database.uri.as_deref();
    (database.provider.to_string(), uri.map(|uri| escape(&redact(uri))))
}

impl<T: Serialize> Reply<T> {
    /// Adds a warning when the database is in memory, where no other process sees it.
    pub(super) fn about(self, domain: &Domain) -> Self {
        if domain.config().database.provider != DatabaseKind::Memory {
            return self;
        }
        self.warning(
            "the memory database is empty at the start of every process, so this does not show \
             the state of a server",
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::Reply;
    use crate::sample::app;

    #[test]
    fn a_memory_database_is_answered_with_a_warning() {
        let reply = Reply::new((), "").about(&app().domain().unwrap());
        let object = serde_json::to_value(reply.into_envelope()).unwrap();
        assert_eq!(object["status"], "pass");
        assert_eq!(object["diagnostics"][0]["level"], "warning");
    }
}
