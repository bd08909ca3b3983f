//! Idempotency keys of commands that handlers issue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::{
    CommandOutcome, Context, DomainBuilder, Handled, Id, Receipt, Result, Root, aggregate,
    aggregate_impl, command, command_handler, event, event_handler, process_manager,
    process_manager_impl,
};
use protean_engine::DeadLetters;

use crate::first_claim::{FIRST, First};
use crate::harness::{Harness, On};
use crate::{on_every_stack, on_every_store};

on_every_stack! {
    a_command_is_sent_once_for_two_events
    other_content_is_refused_with_both_values
    a_handler_runs_again_when_its_key_was_claimed_meanwhile
    handlers_that_race_send_one_command
    a_command_and_its_caller_meet_under_one_key
}

on_every_store! {
    what_runs_in_the_task_of_its_caller_runs_again
}

#[event(part_of = Order)]
struct Placed {
    order: Id,
    customer: String,
    gift: i64,
}

#[command(part_of = Order)]
struct Place {
    #[field(identifier)]
    order: Id,
    customer: String,
    gift: i64,
}

#[command(part_of = Order, returns = i64)]
struct Welcome {
    customer: String,
    gift: i64,
    /// Another one each time, which counts as the same content.
    parcel: Id,
}

#[command(part_of = Order)]
struct Invoice {
    customer: String,
}

#[command(part_of = Order)]
struct Thank {}

/// Has a customer welcomed.
#[command(part_of = Order)]
struct Invite {
    customer: String,
}

#[aggregate(event_sourced, commands(Place, Welcome, Invoice, Thank, Invite))]
struct Order {
    root: Root<Order>,
}

#[aggregate_impl]
impl Order {
    #[apply]
    fn on_placed(&mut self, _: &Placed) {}
}

/// How often each handler ran.
#[derive(Clone, Default)]
struct Ran(Arc<Mutex<BTreeMap<String, usize>>>);

impl Ran {
    fn note(&self, what: impl Into<String>) {
        *self.0.lock().unwrap().entry(what.into()).or_default() += 1;
    }

    fn times(&self, what: &str) -> usize {
        self.0.lock().unwrap().get(what).copied().unwrap_or_default()
    }
}

struct Orders(Ran);

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: Place, ctx: &Context) -> Handled {
        let Place { order, customer, gift } = command;
        let mut placed = Order::create_with(order.clone());
        placed.raise(Placed { order, customer, gift })?;
        Ok(ctx.repository::<Order>().add(placed).await?)
    }

    #[handle]
    async fn welcome(&self, command: Welcome, _ctx: &Context) -> Handled<i64> {
        self.0.note(format!("welcome {}", command.customer));
        Ok(command.gift)
    }

    #[handle]
    async fn invoice(&self, _: Invoice, _ctx: &Context) -> Handled {
        self.0.note("invoice");
        Ok(())
    }

    #[handle]
    async fn thank(&self, _: Thank, _ctx: &Context) -> Handled {
        self.0.note("thank");
        Ok(())
    }

    #[handle]
    async fn invite(&self, command: Invite, ctx: &Context) -> Handled {
        self.0.note("invite");
        ctx.command(Thank {}).idempotency_key(command.customer.clone()).issue()?;
        welcome(ctx, &command.customer, 5)?;
        // It has this key itself.
        let key = command.customer.clone();
        ctx.command(command).idempotency_key(key).issue()?;
        Ok(())
    }
}

fn welcome(ctx: &Context, customer: &str, gift: i64) -> Result<Id> {
    let command = Welcome { customer: customer.into(), gift, parcel: Id::new() };
    ctx.command(command).idempotency_key(format!("welcome-{customer}")).issue()
}

/// Welcomes each customer, and thanks for each order.
struct Greeter(Ran);

#[event_handler(part_of = Order)]
impl Greeter {
    #[handle]
    async fn on_placed(&self, event: Placed, ctx: &Context) -> Handled {
        self.0.note("greeter");
        welcome(ctx, &event.customer, event.gift)?;
        // The second one of the unit is compared with the first.
        welcome(ctx, &event.customer, event.gift)?;
        ctx.process(Thank {})?;
        Ok(())
    }
}

/// Also welcomes each customer.
struct Rivals;

#[event_handler(part_of = Order)]
impl Rivals {
    #[handle]
    async fn on_placed(&self, event: Placed, ctx: &Context) -> Handled {
        welcome(ctx, &event.customer, event.gift)?;
        Ok(())
    }
}

/// Sends one invoice to each customer, however many orders there are.
#[process_manager]
struct Invoicing {
    root: Root<Invoicing>,
}

#[process_manager_impl]
impl Invoicing {
    #[on(start, by = order)]
    async fn placed(&mut self, event: Placed, ctx: &Context) -> Handled {
        let invoice = Invoice { customer: event.customer.clone() };
        let invoice = ctx.command(invoice).after(Duration::from_millis(1));
        invoice.permanent_idempotency_key(event.customer).issue()?;
        self.complete();
        Ok(())
    }
}

fn orders(ran: &Ran) -> impl FnOnce(DomainBuilder) -> DomainBuilder + use<> {
    let ran = ran.clone();
    |builder| {
        let builder = builder.aggregate::<Order>().register(Orders(ran.clone()));
        builder.register(Greeter(ran)).register(Invoicing::manager())
    }
}

async fn place(harness: &Harness, order: &str, customer: &str, gift: i64) {
    let command = Place { order: order.into(), customer: customer.into(), gift };
    harness.domain.process(command).asynchronous().await.unwrap();
}

/// Handles everything, also what is scheduled by a process manager.
async fn drain(harness: &Harness) {
    harness.drain().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    harness.serve_until(async || harness.is_nothing_scheduled().await).await;
    harness.drain().await;
    harness.assert_closes().await;
}

impl Harness {
    async fn is_nothing_scheduled(&self) -> bool {
        let scheduled = protean::ScheduledMessages::of(&self.domain);
        scheduled.page(None, 1).await.unwrap().is_empty()
    }
}

async fn a_command_is_sent_once_for_two_events(on: On) {
    let ran = Ran::default();
    let harness = Harness::with(on, orders(&ran));
    place(&harness, "1", "ada", 5).await;
    drain(&harness).await;
    place(&harness, "2", "ada", 5).await;
    place(&harness, "3", "bob", 5).await;
    drain(&harness).await;
    assert_eq!((ran.times("welcome ada"), ran.times("welcome bob")), (1, 1));
    assert_eq!((ran.times("thank"), ran.times("invoice")), (3, 2));
    assert_eq!(harness.dead("harness.Greeter").await, Vec::<String>::new());
}

async fn other_content_is_refused_with_both_values(on: On) {
    let ran = Ran::default();
    let harness = Harness::with(on, orders(&ran));
    place(&harness, "1", "ada", 5).await;
    drain(&harness).await;
    place(&harness, "2", "ada", 6).await;
    drain(&harness).await;
    let why = "gift: is 6, was 5 in the first command with the key 'welcome-ada'";
    assert_eq!(harness.dead("harness.Greeter").await, [why]);
    assert_eq!((ran.times("welcome ada"), ran.times("thank")), (1, 1), "nothing else is kept");
}

impl Harness {
    /// Why messages of a group are dead.
    async fn dead(&self, group: &str) -> Vec<String> {
        let groups = self.domain.groups();
        let group = groups.iter().find(|known| *known.name == *group).unwrap();
        let letters = DeadLetters::of(&self.domain, group).await.unwrap();
        letters.page(0, 9).await.unwrap().into_iter().map(|letter| letter.reason).collect()
    }
}

async fn a_handler_runs_again_when_its_key_was_claimed_meanwhile(on: On) {
    let (ran, first) = (Ran::default(), First::default());
    let of_first = first.clone();
    let harness = Harness::with(on, |builder| of_first.on_every_database(orders(&ran)(builder)));
    place(&harness, "1", "ada", 5).await;
    drain(&harness).await;
    assert!(first.0.lock().unwrap().is_some(), "it came first");
    assert_eq!((ran.times("greeter"), ran.times("welcome ada"), ran.times("thank")), (2, 1, 1));
    let receipt = Receipt::<Welcome>::of(&harness.domain, &format!("{FIRST}welcome-ada").into())
        .await
        .unwrap();
    assert_eq!(receipt.outcome().await.unwrap(), CommandOutcome::Handled(5));
    assert_eq!(harness.dead("harness.Greeter").await, Vec::<String>::new());
}

async fn what_runs_in_the_task_of_its_caller_runs_again(on: On) {
    let (ran, first) = (Ran::default(), First::default());
    let of_first = first.clone();
    let sync = |base| format!("command_processing = 'sync'\nevent_processing = 'sync'\n{base}");
    let harness =
        Harness::rewritten(on, sync, |builder| of_first.on_every_database(orders(&ran)(builder)));
    let domain = &harness.domain;
    // The first one was sent by somebody else, who handles it.
    domain.process(Place { order: "1".into(), customer: "ada".into(), gift: 5 }).await.unwrap();
    assert_eq!((ran.times("greeter"), ran.times("thank"), ran.times("welcome ada")), (2, 1, 0));
    *first.0.lock().unwrap() = None;
    let invite = || domain.process(Invite { customer: "bob".into() }).idempotency_key("bob");
    invite().await.unwrap();
    invite().await.unwrap();
    assert_eq!((ran.times("invite"), ran.times("thank"), ran.times("welcome bob")), (2, 2, 0));
    *first.0.lock().unwrap() = None;
    let work = async |ctx: &Context| {
        ran.note("work");
        ctx.process(Thank {})?;
        welcome(ctx, "eve", 5)
    };
    domain.unit_of_work(work).await.unwrap();
    assert_eq!((ran.times("work"), ran.times("thank"), ran.times("welcome eve")), (2, 3, 0));
    let other = domain.unit_of_work(async |ctx| welcome(ctx, "eve", 6)).await.unwrap_err();
    assert!(other.is_invalid() && other.to_string().contains("is 6, was 5"), "{other}");
    let twice = async |ctx: &Context| {
        welcome(ctx, "max", 5)?;
        welcome(ctx, "max", 6)
    };
    let other = domain.unit_of_work(twice).await.unwrap_err();
    assert!(other.is_invalid() && other.to_string().contains("is 6, was 5"), "{other}");
    let empty =
        domain.unit_of_work(async |ctx| ctx.command(Thank {}).idempotency_key("n/a").issue());
    assert!(empty.await.unwrap_err().to_string().contains("does not distinguish commands"));
}

async fn handlers_that_race_send_one_command(on: On) {
    let ran = Ran::default();
    let harness = Harness::with(on, |builder| orders(&ran)(builder).register(Rivals));
    for number in 0..30 {
        place(&harness, &format!("a{number}"), &format!("customer-{number}"), number).await;
        place(&harness, &format!("b{number}"), &format!("customer-{number}"), number).await;
    }
    drain(&harness).await;
    let times: Vec<_> = (0..30).map(|of| ran.times(&format!("welcome customer-{of}"))).collect();
    assert_eq!(times, [1; 30]);
    assert_eq!(ran.times("thank"), 60);
}

async fn a_command_and_its_caller_meet_under_one_key(on: On) {
    let ran = Ran::default();
    let harness = Harness::with(on, orders(&ran));
    place(&harness, "1", "ada", 5).await;
    drain(&harness).await;
    let again = || Welcome { customer: "ada".into(), gift: 5, parcel: Id::new() };
    let sent = harness.domain.process(again()).idempotency_key("welcome-ada");
    let receipt = sent.receipt().await.unwrap();
    assert_eq!(receipt.outcome().await.unwrap(), CommandOutcome::Handled(5));
    let store = harness.domain.store().await.unwrap();
    let kept = async |command: &'static str, key: &'static str| {
        store.known(command, key, protean::message::Timestamp::default()).await.unwrap().unwrap()
    };
    let claim = kept("Welcome", "welcome-ada").await;
    let a_day = claim.time + Duration::from_secs(86_400);
    assert!(claim.expires >= a_day && claim.expires < a_day + Duration::from_secs(600));
    let forever = protean::message::Timestamp::from_micros(i64::MAX);
    assert_eq!(kept("Invoice", "ada").await.expires, forever);
    assert_eq!(ran.times("welcome ada"), 1);
}
