//! The forms of a program's messages and snapshots, as `events.lock` holds them. Pure.

use std::collections::BTreeMap;

use protean::Catalog;
use protean::message::Kind;
use protean::model::{Member, Shape};

use crate::lock_file::{DEFAULT, Fields, LockFile, OPTIONAL, Section};

/// The file that a program with this catalog would have.
pub(crate) fn lock_file(catalog: &Catalog) -> LockFile {
    let messages = catalog.message_types().map(|(aggregate, kind, message)| {
        let kind = match kind {
            Kind::Event => "events",
            Kind::Command => "commands",
        };
        let section = Section::message(kind, aggregate, message.name, message.version);
        (section, fields(&message.members()))
    });
    let states = catalog.snapshot_states().map(|(aggregate, version, members)| {
        (Section::state(aggregate, version), fields(&members))
    });
    let mut sections: BTreeMap<Section, Fields> = BTreeMap::new();
    for (section, fields) in messages.chain(states) {
        let known = sections.entry(section).or_default();
        for (name, kind) in fields {
            // Handlers may read one message as different types.
            known
                .entry(name)
                .and_modify(|known| {
                    if *known != kind {
                        *known = format!("{known} | {kind}");
                    }
                })
                .or_insert(kind);
        }
    }
    LockFile(sections)
}

/// Each field by its path, those of nested objects and lists as well.
fn fields(members: &[Member]) -> Fields {
    let mut forms = Forms::default();
    members.iter().for_each(|member| forms.member("", member));
    forms.fields
}

#[derive(Default)]
struct Forms {
    fields: Fields,
    /// The types of the objects that hold the present one, outermost first.
    around: Vec<&'static str>,
}

impl Forms {
    fn member(&mut self, path: &str, member: &Member) {
        let path = match path {
            "" => member.name.clone(),
            _ => format!("{path}.{}", member.name),
        };
        self.value(path, &member.shape, if member.has_default { DEFAULT } else { "" });
    }

    fn value(&mut self, path: String, shape: &Shape, ending: &str) {
        let kind = match shape {
            Shape::Plain(kind) => kind.clone(),
            Shape::Choice(names) => format!("one of {}", names.join(", ")),
            Shape::List(element) => {
                self.value(format!("{path}[]"), element, "");
                "list".to_owned()
            }
            Shape::Map { value, .. } => {
                self.value(format!("{path}[]"), value, "");
                "map".to_owned()
            }
            Shape::Object { type_path, members, .. } => {
                // An entity may hold others of its own type, without end.
                if !self.around.contains(type_path) {
                    self.around.push(type_path);
                    members().iter().for_each(|member| self.member(&path, member));
                    self.around.pop();
                }
                "object".to_owned()
            }
            Shape::Limited { shape, .. } => return self.value(path, shape, ending),
            Shape::Optional(shape) => {
                return self.value(path, shape, &format!("{OPTIONAL}{ending}"));
            }
        };
        self.fields.insert(path, kind + ending);
    }
}

#[cfg(test)]
mod tests {
    use protean::prelude::{Context, Decimal, Handled, Id, Root, Timestamp};
    use protean::{
        aggregate, aggregate_impl, command, command_handler, entity, event, value_object,
    };

    use super::lock_file;

    #[value_object]
    enum Status {
        Open,
        #[serde(rename = "closed-for-good")]
        Closed,
    }

    #[value_object]
    struct Address {
        #[serde(rename = "addressLine")]
        street: String,
        city: Option<String>,
    }

    #[entity]
    struct Line {
        id: Id,
        #[field(default = 1)]
        quantity: u32,
        parts: Vec<Line>,
    }

    #[event(part_of = Order, version = 2, name = "Placed")]
    #[serde(rename_all = "camelCase")]
    struct OrderPlaced {
        order_id: Id,
        ship_to: Address,
        lines: Vec<Line>,
        status: Status,
        #[serde(default)]
        tags: Vec<String>,
    }

    #[event(part_of = Order)]
    struct Closed {
        order_id: Id,
        #[serde(alias = "at")]
        closed_at: Timestamp,
    }

    #[command(part_of = Order)]
    struct Place {
        #[field(identifier)]
        order_id: Id,
        total: Option<Decimal>,
    }

    #[aggregate(event_sourced, fact_events, snapshot_version = 3)]
    struct Order {
        root: Root<Order>,
        lines: Vec<Line>,
    }

    #[aggregate_impl]
    impl Order {
        #[apply]
        fn on_placed(&mut self, event: &OrderPlaced) {
            self.lines.clone_from(&event.lines);
        }

        #[apply]
        fn on_closed(&mut self, _: &Closed) {}
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
        type Message = OrderPlaced;
        const FROM: u32 = 1;

        fn upcast(_: &mut protean::MessageData) -> protean::Result {
            Ok(())
        }
    }

    const FORMS: &str = "
[commands.Order.Place.v1]
order_id = \"id\"
total = \"decimal, optional\"

[events.Order.Closed.v1]
\"(names)\" = \"order_id, at, closed_at\"
closed_at = \"timestamp\"
order_id = \"id\"

[events.Order.OrderFactEvent.v1]
id = \"id\"
lines = \"list\"
\"lines[]\" = \"object\"
\"lines[].id\" = \"id\"
\"lines[].parts\" = \"list\"
\"lines[].parts[]\" = \"object\"
\"lines[].quantity\" = \"u32, default\"

[events.Order.Placed.v2]
lines = \"list\"
\"lines[]\" = \"object\"
\"lines[].id\" = \"id\"
\"lines[].parts\" = \"list\"
\"lines[].parts[]\" = \"object\"
\"lines[].quantity\" = \"u32, default\"
orderId = \"id\"
shipTo = \"object\"
\"shipTo.addressLine\" = \"text\"
\"shipTo.city\" = \"text, optional\"
status = \"one of Open, closed-for-good\"
tags = \"list, default\"
\"tags[]\" = \"text\"

[states.Order.v3]
lines = \"list\"
\"lines[]\" = \"object\"
\"lines[].id\" = \"id\"
\"lines[].parts\" = \"list\"
\"lines[].parts[]\" = \"object\"
\"lines[].quantity\" = \"u32, default\"
";

    #[test]
    fn forms_have_the_names_of_serde_and_all_that_is_nested() {
        let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
        let shop = shop.upcaster::<Earlier>().build().unwrap();
        let text = lock_file(shop.catalog()).to_string();
        let (_, forms) = text.split_once("\n\n").unwrap();
        assert_eq!(format!("\n{forms}"), FORMS);
    }
}
