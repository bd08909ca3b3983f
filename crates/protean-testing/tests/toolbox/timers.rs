//! Scheduled commands and the timers of processes, by a clock that the test moves.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::prelude::*;
use protean::{
    Cancellation, Missed, Processed, Recurring, ScheduledMessages, aggregate, aggregate_impl,
    command, command_handler, event, process_manager, process_manager_impl, timer,
};
use protean_testing::TestDomain;

const MINUTE: Duration = Duration::from_secs(60);

#[event(part_of = Order)]
struct OrderPlaced {
    order_id: Id,
}

#[event(part_of = Order)]
struct OrderPaid {
    order_id: Id,
}

#[event(part_of = Order)]
struct OrderCancelled {
    order_id: Id,
    reason: String,
}

#[command(part_of = Order)]
struct PlaceOrder {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Order)]
struct PayOrder {
    #[field(identifier)]
    order_id: Id,
}

#[command(part_of = Order)]
struct CancelOrder {
    #[field(identifier)]
    order_id: Id,
    #[field(min_length = 1)]
    reason: String,
}

#[aggregate(commands(PlaceOrder, PayOrder, CancelOrder))]
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
        let order_id = command.order_id;
        let mut order = Order { root: Root::with_id(order_id.clone()) };
        order.raise(OrderPlaced { order_id })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn pay(&self, command: PayOrder, ctx: &Context) -> Handled {
        let mut order = ctx.repository::<Order>().get(&command.order_id).await?;
        order.raise(OrderPaid { order_id: command.order_id })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn cancel(&self, command: CancelOrder, ctx: &Context) -> Handled {
        let CancelOrder { order_id, reason } = command;
        let mut order = ctx.repository::<Order>().get(&order_id).await?;
        order.raise(OrderCancelled { order_id, reason })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }
}

#[process_manager]
struct Payment {
    root: Root<Payment>,
    reminded: u32,
}

#[timer(part_of = Payment)]
struct PaymentDue {
    after_reminders: u32,
}

#[process_manager_impl]
impl Payment {
    #[on(start, by = order_id)]
    async fn placed(&mut self, _event: OrderPlaced) -> Handled {
        self.remind(PaymentDue { after_reminders: 0 }, 15 * MINUTE)?;
        Ok(())
    }

    #[on(by = order_id)]
    async fn paid(&mut self, _event: OrderPaid) -> Handled {
        self.cancel_timer::<PaymentDue>();
        self.complete();
        Ok(())
    }

    #[on(timer)]
    async fn due(&mut self, timer: PaymentDue, ctx: &Context) -> Handled {
        assert_eq!(timer.after_reminders, self.reminded);
        if self.reminded < 2 {
            self.reminded += 1;
            let timer = PaymentDue { after_reminders: self.reminded };
            self.remind_at(timer, ctx.now() + 5 * MINUTE)?;
            return Ok(());
        }
        let reason = "not paid in time".to_owned();
        ctx.process(CancelOrder { order_id: self.id(), reason })?;
        self.complete();
        Ok(())
    }
}

fn shop() -> TestDomain {
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
    TestDomain::new(shop.register(Payment::manager()))
}

fn place(order: &str) -> PlaceOrder {
    PlaceOrder { order_id: order.into() }
}

fn payment(shop: &TestDomain, order: &str) -> Payment {
    let found =
        shop.run(async { shop.domain().repository::<Payment>().await?.get(&order.into()).await });
    found.unwrap()
}

#[test]
fn a_timer_comes_when_it_is_due_and_not_before() {
    let shop = shop();
    shop.given(place("a"));
    shop.advance(15 * MINUTE - Duration::from_micros(1));
    assert_eq!(payment(&shop, "a").reminded, 0);
    shop.advance(Duration::from_micros(1));
    assert_eq!(payment(&shop, "a").reminded, 1);
    shop.advance(5 * MINUTE);
    assert_eq!((payment(&shop, "a").reminded, payment(&shop, "a").is_complete()), (2, false));
    shop.advance(60 * MINUTE);
    assert!(payment(&shop, "a").is_complete(), "what is due on the way comes on the way");
    let all = shop.run(async { shop.domain().repository::<Payment>().await?.query().all().await });
    assert!(all.unwrap()[0].is_complete(), "a query finds what `get` does");
}

#[test]
fn a_timer_that_is_cancelled_does_not_come() {
    let shop = shop();
    shop.given(place("a")).given(place("b")).advance(10 * MINUTE);
    shop.when(PayOrder { order_id: "a".into() }).then([OrderPaid { order_id: "a".into() }]);
    shop.advance(60 * MINUTE);
    assert_eq!(payment(&shop, "a").reminded, 0);
    assert!(payment(&shop, "b").is_complete(), "that of another process comes");
    let scheduled = ScheduledMessages::of(shop.domain());
    assert_eq!(shop.run(scheduled.page(None, 9)).unwrap(), []);
}

#[test]
fn timers_and_their_effects_can_be_asserted() {
    let shop = shop();
    shop.when(place("a"))
        .then_timer("a", PaymentDue { after_reminders: 0 }, 15 * MINUTE)
        .then_no_timer::<PaymentDue>("b");
    shop.when_passed(25 * MINUTE - Duration::from_micros(1)).then_nothing().then_timer(
        "a",
        PaymentDue { after_reminders: 2 },
        Duration::from_micros(1),
    );
    let reason = || "not paid in time".to_owned();
    shop.when_passed(Duration::from_micros(1))
        .then_commands([CancelOrder { order_id: "a".into(), reason: reason() }])
        .then([OrderCancelled { order_id: "a".into(), reason: reason() }])
        .then_no_timer::<PaymentDue>("a");
    let sent = shop.domain().process(place("b")).after(MINUTE);
    assert!(shop.run(sent.into_future()).is_ok());
    shop.when_passed(Duration::ZERO).then_scheduled(place("b"), MINUTE);
}

#[test]
#[should_panic(expected = "in 840s, but this waits")]
fn a_timer_that_is_due_at_another_time_does_not_match() {
    let shop = shop();
    shop.when(place("a")).then_timer("a", PaymentDue { after_reminders: 0 }, 14 * MINUTE);
}

#[test]
fn a_command_is_handled_when_it_is_due() {
    let shop = shop();
    shop.given(place("a"));
    let cancel = |reason: &str| CancelOrder { order_id: "a".into(), reason: reason.to_owned() };
    let send = |reason: &str, delay| {
        let queued = shop.run(shop.domain().process(cancel(reason)).after(delay).into_future());
        match queued.unwrap() {
            Processed::Queued(id) => id,
            Processed::Handled(()) => panic!("it is not due"),
        }
    };
    let (first, second) = (send("too late", 7 * MINUTE), send("never wanted", 3 * MINUTE));
    let scheduled = ScheduledMessages::of(shop.domain());
    let waiting = shop.run(scheduled.page(None, 9)).unwrap();
    let keys: Vec<&str> = waiting.iter().map(|of| &*of.key).collect();
    let timer = "shop::payment-a:PaymentDue";
    assert_eq!(keys, [second.as_str(), first.as_str(), timer]);
    let cancelled = [&second, &second].map(|id| shop.run(scheduled.cancel(id)).unwrap());
    assert_eq!(cancelled, [Cancellation::Cancelled, Cancellation::TooLate]);
    shop.advance(7 * MINUTE);
    assert_eq!(shop.run(scheduled.cancel(&first)).unwrap(), Cancellation::TooLate);
    let stream = protean::message::Category::named("shop::order").stream(&"a".into());
    let events = shop.run(async { shop.domain().store().await?.stream(&stream, 0, 9).await });
    let data: Vec<String> = events.unwrap().iter().map(|of| of.message.data.to_string()).collect();
    assert_eq!(data.len(), 2, "{data:?}");
    assert!(data[1].contains("too late"));
}

#[test]
fn a_deadline_counts_from_when_the_command_is_due() {
    let shop = shop();
    let sent =
        shop.run(shop.domain().process(place("a")).after(5 * MINUTE).timeout(MINUTE).into_future());
    assert!(matches!(sent, Ok(Processed::Queued(_))));
    shop.advance(5 * MINUTE);
    assert_eq!(payment(&shop, "a").reminded, 0, "it was handled");
    let at_once = shop.run(shop.domain().process(place("b")).after(MINUTE).synchronous());
    assert!(at_once.unwrap_err().to_string().contains("cannot be handled at once"));
}

#[test]
fn a_key_of_a_scheduled_command_is_that_of_its_content() {
    let shop = shop();
    let send = |order: &str| {
        let sent = shop.domain().process(place(order)).idempotency_key("once").after(MINUTE);
        shop.run(sent.asynchronous())
    };
    let first = send("a").unwrap();
    assert_eq!(send("a").unwrap(), first);
    let other = send("b").unwrap_err();
    assert!(other.is_invalid() && other.to_string().contains("order_id"), "{other}");
}

/// A shop that places an order at six each day, in UTC; the clock begins at midnight.
fn daily(missed: Missed) -> TestDomain {
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
    let placing = Recurring::new("daily", "0 6 * * *", || PlaceOrder { order_id: Id::new() });
    TestDomain::new(shop.register(placing.missed(missed).priority(Priority::LOW)))
}

/// When each order was placed: as its command says.
fn placed(shop: &TestDomain) -> Vec<String> {
    let commands = protean::port::Find {
        category: Some(protean::message::Category::named("shop::order:command")),
        ..protean::port::Find::first(99)
    };
    let found = shop.run(async { shop.domain().store().await?.find(commands).await }).unwrap();
    found.iter().map(|of| of.message.time.to_string()[..16].to_owned()).collect()
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_recurring_command_comes_at_each_of_its_times() {
    let shop = daily(Missed::Once);
    shop.advance(5 * HOUR);
    assert_eq!(placed(&shop), [""; 0]);
    shop.advance(HOUR).advance(48 * HOUR);
    assert_eq!(placed(&shop), ["2026-01-01T06:00", "2026-01-02T06:00", "2026-01-03T06:00"]);
}

#[test]
fn missed_times_are_made_up_for_as_asked() {
    for (missed, expected) in [
        (Missed::Once, &["2026-01-01T06:00", "2026-01-05T06:00"][..]),
        (
            Missed::Each,
            &[
                "2026-01-01T06:00",
                "2026-01-02T06:00",
                "2026-01-03T06:00",
                "2026-01-04T06:00",
                "2026-01-05T06:00",
            ],
        ),
        (Missed::Skip, &["2026-01-05T06:00"]),
    ] {
        let shop = daily(missed);
        shop.advance(HOUR);
        // Nobody was there meanwhile.
        shop.clock().advance(90 * HOUR);
        shop.advance(15 * HOUR);
        assert_eq!(placed(&shop), expected, "{missed:?}");
    }
}

#[test]
fn what_cannot_recur_is_a_fault_of_the_build() {
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
    let make = || PlaceOrder { order_id: Id::new() };
    let shop = shop.register(Recurring::new("odd", "every morning", make));
    let shop = shop.register(Recurring::new("far", "0 6 * * *", make).in_zone("Mars/Olympus"));
    let shop = shop.register(Recurring::new("twice", "0 6 * * *", make));
    let faults = shop.register(Recurring::new("twice", "0 7 * * *", make)).build().err().unwrap();
    let faults = faults.to_string();
    for expected in [
        "'odd' has the cron pattern 'every morning', which is not valid",
        "'Mars/Olympus'",
        "called 'twice'",
    ] {
        assert!(faults.contains(expected), "{expected}: {faults}");
    }
}

#[test]
fn a_recurring_command_that_breaks_its_rules_holds_up_no_other() {
    is_held_up_by_no_other("");
}

#[test]
fn a_recurring_command_that_panics_holds_up_no_other() {
    is_held_up_by_no_other("panic");
}

/// A recurring command has this reason when it is made for the second time.
fn is_held_up_by_no_other(second: &'static str) {
    let reasons = Arc::new(Mutex::new(vec!["late", second, "sold out"]));
    let making = Arc::clone(&reasons);
    let cancelling = Recurring::new("cancelling", "0 6 * * *", move || {
        let reason = making.lock().unwrap().pop().unwrap_or_default();
        assert_ne!(reason, "panic");
        CancelOrder { order_id: "a".into(), reason: reason.to_owned() }
    });
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
    let shop = TestDomain::new(shop.register(cancelling));
    shop.given(place("a")).advance(Duration::ZERO);
    // The command for the next day is made when this one is due.
    let sent = shop.domain().process(place("b")).after(6 * HOUR);
    assert!(shop.run(sent.into_future()).is_ok());
    shop.clock().advance(6 * HOUR);
    let scheduled = ScheduledMessages::of(shop.domain());
    assert_eq!(shop.run(scheduled.release(Priority::ALL, 9)).unwrap(), 1);
    assert_eq!(shop.run(scheduled.release(Priority::ALL, 9)).unwrap(), 0);
    shop.clock().advance(Duration::from_secs(61));
    assert_eq!(shop.run(scheduled.release(Priority::ALL, 9)).unwrap(), 1);
}

#[process_manager]
struct Bystander {
    root: Root<Bystander>,
}

#[process_manager_impl]
impl Bystander {
    #[on(start, by = after_reminders)]
    async fn due(&mut self, _timer: PaymentDue) -> Handled {
        Ok(())
    }
}

#[test]
fn a_process_manager_cannot_take_the_timer_of_another() {
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
    let shop = shop.register(Payment::manager()).register(Bystander::manager());
    let faults = shop.in_memory().build().err().unwrap().to_string();
    assert!(faults.contains("Bystander takes PaymentDue, a timer of Payment"), "{faults}");
}
