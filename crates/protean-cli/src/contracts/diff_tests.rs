//! Every kind of change, and whom it breaks.

use serde_json::{Value, json};

use super::{Document, diff};

/// A document with an event and a command that have this schema.
fn document(schema: &Value) -> Document {
    let contract = |name: &str| json!({"type": format!("Bank.{name}.v1"), "version": 1, "stream": "bank::account", "schema": schema});
    parsed(&json!({
        "contracts": 1,
        "domain": "bank",
        "events": {"Account.Opened": contract("Opened")},
        "commands": {"Account.Open": contract("Open")},
    }))
}

fn parsed(document: &Value) -> Document {
    Document::parse(&document.to_string()).unwrap()
}

/// What has changed, and whether it breaks readers and senders.
fn changes(old: &Document, new: &Document) -> Vec<(String, bool, bool)> {
    let mut found: Vec<(String, bool, bool)> = Vec::new();
    for change in diff(old, new) {
        let of_event = change.kind == super::MessageKind::Event;
        let text = match &*change.field {
            "" => change.what.clone(),
            field => format!("'{field}' {}", change.what),
        };
        match found.iter_mut().find(|(known, ..)| *known == text) {
            Some(known) if of_event => known.1 = change.is_breaking,
            Some(known) => known.2 = change.is_breaking,
            None => {
                found.push((text, of_event && change.is_breaking, !of_event && change.is_breaking))
            }
        }
    }
    found
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

#[test]
fn a_decimal_number_has_digits_on_both_sides_of_the_point() {
    let decimal = |precision: u32, scale: u32| json!({"type": ["number", "string"], "format": "decimal", "x-precision": precision, "x-scale": scale});
    let more = "'f' has max digits before the point 4 instead of 3";
    assert_change(&field_changes(&decimal(5, 2), &decimal(6, 2)), more, READERS);
    assert_change(
        &field_changes(&decimal(5, 2), &decimal(6, 3)),
        "'f' has scale 3 instead of 2",
        READERS,
    );
    let moved = field_changes(&decimal(5, 2), &decimal(5, 3));
    let breaks: Vec<_> = moved.iter().map(|(_, readers, senders)| (*readers, *senders)).collect();
    assert_eq!(breaks, [READERS, SENDERS], "{moved:?}");
}

/// The changes of one required field.
pub(super) fn field_changes(old: &Value, new: &Value) -> Vec<(String, bool, bool)> {
    let with = |field: &Value| document(&object(json!({"f": field}), &["f"]));
    changes(&with(old), &with(new))
}

const READERS: (bool, bool) = (true, false);
const SENDERS: (bool, bool) = (false, true);
const BOTH: (bool, bool) = (true, true);
const NOBODY: (bool, bool) = (false, false);

#[track_caller]
fn assert_change(found: &[(String, bool, bool)], expected: &str, breaks: (bool, bool)) {
    let expected = vec![(expected.to_owned(), breaks.0, breaks.1)];
    assert_eq!(found, expected);
}

#[test]
fn each_change_of_a_value_breaks_one_side() {
    let text = |limit: &str, value: Value| json!({"type": "string", limit: value});
    let number = |limit: &str, value: Value| json!({"type": "integer", limit: value});
    let list = |limit: &str, value: u32| json!({"type": "array", "items": {"type": "string"}, limit: value});
    let map = |limit: &str, value: u32| json!({"type": "object", "additionalProperties": {}, limit: value});
    let decimal = |limit: &str, value: u32| json!({"type": ["number", "string"], "format": "decimal", limit: value});
    let plain = json!({"type": "string"});
    let rows: Vec<(Value, Value, &str)> = vec![
        (text("maxLength", 5.into()), text("maxLength", 9.into()), "has max_length 9 instead of 5"),
        (text("maxLength", 5.into()), plain.clone(), "no longer has max_length 5"),
        (text("minLength", 5.into()), text("minLength", 2.into()), "has min_length 2 instead of 5"),
        (text("minLength", 5.into()), plain.clone(), "no longer has min_length 5"),
        (text("pattern", "\\S".into()), plain.clone(), "may now be blank"),
        (text("enum", json!(["a"])), text("enum", json!(["a", "b"])), "has the new choice \"b\""),
        (text("enum", json!(["a"])), plain.clone(), "is no longer limited to choices"),
        (number("maximum", 5.into()), number("maximum", 9.into()), "has max_value 9 instead of 5"),
        (
            number("maximum", (i64::MAX - 1).into()),
            number("maximum", i64::MAX.into()),
            "has max_value 9223372036854775807 instead of 9223372036854775806",
        ),
        (
            number("minimum", json!(0.5)),
            number("minimum", 0.into()),
            "has min_value 0 instead of 0.5",
        ),
        (
            number("maximum", json!(5.5)),
            number("maximum", 6.into()),
            "has max_value 6 instead of 5.5",
        ),
        (decimal("x-precision", 5), decimal("x-precision", 9), "has precision 9 instead of 5"),
        (decimal("x-scale", 2), decimal("x-scale", 3), "has scale 3 instead of 2"),
        (list("maxItems", 5), list("maxItems", 9), "has max_length 9 instead of 5"),
        (list("minItems", 5), list("minItems", 1), "has min_length 1 instead of 5"),
        (map("maxProperties", 5), map("maxProperties", 9), "has max_length 9 instead of 5"),
        (map("minProperties", 5), map("minProperties", 1), "has min_length 1 instead of 5"),
        (json!({"type": "integer"}), json!({"type": "number"}), "is number instead of integer"),
        (plain.clone(), json!({}), "is any JSON instead of text"),
        (plain.clone(), json!({"anyOf": [plain.clone(), {"type": "null"}]}), "may now be null"),
    ];
    for (narrow, wide, expected) in rows {
        assert_change(&field_changes(&narrow, &wide), &format!("'f' {expected}"), READERS);
        let [(_, readers, senders)] = field_changes(&wide, &narrow)[..] else { panic!("{wide}") };
        assert_eq!((readers, senders), SENDERS, "{wide} to {narrow}");
        assert!(
            field_changes(&narrow, &narrow).is_empty() && field_changes(&wide, &wide).is_empty()
        );
    }
}

#[test]
fn another_kind_breaks_both_sides_unless_one_includes_the_other() {
    let kinds = [
        json!({"type": "string"}),
        json!({"type": "string", "format": "date"}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "boolean"}),
        json!({"type": "integer"}),
        json!({"type": "number"}),
        json!({"type": ["number", "string"], "format": "decimal"}),
        json!({"type": "array", "items": {}}),
        json!({"type": "object", "properties": {}}),
        json!({"type": "object", "additionalProperties": {}}),
        json!({"x-type": "Money"}),
        json!({"x-type": "own form"}),
        json!({}),
    ];
    for (at, old) in kinds.iter().enumerate() {
        for (other, new) in kinds.iter().enumerate() {
            let found = field_changes(old, new);
            let breaks = found.iter().map(|(_, readers, senders)| (*readers, *senders));
            let breaks: Vec<(bool, bool)> = breaks.collect();
            match (at, other) {
                _ if at == other => assert!(found.is_empty(), "{found:?}"),
                (4, 5 | 6) | (5, 6) | (1 | 2, 0) | (_, 12) => {
                    assert_eq!(breaks, [READERS], "{found:?}")
                }
                (5 | 6, 4) | (6, 5) | (0, 1 | 2) | (12, _) => {
                    assert_eq!(breaks, [SENDERS], "{found:?}")
                }
                _ => assert_eq!(breaks, [BOTH], "{found:?}"),
            }
        }
    }
    let texts = [
        "'f' is timestamp instead of date",
        "'f' is integer instead of text",
        "'f' is map instead of list",
    ];
    for (old, new, text) in [(1, 2, texts[0]), (0, 4, texts[1]), (7, 9, texts[2])] {
        assert_change(&field_changes(&kinds[old], &kinds[new]), text, BOTH);
    }
}

#[test]
fn fields_come_go_and_become_optional() {
    let text = json!({"type": "string"});
    let one = document(&object(json!({"a": text}), &["a"]));
    let optional = document(&object(json!({"a": text}), &[]));
    let two = document(&object(json!({"a": text, "b": {"type": "integer"}}), &["a", "b"]));
    let with_optional = document(&object(json!({"a": text, "b": {"type": "integer"}}), &["a"]));
    assert_change(&changes(&one, &optional), "'a' is now optional", READERS);
    assert_change(&changes(&optional, &one), "'a' is now required", SENDERS);
    assert_change(&changes(&one, &two), "'b' is new and required", SENDERS);
    assert_change(&changes(&one, &with_optional), "'b' is new and optional", NOBODY);
    assert_change(&changes(&two, &one), "'b' is gone", READERS);
    let mut closed = object(json!({"a": text}), &["a"]);
    closed["additionalProperties"] = false.into();
    let mut closed_two = object(json!({"a": text, "b": text}), &["a"]);
    closed_two["additionalProperties"] = false.into();
    assert_change(&changes(&document(&closed_two), &document(&closed)), "'b' is gone", BOTH);
    let closing = "now refuses unknown fields";
    assert_change(&changes(&one, &document(&closed)), closing, SENDERS);
    let opening = "now ignores unknown fields";
    assert_change(&changes(&document(&closed), &one), opening, READERS);
}

#[test]
fn a_field_with_another_name_is_recognised() {
    let amount = json!({"type": "integer", "minimum": 1});
    let old = document(&object(json!({"amount": amount}), &["amount"]));
    let new = document(&object(json!({"total": amount}), &["total"]));
    let gone = "'amount' is gone; was it renamed to 'total'?".to_owned();
    let found = changes(&old, &new);
    assert_eq!(
        found,
        [(gone, true, false), ("'total' is new and required".to_owned(), false, true)]
    );
}

#[test]
fn another_default_breaks_nobody() {
    let with = |default: Value| {
        document(&object(json!({"a": {"type": "integer", "default": default}}), &[]))
    };
    assert_change(
        &changes(&with(1.into()), &with(2.into())),
        "'a' has the default 2 instead of 1",
        NOBODY,
    );
}

#[test]
fn what_is_nested_is_compared_once_however_deep() {
    let tree = |limit: u32| {
        let line = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": limit},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            },
            "required": ["name", "parts"],
        });
        let lines = json!({
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            "by_name": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Line"}},
        });
        let mut schema = object(lines, &["lines", "by_name"]);
        schema["$defs"] = json!({"Line": line});
        document(&schema)
    };
    let text = "'by_name[].name' has max_length 9 instead of 5";
    assert_change(&changes(&tree(5), &tree(9)), text, READERS);
    let keys = |names: Value| json!({"type": "object", "propertyNames": {"type": "string", "enum": names}, "additionalProperties": {}});
    let found = field_changes(&keys(json!(["a", "b"])), &keys(json!(["a"])));
    assert_change(&found, "'keys of f' no longer has the choice \"b\"", SENDERS);
}

#[test]
fn one_number_in_two_forms_is_no_change() {
    let limited = |limit: Value| json!({"type": "number", "maximum": limit});
    assert_eq!(field_changes(&limited(json!(9)), &limited(json!(9.0))), []);
}

#[test]
fn fields_whose_names_get_known_or_unknown_break_both_sides() {
    let known = object(json!({"a": {"type": "string"}}), &["a"]);
    let mut unknown = known.clone();
    unknown.as_object_mut().unwrap().retain(|word, _| word != "properties" && word != "required");
    let [known, unknown] = [known, unknown].map(|schema| document(&schema));
    let found = changes(&known, &unknown);
    assert_change(&found, "has fields whose names are not known", BOTH);
    assert_change(&changes(&unknown, &known), "had fields whose names were not known", BOTH);
}

#[test]
fn messages_come_go_and_have_versions() {
    let schema = object(json!({"a": {"type": "string"}}), &["a"]);
    let base = || serde_json::to_value(document(&schema)).unwrap();
    let mut without = base();
    (without["events"], without["commands"]) = (json!({}), json!({}));
    let (old, without) = (parsed(&base()), parsed(&without));
    assert_change(&changes(&old, &without), "is gone", BOTH);
    assert_change(&changes(&without, &old), "is new", NOBODY);

    let mut raised =
        serde_json::to_value(document(&object(json!({"b": {"type": "integer"}}), &["b"]))).unwrap();
    for (kind, name) in [("events", "Account.Opened"), ("commands", "Account.Open")] {
        raised[kind][name]["version"] = 2.into();
    }
    let found = changes(&old, &parsed(&raised));
    let breaks: Vec<_> =
        found.iter().map(|(text, readers, senders)| (text.as_str(), *readers, *senders)).collect();
    let expected = [
        ("has version 2 instead of 1, which readers of version 1 refuse", true, false),
        ("'a' is gone", true, false),
        ("'b' is new and required", false, false),
        ("has version 2 instead of 1; version 1 is still accepted", false, false),
    ];
    assert_eq!(breaks, expected);
    let lowered = changes(&parsed(&raised), &old);
    assert!(
        lowered.contains(&("has version 1 instead of 2".to_owned(), true, true)),
        "{lowered:?}"
    );

    let mut moved = base();
    moved["events"]["Account.Opened"]["stream"] = "bank::konto".into();
    let text = "is in the stream bank::konto instead of bank::account";
    assert_change(&changes(&old, &parsed(&moved)), text, READERS);
    let mut renamed = base();
    renamed["commands"]["Account.Open"]["type"] = "Banque.Open.v1".into();
    assert_change(
        &changes(&old, &parsed(&renamed)),
        "has the type Banque.Open instead of Bank.Open",
        SENDERS,
    );
}
