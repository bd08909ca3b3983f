//! What is said to break nobody breaks nobody.

use serde_json::{Value, json};

use super::diff_tests::field_changes;
use super::validator::is_valid;

/// Fields of every kind with every limit.
fn fields() -> Vec<Value> {
    let mut fields = vec![json!({}), json!({"type": "boolean"}), json!({"x-type": "Money"})];
    for kind in ["integer", "number"] {
        for bounds in [
            json!({}),
            json!({"minimum": 0}),
            json!({"minimum": 1, "maximum": 7}),
            json!({"maximum": 8}),
        ] {
            let mut field = bounds;
            field["type"] = kind.into();
            fields.push(field);
        }
    }
    for limits in [
        json!({}),
        json!({"minLength": 1}),
        json!({"maxLength": 3, "pattern": "\\S"}),
        json!({"enum": ["a", "abc"]}),
        json!({"enum": ["a"]}),
        json!({"format": "date"}),
        json!({"format": "date-time"}),
    ] {
        let mut field = limits;
        field["type"] = "string".into();
        fields.push(json!({"anyOf": [field.clone(), {"type": "null"}]}));
        fields.push(json!({"type": "array", "items": field.clone(), "maxItems": 2}));
        fields.push(
            json!({"type": "object", "propertyNames": field.clone(), "additionalProperties": {}}),
        );
        fields.push(
            json!({"type": "object", "properties": {"in": field.clone()}, "required": ["in"]}),
        );
        fields.push(field);
    }
    for digits in [
        json!({}),
        json!({"x-scale": 1}),
        json!({"x-precision": 3}),
        json!({"x-precision": 4}),
        json!({"x-precision": 4, "x-scale": 1}),
        json!({"x-precision": 4, "x-scale": 2}),
        json!({"x-precision": 2, "x-scale": 2, "minimum": 1}),
    ] {
        let mut field = digits;
        field["type"] = json!(["number", "string"]);
        field["format"] = "decimal".into();
        field["pattern"] = "^-?[0-9]+(\\.[0-9]+)?$".into();
        fields.push(field);
    }
    fields
}

/// Values, so many that each change of a limit makes a difference for one of them.
fn values() -> Vec<Value> {
    let plain = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(7),
        json!(8),
        json!(9),
        json!(0.5),
        json!(1.25),
        json!(""),
        json!(" "),
        json!("a"),
        json!("abc"),
        json!("abcd"),
        json!("2026-11-20"),
        json!("2026-11-20T17:12:43+00:00"),
        json!("1.25"),
        json!("12.5"),
        json!(123.4),
        json!(1234),
        json!("12.345"),
        json!([]),
        json!({}),
    ];
    let mut values = plain.clone();
    for value in &plain {
        values.push(json!([value]));
        values.push(json!([value, value, value]));
        values.push(json!({"in": value}));
        values.extend(value.as_str().map(|key| json!({key: 1})));
    }
    values
}

/// Whatever is said to break nobody, breaks nobody: of all pairs, what could be sent is still
/// taken, or what is written now could be written before.
#[test]
fn a_change_that_is_harmless_takes_the_same_values() {
    let (fields, values) = (fields(), values());
    let mut compared = 0;
    for old in &fields {
        for new in &fields {
            let found = field_changes(old, new);
            let breaks_readers = found.iter().any(|(_, readers, _)| *readers);
            let breaks_senders = found.iter().any(|(.., senders)| *senders);
            for value in &values {
                let (was, is) = (is_valid(old, value), is_valid(new, value));
                assert!(
                    breaks_senders || !was || is,
                    "{value} was sent: {old} to {new}: {found:?}"
                );
                assert!(
                    breaks_readers || was || !is,
                    "{value} is written: {old} to {new}: {found:?}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 100_000, "{compared}");
}
