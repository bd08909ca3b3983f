//! What operators do to a running system, written down in its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{
    Category, Extensions, Id, Kind, Message, Priority, Timestamp, type_name,
};
use protean_port::port::{Append, Expect};
use serde::{Deserialize, Serialize};

/// The name of the event, without domain and version.
const NAME: &str = "OperatorActed";
const VERSION: u32 = 1;
/// The last part of the category.
const CATEGORY: &str = "operations";
/// The operator when no name is given: a person with access to the program.
const COMMAND_LINE: &str = "command line";

/// The person who acts: the name of a token, or the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator(Arc<str>);

impl Operator {
    /// The operator with this name.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The operator at the command line of the program.
    pub fn at_command_line() -> Self {
        Self::named(COMMAND_LINE)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// What an operator did: the data of an event in the category `<domain>::operations`.
///
/// It commits together with what was done, if that is a unit of work, and right after it
/// otherwise. An operation that needs several transactions leaves an event in each, all in one
/// stream, and their counts add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What was done: `replay` or `purge` of dead letters, or the command, such as
    /// `schedule cancel`.
    pub action: String,
    /// The name of the operator.
    pub by: String,
    /// What it was done to, such as the group, the type and the reason of dead letters.
    pub filter: BTreeMap<String, String>,
    /// How many messages it concerned; 0 when it was not about messages.
    pub count: u64,
}

/// The category of a domain's operations. No aggregate has it, no handler reads it, and no relay
/// publishes it.
pub fn operations(domain: &str) -> Category {
    Category::of(domain, CATEGORY)
}

/// The events of one operation.
#[derive(Clone, Debug)]
pub struct OperationLog {
    domain: String,
    id: Id,
    next: u64,
    by: Operator,
    action: &'static str,
    filter: BTreeMap<String, String>,
}

impl OperationLog {
    /// Begins the record of an operation in this domain.
    pub fn begin<'a>(
        domain: &str,
        by: &Operator,
        action: &'static str,
        filter: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Self {
        let filter = filter.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (domain, by) = (domain.to_owned(), by.clone());
        Self { domain, id: Id::new(), next: 0, by, action, filter }
    }

    /// The event for the next transaction, which concerns `count` messages.
    pub fn append(&self, count: u64, now: Timestamp) -> Append {
        let Self { domain, id, next, by, action, filter } = self;
        let stream = operations(domain).stream(id);
        let operation = Operation {
            action: (*action).to_owned(),
            by: by.name().to_owned(),
            filter: filter.clone(),
            count,
        };
        // Text and numbers always are JSON.
        let data = serde_json::to_string(&operation).unwrap_or_default();
        let message = Message {
            id: format!("{stream}-{next}").into(),
            kind: Kind::Event,
            type_name: type_name::join(domain, NAME, VERSION),
            version: VERSION,
            priority: Priority::BULK,
            correlation_id: id.clone().into(),
            causation_id: None,
            time: now,
            data: data.into(),
            extensions: Extensions::default(),
            stream,
        };
        Append { message, expect: Expect::At(*next) }
    }

    /// The transaction has committed.
    pub fn committed(&mut self) {
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use protean_port::message::Timestamp;
    use protean_port::port::Expect;

    use super::{Operation, OperationLog, Operator};

    #[test]
    fn the_events_of_an_operation_are_one_stream() {
        let filter = [("group", "bank.Mailer".to_owned())];
        let mut log = OperationLog::begin("bank", &Operator::named("ann"), "replay", filter);
        let first = log.append(3, Timestamp::default());
        log.committed();
        let second = log.append(4, Timestamp::default());
        assert_eq!(first.message.stream, second.message.stream);
        assert_eq!((first.expect, second.expect), (Expect::At(0), Expect::At(1)));
        assert_ne!(first.message.id, second.message.id);
        assert_eq!(first.message.stream.category().as_str(), "bank::operations");
        assert_eq!(&*first.message.type_name, "Bank.OperatorActed.v1");
        let read: Operation = serde_json::from_str(&second.message.data).unwrap();
        assert_eq!((read.action.as_str(), read.by.as_str(), read.count), ("replay", "ann", 4));
        assert_eq!(read.filter["group"], "bank.Mailer");
    }
}
