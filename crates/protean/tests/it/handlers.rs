//! Handlers of every kind.

use std::sync::mpsc::{Sender, channel};

use protean::DomainBuilder;
use protean::config::{OnDeadLetter, Ordering, StartFrom};
use protean::model::Aggregate;

use crate::shop::{
    Clerk, Order, OrderCommandHandler, OrderQueries, OrderRows, OrdersNotSent, PlaceOrder,
    SendOrder, Status,
};

const IN_MEMORY: &str = "
    command_processing = \"sync\"
    event_processing = \"sync\"
    [databases.default]
    provider = \"memory\"
";

fn shop(notes: Sender<String>) -> DomainBuilder {
    // Nobody reads the notes of a test that has ended.
    let write = move |text: &str| drop(notes.send(text.to_owned()));
    protean::domain("shop")
        .config(IN_MEMORY)
        .aggregate::<Order>()
        .register(OrderCommandHandler)
        .register(OrderRows)
        .register(Clerk { write })
        .register(OrderQueries)
}

#[tokio::test]
async fn a_command_reaches_handlers_projectors_and_queries() {
    let (sender, notes) = channel();
    let shop = shop(sender).build().unwrap();
    let number = "A-1".to_owned();
    let id = shop.process(PlaceOrder { number }).synchronous().await.unwrap();
    let waiting = shop.dispatch(OrdersNotSent).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].order_id, id);
    shop.process(SendOrder { order_id: id.clone() }).synchronous().await.unwrap();
    assert!(shop.dispatch(OrdersNotSent).await.unwrap().is_empty());
    let order = shop.repository::<Order>().await.unwrap().get(&id).await.unwrap();
    assert_eq!((order.status, order.root().version()), (Status::Sent, Some(1)));
    assert_eq!(notes.try_recv().as_deref(), Ok("A-1"));
}

#[test]
fn options_in_code_reach_the_subscriptions() {
    let shop = shop(channel().0).build().unwrap();
    let groups = shop.groups();
    let clerk = groups.iter().find(|group| group.handler == "Clerk").unwrap();
    assert_eq!(clerk.subscription.ordering, Ordering::None);
    assert_eq!(clerk.subscription.on_dead_letter, OnDeadLetter::Skip);
    assert_eq!(clerk.subscription.start_from, Some(StartFrom::Beginning));
}

#[test]
fn a_domain_is_not_built_while_a_command_has_no_handler() {
    let error = protean::domain("shop").config(IN_MEMORY).aggregate::<Order>().build();
    assert!(error.err().unwrap().to_string().contains("PlaceOrder"));
}
