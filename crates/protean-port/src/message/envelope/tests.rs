use std::sync::Arc;

use proptest::prelude::{ProptestConfig, any, prop};
use proptest::{prop_assert_eq, proptest};

use super::canonical::canonical;
use super::{Checksum, DeadLetterEntry, Envelope};
use crate::message::{Category, Extensions, Id, Kind, Message, Priority, Recorded, Timestamp};

fn added() -> Recorded {
    let stream = Category::of("bookshelf", "Book").stream(&Id::from("b6f7"));
    let message = Message {
        id: format!("{stream}-0.1").into(),
        stream,
        kind: Kind::Event,
        type_name: "Bookshelf.BookAdded.v1".into(),
        version: 1,
        priority: Priority::BULK,
        correlation_id: "8aae".into(),
        causation_id: Some("15a2".into()),
        time: "2026-11-20T17:12:43.949786+00:00".parse().unwrap(),
        data: r#"{"title":"B0 é","price":9.99,"description":null}"#.into(),
        extensions: Extensions::default(),
    };
    Recorded { position: 41, stream_position: 0, message }
}

fn entry() -> String {
    Envelope::of(&added(), "bookshelf").unwrap().into_string()
}

fn refused(entry: &str) -> String {
    Envelope::read(entry.as_bytes()).unwrap_err().to_string()
}

#[test]
fn an_entry_has_the_documented_layout_in_the_documented_order() {
    let checksum = Checksum::of(&added().message.data).unwrap();
    let expected = r#"{"data":{"title":"B0 é","price":9.99,"description":null},"metadata":{"#
        .to_owned()
        + r#""headers":{"id":"bookshelf::book-b6f7-0.1","time":"2026-11-20T17:12:43.949786+00:00","#
        + r#""type":"Bookshelf.BookAdded.v1","stream":"bookshelf::book-b6f7","#
        + r#""traceparent":null,"idempotency_key":null,"deadline":null},"#
        + &format!(r#""envelope":{{"specversion":"1.0","checksum":"{checksum}"}},"#)
        + r#""domain":{"fqn":"bookshelf.BookAdded","kind":"EVENT","origin_stream":null,"#
        + r#""stream_category":"bookshelf::book","version":1,"sequence_id":"0.1","#
        + r#""asynchronous":true,"expected_version":null,"priority":-100,"#
        + r#""correlation_id":"8aae","causation_id":"15a2"},"event_store":null,"#
        + r#""extensions":{"protean.position":41,"protean.stream_position":0}}}"#;
    assert_eq!(entry(), expected);
}

#[test]
fn others_are_told_what_is_of_use_to_them() {
    let expected = r#"{"data":{"title":"B0 é","price":9.99,"description":null},"metadata":{"#
        .to_owned()
        + r#""headers":{"id":"bookshelf::book-b6f7-0.1","time":"2026-11-20T17:12:43.949786+00:00","#
        + r#""type":"Bookshelf.BookAdded.v1","stream":"bookshelf::book-b6f7","#
        + r#""traceparent":null,"idempotency_key":null,"deadline":null},"#
        + r#""domain":{"fqn":"bookshelf.BookAdded","kind":"EVENT","origin_stream":null,"#
        + r#""stream_category":"bookshelf::book","version":1,"sequence_id":"0.1","#
        + r#""correlation_id":"8aae","causation_id":"15a2"},"#
        + r#""envelope":{"specversion":"1.0"}}}"#;
    let external = Envelope::external(&added(), "bookshelf", &[]).unwrap();
    assert_eq!(external.as_str(), expected);
    let foreign = Envelope::read(external.as_str().as_bytes()).unwrap();
    assert_eq!((&*foreign.id, foreign.position), ("bookshelf::book-b6f7-0.1", None));
}

/// The properties of a message that has something to hand on.
fn travelling() -> Extensions {
    let mut extensions = Extensions::default();
    extensions.metadata.set("tenant", "acmé \"1\"");
    extensions.metadata.set("user", "7");
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    extensions.traceparent = Some(traceparent.parse().unwrap());
    extensions
}

#[test]
fn what_travels_stands_where_other_programs_look_for_it() {
    let mut recorded = added();
    recorded.message.extensions = travelling();
    let envelope = Envelope::of(&recorded, "bookshelf").unwrap();
    let entry: serde_json::Value = serde_json::from_str(envelope.as_str()).unwrap();
    assert_eq!(
        entry["metadata"]["extensions"],
        serde_json::json!({"protean.position": 41, "protean.stream_position": 0,
            "tenant": "acmé \"1\"", "user": "7"})
    );
    assert_eq!(
        entry["metadata"]["headers"]["traceparent"],
        serde_json::json!({"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "parent_id": "00f067aa0ba902b7", "sampled": false})
    );
    let external = Envelope::external(&recorded, "bookshelf", &["user".into()]).unwrap();
    let entry: serde_json::Value = serde_json::from_str(external.as_str()).unwrap();
    assert_eq!(entry["metadata"]["extensions"], serde_json::json!({"user": "7"}));
}

#[test]
fn what_others_send_travels_on_as_text() {
    let entry = r#"{"data": {}, "metadata": {"domain": {"kind": "EVENT"},
        "headers": {"id": "1", "type": "Shop.Bought.v1", "stream": "shop::cart-7",
            "traceparent": "nothing of the kind"},
        "extensions": {"protean.other": 1, "n": 7, "flag": true, "in": {"a": [1]}, "none": null,
            "no key": "x", "tenant": "acme"}}}"#;
    let extensions = Envelope::read(entry.as_bytes()).unwrap().extensions;
    let expected = r#"flag=true in="{\"a\":[1]}" n=7 none=null tenant=acme"#;
    assert_eq!(extensions.metadata.to_string(), expected);
    assert_eq!(extensions.traceparent, None);
}

#[test]
fn our_own_messages_come_back_as_they_are_in_the_log() {
    let mut command = added();
    command.message.kind = Kind::Command;
    command.message.stream = Category::of("bookshelf", "Book").commands().stream(&Id::from("b6f7"));
    command.message.id = "018f".into();
    command.message.causation_id = None;
    command.message.extensions = Extensions {
        deadline: Some(Timestamp::from_micros(1_700_000_000_000_000)),
        idempotency_key: Some("import \"7\"".into()),
        ..travelling()
    };
    let mut flagged = command.clone();
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
    flagged.message.extensions.traceparent = Some(traceparent.parse().unwrap());
    for recorded in [added(), command, flagged] {
        let envelope = Envelope::of(&recorded, "bookshelf").unwrap();
        let foreign = Envelope::read(envelope.as_str().as_bytes()).unwrap();
        assert_eq!(foreign.recorded(), Some(recorded.clone()));
        let is_event = recorded.message.kind == Kind::Event;
        assert_eq!(foreign.sequence_id.as_deref(), is_event.then_some("0.1"));
    }
}

#[test]
fn what_another_sender_leaves_out_is_no_fault() {
    let entry = r#" {"more": [1], "metadata": {"domain": {"kind": "COMMAND", "version": null,
        "priority": 99999999999, "owner": {}}, "headers": {"type": "Shop.Buy.v1", "deadline": null,
        "time": "2026-11-20 17:12:43", "stream": "shop::cart:command-7", "id": "a\"b",
        "traceparent": {"trace_id": "1", "parent_id": "2", "sampled": true}},
        "event_store": {"position": 3}, "envelope": null, "extensions": null}, "data": {}}"#;
    let foreign = Envelope::read(entry.as_bytes()).unwrap();
    assert_eq!((foreign.position, foreign.recorded()), (None, None));
    let message = foreign.message(Timestamp::default());
    assert_eq!(message.stream.category().as_str(), "shop::cart:command");
    assert_eq!(message.stream.id(), "7");
    assert_eq!((&*message.id, message.version), ("a\"b", 1));
    assert_eq!(message.correlation_id, Arc::from("a\"b"));
    assert_eq!(message.priority, Priority::new(i32::MAX));
    assert_eq!(message.time.to_string(), "2026-11-20T17:12:43.000000+00:00");
}

#[test]
fn an_invalid_entry_is_refused_with_what_was_found() {
    let valid = entry();
    let changed = |from: &str, to: &str| {
        assert!(valid.contains(from), "{from}");
        refused(&valid.replace(from, to))
    };
    let cases = [
        (refused(""), "the entry is empty: expected an object"),
        (refused("[1, 2]"), "the entry is a list (\"[1, 2]\"): expected an object"),
        (refused("\u{202e}x"), "the entry is not JSON (\"\\u{202e}x\"): expected"),
        (refused("{\"data\": {}"), "not JSON: EOF while parsing"),
        (refused(r#"{"data":{},"metadata":null}"#), "metadata: invalid type: null, expected"),
        (
            refused(r#"{"data":{},"metadata":[{}]}"#),
            "metadata: invalid type: sequence, expected an",
        ),
        (changed("\"headers\":{", "\"headers\":[],\"h\":{"), "metadata.headers: invalid type: seq"),
        (refused("{\"data\": {}}"), "missing field `metadata`"),
        (refused(&format!("{valid}}}")), "not JSON: trailing characters"),
        (
            changed("\"id\":\"bookshelf::book-b6f7-0.1\",", ""),
            "metadata.headers: missing field `id`",
        ),
        (
            changed("\"8aae\"", "{}"),
            "metadata.domain.correlation_id: invalid type: map, expected a",
        ),
        (changed("EVENT", "RUMOUR"), "metadata.domain.kind is \"RUMOUR\": expected \"EVENT\" or"),
        (changed("17:12:43.949786", "noon"), "metadata.headers.time is \"2026-11-20Tnoon+00:00\""),
        (
            changed("position\":41", "position\":-1"),
            "metadata.extensions.protean.position: invalid",
        ),
        (refused(&valid.replacen('{', "{\"data\":1,", 1)), "duplicate field `data`"),
    ];
    for (text, expected) in cases {
        assert!(text.starts_with(expected), "{text}\nexpected: {expected}");
    }
    let text = Envelope::read(b"{\"data\": \"\xff\"}").unwrap_err().to_string();
    assert!(text.starts_with("not UTF-8: found 0xff at byte 10, expected {\"data\""), "{text}");
}

#[test]
fn a_payload_changed_in_transit_is_refused() {
    let text = refused(&entry().replace("9.99", "9.98"));
    let expected = "the checksum does not match the data, so the message was changed in transit: \
                    metadata.envelope.checksum is ";
    assert!(text.starts_with(expected), "{text}");
    assert!(Envelope::read(entry().replace("é", "\\u00E9").as_bytes()).is_ok());
}

#[test]
fn deeply_nested_entries_are_refused() {
    let bomb = "[".repeat(10_000) + &"]".repeat(10_000);
    let text = refused(&entry().replace("9.99", &bomb));
    assert!(text.starts_with("the data nests deeper than 127 objects and lists"), "{text}");
    let unclosed = refused(&entry().replace("9.99", &"{\"a\":".repeat(1_000_000)));
    assert!(unclosed.starts_with("not JSON: "), "{unclosed}");
    let beside = entry().replace("\"metadata\"", &format!("\"more\":{bomb},\"metadata\""));
    assert!(Envelope::read(beside.as_bytes()).is_ok(), "unknown fields are ignored");
}

#[test]
fn an_error_is_one_short_line() {
    let text = refused(&format!("{{\"data\":{{}},\"metadata\":\"\\n{}\"}}", "x".repeat(10_000)));
    assert!(text.chars().count() <= 301 && !text.contains('\n'), "{text}");
}

#[test]
fn json_is_printed_as_python_prints_it() {
    let same = [
        (r#"{"b": 1, "a" : [ ], "a": {"d":{}, "c":null}}"#, r#"{"a":{"c":null,"d":{}},"b":1}"#),
        ("[1e16, 1e-05, 0.00001, 1e5, 1.0, -0.0]", "[1e+16,1e-05,1e-05,100000.0,1.0,-0.0]"),
        ("[9.990, 0.0001, 1e22, 5e-324, 123e-7, 0e9]", "[9.99,0.0001,1e+22,5e-324,1.23e-05,0.0]"),
        ("[-0, 123456789012345678901234567890]", "[0,123456789012345678901234567890]"),
        ("[600000000000000.25, 600000000000000.3]", "[600000000000000.2,600000000000000.2]"),
        ("[9007199254740993.0, 1e999, -1E+999]", "[9007199254740992.0,Infinity,-Infinity]"),
        ("\"\u{7f}\u{e9}\u{1f600}\\/\\u0041\\u000A\"", r#""\u007f\u00e9\ud83d\ude00/A\n""#),
        (r#""\ud83d\uDE00 \ud83d \ude00""#, r#""\ud83d\ude00 \ud83d \ude00""#),
        // By code point: newline, Z, a, U+E000, and the astral one last.
        (
            "{\"\u{1f600}\":1,\"\u{e000}\":2,\"a\":3,\"Z\":4,\"\\n\":5}",
            r#"{"\n":5,"Z":4,"a":3,"\ue000":2,"\ud83d\ude00":1}"#,
        ),
        (r#"{"\u0061":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
    ];
    for (json, expected) in same {
        assert_eq!(String::from_utf8(canonical(json).unwrap()).unwrap(), expected, "{json}");
    }
}

#[test]
fn a_payload_that_is_not_json_has_no_envelope() {
    for data in
        ["", "{", "{\"a\" 1}", "{\"a\":1,}", "[1 2]", "01", "1.", "+1", "\"\\x\"", "\"a", "{} {}"]
    {
        let mut recorded = added();
        recorded.message.data = data.into();
        let text = Envelope::of(&recorded, "bookshelf").unwrap_err().to_string();
        assert!(text.starts_with("the data is not JSON: found "), "{text}");
    }
}

fn dead_letter(original: &[u8]) -> DeadLetterEntry {
    DeadLetterEntry {
        original_stream: "bookshelf::book:backfill".into(),
        original_id: "1763-0".into(),
        consumer_group: "bookshelf.BookCatalogProjector".into(),
        consumer: "BookCatalogProjector-host-1-ab".into(),
        failed_at: Some(Timestamp::from_micros(1_763_658_763_949_786)),
        retry_count: 3,
        failure_reason: Some("no such book".into()),
        original: original.to_vec(),
    }
}

#[test]
fn a_dead_letter_keeps_the_exact_bytes() {
    let whole = entry();
    let twice = dead_letter(whole.as_bytes()).to_json().unwrap();
    let deep = "{\"a\":".repeat(10_000) + &"}".repeat(10_000);
    let entries: [&[u8]; 7] = [
        whole.as_bytes(),
        twice.as_bytes(),
        deep.as_bytes(),
        b" {\"b\": 1.0, \"b\": 1}\n",
        b"not JSON \0",
        b"\xff\xfe",
        b"",
    ];
    for original in entries {
        let dead_letter = dead_letter(original);
        let json = dead_letter.to_json().unwrap();
        assert_eq!(DeadLetterEntry::read(json.as_bytes()).unwrap(), dead_letter);
    }
}

#[test]
fn a_dead_letter_is_the_original_object_with_its_notice() {
    let json = dead_letter(entry().as_bytes()).to_json().unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let original: serde_json::Value = serde_json::from_str(&entry()).unwrap();
    assert_eq!((&value["data"], &value["metadata"]), (&original["data"], &original["metadata"]));
    let notice = &value["_dlq_metadata"];
    assert_eq!(notice["original_stream"], "bookshelf::book:backfill");
    assert_eq!(notice["failed_at"], "2025-11-20T17:12:43.949786+00:00");
    assert_eq!(
        (&notice["retry_count"], &notice["failure_reason"]),
        (&3.into(), &"no such book".into())
    );
    assert_eq!(notice["original"], entry());
}

#[test]
fn a_dead_letter_of_another_program_may_leave_fields_out() {
    let notice = r#""_dlq_metadata": {"original_stream": "s", "original_id": "1-0",
        "consumer_group": "g", "consumer": "c", "failed_at": null, "retry_count": 3}"#;
    let read = DeadLetterEntry::read(format!("{{\"data\": {{}}, {notice}}}").as_bytes()).unwrap();
    assert_eq!((read.failed_at, read.failure_reason), (None, None));
    assert_eq!(read.original, b"{\"data\":{}}");
    let text = DeadLetterEntry::read(b"{}").unwrap_err().to_string();
    assert_eq!(text, "not a dead letter: expected an object with the field `_dlq_metadata`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_message_survives_the_round_trip(texts in any::<[String; 4]>(), micros in 0..1_i64 << 57, place: u64) {
        let [title, author, correlation, key] = texts;
        let mut recorded = added();
        recorded.position = place;
        recorded.message.time = Timestamp::from_micros(micros);
        recorded.message.data = serde_json::json!({ title: author }).to_string().into();
        recorded.message.correlation_id = correlation.into();
        recorded.message.extensions.idempotency_key = Some(key.into());
        let envelope = Envelope::of(&recorded, "bookshelf").unwrap();
        let foreign = Envelope::read(envelope.as_str().as_bytes()).unwrap();
        prop_assert_eq!(foreign.recorded(), Some(recorded));
    }

    #[test]
    fn no_entry_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), cut in 0_usize..64) {
        let mut entry = entry().into_bytes();
        let at = at.index(entry.len());
        let end = (at + cut).min(entry.len());
        entry.splice(at..end, bytes.iter().copied());
        let dead_letter = dead_letter(&entry);
        let _ = Envelope::read(&entry);
        let _ = DeadLetterEntry::read(&entry);
        let json = dead_letter.to_json().unwrap();
        prop_assert_eq!(DeadLetterEntry::read(json.as_bytes()).unwrap().original, entry);
    }
}
