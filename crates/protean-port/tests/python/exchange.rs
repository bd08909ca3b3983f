//! Protean for Python 0.18 reads our entries, and we read its.

use std::time::Duration;

use protean_port::message::{
    Category, DeadLetterEntry, Envelope, Extensions, Foreign, Id, Kind, Message, Priority,
    Recorded, Timestamp,
};
use protean_test_servers::Python;
use serde_json::{Value, json};

use crate::interpreter::Interpreter;

/// Fields that are easily checked with another sum than they were sealed with.
const ODD: &str = r#"{"title":"Éa \"1\"/\\\u0001 😀","book_id":"b-1","price":1e16,
    "notes":{"𐀀":-0.0,"":1e-5,"z":123456789012345678901234567890,"A":[1.0,0.1,9.990]}}"#;

struct Shop(Interpreter);

impl Shop {
    fn open() -> Self {
        let python = Python::with_protean().unwrap();
        Self(Interpreter::run(&python, include_str!("exchange.py")))
    }

    fn ask(&mut self, what: &str, with: &Value) -> Value {
        let answer = self.0.ask(&json!({"do": what, "with": with}).to_string());
        serde_json::from_str(&answer).unwrap()
    }

    /// An entry that Python wrote.
    fn write(&mut self, what: &str, fields: &Value) -> String {
        self.ask(what, fields).as_str().unwrap().to_owned()
    }
}

fn added(data: &str) -> Recorded {
    let stream = Category::of("bookshelf", "Book").stream(&Id::from("b-1"));
    let message = Message {
        id: format!("{stream}-0.1").into(),
        stream,
        kind: Kind::Event,
        type_name: "Bookshelf.BookAdded.v1".into(),
        version: 1,
        priority: Priority::BULK,
        correlation_id: "c-1".into(),
        causation_id: Some("c-0".into()),
        time: "2026-11-20T17:12:43.949786+00:00".parse().unwrap(),
        data: data.into(),
        extensions: Extensions::default(),
    };
    Recorded { position: 41, stream_position: 7, message }
}

fn add() -> Recorded {
    let mut recorded = added(r#"{"price":9.990,"title":"B0","book_id":"b-1"}"#);
    let message = &mut recorded.message;
    message.kind = Kind::Command;
    message.stream = Category::of("bookshelf", "Book").commands().stream(&Id::from("b-1"));
    message.id = "018f4c6e".into();
    message.type_name = "Bookshelf.AddBook.v1".into();
    message.extensions.deadline = Some(message.time + Duration::from_secs(60));
    message.extensions.idempotency_key = Some("k-1".into());
    recorded
}

fn sent(recorded: &Recorded) -> String {
    Envelope::of(recorded, "bookshelf").unwrap().into_string()
}

fn read_envelope(entry: &str) -> Foreign<'_> {
    Envelope::read(entry.as_bytes()).unwrap()
}

#[test]
#[ignore = "needs Protean for Python: cargo xtask test"]
fn python_reads_and_verifies_our_events() {
    let mut shop = Shop::open();
    let entry = sent(&added(ODD));
    let read = shop.ask("read", &json!(entry));
    assert_eq!((&read["verified"], &read["class"]), (&json!(true), &json!("BookAdded")), "{read}");
    assert_eq!(read["fields"], serde_json::from_str::<Value>(ODD).unwrap());
    // Nothing is lost on the way through its own classes, nor added.
    let ours: Value = serde_json::from_str(&entry).unwrap();
    assert_eq!(read["metadata"], ours["metadata"]);
}

#[test]
#[ignore = "needs Protean for Python: cargo xtask test"]
fn python_reads_and_verifies_our_commands() {
    let mut shop = Shop::open();
    let entry = sent(&add());
    let read = shop.ask("read", &json!(entry));
    assert_eq!((&read["verified"], &read["class"]), (&json!(true), &json!("AddBook")), "{read}");
    let ours: Value = serde_json::from_str(&entry).unwrap();
    assert_eq!(read["metadata"], ours["metadata"]);
}

#[test]
#[ignore = "needs Protean for Python: cargo xtask test"]
fn what_travels_with_a_message_goes_through_python_and_comes_back() {
    let mut shop = Shop::open();
    for mut sent_by_us in [added(ODD), add()] {
        let extensions = &mut sent_by_us.message.extensions;
        extensions.metadata.set("tenant", "acmé \"1\"");
        extensions.metadata.set("request/id", "7");
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        extensions.traceparent = Some(traceparent.parse().unwrap());
        let entry = sent(&sent_by_us);
        let read = shop.ask("read", &json!(entry));
        assert_eq!(read["metadata"]["extensions"]["tenant"], "acmé \"1\"", "{read}");
        let trace = &read["metadata"]["headers"]["traceparent"];
        assert_eq!(trace["parent_id"], "00f067aa0ba902b7", "{read}");
        let entry = shop.write("returned", &json!(entry));
        let back = read_envelope(&entry);
        assert_eq!(back.extensions, sent_by_us.message.extensions, "{entry}");
    }
}

#[test]
#[ignore = "needs Protean for Python: cargo xtask test"]
fn python_refuses_what_was_changed_on_its_way() {
    let mut shop = Shop::open();
    let read = shop.ask("read", &json!(sent(&add()).replace("9.990", "9.991")));
    assert!(read["refused"].as_str().unwrap().contains("checksum mismatch"), "{read}");
}

#[test]
#[ignore = "needs Protean for Python: cargo xtask test"]
fn python_sends_our_dead_letters_again() {
    let mut shop = Shop::open();
    let entry = sent(&added(ODD));
    let letter = DeadLetterEntry {
        original_stream: "bookshelf::book".into(),
        original_id: "1763-0".into(),
        consumer_group: "bookshelf.BookCatalogProjector".into(),
        consumer: "BookCatalogProjector-host-1-ab".into(),
        failed_at: Some(Timestamp::from_micros(0)),
        retry_count: 3,
        failure_reason: Some("no shelf".into()),
        original: entry.clone().into_bytes(),
    };
    let replayed = shop.ask("replay", &json!(letter.to_json().unwrap()));
    assert_eq!(replayed["again"]["verified"], true, "{replayed}");
    assert_eq!(replayed["notice"]["original"], json!(entry));
}

#[test]
#[ignore = "needs Protean for Python: cargo xtask test"]
fn events_that_python_writes_pass_our_check() {
    let mut shop = Shop::open();
    let notes =
        json!({"𐀀": -0.0, "\u{e000}": [1e16, 1e-5, 0.1], "n": null, "in": {"b": 1, "a": {}}});
    let entry = shop.write("event", &json!({"title": "É \u{7f}😀", "price": 1e22, "notes": notes}));
    let event = read_envelope(&entry);
    assert_eq!((event.kind, &*event.type_name), (Kind::Event, "Bookshelf.BookAdded.v1"));
    assert_eq!((&*event.id, event.stream.id()), ("bookshelf::book-b-1-0.1", "b-1"));
    assert_eq!((event.sequence_id.as_deref(), event.recorded()), (Some("0.1"), None));
    let message = event.message(Timestamp::default());
    assert!(message.time > Timestamp::default());
    let fields: Value = serde_json::from_str(&message.data).unwrap();
    assert_eq!((&fields["title"], &fields["notes"]), (&json!("É \u{7f}😀"), &notes));
    assert!(Envelope::read(entry.replace("1e+22", "1e+21").as_bytes()).is_err());
}

#[test]
#[ignore = "needs Protean for Python: cargo xtask test"]
fn events_that_python_publishes_to_other_systems_can_be_read() {
    let mut shop = Shop::open();
    let entry = shop.write("published", &json!({"title": "B0"}));
    let event = read_envelope(&entry);
    assert!(!entry.contains("checksum") && !entry.contains("priority"), "{entry}");
    assert_eq!((&*event.id, event.priority), ("bookshelf::book-b-1-0.1", Priority::NORMAL));
}

#[test]
#[ignore = "needs Protean for Python: cargo xtask test"]
fn commands_that_python_writes_pass_our_check() {
    let mut shop = Shop::open();
    let entry = shop.write("command", &json!({"title": "B0", "price": -0.0}));
    let command = read_envelope(&entry);
    assert_eq!((command.kind, &*command.type_name), (Kind::Command, "Bookshelf.AddBook.v1"));
    assert_eq!(command.stream.as_str(), "bookshelf::book:command-b-1");
    assert_eq!(command.stream.category().as_str(), "bookshelf::book:command");
    assert_eq!(command.correlation_id.as_deref(), Some("c-1"));
    assert_eq!(command.extensions.idempotency_key.as_deref(), Some("k-1"));
    let deadline = "2026-11-20T17:12:43+00:00".parse().unwrap();
    assert_eq!(command.extensions.deadline, Some(deadline));
}
