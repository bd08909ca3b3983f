//! The trace of a command, its event and everything that the event caused.

use std::time::Duration;

use protean::CausationNode;
use protean::port::Clock;
use protean::prelude::{Context, Handled, Id, Priority, Root, Timestamp};
use protean::{Domain, aggregate, aggregate_impl, command, command_handler, event, event_handler};
use protean_engine::{Server, verify};
use serde_json::{Value, json, to_value};

use super::trace::{Chain, chain, lines, text};
use super::tree;
use crate::idle::wait_until_idle;

#[event(part_of = Order)]
struct OrderPlaced {
    order_id: Id,
    dish: String,
}

#[command(part_of = Order)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
    dish: String,
}

#[aggregate(event_sourced, fact_events, commands(PlaceOrder))]
struct Order {
    root: Root<Order>,
    dish: String,
}

#[aggregate_impl]
impl Order {
    #[apply]
    fn on_placed(&mut self, event: &OrderPlaced) {
        self.dish.clone_from(&event.dish);
    }
}

#[event(part_of = Dish)]
struct DishCooked {
    dish_id: Id,
}

#[command(part_of = Dish)]
struct CookDish {
    #[field(identifier)]
    dish_id: Id,
}

#[aggregate(commands(CookDish))]
struct Dish {
    root: Root<Dish>,
}

#[aggregate_impl]
impl Dish {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled {
        let mut order = Order::create_with(command.order_id.clone());
        order.raise(OrderPlaced { order_id: command.order_id, dish: command.dish })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }
}

struct Dishes;

#[command_handler(part_of = Dish)]
impl Dishes {
    #[handle]
    async fn cook(&self, command: CookDish, ctx: &Context) -> Handled {
        let mut dish = Dish { root: Root::with_id(command.dish_id) };
        dish.raise(DishCooked { dish_id: dish.id() })?;
        Ok(ctx.repository::<Dish>().add(dish).await?)
    }
}

struct Waiter;

#[event_handler(part_of = Order, start_from = "beginning")]
impl Waiter {
    #[handle]
    async fn placed(&self, event: OrderPlaced, ctx: &Context) -> Handled {
        ctx.process(CookDish { dish_id: event.order_id })?;
        Ok(())
    }
}

/// Reads orders from fact events.
struct Board;

#[event_handler(part_of = Order, start_from = "beginning")]
impl Board {
    #[handle]
    async fn on_fact(&self, _: OrderFactEvent) -> Handled {
        Ok(())
    }
}

/// A clock that stands still.
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_795_000_000_123_456)
    }
}

/// A kitchen that processes messages `sync` or `async`.
fn kitchen(processing: &str) -> Domain {
    let settings = format!(
        "command_processing = \"{processing}\"\nevent_processing = \"{processing}\"\n\
         [databases.default]\nprovider = \"memory\"\n"
    );
    let kitchen = protean::domain("kitchen").config(&settings).clock(StoppedClock);
    let kitchen = kitchen.aggregate::<Order>().aggregate::<Dish>();
    let kitchen = kitchen.register(Orders).register(Dishes).register(Waiter).register(Board);
    kitchen.build().unwrap()
}

/// Places an order, which causes a dish to be cooked.
async fn place(domain: &Domain) {
    let order = PlaceOrder { order_id: "7".into(), dish: "so\u{1b}up".into() };
    let placed = domain.process(order).correlation_id("evening").priority(Priority::HIGH);
    placed.await.unwrap();
}

/// The text and the JSON of the trace, with the random ends of command ids masked.
async fn shown(domain: &Domain, flat: bool, data: bool) -> (String, Value) {
    let forest = CausationNode::forest(chain(domain, "evening", 100).await.unwrap());
    let lines = lines(domain, &forest, flat).await.unwrap();
    let mut text = text(domain, &lines, data);
    for tree::Branch { node, .. } in tree::branches(&forest) {
        let id = &*node.recorded.message.id;
        if !id.starts_with("kitchen") {
            text = text.replace(&id[id.len() - 8..], "········");
        }
    }
    (text, to_value(Chain::new(&lines, data)).unwrap())
}

const TREE: &str = "\
evening, begun 2026-11-18T11:06:40.123456+00:00

command PlaceOrder  kitchen::order:command-7  ········  +0.000s  HIGH  → Orders
└─ event OrderPlaced  kitchen::order-7  #0  +0.000s  HIGH  → Waiter
   ├─ fact OrderFactEvent  kitchen::order-fact-7  #0  +0.000s  HIGH  → Board
   └─ command CookDish  kitchen::dish:command-7  ········  +0.000s  HIGH  → Dishes
      └─ event DishCooked  kitchen::dish-7  #0.1  +0.000s  HIGH";

#[tokio::test]
async fn a_tree_shows_everything_that_a_command_caused() {
    let domain = kitchen("sync");
    place(&domain).await;
    assert_eq!(shown(&domain, false, false).await.0, TREE);
}

#[tokio::test(flavor = "multi_thread")]
async fn asynchronous_processing_gives_the_same_tree() {
    let domain = kitchen("async");
    place(&domain).await;
    let (waiting, _) = shown(&domain, false, false).await;
    assert!(waiting.ends_with("HIGH  → Orders (waiting)"), "{waiting}");
    let watched = domain.clone();
    let done = async move { wait_until_idle(&watched).await.unwrap() };
    let served = Server::new(domain.clone()).run(done);
    tokio::time::timeout(Duration::from_secs(10), served).await.unwrap().unwrap();
    assert_eq!(shown(&domain, false, false).await.0, TREE);
    assert!(verify(&domain).await.unwrap().closes);
}

#[tokio::test]
async fn a_flat_trace_is_in_log_order() {
    let domain = kitchen("sync");
    place(&domain).await;
    let (text, chain) = shown(&domain, true, true).await;
    let lines: Vec<_> = text.lines().skip(2).collect();
    assert!(lines[0].starts_with("command PlaceOrder  ") && lines.len() == 5, "{text}");
    assert!(lines[1].ends_with("  {\"order_id\":\"7\",\"dish\":\"so\\u001bup\"}"), "{text}");
    let types = chain["messages"].as_array().unwrap().iter().map(|link| link["type"].clone());
    let wanted = ["PlaceOrder", "OrderPlaced", "OrderFactEvent", "CookDish", "DishCooked"];
    assert_eq!(types.collect::<Vec<_>>(), wanted.map(|name| format!("Kitchen.{name}.v1")));
}

#[tokio::test]
async fn a_trace_escapes_control_characters() {
    let domain = kitchen("sync");
    let order = PlaceOrder { order_id: "7\u{1b}[2J".into(), dish: "soup".into() };
    domain.process(order).correlation_id("eve\u{9b}ning").await.unwrap();
    let forest = CausationNode::forest(chain(&domain, "eve\u{9b}ning", 100).await.unwrap());
    let lines = lines(&domain, &forest, false).await.unwrap();
    let text = text(&domain, &lines, true);
    assert!(
        text.starts_with("eve\\u{9b}ning, ") && text.contains("order-7\\u{1b}[2J  #0"),
        "{text}"
    );
    assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
}

#[tokio::test]
async fn the_json_has_depths_causes_and_handlers() {
    let domain = kitchen("sync");
    place(&domain).await;
    let (_, chain) = shown(&domain, false, true).await;
    assert_eq!(chain["correlation_id"], "evening");
    let links = chain["messages"].as_array().unwrap();
    let depths: Vec<_> = links.iter().map(|link| link["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, [0, 1, 2, 2, 3]);
    let causes: Vec<_> = links.iter().map(|link| link["causation_id"].clone()).collect();
    let event = json!("kitchen::order-7-0");
    assert_eq!(causes[..4], [Value::Null, links[0]["id"].clone(), event.clone(), event]);
    let expected = json!({
        "depth": 2, "position": 3, "stream_position": 0, "id": "kitchen::order-fact-7-0",
        "stream": "kitchen::order-fact-7", "category": "kitchen::order-fact", "kind": "EVENT",
        "type": "Kitchen.OrderFactEvent.v1", "version": 1, "priority": 50,
        "time": "2026-11-18T11:06:40.123456+00:00", "correlation_id": "evening",
        "causation_id": "kitchen::order-7-0", "data": {"id": "7", "dish": "so\u{1b}up"},
        "handlers": [{"handler": "Board", "state": "done"}],
    });
    assert_eq!(links[2], expected);
}
