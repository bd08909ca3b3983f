//! A state-stored aggregate and its row.

use protean::message::{ColumnKind, Value};
use protean::model::{Aggregate, Choice, Columns, Fields, Projection, Values};
use protean::{Decimal, Id};

use crate::shop::{Address, Line, Order, OrderRow, Status};

fn row(order: &Order) -> Vec<Value> {
    let mut row = Vec::new();
    order.write(&mut row);
    row
}

#[test]
fn value_objects_are_columns_of_their_owner() {
    let columns = Order::columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let wanted = "id number ship_to_street ship_to_city bill_to_street bill_to_city status lines \
                  discount placed weight";
    assert_eq!(names.join(" "), wanted);
    let nullable = columns.iter().filter(|column| column.nullable);
    let nullable: Vec<&str> = nullable.map(|column| column.name.as_str()).collect();
    assert_eq!(nullable, ["ship_to_city", "bill_to_street", "bill_to_city", "placed"]);
    assert!(columns[1].unique);
    assert_eq!((columns[6].kind, columns[7].kind), (ColumnKind::Text, ColumnKind::Json));
}

#[test]
fn a_row_gives_the_aggregate_back() {
    let mut order = Order::place("A-1").unwrap();
    order.status = Status::Sent;
    let row = row(&order);
    assert_eq!(row.len(), Order::columns().len());
    let read = Order::read(&mut Values::new(&row)).unwrap();
    assert_eq!(read.id(), order.id());
    assert_eq!(read.root().version(), None);
    assert_eq!((read.number.as_str(), read.status), ("A-1", Status::Sent));
    assert_eq!((&read.ship_to, &read.bill_to), (&order.ship_to, &None));
    assert_eq!(read.lines, order.lines);
}

#[test]
fn defaults_are_exact() {
    let order = Order::place("A-1").unwrap();
    assert_eq!(order.discount, Decimal::new(-50, 2));
    assert_eq!((order.status, order.weight.to_string().as_str()), (Status::Open, "2"));
}

#[test]
fn a_row_that_cannot_be_read_names_the_field() {
    let mut row = row(&Order::place("A-1").unwrap());
    row[2] = Value::Integer(3);
    let text = Order::read(&mut Values::new(&row)).unwrap_err();
    assert_eq!(text, "ship_to: street: expected text, found Integer(3)");
    row[2] = Value::text("Main");
    row[6] = Value::text("Lost");
    let text = Order::read(&mut Values::new(&row)).unwrap_err();
    assert_eq!(text, "status: expected one of 'Open', 'sent-off', found 'Lost'");
}

#[test]
fn checks_reach_into_values_and_entities() {
    let mut order = Order::place("A-1").unwrap();
    order.ship_to.street = "a very long street".into();
    order.bill_to = Some(Address { street: " ".into(), city: None });
    order.lines.push(Line { id: Id::from("2"), quantity: 0 });
    let violations = order.check();
    let fields: Vec<&str> = violations.iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["bill_to.street", "lines[1].quantity", "ship_to.street"]);
}

#[test]
fn a_variant_has_one_name_everywhere() {
    assert_eq!(Status::NAMES, ["Open", "sent-off"]);
    assert_eq!(serde_json::to_string(&Status::Sent).unwrap(), r#""sent-off""#);
    assert_eq!(Status::named("sent-off"), Some(Status::Sent));
}

#[test]
fn an_entity_in_json_has_its_defaults() {
    let line: Line = serde_json::from_str(r#"{"id": "1"}"#).unwrap();
    assert_eq!(line, Line { id: Id::from("1"), quantity: 1 });
}

#[test]
fn the_key_of_a_projection_is_its_identifier() {
    let row = OrderRow { number: "1".into(), order_id: Id::from("7"), sent: false };
    assert_eq!((OrderRow::KEY, row.key()), (1, Id::from("7")));
    assert_eq!(Order::STREAM_CATEGORY, Some("shop-orders"));
}
