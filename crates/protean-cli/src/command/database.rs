//! The database of a domain, as the commands show it.

use protean::Domain;
use protean::config::{DatabaseProvider, redact};
use serde::Serialize;

use crate::{Reply, escape};

/// The provider of the default database, and its URI without the password.
pub(super) fn database(domain: &Domain) -> (String, Option<String>) {
    let found = domain.config().databases.get("default");
    let provider = found.map_or("memory".to_owned(), |found| found.provider.to_string());
    let uri = found.and_then(|found| found.uri.as_deref());
    (provider, uri.map(|uri| escape(&redact(uri))))
}

/// Adds a warning when the database is in memory, where no other process sees it.
pub(super) fn warn_if_in_memory<T: Serialize>(reply: Reply<T>, domain: &Domain) -> Reply<T> {
    let found = domain.config().databases.get("default");
    if found.is_some_and(|found| found.provider != DatabaseProvider::Memory) {
        return reply;
    }
    reply.warning(
        "the memory database is empty at the start of every process, so this does not show the \
         state of a server",
    )
}

#[cfg(test)]
mod tests {
    use super::warn_if_in_memory;
    use crate::Reply;
    use crate::sample::app;

    #[test]
    fn a_memory_database_is_answered_with_a_warning() {
        let reply = warn_if_in_memory(Reply::new((), ""), &app().domain().unwrap());
        let object = serde_json::to_value(reply.into_envelope()).unwrap();
        assert_eq!(object["status"], "pass");
        assert_eq!(object["diagnostics"][0]["level"], "warning");
    }
}
