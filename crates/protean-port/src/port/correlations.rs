//! Which events belong to which process. Pure.
//!
//! A commit appends a copy of each event that a process manager takes to the stream of the process
//! that a field of the event names:
//!
//! ```text
//! shop::order-7     OrderPlaced   { order_id: 7 }  ─▶  shop::fulfilment-7
//! shop::stock-ABC   StockReserved { order_id: 7 }  ─▶  shop::fulfilment-7
//! ```
//!
//! So the messages of one process are one stream, in the order of the log, whatever categories and
//! lanes they come from. The correlations are kept in the database, so that a program that is older
//! than a process manager copies for it as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BoxFuture;
use crate::Result;
use crate::message::type_name::split_version;
use crate::message::{Category, Id, Kind, Message, Stream};

/// The correlations that a store keeps.
pub trait CorrelatedEvents: Send + Sync {
    /// The correlations of every process manager; none while the store is not prepared.
    fn correlations(&self) -> BoxFuture<'_, Result<Correlations>>;
}

/// An event that a process manager takes, and the field that names the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correlation {
    /// The category of the event.
    #[serde(with = "category")]
    pub category: Category,
    /// Its type without the version: `Shop.OrderPlaced`.
    pub event: Arc<str>,
    /// The names of the field: that of today, then those that it had in earlier versions.
    pub fields: Vec<Arc<str>>,
}

/// The correlations of every process manager of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correlations {
    generation: u64,
    managers: Vec<Manager>,
}

/// A process manager, as a group of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manager {
    group: Arc<str>,
    /// The category of its processes.
    #[serde(with = "category")]
    processes: Category,
    events: Vec<Correlation>,
}

impl Correlations {
    /// Those that a store has kept [as JSON](Self::to_json); `None` when the text is something else.
    pub fn read(generation: u64, json: &str) -> Option<Self> {
        Some(Self { generation, managers: serde_json::from_str(json).ok()? })
    }

    /// What a store keeps beside the generation.
    pub fn to_json(&self) -> String {
        serde_json::json!(self.managers).to_string()
    }

    /// A number that grows with each change; 0 before the first process manager.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Adds those of a group with this category of processes; what is known stays, since an older program registers fewer.
    /// True when that changes anything.
    pub fn register(
        &mut self,
        group: &str,
        processes: &Category,
        correlations: &[Correlation],
    ) -> bool {
        if correlations.is_empty() {
            return false;
        }
        let is_same = |of: &Manager| *of.group == *group && of.processes == *processes;
        let place = self.managers.iter().position(is_same).unwrap_or_else(|| {
            let (group, processes) = (group.into(), processes.clone());
            self.managers.push(Manager { group, processes, events: Vec::new() });
            self.managers.len() - 1
        });
        let known = &mut self.managers[place].events;
        let before = known.clone();
        for new in correlations {
            let is_same =
                |of: &&mut Correlation| of.category == new.category && of.event == new.event;
            match known.iter_mut().find(is_same) {
                Some(known) => known.learn(&new.fields),
                None => known.push(new.clone()),
            }
        }
        let is_changed = *known != before;
        self.generation += u64::from(is_changed);
        is_changed
    }

    /// Removes those of a group. True when there were any.
    pub fn forget(&mut self, group: &str) -> bool {
        let before = self.managers.len();
        self.managers.retain(|of| *of.group != *group);
        let is_changed = self.managers.len() < before;
        self.generation += u64::from(is_changed);
        is_changed
    }

    /// The copies of a message for the processes that it belongs to. An event whose field is `null`
    /// belongs to none. One whose field is missing or is no name is copied to a stream of its own,
    /// for the process manager to reject.
    pub fn copies(&self, message: &Message) -> Vec<Message> {
        if self.managers.is_empty() || message.kind != Kind::Event {
            return Vec::new();
        }
        self.managers.iter().filter_map(|manager| manager.copy(message)).collect()
    }
}

impl Correlation {
    /// Adds names of the field. An older program, which has fewer, changes nothing.
    fn learn(&mut self, fields: &[Arc<str>]) {
        if fields.iter().all(|field| self.fields.contains(field)) {
            return;
        }
        let known = std::mem::replace(&mut self.fields, fields.to_vec());
        let former = known.into_iter().filter(|field| !fields.contains(field));
        self.fields.extend(former.collect::<Vec<_>>());
    }
}

impl Manager {
    fn copy(&self, message: &Message) -> Option<Message> {
        let (event, _) = split_version(&message.type_name)?;
        let is_of =
            |of: &&Correlation| *of.event == *event && of.category == *message.stream.category();
        let of = self.events.iter().find(is_of)?;
        let process = match correlated(&message.data, &of.fields) {
            Correlated::To(process) => process,
            Correlated::None => return None,
            Correlated::Unknown => Id::from(&*message.id),
        };
        let stream = self.processes.stream(&process);
        Some(Message {
            id: event_id(&stream, &Id::derived(self.processes.as_str(), &message.id)),
            stream,
            causation_id: Some(Arc::clone(&message.id)),
            ..message.clone()
        })
    }
}

/// The id of an event that has no sequence number: it begins with its stream, as those of all
/// events.
pub fn event_id(stream: &Stream, unique: &Id) -> Arc<str> {
    format!("{stream}-{}", unique.as_str().replace('-', "")).into()
}

/// Categories as their names.
mod category {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::message::Category;

    pub(super) fn serialize<S: Serializer>(of: &Category, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(of.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Category, D::Error> {
        String::deserialize(from).map(Category::named)
    }
}

/// The process that an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correlated {
    /// This one.
    To(Id),
    /// None: the field is `null`.
    None,
    /// The field is missing, blank, over 512 bytes long, begins with `fact-`, or is neither a text
    /// nor an integer.
    Unknown,
}

/// The process that the data of an event names in the first of these fields that it has.
pub fn correlated(data: &str, fields: &[impl AsRef<str>]) -> Correlated {
    let Ok(data) = serde_json::from_str::<BTreeMap<String, Value>>(data) else {
        return Correlated::Unknown;
    };
    match fields.iter().find_map(|field| data.get(field.as_ref())) {
        Some(Value::Null) => Correlated::None,
        Some(Value::String(text)) if can_be_id(text) => Correlated::To(text.as_str().into()),
        Some(Value::Number(number)) if !number.is_f64() => {
            Correlated::To(number.to_string().into())
        }
        _ => Correlated::Unknown,
    }
}

/// False for a text that cannot be part of the name of a stream: blank, as long as no database
/// indexes, or the beginning of the streams of facts.
fn can_be_id(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_ID_BYTES && !text.starts_with("fact-")
}

/// How long the identity of a process may be.
const MAX_ID_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::{Correlated, Correlation, Correlations, correlated};
    use crate::message::{Category, Extensions, Id, Kind, Message, Priority, Timestamp};

    fn event(type_name: &str, data: &str) -> Message {
        Message {
            id: "shop::order-7-0".into(),
            stream: orders().stream(&Id::from("7")),
            kind: Kind::Event,
            type_name: type_name.into(),
            version: 1,
            priority: Priority::BULK,
            correlation_id: "chain".into(),
            causation_id: Some("command".into()),
            time: Timestamp::from_micros(1),
            data: data.into(),
            extensions: Extensions::default(),
        }
    }

    fn orders() -> Category {
        Category::named("shop::order")
    }

    fn placed(fields: &[&str]) -> Vec<Correlation> {
        let fields = fields.iter().copied().map(Into::into).collect();
        vec![Correlation { category: orders(), event: "Shop.OrderPlaced".into(), fields }]
    }

    fn register(known: &mut Correlations, processes: &str, events: &[Correlation]) -> bool {
        known.register("shop.Manager", &Category::named(processes), events)
    }

    fn correlations() -> Correlations {
        let mut correlations = Correlations::default();
        for processes in ["shop::fulfilment", "shop::invoicing"] {
            assert!(register(&mut correlations, processes, &placed(&["order_id", "order"])));
        }
        correlations
    }

    fn streams(message: &Message) -> Vec<String> {
        let copies = correlations().copies(message).into_iter();
        copies.map(|copy| copy.stream.as_str().to_owned()).collect()
    }

    #[test]
    fn an_event_is_copied_for_each_process_that_it_belongs_to() {
        let placed = event("Shop.OrderPlaced.v2", r#"{"order_id":"7","total":3}"#);
        let copies = correlations().copies(&placed);
        assert_eq!(streams(&placed), ["shop::fulfilment-7", "shop::invoicing-7"]);
        for copy in &copies {
            assert_eq!(copy.causation_id.as_deref(), Some("shop::order-7-0"));
            let same = Message {
                id: placed.id.clone(),
                stream: placed.stream.clone(),
                causation_id: placed.causation_id.clone(),
                ..copy.clone()
            };
            assert_eq!(same, placed, "everything else is as it was");
        }
        assert_ne!(copies[0].id, copies[1].id);
        assert_eq!(copies, correlations().copies(&placed), "the ids are the same each time");
    }

    #[test]
    fn other_messages_are_not_copied() {
        let data = r#"{"order_id":"7"}"#;
        let placed = event("Shop.OrderPlaced.v1", data);
        let elsewhere = Category::named("shop::stock").stream(&Id::from("7"));
        for other in [
            event("Shop.OrderPaid.v1", data),
            event("Shop.OrderPlaced.v1", r#"{"order_id":null}"#),
            Message { kind: Kind::Command, ..placed.clone() },
            Message { stream: elsewhere, ..placed },
        ] {
            assert_eq!(correlations().copies(&other), [], "{other:?}");
        }
    }

    #[test]
    fn a_process_is_named_by_a_text_or_an_integer_under_any_name_of_the_field() {
        let named = |data| correlated(data, &["order_id", "order"]);
        for (data, expected) in [
            (r#"{"order_id":"a-1","order":"b"}"#, Correlated::To("a-1".into())),
            (r#"{"order":"b"}"#, Correlated::To("b".into())),
            (r#"{"order_id":18446744073709551615}"#, Correlated::To("18446744073709551615".into())),
            (r#"{"order_id":null,"order":"b"}"#, Correlated::None),
            (r#"{"order_id":" "}"#, Correlated::Unknown),
            (r#"{"order_id":"fact-7"}"#, Correlated::Unknown),
            (r#"{"order_id":1.5}"#, Correlated::Unknown),
            (r#"{"order_id":{"id":1}}"#, Correlated::Unknown),
            (r#"{"total":3}"#, Correlated::Unknown),
            ("[]", Correlated::Unknown),
        ] {
            assert_eq!(named(data), expected, "{data}");
        }
    }

    #[test]
    fn an_event_that_names_no_process_properly_gets_a_stream_of_its_own() {
        let streams = streams(&event("Shop.OrderPlaced.v1", r#"{"order_id":""}"#));
        assert_eq!(
            streams,
            ["shop::fulfilment-shop::order-7-0", "shop::invoicing-shop::order-7-0"]
        );
    }

    #[test]
    fn what_changes_grows_the_generation_and_is_read_as_it_is_written() {
        let mut known = correlations();
        assert_eq!(known.generation(), 2);
        let same = placed(&["order_id", "order"]);
        assert!(!register(&mut known, "shop::invoicing", &same));
        assert!(!register(&mut known, "shop::other", &[]) && !known.forget("shop.Other"));
        let older = placed(&["order"]);
        assert!(!register(&mut known, "shop::invoicing", &older), "an older program starts again");
        let newer = placed(&["order_number", "order_id"]);
        assert!(register(&mut known, "shop::invoicing", &newer));
        assert!(known.to_json().contains(r#"["order_number","order_id","order"]"#));
        assert_eq!(known.generation(), 3);
        assert_eq!(Correlations::read(3, &known.to_json()), Some(known.clone()));
        assert!(known.forget("shop.Manager"));
        assert_eq!((known.generation(), known.to_json().as_str()), (4, "[]"));
        assert_eq!(Correlations::read(4, "of somebody else"), None);
    }
}
