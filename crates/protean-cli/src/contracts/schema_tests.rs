//! Schemas of real types, against what the types themselves say of values.

use std::collections::BTreeMap;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::{prop_assert_eq, proptest};
use protean::model::Fields as _;
use protean::{Context, Date, Decimal, Domain, DomainBuilder, Handled, Id, Json, Root, Timestamp};
use protean::{aggregate, aggregate_impl, command, command_handler, entity, event, value_object};
use serde_json::{Value, json};

use super::Document;
use super::validator::is_valid;

#[value_object]
enum Status {
    Open,
    #[serde(rename = "closed-for-good")]
    Closed,
}

/// A code of three letters at most.
#[value_object]
struct Code(#[field(max_length = 3)] String);

/// Where somebody lives.
#[value_object]
struct Address {
    /// With the number.
    #[serde(rename = "addressLine")]
    #[field(blank = false)]
    street: String,
    city: Option<Code>,
}

#[entity]
struct Line {
    id: Id,
    #[field(default = 1, min_value = 1, max_value = 9)]
    quantity: u8,
    parts: Vec<Line>,
}

/// Everything that a field can be.
#[command(part_of = Order, version = 2)]
struct Place {
    #[field(identifier)]
    order_id: Id,
    /// What it is called.
    #[field(min_length = 2, max_length = 4)]
    title: String,
    #[field(choices("red", "green"), default = "red")]
    colour: String,
    #[field(min_value = -5, max_value = 5)]
    small: i8,
    big: u64,
    #[field(min_value = 0.5, max_value = 9)]
    ratio: f64,
    #[field(precision = 4, scale = 2, min_value = 0, default = 9.99)]
    price: Decimal,
    is_gift: bool,
    day: Date,
    moment: Timestamp,
    #[field(default = Status::Open)]
    status: Status,
    code: Code,
    #[field(max_length = 2)]
    short_code: Option<Code>,
    address: Address,
    other_address: Option<Address>,
    #[field(min_length = 1, max_length = 2)]
    tags: Vec<Code>,
    lines: Vec<Line>,
    #[field(max_length = 1)]
    amounts: BTreeMap<Status, Decimal>,
    by_code: BTreeMap<Code, u16>,
    extra: Json,
    #[serde(default)]
    note: String,
    #[field(default = Id::new())]
    fresh: Id,
}

/// An order was placed.
#[event(part_of = Order, published)]
struct Placed {
    order_id: Id,
    #[serde(alias = "whole")]
    total: Decimal,
}

#[event(part_of = Order)]
struct Internal {
    order_id: Id,
}

#[aggregate(event_sourced, fact_events(published))]
struct Order {
    root: Root<Order>,
    #[field(default = 0)]
    total: Decimal,
}

#[aggregate_impl]
impl Order {
    #[apply]
    fn on_placed(&mut self, event: &Placed) {
        self.total = event.total;
    }

    #[apply]
    fn on_internal(&mut self, _: &Internal) {}
}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, _: Place, _: &Context) -> Handled {
        Ok(())
    }
}

struct Earlier;

impl protean::Upcast for Earlier {
    type Message = Place;
    const FROM: u32 = 1;

    fn upcast(_: &mut protean::MessageData) -> protean::Result {
        Ok(())
    }
}

fn builder() -> DomainBuilder {
    protean::domain("shop").aggregate::<Order>().register(Orders).upcaster::<Earlier>()
}

fn shop() -> Domain {
    builder().build().unwrap()
}

fn exported() -> Value {
    serde_json::to_value(Document::of(&shop())).unwrap()
}

fn schema() -> Value {
    exported()["commands"]["Order.Place"]["schema"].clone()
}

fn line(parts: Vec<Line>) -> Line {
    Line { id: "1".into(), quantity: 1, parts }
}

fn place() -> Place {
    let address = Address { street: "Main Street 1".into(), city: None };
    Place {
        order_id: "17".into(),
        title: "Gift".into(),
        colour: "red".into(),
        small: 5,
        big: i64::MAX as u64,
        ratio: 0.5,
        price: "12.34".parse().unwrap(),
        is_gift: true,
        day: "2026-11-20".parse().unwrap(),
        moment: Timestamp::default(),
        status: Status::Closed,
        code: "abc".into(),
        short_code: Some("ab".into()),
        other_address: Some(Address { city: Some("Ulm".into()), ..address.clone() }),
        address,
        tags: vec!["a".into()],
        lines: vec![line(vec![line(Vec::new())])],
        amounts: [(Status::Open, "0.001".parse().unwrap())].into(),
        by_code: [("x".into(), 7)].into(),
        extra: serde_json::from_str(r#"{"any": [1, null]}"#).unwrap(),
        note: String::new(),
        fresh: "8".into(),
    }
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(of).unwrap()).unwrap()
}

#[test]
fn a_message_of_every_kind_of_field_conforms() {
    let (schema, present) = (schema(), value(&place()));
    assert!(place().check().is_empty() && is_valid(&schema, &present), "{schema:#}");
    let optional = ["colour", "price", "status", "short_code", "other_address", "note", "fresh"];
    for name in present.as_object().unwrap().keys() {
        let mut without = present.clone();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(is_valid(&schema, &without), optional.contains(&name.as_str()), "{name}");
        let mut null = present.clone();
        null[name] = Value::Null;
        let may_be_null = ["short_code", "other_address", "extra"].contains(&name.as_str());
        assert_eq!(is_valid(&schema, &null), may_be_null, "{name}");
        // What the schema says is what the program does.
        for changed in [without, null] {
            let read = serde_json::from_value::<Place>(changed.clone()).is_ok();
            assert_eq!(read, is_valid(&schema, &changed), "{changed}");
        }
    }
}

#[test]
fn a_schema_says_what_the_declaration_says() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$id"], "urn:protean:Shop.Place.v2");
    assert_eq!(
        (&schema["title"], &schema["additionalProperties"]),
        (&json!("Shop.Place.v2"), &json!(false))
    );
    assert_eq!(schema["description"], "Everything that a field can be.");
    let title = json!({"type": "string", "minLength": 2, "maxLength": 4, "description": "What it is called."});
    let price = json!({
        "type": ["number", "string"], "format": "decimal", "pattern": "^-?[0-9]+(\\.[0-9]+)?$",
        "minimum": 0, "x-precision": 4, "x-scale": 2, "default": 9.99,
    });
    let big = json!({"type": "integer", "minimum": 0, "maximum": i64::MAX});
    let status = json!({"type": "string", "enum": ["Open", "closed-for-good"], "default": "Open"});
    let short = json!({"anyOf": [{"type": "string", "maxLength": 2}, {"type": "null"}]});
    let tags = json!({"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 1, "maxItems": 2});
    let by_code = json!({
        "type": "object", "propertyNames": {"type": "string", "maxLength": 3},
        "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 65535},
    });
    for (name, expected) in [
        ("title", title),
        ("price", price),
        ("big", big),
        ("status", status),
        ("short_code", short),
        ("tags", tags),
        ("by_code", by_code),
        ("extra", json!({})),
        ("fresh", json!({"type": "string", "pattern": "\\S"})),
        ("address", json!({"$ref": "#/$defs/Address"})),
    ] {
        assert_eq!(schema["properties"][name], expected, "{name}");
    }
    let address = json!({
        "type": "object", "description": "Where somebody lives.", "additionalProperties": false,
        "required": ["addressLine"],
        "properties": {
            "addressLine": {"type": "string", "pattern": "\\S", "description": "With the number."},
            "city": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
        },
    });
    assert_eq!(schema["$defs"]["Address"], address);
    let parts = &schema["$defs"]["Line"]["properties"]["parts"]["items"];
    assert_eq!(*parts, json!({"$ref": "#/$defs/Line"}));
}

#[test]
fn published_events_and_commands_are_exported_and_nothing_else() {
    let document = exported();
    let names =
        |kind: &str| document[kind].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names("events"), ["Order.OrderFactEvent", "Order.Placed"]);
    assert_eq!(names("commands"), ["Order.Place"]);
    let placed = &document["events"]["Order.Placed"];
    assert_eq!(
        (&placed["type"], &placed["stream"]),
        (&json!("Shop.Placed.v1"), &json!("shop::order"))
    );
    assert_eq!(placed["schema"]["description"], "An order was placed.");
    assert_eq!(placed["schema"]["required"], json!(["order_id", "total"]), "an alias is no field");
    assert!(placed["schema"].get("additionalProperties").is_none(), "readers pass over others");
    assert_eq!(document["events"]["Order.OrderFactEvent"]["stream"], "shop::order-fact");
    assert_eq!(document["commands"]["Order.Place"].get("stream"), None);
    let event = Placed { order_id: "1".into(), total: "12345678901234567890.12".parse().unwrap() };
    assert!(is_valid(&placed["schema"], &value(&event)), "{placed}");
}

#[test]
fn the_same_program_writes_the_same_document() {
    let text = Document::of(&shop()).text().unwrap();
    assert_eq!(text, Document::of(&shop()).text().unwrap());
    assert_eq!(Document::parse(&text).unwrap(), Document::of(&shop()));
    assert!(super::diff(&Document::of(&shop()), &Document::parse(&text).unwrap()).is_empty());
    let lenient = builder().config("lenient_deserialization = true\n").build().unwrap();
    let text = Document::of(&lenient).text().unwrap();
    assert!(!text.contains("\"additionalProperties\": false"), "{text}");
    for (other, why) in
        [("{}", "missing field"), ("[", "EOF"), (&*text.replacen(": 1", ": 2", 1), "layout")]
    {
        let refused = Document::parse(other).unwrap_err().to_string();
        assert!(refused.contains(why) && refused.contains("'contracts export'"), "{refused}");
    }
}

/// Texts at the edges of their limits.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("  ".to_owned()),
        Just("red".to_owned()),
        "[aé \u{10348}]{0,6}"
    ]
}

fn decimal() -> impl Strategy<Value = Decimal> {
    (-20_000_i64..20_000, 0_u32..4).prop_map(|(units, scale)| Decimal::new(units, scale))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_and_the_checks_of_the_program_agree(
        which in 0..14,
        (title, colour, code, street) in (text(), text(), text(), text()),
        (small, big, ratio) in (-7_i8..7, any::<u64>(), -1.0_f64..10.0),
        (price, quantity) in (decimal(), 0_u8..12),
        tags in proptest::collection::vec(text(), 0..4),
        amounts in proptest::collection::vec(any::<bool>(), 0..3),
    ) {
        let status = |is_open| if is_open { Status::Open } else { Status::Closed };
        let mut placed = place();
        // One at a time, so that no other hides it.
        match which {
            0 => placed.title = title,
            1 => placed.colour = colour,
            2 => placed.small = small,
            3 => placed.big = big,
            4 => placed.ratio = ratio,
            5 => placed.price = price,
            6 => placed.address = Address { street, city: Some(code.as_str().into()) },
            7 => placed.code = code.as_str().into(),
            8 => placed.short_code = Some(code.as_str().into()),
            9 => placed.tags = tags.iter().map(|tag| Code(tag.clone())).collect(),
            10 => placed.lines = vec![Line { quantity, ..line(Vec::new()) }],
            11 => placed.amounts = amounts.into_iter().map(|is_open| (status(is_open), price)).collect(),
            12 => placed.order_id = title.into(),
            _ => placed.by_code = [(Code(code), 7)].into(),
        }
        let (violations, json) = (placed.check(), value(&placed));
        prop_assert_eq!(violations.is_empty(), is_valid(&schema(), &json), "{}: {:?}", json, violations);
    }
}
