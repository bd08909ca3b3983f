//! The form of a message as JSON Schema, draft 2020-12.

use std::collections::BTreeMap;

use protean::model::{Member, MessageType, Rules, Shape};
use serde_json::{Value, json};

use super::limits::{self, Keywords};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A decimal number that is written as a string, since not every program would read all of its
/// digits.
const DECIMAL: &str = "^-?[0-9]+(\\.[0-9]+)?$";

/// The member of a type that serde does not read as a struct.
const OWN_FORM: &str = "(form)";

/// The member with the names that serde reads, when it reads others than one for each field.
const NAMES: &str = "(names)";

/// The schema of a message of this type. A closed one refuses fields that it does not have.
pub(super) fn of(message: &MessageType, type_name: &str, is_closed: bool) -> Value {
    let mut schemas = Schemas { is_closed, ..Schemas::default() };
    let fields = schemas.object(message.doc, &message.members());
    let mut schema = Keywords::new();
    schema.insert("$schema".into(), DRAFT.into());
    // Its own references stay its own within the document.
    schema.insert("$id".into(), format!("urn:protean:{type_name}").into());
    schema.insert("title".into(), type_name.into());
    schema.extend(fields);
    if !schemas.definitions.is_empty() {
        schema.insert("$defs".into(), json!(schemas.definitions));
    }
    schema.into()
}

#[derive(Default)]
struct Schemas {
    is_closed: bool,
    /// The value objects and entities, by name.
    definitions: BTreeMap<String, Value>,
    /// The name of each by the path of its type.
    names: BTreeMap<&'static str, String>,
}

impl Schemas {
    /// The schema of an object with these fields.
    fn object(&mut self, doc: &str, members: &[Member]) -> Keywords {
        let mut object = Keywords::new();
        describe(doc, &mut object);
        if members.iter().any(|member| member.name == OWN_FORM) {
            object.insert("x-type".into(), "own form".into());
            return object;
        }
        object.insert("type".into(), "object".into());
        let Some(fields) = named(members) else { return object };
        let mut properties = Keywords::new();
        for member in &fields {
            properties.insert(member.name.clone(), self.field(member).into());
        }
        let is_required =
            |member: &&&Member| !member.has_default && !matches!(member.shape, Shape::Optional(_));
        let required: Vec<&str> =
            fields.iter().filter(is_required).map(|member| &*member.name).collect();
        object.insert("properties".into(), properties.into());
        if !required.is_empty() {
            object.insert("required".into(), required.into());
        }
        if self.is_closed {
            object.insert("additionalProperties".into(), false.into());
        }
        object
    }

    fn field(&mut self, member: &Member) -> Keywords {
        let mut field = self.value(&member.shape, &member.rules);
        describe(member.doc, &mut field);
        let default = member.default.and_then(|default| serde_json::from_str(&default()).ok());
        field.extend(default.map(|default: Value| ("default".to_owned(), default)));
        field
    }

    fn value(&mut self, shape: &Shape, rules: &Rules) -> Keywords {
        let mut keywords = Keywords::new();
        let mut is = |keyword: &str, value: Value| keywords.insert(keyword.to_owned(), value);
        match shape {
            Shape::Plain(kind) => return plain(kind, rules),
            Shape::Limited { shape, rules: own } => {
                return self.value(shape, &limits::stricter(own, rules));
            }
            Shape::Choice(names) => {
                is("type", "string".into());
                is("enum", json!(names));
            }
            Shape::Optional(shape) => {
                is("anyOf", json!([self.value(shape, rules), {"type": "null"}]));
            }
            Shape::List(element) => {
                is("type", "array".into());
                is("items", self.element(element));
                limits::length(rules, "Items", &mut keywords);
            }
            Shape::Map { key, value } => {
                is("type", "object".into());
                is("propertyNames", self.element(key));
                is("additionalProperties", self.element(value));
                limits::length(rules, "Properties", &mut keywords);
            }
            Shape::Object { type_path, doc, members } => {
                is("$ref", format!("#/$defs/{}", self.definition(type_path, doc, members)).into());
            }
        }
        keywords
    }

    fn element(&mut self, shape: &Shape) -> Value {
        self.value(shape, &Rules::named("")).into()
    }

    /// The name of a value object or entity, which is defined once. It may hold others of its own
    /// type.
    fn definition(
        &mut self,
        type_path: &'static str,
        doc: &str,
        members: &fn() -> Vec<Member>,
    ) -> String {
        if let Some(name) = self.names.get(type_path) {
            return name.clone();
        }
        let short = type_path.rsplit("::").next().unwrap_or(type_path);
        let taken = |name: &String| self.names.values().any(|known| known == name);
        let mut numbered = (2..).map(|number: u32| format!("{short}{number}"));
        let name = Some(short.to_owned()).filter(|name| !taken(name));
        let name = name.or_else(|| numbered.find(|name| !taken(name))).unwrap_or_default();
        self.names.insert(type_path, name.clone());
        let object = self.object(doc, &members());
        self.definitions.insert(name.clone(), object.into());
        name
    }
}

/// The fields under the names that serde reads; `None` when it cannot be said which those are.
fn named(members: &[Member]) -> Option<Vec<&Member>> {
    let is_names = |member: &&Member| member.name == NAMES;
    let read = members.iter().find(is_names).and_then(|member| match &member.shape {
        Shape::Plain(names) => Some(names.split(", ").collect::<Vec<&str>>()),
        _ => None,
    });
    let fields = members.iter().filter(|member| !is_names(member));
    let Some(read) = read else { return Some(fields.collect()) };
    let (known, other): (Vec<&Member>, Vec<&Member>) =
        fields.partition(|member| read.contains(&&*member.name));
    // Either some are other names of the fields, or some fields are left out.
    (other.is_empty() || known.len() == read.len()).then_some(known)
}

fn plain(kind: &str, rules: &Rules) -> Keywords {
    let mut keywords = Keywords::new();
    let mut is = |keyword: &str, value: Value| keywords.insert(keyword.to_owned(), value);
    match kind {
        "text" | "id" => {
            is("type", "string".into());
            let limit = if kind == "id" { limits::of_id } else { limits::of_text };
            limit(rules, &mut keywords);
        }
        "bool" => {
            is("type", "boolean".into());
        }
        "timestamp" => {
            is("type", "string".into());
            is("format", "date-time".into());
        }
        "date" => {
            is("type", "string".into());
            is("format", "date".into());
        }
        "f64" => {
            is("type", "number".into());
            limits::of_number(rules, &mut keywords);
        }
        "decimal" => {
            is("type", json!(["number", "string"]));
            is("format", "decimal".into());
            is("pattern", DECIMAL.into());
            limits::of_decimal(rules, &mut keywords);
        }
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" => {
            is("type", "integer".into());
            limits::of_integer(kind, rules, &mut keywords);
        }
        "json" => {}
        own => {
            is("x-type", own.into());
        }
    }
    keywords
}

fn describe(doc: &str, keywords: &mut Keywords) {
    if !doc.is_empty() {
        keywords.insert("description".into(), doc.into());
    }
}
