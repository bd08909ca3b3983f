//! Process managers on a server: order, lanes, restarts, and programs of two versions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use protean::port::{Counter, Find, GroupStatus};
use protean::prelude::*;
use protean::{
    DomainBuilder, aggregate, aggregate_impl, command, command_handler, event, process_manager,
    process_manager_impl,
};
use protean_engine::{DeadLetters, Server, verify};

use crate::harness::{Harness, On, WAIT_LIMIT};

#[event(part_of = Order)]
pub(crate) struct OrderPlaced {
    order_id: Id,
    total: i64,
}

#[event(part_of = Payment)]
pub(crate) struct PaymentMade {
    reference: Id,
    amount: i64,
}

#[command(part_of = Order)]
pub(crate) struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
    total: i64,
}

#[command(part_of = Order)]
pub(crate) struct ShipOrder {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Payment)]
pub(crate) struct Pay {
    reference: Id,
    amount: i64,
}

#[aggregate(commands(PlaceOrder, ShipOrder))]
pub(crate) struct Order {
    root: Root<Order>,
    shipped: u32,
}

#[aggregate_impl]
impl Order {}

pub(crate) struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: PlaceOrder, ctx: &Context) -> Handled {
        let PlaceOrder { order_id, total } = command;
        let mut order = Order { root: Root::with_id(order_id.clone()), shipped: 0 };
        order.raise(OrderPlaced { order_id, total })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn ship(&self, command: ShipOrder, ctx: &Context) -> Handled {
        let mut order = ctx.repository::<Order>().get(&command.order_id).await?;
        order.shipped += 1;
        Ok(ctx.repository::<Order>().add(order).await?)
    }
}

#[aggregate(commands(Pay))]
pub(crate) struct Payment {
    root: Root<Payment>,
}

#[aggregate_impl]
impl Payment {}

pub(crate) struct Payments;

#[command_handler(part_of = Payment)]
impl Payments {
    #[handle]
    async fn pay(&self, command: Pay, ctx: &Context) -> Handled {
        let Pay { reference, amount } = command;
        let mut payment = Payment { root: Root::new() };
        payment.raise(PaymentMade { reference, amount })?;
        Ok(ctx.repository::<Payment>().add(payment).await?)
    }
}

/// Ships an order once it is paid in full.
#[process_manager]
pub(crate) struct Shipping {
    root: Root<Shipping>,
    total: i64,
    paid: Vec<i64>,
}

/// An order with this total fails to start a process.
static REFUSED_TOTAL: AtomicU64 = AtomicU64::new(0);

#[process_manager_impl]
impl Shipping {
    #[on(start, by = order_id)]
    async fn placed(&mut self, event: OrderPlaced) -> Handled {
        if event.total.unsigned_abs() == REFUSED_TOTAL.load(Ordering::Relaxed) {
            return Err(Failure::rejected("not today"));
        }
        self.total = event.total;
        Ok(())
    }

    #[on(by = reference)]
    async fn paid(&mut self, event: PaymentMade, ctx: &Context) -> Handled {
        self.paid.push(event.amount);
        if self.paid.iter().sum::<i64>() == self.total {
            ctx.process(ShipOrder { order_id: self.id() })?;
            self.complete();
        }
        Ok(())
    }
}

fn without_manager(config: &str) -> DomainBuilder {
    let builder = protean::domain("shop").config(config);
    let builder = builder.aggregate::<Order>().register(Orders);
    builder.aggregate::<Payment>().register(Payments)
}

fn shop(config: &str) -> Domain {
    without_manager(config).register(Shipping::manager()).build().unwrap()
}

async fn place(shop: &Domain, order: &str, total: i64, priority: Priority) {
    let command = PlaceOrder { order_id: order.into(), total };
    shop.process(command).priority(priority).synchronous().await.unwrap();
}

async fn pay(shop: &Domain, order: &str, amount: i64) {
    let command = Pay { reference: order.into(), amount };
    shop.process(command).synchronous().await.unwrap();
}

async fn status(shop: &Domain) -> GroupStatus {
    let group = shop.groups().iter().find(|group| group.handler == "Shipping").unwrap();
    shop.store().await.unwrap().group_status(&group.name, &group.category).await.unwrap()
}

/// How many messages are on the way or parked.
async fn open(shop: &Domain) -> u64 {
    let store = shop.store().await.unwrap();
    let mut open = 0;
    for group in shop.groups() {
        let status = store.group_status(&group.name, &group.category).await.unwrap();
        open += status.lag() + status.parked();
    }
    open
}

/// Serves until nothing is on the way or parked. Everything is accounted for then.
async fn serve(shop: &Domain) {
    let serving = Server::new(shop.clone()).run(async {
        // Twice: what one group does between two looks may be work for another.
        while open(shop).await > 0 || open(shop).await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap().unwrap();
    let report = verify(shop).await.unwrap();
    assert!(report.closes && report.at_rest, "{report:?}");
}

async fn process(shop: &Domain, order: &str) -> Option<Shipping> {
    shop.repository::<Shipping>().await.unwrap().find(&order.into()).await.unwrap()
}

async fn shipped(shop: &Domain, order: &str) -> u32 {
    shop.repository::<Order>().await.unwrap().get(&order.into()).await.unwrap().shipped
}

crate::on! {
    Memory in memory, Sqlite in sqlite, Streams in streams, Production in production: {
        what_is_urgent_waits_for_what_is_before_it_in_its_process
        what_is_dead_at_the_start_holds_up_what_comes_after_it
    }
}

crate::on! {
    Sqlite in between_sqlite, Production in between_production: {
        an_older_program_copies_for_a_process_manager_it_does_not_know
        effects_apply_once_however_often_servers_end
    }
}

async fn what_is_urgent_waits_for_what_is_before_it_in_its_process(on: On) {
    const ORDERS: i64 = 60;
    let harness = Harness::new(on);
    let shop = shop(harness.settings());
    for number in 0..ORDERS {
        place(&shop, &format!("o-{number}"), 3, Priority::BULK).await;
    }
    for number in (0..ORDERS).rev() {
        let order = format!("o-{number}");
        pay(&shop, &order, 1).await;
        pay(&shop, &order, 2).await;
    }
    // Nobody has placed this one.
    pay(&shop, "elsewhere", 1).await;
    serve(&shop).await;
    for number in 0..ORDERS {
        let order = format!("o-{number}");
        let shipping = process(&shop, &order).await.unwrap();
        assert_eq!((shipping.paid.as_slice(), shipping.is_complete()), (&[1, 2][..], true));
        assert_eq!(shipped(&shop, &order).await, 1, "{order}");
    }
    assert!(process(&shop, "elsewhere").await.is_none());
    let status = status(&shop).await;
    let handled = status.count(Counter::Handled);
    assert_eq!((handled, status.count(Counter::Ignored)), (3 * ORDERS.unsigned_abs(), 1));
    let store = shop.store().await.unwrap();
    let commands = protean::message::Category::named("shop::order:command");
    let ship = store.stream(&commands.stream(&"o-1".into()), 0, 9).await.unwrap();
    let priorities: Vec<Priority> = ship.iter().map(|of| of.message.priority).collect();
    assert_eq!(priorities, [Priority::BULK, Priority::BULK], "that of the start");
    let processes = protean::message::Category::named("shop::shipping");
    let copies = store.stream(&processes.stream(&"o-1".into()), 0, 9).await.unwrap();
    assert_eq!(copies.len(), 3);
    for copy in copies {
        let find = Find { message_id: Some(copy.message.id.clone()), ..Find::first(9) };
        assert_eq!(store.find(find).await.unwrap(), [copy], "it is found by its id");
    }
}

async fn an_older_program_copies_for_a_process_manager_it_does_not_know(on: On) {
    let harness = Harness::new(on);
    let old = without_manager(harness.settings()).build().unwrap();
    place(&old, "before", 1, Priority::NORMAL).await;
    let new = shop(harness.settings());
    new.store().await.unwrap();
    place(&old, "after", 1, Priority::NORMAL).await;
    pay(&old, "before", 1).await;
    pay(&old, "after", 1).await;
    serve(&new).await;
    assert!(process(&new, "before").await.is_none(), "it begins with what comes after it");
    assert!(process(&new, "after").await.unwrap().is_complete());
    assert_eq!(shipped(&new, "after").await, 1);
    assert_eq!(status(&new).await.count(Counter::Ignored), 1, "the payment of 'before'");
}

/// Tests that refuse a total take turns.
static REFUSING: LazyLock<Arc<tokio::sync::Mutex<()>>> = LazyLock::new(Arc::default);

async fn what_is_dead_at_the_start_holds_up_what_comes_after_it(on: On) {
    let turn = Arc::clone(&REFUSING).lock_owned().await;
    let harness = Harness::new(on);
    let shop = shop(harness.settings());
    REFUSED_TOTAL.store(13, Ordering::Relaxed);
    place(&shop, "unlucky", 13, Priority::NORMAL).await;
    pay(&shop, "unlucky", 13).await;
    place(&shop, "lucky", 7, Priority::NORMAL).await;
    pay(&shop, "lucky", 7).await;
    let serving = Server::new(shop.clone()).run(async {
        while {
            let status = status(&shop).await;
            (status.dead(), status.parked(), shipped(&shop, "lucky").await) != (1, 1, 1)
        } {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap().unwrap();
    assert_eq!(status(&shop).await.count(Counter::Ignored), 0, "the payment waits");
    REFUSED_TOTAL.store(0, Ordering::Relaxed);
    let group = shop.groups().iter().find(|group| group.handler == "Shipping").unwrap();
    let letters = DeadLetters::of(&shop, group).await.unwrap();
    let letter = letters.page(0, 9).await.unwrap().pop().unwrap();
    assert!(letters.replay(&letter).await.unwrap());
    serve(&shop).await;
    assert!(process(&shop, "unlucky").await.unwrap().is_complete());
    assert_eq!(shipped(&shop, "unlucky").await, 1);
    drop(turn);
}

/// Serves for so long and then ends as a process does that is killed.
async fn serve_and_die(shop: &Domain, time: Duration) {
    let server = Server::new(shop.clone()).run(std::future::pending());
    if let Ok(ended) = tokio::time::timeout(time, server).await {
        panic!("nobody stops it: {ended:?}");
    }
}

async fn effects_apply_once_however_often_servers_end(on: On) {
    const ORDERS: u64 = 150;
    // Otherwise a message that is often in flight when a server ends is a dead letter.
    let patient = |base: String| base.replace("max_retries = 2", "max_retries = 1000");
    let harness = Harness::rewritten(on, patient, |builder| builder);
    let (one, other) = (shop(harness.settings()), shop(harness.settings()));
    let sending = async {
        for number in 0..ORDERS {
            let order = format!("o-{number}");
            let placed = PlaceOrder { order_id: order.as_str().into(), total: 3 };
            let priority = if number % 3 == 0 { Priority::BULK } else { Priority::NORMAL };
            one.process(placed).priority(priority).synchronous().await.unwrap();
            for amount in [1, 2] {
                let pay = Pay { reference: order.as_str().into(), amount };
                one.process(pay).asynchronous().await.unwrap();
            }
        }
    };
    let dying = async |shop: &Domain, salt: u64| {
        for round in 0..8_u64 {
            let time = 40 + (round * 37 + salt * 53) % 120;
            serve_and_die(shop, Duration::from_millis(time)).await;
        }
    };
    tokio::join!(sending, dying(&one, 0), dying(&other, 1));
    tokio::join!(serve(&one), serve(&other));
    for number in 0..ORDERS {
        let order = format!("o-{number}");
        let shipping = process(&one, &order).await.unwrap();
        let mut paid = shipping.paid.clone();
        paid.sort_unstable();
        assert_eq!((paid.as_slice(), shipping.is_complete()), (&[1, 2][..], true), "{order}");
        assert_eq!(shipped(&one, &order).await, 1, "{order}");
    }
    let status = status(&one).await;
    let counted = (status.count(Counter::Handled), status.count(Counter::Ignored));
    assert_eq!(counted, (3 * ORDERS, 0));
}
