//! The database of a domain, as the commands speak of it.

use protean::Domain;
use protean::config::{DatabaseKind, redact};
use serde::Serialize;

use crate::{Reply, escape};

/// The kind of the default database and, without its password, where it is.
pub(super) fn database(domain: &Domain) -> (String, Option<String>) {
    let database = &domain.config().database;
    let uri = database.uri.as_deref();
    (database.provider.to_string(), uri.map(|uri| escape(&redact(uri))))
}

/// The reply, with a warning when no other process can see what it tells of.
pub(super) fn warned<T: Serialize>(reply: Reply<T>, domain: &Domain) -> Reply<T> {
    if domain.config().database.provider != DatabaseKind::Memory {
        return reply;
    }
    reply.warning(
        "the memory database begins empty in every process: this says nothing about a server",
    )
}

#[cfg(test)]
mod tests {
    use super::warned;
    use crate::Reply;
    use crate::sample::app;

    #[test]
    fn the_memory_of_this_process_says_nothing_about_another() {
        let reply = warned(Reply::new((), ""), &app().domain().unwrap());
        let object = serde_json::to_value(reply.into_envelope()).unwrap();
        assert_eq!(object["status"], "pass");
        assert_eq!(object["diagnostics"][0]["level"], "warning");
    }
}
