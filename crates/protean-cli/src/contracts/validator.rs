//! A small validator of JSON Schema, for tests: it knows every keyword that is written, and no other.

use protean::{Date, Timestamp};
use serde_json::Value;

/// True when the value has the form that the schema says.
pub(super) fn is_valid(schema: &Value, value: &Value) -> bool {
    conforms(schema, schema, value)
}

fn conforms(root: &Value, schema: &Value, value: &Value) -> bool {
    let Some(keywords) = schema.as_object() else { panic!("no schema: {schema}") };
    keywords.iter().all(|(keyword, argument)| satisfies(root, schema, (keyword, argument), value))
}

fn satisfies(root: &Value, schema: &Value, keyword: (&str, &Value), value: &Value) -> bool {
    let (keyword, argument) = keyword;
    let inner = |schema: &Value, value: &Value| conforms(root, schema, value);
    match keyword {
        "$schema" | "$id" | "$defs" | "title" | "description" | "default" | "x-type" => true,
        "type" => match argument.as_array() {
            Some(types) => types.iter().any(|of| is_of(of, value)),
            None => is_of(argument, value),
        },
        "enum" => argument.as_array().unwrap().contains(value),
        "anyOf" => argument.as_array().unwrap().iter().any(|schema| inner(schema, value)),
        "$ref" => {
            let name = argument.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            inner(&root["$defs"][name], value)
        }
        "format" => is_in_format(argument.as_str().unwrap(), value),
        "pattern" => value.as_str().is_none_or(|text| matches(argument.as_str().unwrap(), text)),
        "minLength" => {
            value.as_str().is_none_or(|text| text.chars().count() as u64 >= number(argument))
        }
        "maxLength" => {
            value.as_str().is_none_or(|text| text.chars().count() as u64 <= number(argument))
        }
        "minimum" => value.as_f64().is_none_or(|value| value >= argument.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|value| value <= argument.as_f64().unwrap()),
        "x-precision" => {
            digits(value).is_none_or(|(all, after)| match schema["x-scale"].as_u64() {
                Some(scale) => all - after + scale <= number(argument),
                None => all <= number(argument),
            })
        }
        "x-scale" => digits(value).is_none_or(|(_, after)| after <= number(argument)),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|one| inner(argument, one))),
        "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= number(argument)),
        "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= number(argument)),
        "minProperties" => value.as_object().is_none_or(|of| of.len() as u64 >= number(argument)),
        "maxProperties" => value.as_object().is_none_or(|of| of.len() as u64 <= number(argument)),
        "propertyNames" => value
            .as_object()
            .is_none_or(|of| of.keys().all(|key| inner(argument, &key.as_str().into()))),
        "properties" => value.as_object().is_none_or(|of| {
            let of_property = |(name, value)| argument.get(name).is_none_or(|of| inner(of, value));
            of.iter().all(of_property)
        }),
        "required" => value.as_object().is_none_or(|of| {
            argument.as_array().unwrap().iter().all(|name| of.contains_key(name.as_str().unwrap()))
        }),
        "additionalProperties" => value.as_object().is_none_or(|of| {
            let others = of.iter().filter(|(name, _)| schema["properties"].get(name).is_none());
            others.into_iter().all(|(_, value)| *argument != false && inner(argument, value))
        }),
        other => panic!("the keyword {other} is not known"),
    }
}

fn number(argument: &Value) -> u64 {
    argument.as_u64().unwrap()
}

fn is_of(of: &Value, value: &Value) -> bool {
    match of.as_str().unwrap() {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known"),
    }
}

fn is_in_format(format: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    match format {
        "date" => text.parse::<Date>().is_ok(),
        "date-time" => text.parse::<Timestamp>().is_ok(),
        "decimal" => true,
        other => panic!("the format {other} is not known"),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "\\S" => !text.trim().is_empty(),
        "^-?[0-9]+(\\.[0-9]+)?$" => {
            let is_number =
                |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
            let text = text.strip_prefix('-').unwrap_or(text);
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            is_number(whole) && is_number(fraction)
        }
        other => panic!("the pattern {other} is not known"),
    }
}

/// The digits of a number, and those after the point.
fn digits(value: &Value) -> Option<(u64, u64)> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (whole, fraction) = text.trim_start_matches('-').split_once('.').unwrap_or((&text, ""));
    let count = |digits: &str| digits.len() as u64;
    let fraction = count(fraction.trim_end_matches('0'));
    Some((count(whole.trim_start_matches(['0', '-'])) + fraction, fraction))
}
