//! Following a message to its causes and effects.

use protean::config::Processing;
use protean::message::Recorded;
use protean::{CausationNode, HandlingState, Trace};
use protean::{Domain, Priority};

use crate::kitchen::{Order, PlaceOrder, kitchen};

/// A kitchen in which an order has led to a dish, or failed to.
async fn served(dish: &str) -> Domain {
    let domain = kitchen(Processing::Sync).build().unwrap();
    let order = domain.process(PlaceOrder { dish: dish.into() }).priority(Priority::HIGH);
    let _ = order.correlation_id("evening").await;
    domain
}

fn short(recorded: &Recorded) -> &str {
    recorded.message.type_name.split('.').nth(1).unwrap()
}

fn drawn(forest: &[CausationNode]) -> Vec<String> {
    let nodes = forest.iter().flat_map(CausationNode::walk);
    nodes.map(|(depth, node)| format!("{}{}", "  ".repeat(depth), short(&node.recorded))).collect()
}

#[tokio::test]
async fn a_chain_is_a_tree_from_its_command_on() {
    let domain = served("soup").await;
    let tree = Trace::of(&domain).tree("evening").await.unwrap();
    assert_eq!(
        drawn(&tree),
        ["PlaceOrder", "  OrderPlaced", "    OrderFactEvent", "    CookDish", "      DishCooked"]
    );
    assert!(Trace::of(&domain).tree("morning").await.unwrap().is_empty());
}

#[tokio::test]
async fn causes_and_effects_meet_in_the_middle() {
    let domain = served("soup").await;
    let trace = Trace::of(&domain);
    let tree = trace.tree("evening").await.unwrap();
    let cook = &tree[0].caused[0].caused[1].recorded.message;
    let causes = trace.causation(&cook.id).await.unwrap();
    let causes: Vec<_> = causes.iter().map(short).collect();
    assert_eq!(causes, ["CookDish", "OrderPlaced", "PlaceOrder"]);
    let effects = trace.effects(&cook.id).await.unwrap();
    assert_eq!(drawn(&[effects]), ["CookDish", "  DishCooked"]);
    assert!(trace.causation("nobody").await.unwrap_err().is_not_found());
    assert!(trace.effects("nobody").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_handler_is_done_waits_or_is_held() {
    let states = async |domain: &Domain, correlation_id: &str| {
        let tree = Trace::of(domain).tree(correlation_id).await.unwrap();
        let nodes: Vec<_> =
            tree.iter().flat_map(CausationNode::walk).map(|(_, node)| node).collect();
        // From the last to the first: the order is the caller's.
        let recorded: Vec<_> = nodes.iter().rev().map(|node| &node.recorded).collect();
        let mut together = Trace::of(domain).handlers_of(&recorded).await.unwrap();
        together.reverse();
        let mut states = Vec::new();
        for (node, together) in nodes.into_iter().zip(together) {
            let handlers = Trace::of(domain).handlers(&node.recorded).await.unwrap();
            assert_eq!(together, handlers, "one by one and all at once");
            states.extend(handlers.into_iter().map(|of| (of.handler, of.state)));
        }
        states
    };
    let done = |handler: &str| (handler.to_owned(), HandlingState::Done);
    let held = |handler: &str| (handler.to_owned(), HandlingState::Held);
    let found = states(&served("soup").await, "evening").await;
    assert_eq!(found, [done("Orders"), done("Waiter"), done("Dishes")]);
    let found = states(&served("stone").await, "evening").await;
    assert_eq!(found, [done("Orders"), done("Waiter"), held("Dishes")]);
    let later = kitchen(Processing::Async).build().unwrap();
    let order = later.process(PlaceOrder { dish: "soup".into() });
    order.correlation_id("later").await.unwrap();
    let found = states(&later, "later").await;
    assert_eq!(found, [("Orders".to_owned(), HandlingState::Waiting)]);
}

#[tokio::test]
async fn a_unit_outside_of_any_message_begins_a_chain() {
    let domain = kitchen(Processing::Sync).build().unwrap();
    let placed = domain.unit_of_work(async |ctx| {
        let mut order = Order::create();
        let event = crate::kitchen::OrderPlaced { order_id: order.id(), dish: "soup".into() };
        order.raise(event)?;
        ctx.repository::<Order>().add(order).await?;
        Ok(ctx.correlation_id().to_owned())
    });
    let tree = Trace::of(&domain).tree(&placed.await.unwrap()).await.unwrap();
    assert_eq!(drawn(&tree), ["OrderPlaced", "  OrderFactEvent", "  CookDish", "    DishCooked"]);
}
