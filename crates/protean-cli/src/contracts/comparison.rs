//! How one schema differs from another.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A difference between two schemas.
#[derive(Debug)]
pub(super) struct Difference {
    /// The path of a field; empty for the whole.
    pub(super) path: String,
    pub(super) what: String,
    pub(super) effect: Effect,
}

/// What a difference means for those who read such values, and for those who send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Values are possible that were not: readers do not expect them.
    Wider,
    /// Values that were possible are not: senders may still send them.
    Narrower,
    /// Both.
    Other,
    /// A field is gone, and passed over when it is sent.
    Gone,
    /// Neither readers nor senders have to do anything.
    Harmless,
}

/// Limits of which a greater one allows more, and what people call them.
const UPPER: [(&str, &str); 5] = [
    ("maximum", "max_value"),
    ("maxLength", "max_length"),
    ("maxItems", "max_length"),
    ("maxProperties", "max_length"),
    ("x-scale", "scale"),
];

/// Limits of which a smaller one allows more.
const LOWER: [(&str, &str); 4] = [
    ("minimum", "min_value"),
    ("minLength", "min_length"),
    ("minItems", "min_length"),
    ("minProperties", "min_length"),
];

/// Kinds of values of which the second includes the first.
const INCLUDED: [(&str, &str); 5] = [
    ("integer", "number"),
    ("integer", "decimal"),
    ("number", "decimal"),
    ("date", "text"),
    ("timestamp", "text"),
];

/// How the second schema differs from the first.
pub(super) fn compare(old: &Value, new: &Value) -> Vec<Difference> {
    let seen = BTreeSet::new();
    let mut comparison = Comparison { old, new, seen, found: Vec::new() };
    let field = |schema| Field { schema, is_required: true };
    comparison.field("", field(old), field(new));
    comparison.found
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    /// The definitions that were compared: each difference within them is found once.
    seen: BTreeSet<(&'a str, &'a str)>,
    found: Vec<Difference>,
}

/// A field, or an element, which is always required.
#[derive(Clone, Copy)]
struct Field<'a> {
    schema: &'a Value,
    is_required: bool,
}

/// A schema without the parts around it.
struct Inner<'a> {
    schema: &'a Value,
    is_nullable: bool,
    definition: Option<&'a str>,
}

impl<'a> Inner<'a> {
    fn of(root: &'a Value, schema: &'a Value) -> Self {
        let is_null = |schema: &Value| schema["type"] == "null";
        let alternatives = schema["anyOf"].as_array().filter(|of| of.iter().any(is_null));
        let value = alternatives.and_then(|of| of.iter().find(|schema| !is_null(schema)));
        let (is_nullable, schema) = (value.is_some(), value.unwrap_or(schema));
        let definition = schema["$ref"].as_str().and_then(|of| of.strip_prefix("#/$defs/"));
        let schema = definition.map_or(schema, |name| &root["$defs"][name]);
        Self { schema, is_nullable, definition }
    }
}

impl<'a> Comparison<'a> {
    fn field(&mut self, path: &str, was: Field<'a>, is: Field<'a>) {
        let old = Inner::of(self.old, was.schema);
        let new = Inner::of(self.new, is.schema);
        self.presence(path, (was.is_required, old.is_nullable), (is.is_required, new.is_nullable));
        if !was.is_required && !is.is_required {
            self.default(path, &was.schema["default"], &is.schema["default"]);
        }
        if let Some(pair) = old.definition.zip(new.definition)
            && !self.seen.insert(pair)
        {
            return;
        }
        self.value(path, old.schema, new.schema);
    }

    /// Whether a value must be there, and may be null.
    fn presence(&mut self, path: &str, was: (bool, bool), is: (bool, bool)) {
        let is_wider = was.0 && !is.0 || !was.1 && is.1;
        let is_narrower = !was.0 && is.0 || was.1 && !is.1;
        let by_null = was.0 == is.0;
        let (what, effect) = match (is_wider, is_narrower) {
            (false, false) => return,
            (true, true) => ("may now be null, and must be there", Effect::Other),
            (true, false) if by_null => ("may now be null", Effect::Wider),
            (true, false) => ("is now optional", Effect::Wider),
            (false, true) if by_null => ("must no longer be null", Effect::Narrower),
            (false, true) => ("is now required", Effect::Narrower),
        };
        self.add(path, effect, what);
    }

    fn default(&mut self, path: &str, old: &Value, new: &Value) {
        if old != new && !old.is_null() && !new.is_null() {
            self.add(path, Effect::Harmless, format!("has the default {new} instead of {old}"));
        }
    }

    fn value(&mut self, path: &str, old: &'a Value, new: &'a Value) {
        let (was, is) = (kind(old), kind(new));
        if was != is {
            let includes =
                |one: &str, other: &str| other == ANY || INCLUDED.contains(&(one, other));
            let effect = match (includes(was, is), includes(is, was)) {
                (true, _) => Effect::Wider,
                (_, true) => Effect::Narrower,
                _ => Effect::Other,
            };
            self.add(path, effect, format!("is {is} instead of {was}"));
            // Limits are compared only where they limit the same.
            if effect == Effect::Other || [was, is].contains(&ANY) {
                return;
            }
        }
        self.choices(path, &old["enum"], &new["enum"]);
        for (limits, more) in [(&UPPER[..], Effect::Wider), (&LOWER[..], Effect::Narrower)] {
            for (keyword, name) in limits {
                self.limit(path, name, more, (&old[keyword], &new[keyword]));
            }
        }
        self.precision(path, old, new);
        if [was, is] == [TEXT; 2] {
            self.pattern(path, &old["pattern"], &new["pattern"]);
        }
        self.properties(path, old, new);
        let keys = format!("keys of {path}");
        let elements = format!("{path}[]");
        for (keyword, path) in
            [("items", &elements), ("additionalProperties", &elements), ("propertyNames", &keys)]
        {
            if old[keyword].is_object() && new[keyword].is_object() {
                let field = |schema| Field { schema, is_required: true };
                self.field(path, field(&old[keyword]), field(&new[keyword]));
            }
        }
    }

    fn choices(&mut self, path: &str, old: &Value, new: &Value) {
        match (old.as_array(), new.as_array()) {
            (Some(old), Some(new)) => {
                for choice in new.iter().filter(|choice| !old.contains(choice)) {
                    self.add(path, Effect::Wider, format!("has the new choice {choice}"));
                }
                for choice in old.iter().filter(|choice| !new.contains(choice)) {
                    self.add(path, Effect::Narrower, format!("no longer has the choice {choice}"));
                }
            }
            (None, Some(_)) => self.add(path, Effect::Narrower, "is now limited to choices"),
            (Some(_), None) => self.add(path, Effect::Wider, "is no longer limited to choices"),
            (None, None) => {}
        }
    }

    /// A limit of which a greater one has this effect.
    fn limit(&mut self, path: &str, name: &str, more: Effect, (old, new): (&Value, &Value)) {
        let less = if more == Effect::Wider { Effect::Narrower } else { Effect::Wider };
        let (what, effect) = match (old.as_f64(), new.as_f64()) {
            (Some(was), Some(is)) => {
                // Whole numbers are compared as such: 2^63 - 1 and 2^63 - 2 are one f64.
                let whole = old.as_i64().zip(new.as_i64()).map(|(was, is)| is.cmp(&was));
                let effect = match whole.or_else(|| is.partial_cmp(&was)) {
                    Some(Ordering::Greater) => more,
                    Some(Ordering::Less) => less,
                    _ => return,
                };
                (format!("has {name} {new} instead of {old}"), effect)
            }
            (Some(_), None) => (format!("no longer has {name} {old}"), Effect::Wider),
            (None, Some(_)) => (format!("now has {name} {new}"), Effect::Narrower),
            (None, None) => return,
        };
        self.add(path, effect, what);
    }

    /// The digits of a decimal number: those after the point keep their places, used or not.
    fn precision(&mut self, path: &str, old: &Value, new: &Value) {
        let (all, after) = ("x-precision", "x-scale");
        let in_total = |schema: &Value| match schema[after].is_null() {
            true => schema[all].clone(),
            false => Value::Null,
        };
        let before_point = |schema: &Value| {
            let digits = schema[all].as_u64().zip(schema[after].as_u64());
            digits.map_or(Value::Null, |(all, after)| all.saturating_sub(after).into())
        };
        let before = "max digits before the point";
        self.limit(path, "precision", Effect::Wider, (&in_total(old), &in_total(new)));
        self.limit(path, before, Effect::Wider, (&before_point(old), &before_point(new)));
    }

    /// A text has one when it must not be blank.
    fn pattern(&mut self, path: &str, old: &Value, new: &Value) {
        match (old.is_string(), new.is_string()) {
            (false, true) => self.add(path, Effect::Narrower, "must no longer be blank"),
            (true, false) => self.add(path, Effect::Wider, "may now be blank"),
            _ => {}
        }
    }

    fn properties(&mut self, path: &str, old: &'a Value, new: &'a Value) {
        let (was, is) = match (old["properties"].as_object(), new["properties"].as_object()) {
            (Some(was), Some(is)) => (was, is),
            (None, None) => return,
            (Some(_), None) => {
                return self.add(path, Effect::Other, "has fields whose names are not known");
            }
            (None, Some(_)) => {
                return self.add(path, Effect::Other, "had fields whose names were not known");
            }
        };
        let is_closed = |schema: &Value| schema["additionalProperties"] == false;
        match (is_closed(old), is_closed(new)) {
            (false, true) => self.add(path, Effect::Narrower, "now refuses unknown fields"),
            (true, false) => self.add(path, Effect::Wider, "now ignores unknown fields"),
            _ => {}
        }
        let inside =
            |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for (name, schema) in was.iter().filter(|(name, _)| !is.contains_key(*name)) {
            let effect = if is_closed(new) { Effect::Other } else { Effect::Gone };
            let renamed = renamed(schema, was, is);
            let renamed = renamed.map(|name| format!("; was it renamed to '{name}'?"));
            self.add(&inside(name), effect, format!("is gone{}", renamed.unwrap_or_default()));
        }
        for name in is.keys().filter(|name| !was.contains_key(*name)) {
            match is_required(new, name) {
                true => self.add(&inside(name), Effect::Narrower, "is new and required"),
                false => self.add(&inside(name), Effect::Harmless, "is new and optional"),
            }
        }
        for (name, schema) in was {
            let Some(present) = is.get(name) else { continue };
            let was = Field { schema, is_required: is_required(old, name) };
            let is = Field { schema: present, is_required: is_required(new, name) };
            self.field(&inside(name), was, is);
        }
    }

    fn add(&mut self, path: &str, effect: Effect, what: impl Into<String>) {
        self.found.push(Difference { path: path.to_owned(), what: what.into(), effect });
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|required| required.iter().any(|one| one == name))
}

/// The only new field that has the form of one that is gone.
fn renamed<'n>(
    gone: &Value,
    old: &Map<String, Value>,
    new: &'n Map<String, Value>,
) -> Option<&'n String> {
    let mut alike = new.iter().filter(|(name, schema)| !old.contains_key(*name) && *schema == gone);
    let (name, _) = alike.next()?;
    alike.next().is_none().then_some(name)
}

/// Any value.
const ANY: &str = "any JSON";

const TEXT: &str = "text";

/// The kind of a value, as people know it.
fn kind(schema: &Value) -> &str {
    let format = schema["format"].as_str();
    match (schema["type"].as_str(), format) {
        (_, Some("decimal")) => "decimal",
        (Some("string"), Some("date-time")) => "timestamp",
        (Some("string"), Some("date")) => "date",
        (Some("string"), _) => TEXT,
        (Some("array"), _) => "list",
        (Some("object"), _) if schema["additionalProperties"].is_object() => "map",
        (Some(other), _) => other,
        (None, _) => schema["x-type"].as_str().unwrap_or(ANY),
    }
}
