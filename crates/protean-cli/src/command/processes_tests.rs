//! What `processes` shows of the orders of a small shop.

use protean::prelude::*;
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, event, process_manager,
    process_manager_impl, timer,
};
use serde_json::{Value, json, to_value};

use super::backlog::Backlogs;
use super::processes::{List, Show, list, show};
use super::rename;
use super::subscriptions::ignored;
use crate::App;
use crate::globals::Globals;

#[event(part_of = Order)]
struct OrderPlaced {
    order_id: Id,
    total: i64,
}

#[event(part_of = Order)]
struct OrderPaid {
    order_id: Id,
}

#[command(part_of = Order)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
    total: i64,
}

#[command(part_of = Order)]
struct PayOrder {
    #[field(identifier)]
    order_id: Id,
}

#[aggregate(commands(PlaceOrder, PayOrder))]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled {
        let PlaceOrder { order_id, total } = command;
        let mut order = Order { root: Root::with_id(order_id.clone()) };
        order.raise(OrderPlaced { order_id, total })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn pay(&self, command: PayOrder, ctx: &Context) -> Handled {
        let order_id = command.order_id;
        let orders = ctx.repository::<Order>();
        let found = orders.find(&order_id).await?;
        let mut order = found.unwrap_or_else(|| Order { root: Root::with_id(order_id.clone()) });
        order.raise(OrderPaid { order_id })?;
        Ok(orders.add(order).await?)
    }
}

#[process_manager]
struct Shipping {
    root: Root<Shipping>,
    total: i64,
    notes: Vec<String>,
}

#[timer(part_of = Shipping)]
struct Overdue {}

#[process_manager_impl]
impl Shipping {
    #[on(timer)]
    async fn overdue(&mut self, _timer: Overdue) -> Handled {
        Ok(())
    }

    #[on(start, by = order_id)]
    async fn placed(&mut self, event: OrderPlaced) -> Handled {
        self.total = event.total;
        self.notes.push("placed".to_owned());
        Ok(self.remind(Overdue {}, std::time::Duration::from_secs(60))?)
    }

    #[on(by = order_id)]
    async fn paid(&mut self, _event: OrderPaid) -> Handled {
        self.complete();
        Ok(())
    }
}

fn builder() -> DomainBuilder {
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
    shop.register(Shipping::manager()).in_memory()
}

async fn shop() -> Domain {
    let shop = builder().build().unwrap();
    for (order, total) in [("a", 1), ("b", 2), ("c", 3)] {
        let place = PlaceOrder { order_id: order.into(), total };
        shop.process(place).priority(Priority::HIGH).synchronous().await.unwrap();
    }
    for order in ["b", "elsewhere"] {
        shop.process(PayOrder { order_id: order.into() }).synchronous().await.unwrap();
    }
    shop
}

fn all() -> List {
    List { manager: None, complete: false, after: None, limit: 100 }
}

async fn listed(shop: &Domain, options: List) -> Value {
    let reply = list(&options, shop).await.unwrap();
    to_value(reply.into_envelope()).unwrap()["data"].take()
}

fn process(id: &str, complete: bool, total: i64) -> Value {
    let timers = if complete { &[][..] } else { &["Overdue"] };
    json!({"manager": "Shipping", "id": id, "complete": complete,
        "priority": Priority::HIGH.value(), "timers": timers, "state": {"total": total, "notes": ["placed"]}})
}

#[tokio::test]
async fn processes_are_listed_with_their_state() {
    let shop = shop().await;
    let under_way = [process("a", false, 1), process("c", false, 3)];
    assert_eq!(listed(&shop, all()).await, json!(under_way));
    let complete = List { complete: true, ..all() };
    assert_eq!(listed(&shop, complete).await, json!([process("b", true, 2)]));
    let page = List { manager: Some("shipping".into()), limit: 1, ..all() };
    let shown = list(&page, &shop).await.unwrap();
    let shown = shown.text();
    assert!(shown.contains("processes list Shipping --after a"), "{shown}");
    let next = List { after: Some("a".into()), ..page };
    assert_eq!(listed(&shop, next).await, json!([under_way[1]]));
    let other = List { manager: Some("Shiping".into()), ..all() };
    let refused = list(&other, &shop).await.err().unwrap().to_string();
    assert!(refused.contains("did you mean 'Shipping'"), "{refused}");
}

#[tokio::test]
async fn a_process_is_shown_with_what_it_has_taken() {
    let shop = shop().await;
    let of = |id: &str| Show { manager: "Shipping".into(), id: id.into(), limit: 9 };
    let reply = show(&of("b"), &shop).await.unwrap();
    let text = reply.text().to_owned();
    assert!(text.contains("Shipping b, complete") && text.contains("OrderPaid"), "{text}");
    let shown = to_value(reply.into_envelope()).unwrap()["data"].take();
    assert_eq!(shown["state"], json!({"total": 2, "notes": ["placed"]}));
    let types: Vec<&Value> =
        shown["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["Shop.OrderPlaced.v1", "Shop.OrderPaid.v1"]);
    assert!(shown["events"][0]["causation_id"].as_str().unwrap().starts_with("shop::order-b-"));
    let unknown = show(&of("d"), &shop).await.err().unwrap().to_string();
    assert!(unknown.contains("has no process 'd'"), "{unknown}");
    let never = show(&of("elsewhere"), &shop).await.err().unwrap().to_string();
    assert!(never.contains("it has received events, but none that starts a process"), "{never}");
}

#[tokio::test]
async fn a_timer_is_shown_with_when_it_is_due() {
    let shop = shop().await;
    let of = |id: &str| Show { manager: "Shipping".into(), id: id.into(), limit: 9 };
    let reply = show(&of("a"), &shop).await.unwrap();
    let text = reply.text().to_owned();
    let shown = to_value(reply.into_envelope()).unwrap()["data"].take();
    let due = shown["timers_due"]["Overdue"].as_str().unwrap();
    assert!(text.contains(&format!("\nTimer Overdue: due {due}\n")), "{text}");
    let minutes = due.parse::<Timestamp>().unwrap().since(shop.clock().now()).as_secs_f64() / 60.0;
    assert!((0.5..=1.0).contains(&minutes), "{due}");
    let complete = to_value(show(&of("b"), &shop).await.unwrap().into_envelope()).unwrap();
    assert_eq!(complete["data"]["timers_due"], json!({}));
}

#[tokio::test]
async fn what_a_process_manager_has_ignored_is_counted() {
    let shop = shop().await;
    let line = async || {
        let found = protean_engine::subscriptions(&shop).await.unwrap();
        ignored(&Backlogs::once(found))
    };
    let of = |count| {
        format!(
            "Ignored by Shipping: {count}; the process had not begun, was complete, or had \
             cancelled the timer.\n\n"
        )
    };
    assert_eq!(line().await, of(1), "'elsewhere' never began");
    shop.process(PayOrder { order_id: "b".into() }).synchronous().await.unwrap();
    assert_eq!(line().await, of(2), "'b' is complete");
}

#[tokio::test]
async fn the_subscription_of_a_process_manager_keeps_its_name() {
    let app = App::new(builder(), Globals::default());
    let names = rename::Options { old: "Delivery".to_owned(), new: "Shipping".to_owned() };
    let refused = format!("{:?}", rename::run(&names, &app).await.err().unwrap());
    assert!(refused.contains("#[process_manager(name = \"Delivery\")]"), "{refused}");
}
