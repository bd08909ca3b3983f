//! Process managers: what a process takes, and what it issues.

use std::time::Duration;

use protean::message::{Category, Message};
use protean::port::{Clock, Find};
use protean::prelude::*;
use protean::{
    CausationNode, HandlingState, ScheduledMessages, Trace, aggregate, aggregate_impl, command,
    command_handler, event, process_manager, process_manager_impl, processing_priority, projection,
    projector, timer,
};
use protean_testing::TestDomain;

const MINUTE: Duration = Duration::from_secs(60);

#[event(part_of = Order)]
#[derive(PartialEq)]
struct Placed {
    order_id: Id,
    items: u32,
}

#[event(part_of = Order)]
#[derive(PartialEq)]
struct Asked {
    order_id: Id,
    how: String,
}

#[event(part_of = Order)]
#[derive(PartialEq)]
struct Closed {
    order_id: Id,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
struct Place {
    #[field(identifier)]
    order_id: Id,
    items: u32,
}

#[command(part_of = Order)]
#[derive(PartialEq)]
struct Pick {
    #[field(identifier)]
    order_id: Id,
    item: u32,
}

/// Issues a `Pick` in this way.
#[command(part_of = Order)]
struct Relay {
    #[field(identifier)]
    order_id: Id,
    how: String,
}

#[aggregate(commands(Place, Pick, Relay))]
struct Order {
    root: Root<Order>,
    picked: Vec<u32>,
}

#[aggregate_impl]
impl Order {}

struct Orders;

#[command_handler(part_of = Order)]
impl Orders {
    #[handle]
    async fn place(&self, command: Place, ctx: &Context) -> Handled {
        let Place { order_id, items } = command;
        let mut order = Order { root: Root::with_id(order_id.clone()), picked: Vec::new() };
        order.raise(Placed { order_id, items })?;
        Ok(ctx.repository::<Order>().add(order).await?)
    }

    #[handle]
    async fn pick(&self, command: Pick, ctx: &Context) -> Handled {
        let orders = ctx.repository::<Order>();
        let Pick { order_id, item } = command;
        let new = || Order { root: Root::with_id(order_id.clone()), picked: Vec::new() };
        let mut order = orders.find(&order_id).await?.unwrap_or_else(new);
        order.picked.push(item);
        Ok(orders.add(order).await?)
    }

    #[handle]
    async fn relay(&self, command: Relay, ctx: &Context) -> Handled {
        issue(&command.how, command.order_id, ctx)
    }
}

/// Issues a `Pick` with the option that `how` names.
fn issue(how: &str, order_id: Id, ctx: &Context) -> Handled {
    let issue = ctx.command(Pick { order_id, item: 99 });
    match how {
        "urgently" => issue.priority(Priority::CRITICAL).issue()?,
        "by a deadline" => issue.deadline(ctx.now() + 3 * MINUTE).issue()?,
        "in time" => issue.timeout(2 * MINUTE).issue()?,
        "at a moment" => issue.at(ctx.now() + 7 * MINUTE).issue()?,
        "later and in time" => issue.after(7 * MINUTE).timeout(2 * MINUTE).issue()?,
        _ => issue.issue()?,
    };
    Ok(())
}

#[process_manager]
struct Picking {
    root: Root<Picking>,
    items: u32,
    starts: u32,
    overdue: u32,
}

#[timer(part_of = Picking)]
#[derive(PartialEq)]
struct Overdue {
    since_start: u32,
}

#[process_manager_impl]
impl Picking {
    #[on(start, by = order_id)]
    async fn placed(&mut self, event: Placed, ctx: &Context) -> Handled {
        for item in self.items..self.items + event.items {
            ctx.process(Pick { order_id: self.id(), item })?;
        }
        self.items += event.items;
        self.starts += 1;
        Ok(self.remind(Overdue { since_start: self.starts }, 10 * MINUTE)?)
    }

    #[on(by = order_id)]
    async fn asked(&mut self, event: Asked, ctx: &Context) -> Handled {
        if event.how == "in a scope" {
            return processing_priority(Priority::HIGH, async { issue("", self.id(), ctx) }).await;
        }
        issue(&event.how, self.id(), ctx)
    }

    #[on(by = order_id)]
    async fn closed(&mut self, _event: Closed) -> Handled {
        self.complete();
        Ok(())
    }

    #[on(timer)]
    async fn overdue(&mut self, timer: Overdue) -> Handled {
        self.overdue = timer.since_start;
        Ok(())
    }
}

/// What the facts of the processes say.
#[projection]
#[derive(Debug, PartialEq)]
struct Tally {
    #[field(identifier)]
    order_id: Id,
    items: u32,
}

struct TallyProjector;

#[projector(projection = Tally)]
impl TallyProjector {
    #[on]
    async fn changed(&self, fact: PickingFactEvent, ctx: &Context) -> Handled {
        let PickingFactEvent { id: order_id, items, .. } = fact;
        Ok(ctx.repository::<Tally>().add(Tally { order_id, items }).await?)
    }
}

fn shop() -> TestDomain {
    let shop = protean::domain("shop").aggregate::<Order>().register(Orders);
    TestDomain::new(shop.register(Picking::manager()).register(TallyProjector))
}

fn place(order: &str, items: u32) -> Place {
    Place { order_id: order.into(), items }
}

fn placed(order: &str, items: u32) -> Placed {
    Placed { order_id: order.into(), items }
}

fn asked(how: &str) -> Asked {
    Asked { order_id: "a".into(), how: how.into() }
}

fn pick(order: &str, item: u32) -> Pick {
    Pick { order_id: order.into(), item }
}

fn picking(shop: &TestDomain, order: &str) -> Picking {
    let found =
        shop.run(async { shop.domain().repository::<Picking>().await?.get(&order.into()).await });
    found.unwrap()
}

/// The commands of this type in the log.
fn commands(shop: &TestDomain) -> Vec<Message> {
    let of_order =
        Find { category: Some(Category::named("shop::order:command")), ..Find::first(99) };
    let found = shop.run(async { shop.domain().store().await?.find(of_order).await }).unwrap();
    let messages = found.into_iter().map(|recorded| recorded.message);
    messages.filter(|message| message.name() == "Pick").collect()
}

#[test]
fn events_are_given_to_a_process_without_commands() {
    let shop = shop();
    shop.given_events::<Order>("a", [placed("a", 1)]);
    assert_eq!(picking(&shop, "a").items, 1);
    shop.given_events::<Order>("a", [placed("a", 1)])
        .when_event("a", asked(""))
        .then_commands([pick("a", 99)])
        .then_state("a", |picking: &Picking| assert_eq!(picking.starts, 2))
        .then_timer("a", Overdue { since_start: 2 }, 10 * MINUTE);
    shop.when_event("a", Closed { order_id: "a".into() })
        .then_commands(())
        .then_no_timer::<Overdue>("a");
}

#[test]
fn a_timer_set_again_comes_once_as_it_was_set_last() {
    let shop = shop();
    shop.given(place("a", 0)).advance(6 * MINUTE);
    shop.when_event("a", placed("a", 0)).then_timer("a", Overdue { since_start: 2 }, 10 * MINUTE);
    let waiting = shop.run(ScheduledMessages::of(shop.domain()).page(None, 9)).unwrap();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    shop.advance(10 * MINUTE - Duration::from_micros(1));
    assert_eq!(picking(&shop, "a").overdue, 0, "the first one does not come");
    shop.advance(Duration::from_micros(1));
    assert_eq!(picking(&shop, "a").overdue, 2);
}

#[test]
fn what_starts_a_process_is_an_ordinary_event_later_and_late_after_its_end() {
    let shop = shop();
    shop.given(place("a", 1));
    shop.when_event("a", placed("a", 2)).then_commands([pick("a", 1), pick("a", 2)]);
    assert_eq!(picking(&shop, "a").starts, 2);
    shop.given_events::<Order>("a", [Closed { order_id: "a".into() }]);
    shop.when_event("a", placed("a", 1)).then_commands(()).then_no_timer::<Overdue>("a");
    let after = picking(&shop, "a");
    assert_eq!((after.starts, after.is_complete()), (2, true), "no other process begins");
    let status = shop.run(protean::verify(shop.domain())).unwrap();
    let group = status.groups.iter().find(|group| group.handler == "Picking").unwrap();
    assert_eq!((group.handled, group.ignored), (3, 1), "what is late is counted");
}

#[test]
fn several_commands_of_one_type_are_several() {
    let shop = shop();
    shop.when(place("a", 3)).then_commands([pick("a", 0), pick("a", 1), pick("a", 2)]);
    let found = commands(&shop);
    let mut ids: Vec<&str> = found.iter().map(|message| &*message.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{ids:?}");
}

/// What the command says that was issued in this way by a handler, or by a process that began with
/// bulk work.
fn issued(shop: &TestDomain, by_handler: bool, how: &str) -> Message {
    let before = commands(shop).len();
    if by_handler {
        shop.given(Relay { order_id: "a".into(), how: how.into() });
    } else {
        shop.given_events::<Order>("a", [asked(how)]);
    }
    let scheduled = shop.run(ScheduledMessages::of(shop.domain()).page(None, 99)).unwrap();
    let waiting = scheduled.into_iter().map(|waiting| waiting.message);
    let found = commands(shop).into_iter().skip(before);
    found.chain(waiting.filter(|message| message.name() == "Pick")).next().unwrap()
}

#[test]
fn a_command_is_issued_as_told() {
    for (by_handler, usual) in [(true, Priority::NORMAL), (false, Priority::LOW)] {
        let shop = shop();
        let sent = shop.domain().process(place("a", 0)).priority(Priority::LOW);
        shop.run(sent.synchronous()).unwrap();
        let now = shop.clock().now();
        let issued = |how| issued(&shop, by_handler, how);
        let plain = issued("");
        assert_eq!((plain.priority, plain.extensions.deadline), (usual, None));
        assert_eq!(issued("urgently").priority, Priority::CRITICAL);
        assert_eq!(issued("by a deadline").extensions.deadline, Some(now + 3 * MINUTE));
        assert_eq!(issued("in time").extensions.deadline, Some(now + 2 * MINUTE));
        let later = issued("at a moment");
        assert_eq!((later.time, later.priority), (now + 7 * MINUTE, usual));
        shop.advance(8 * MINUTE);
        assert_eq!(commands(&shop).last().map(|last| last.time), Some(now + 7 * MINUTE));
        let now = shop.clock().now();
        let later = issued("later and in time");
        assert_eq!(
            (later.time, later.extensions.deadline),
            (now + 7 * MINUTE, Some(now + 9 * MINUTE))
        );
        if !by_handler {
            assert_eq!(issued("in a scope").priority, Priority::HIGH);
        }
    }
}

#[test]
fn a_timer_has_the_priority_that_its_process_began_with() {
    let shop = shop();
    let sent = shop.domain().process(place("a", 0)).priority(Priority::BULK);
    shop.run(sent.synchronous()).unwrap();
    shop.given_events::<Order>("a", [placed("a", 0)]);
    let waiting = shop.run(ScheduledMessages::of(shop.domain()).page(None, 9)).unwrap();
    assert_eq!(waiting[0].message.priority, Priority::BULK, "also when NORMAL work has set it");
    shop.advance(10 * MINUTE);
    let stream = Category::named("shop::picking").stream(&"a".into());
    let taken =
        shop.run(async { shop.domain().store().await?.stream(&stream, 0, 9).await }).unwrap();
    let timer = &taken.last().unwrap().message;
    assert_eq!((timer.name(), timer.priority), ("Overdue", Priority::BULK));
}

#[test]
fn the_trace_of_a_command_shows_the_process_and_its_facts_reach_a_projector() {
    let shop = shop();
    let sent = shop.domain().process(place("a", 1)).correlation_id("morning");
    shop.run(sent.synchronous()).unwrap();
    let tree = shop.run(Trace::of(shop.domain()).tree("morning")).unwrap();
    let mut drawn = Vec::new();
    draw(&tree, 0, &mut drawn);
    assert_eq!(drawn, ["Place", " Placed", "  Placed", "   Pick", "   PickingFactEvent"]);
    let copy = &tree[0].caused[0].caused[0].recorded;
    let handlings = shop.run(Trace::of(shop.domain()).handlers(copy)).unwrap();
    let by: Vec<_> = handlings.iter().map(|of| (of.handler.as_str(), of.state)).collect();
    assert_eq!(by, [("Picking", HandlingState::Done)]);
    shop.when_event("a", placed("a", 2)).then_row(Tally { order_id: "a".into(), items: 3 });
}

fn draw(nodes: &[CausationNode], depth: usize, drawn: &mut Vec<String>) {
    for node in nodes {
        drawn.push(format!("{}{}", " ".repeat(depth), node.recorded.message.name()));
        draw(&node.caused, depth + 1, drawn);
    }
}
