//! Whether a program can read what an earlier version of it has stored.

use std::time::Duration;

use protean::message::{Category, Extensions, Kind, Message};
use protean::model::{MessageData, Upcast};
use protean::port::{Append, Changes, Expect, Store};
use protean::{Domain, Id, Priority, Result, Snapshots};
use protean_engine::{
    CheckedMessages, CheckedSchedule, CheckedSnapshots, EventsCheck, FaultKind, check_events,
};

use crate::harness::{Harness, On};

/// A program of a shop whose events, commands and entities have these members.
macro_rules! program {
    ($name:ident, $version:tt, $amount:ident, $item:ident: $text:ty) => {
        mod $name {
            use protean::{
                Context, DomainBuilder, Id, Result, Root, aggregate, aggregate_impl, command,
                command_handler, entity, event,
            };

            #[entity]
            pub(super) struct Line {
                id: Id,
                $item: $text,
            }

            #[event(part_of = Cart, version = $version)]
            pub(super) struct Filled {
                cart: Id,
                $amount: i64,
            }

            #[event(part_of = Cart)]
            struct Labelled {
                cart: Id,
            }

            #[command(part_of = Cart, version = $version)]
            pub(super) struct Fill {
                #[field(identifier)]
                pub(super) cart: Id,
                pub(super) $amount: i64,
            }

            #[aggregate(event_sourced, commands(Fill))]
            pub(super) struct Cart {
                root: Root<Cart>,
                sum: i64,
                lines: Vec<Line>,
            }

            #[aggregate_impl]
            impl Cart {
                #[apply]
                fn on_filled(&mut self, event: &Filled) {
                    self.sum += event.$amount;
                    let line = format!(r#"{{"id":"1","{}":"tea"}}"#, stringify!($item));
                    self.lines.push(serde_json::from_str(&line).unwrap());
                }

                #[apply]
                fn on_labelled(&mut self, _: &Labelled) {}
            }

            struct CartCommandHandler;

            #[command_handler(part_of = Cart)]
            impl CartCommandHandler {
                #[handle]
                async fn fill(&self, command: Fill, context: &Context) -> Result {
                    let carts = context.repository::<Cart>();
                    let found = carts.find(&command.cart).await?;
                    let mut cart = found.unwrap_or_else(|| Cart::create_with(command.cart.clone()));
                    cart.raise(Labelled { cart: command.cart.clone() })?;
                    cart.raise(Filled { cart: command.cart, $amount: command.$amount })?;
                    carts.add(cart).await
                }
            }

            pub(super) fn builder(config: &str) -> DomainBuilder {
                let builder = protean::domain("shop").config(config).aggregate::<Cart>();
                builder.register(CartCommandHandler)
            }
        }
    };
}

program! { before, 1, amount, item: String }
program! { renamed, 1, total, name: Option<String> }
program! { versioned, 2, total, item: String }

struct TotalOfFill;

impl Upcast for TotalOfFill {
    type Message = versioned::Fill;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.rename("amount", "total");
        Ok(())
    }
}

struct TotalOfFilled;

impl Upcast for TotalOfFilled {
    type Message = versioned::Filled;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.rename("amount", "total");
        Ok(())
    }
}

fn versioned(config: &str) -> Domain {
    let builder = versioned::builder(config);
    builder.upcaster::<TotalOfFill>().upcaster::<TotalOfFilled>().build().unwrap()
}

/// The shop before the change: three carts, one snapshot, a command that waits, and a scheduled one.
async fn shop(harness: &Harness) -> Domain {
    let shop = before::builder(harness.settings()).build().unwrap();
    for cart in ["a", "b", "c"] {
        shop.process(before::Fill { cart: cart.into(), amount: 1 }).synchronous().await.unwrap();
    }
    Snapshots::of(&shop).take::<before::Cart>(&"a".into()).await.unwrap();
    shop.process(before::Fill { cart: "d".into(), amount: 1 }).asynchronous().await.unwrap();
    let later = before::Fill { cart: "e".into(), amount: 1 };
    shop.process(later).after(Duration::from_secs(3600)).await.unwrap();
    shop
}

/// Puts an event into the log as another program would.
async fn leave(store: &dyn Store, domain: &Domain, category: &str, type_name: &str) {
    let id = Id::new();
    let message = Message {
        id: id.as_str().into(),
        stream: Category::named(category).stream(&id),
        kind: Kind::Event,
        type_name: type_name.into(),
        version: 1,
        priority: Priority::NORMAL,
        correlation_id: id.as_str().into(),
        causation_id: None,
        time: domain.clock().now(),
        data: "{}".into(),
        extensions: Extensions::default(),
    };
    let appends = vec![Append { message, expect: Expect::End }];
    let lane = domain.lanes().lane(Priority::NORMAL);
    store.commit([Changes { appends, ..Changes::new(lane) }].into()).await;
}

async fn checked(domain: &Domain) -> EventsCheck {
    check_events(domain, |_, _| {}).await.unwrap()
}

/// What a fault is about, how many there are, and a part of the reason.
#[track_caller]
fn assert_is(fault: &FaultKind, (what, type_name, count, reason): (&str, &str, u64, &str)) {
    assert_eq!((fault.what, &*fault.type_name, fault.count), (what, type_name, count), "{fault:?}");
    assert!(fault.reason.contains(reason), "{fault:?}");
}

crate::on! {
    Sqlite in sqlite, Production in production: {
        the_program_that_stored_it_reads_everything
        a_changed_type_without_a_new_version_is_a_fault
        an_upcaster_reads_what_an_earlier_version_has_stored
    }
}

async fn the_program_that_stored_it_reads_everything(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    let store = shop.store().await.unwrap();
    leave(&**store, &shop, "bank::account", "Bank.AccountOpened.v1").await;
    let found = checked(&shop).await;
    let messages = CheckedMessages { fine: 10, of_other_programs: 1, ..Default::default() };
    assert_eq!(found.messages, messages);
    assert_eq!(found.snapshots, CheckedSnapshots { fine: 1, ..Default::default() });
    assert_eq!(found.scheduled, CheckedSchedule { fine: 1, ..Default::default() });
    assert!(found.passes && found.faults.is_empty(), "{found:?}");
}

async fn a_changed_type_without_a_new_version_is_a_fault(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    let changed = renamed::builder(harness.settings()).build().unwrap();
    let found = checked(&changed).await;
    assert!(!found.passes);
    // Three settled commands will never be read again; the one that waits will.
    let messages = CheckedMessages { fine: 3, faulty: 4, obsolete: 3, ..Default::default() };
    assert_eq!(found.messages, messages);
    let [event, command, scheduled] = &found.faults[..] else { panic!("{found:?}") };
    assert_is(event, ("event", "Shop.Filled.v1", 3, "missing field `total`"));
    assert_eq!(&*event.message_id, "shop::cart-a-1");
    let store = shop.store().await.unwrap();
    let first = store.find(protean::port::Find {
        message_id: Some(event.message_id.clone()),
        ..protean::port::Find::first(1)
    });
    assert_eq!(Some(first.await.unwrap()[0].position), event.position);
    assert_is(command, ("command", "Shop.Fill.v1", 1, "missing field `total`"));
    assert_eq!(&*command.stream, "shop::cart:command-d");
    assert_is(scheduled, ("scheduled command", "Shop.Fill.v1", 1, "missing field `total`"));
    assert_eq!((&*scheduled.stream, scheduled.position), ("shop::cart:command-e", None));
    assert_eq!(found.scheduled, CheckedSchedule { faulty: 1, ..Default::default() });
    // It would not be written in the same way, so the events are replayed instead.
    assert_eq!(found.snapshots, CheckedSnapshots { obsolete: 1, ..Default::default() });
    assert!(checked(&shop).await.passes, "nothing was changed");
}

async fn an_upcaster_reads_what_an_earlier_version_has_stored(on: On) {
    let harness = Harness::new(on);
    let shop = shop(&harness).await;
    let newer = versioned(harness.settings());
    let found = checked(&newer).await;
    assert!(found.passes && found.messages.fine == 10, "{found:?}");
    newer.process(versioned::Fill { cart: "e".into(), total: 1 }).synchronous().await.unwrap();
    let found = checked(&shop).await;
    let [event] = &found.faults[..] else { panic!("{found:?}") };
    assert_is(event, ("event", "Shop.Filled.v2", 1, "up to version 1: deploy a newer one"));
}

mod memory {
    use std::sync::{Arc, Mutex};

    use protean::port::Find;
    use protean::{
        Context, Domain, DomainBuilder, Id, Result, Root, aggregate, aggregate_impl, command,
        command_handler, event, inject_entry, subscriber,
    };
    use protean_engine::{CheckedMessages, DeadLetters, Server, check_events};

    use super::{assert_is, checked, leave};

    #[event(part_of = Bell)]
    struct Rung {
        bell: Id,
    }

    #[command(part_of = Bell)]
    struct Ring {
        #[field(identifier)]
        bell: Id,
    }

    #[aggregate(commands(Ring))]
    struct Bell {
        root: Root<Bell>,
    }

    #[aggregate_impl]
    impl Bell {}

    struct BellCommandHandler;

    #[command_handler(part_of = Bell)]
    impl BellCommandHandler {
        #[handle]
        async fn ring(&self, command: Ring, context: &Context) -> Result {
            let mut bell = Bell { root: Root::with_id(command.bell.clone()) };
            bell.raise(Rung { bell: command.bell })?;
            context.repository::<Bell>().add(bell).await
        }
    }

    /// Takes numbers, and gives up whatever is none.
    struct Partner(Arc<Mutex<Vec<u64>>>);

    #[subscriber(stream = "numbers", start_from = "beginning")]
    impl Partner {
        #[handle]
        async fn number(&self, number: u64) -> Result {
            self.0.lock().unwrap().push(number);
            Ok(())
        }
    }

    fn tower() -> DomainBuilder {
        protean::domain("tower")
            .config("[databases.default]\nprovider = \"memory\"\n[brokers.default]\nprovider = \"inline\"")
            .aggregate::<Bell>()
            .register(BellCommandHandler)
            .register(Partner(Arc::default()))
    }

    async fn ring(domain: &Domain) {
        domain.process(Ring { bell: "1".into() }).synchronous().await.unwrap();
    }

    #[tokio::test]
    async fn an_event_that_nothing_reads_is_a_fault_until_it_is_registered() {
        let domain = tower().build().unwrap();
        ring(&domain).await;
        let found = checked(&domain).await;
        let [event] = &found.faults[..] else { panic!("{found:?}") };
        assert_is(
            event,
            ("event", "Tower.Rung.v1", 1, "nothing applies or handles the event Rung"),
        );
        let domain = tower().event::<Rung>().build().unwrap();
        ring(&domain).await;
        let found = checked(&domain).await;
        assert!(found.passes && found.messages.fine == 2, "{found:?}");
    }

    #[tokio::test]
    async fn the_events_of_a_renamed_aggregate_are_a_fault_and_those_of_other_programs_none() {
        let domain = tower().build().unwrap();
        let store = domain.store().await.unwrap();
        leave(&**store, &domain, "tower::old_bell", "Tower.Rung.v1").await;
        leave(&**store, &domain, "church::bell", "Church.Rung.v1").await;
        leave(&**store, &domain, "tower::bell", "Church.Cracked.v1").await;
        let found = checked(&domain).await;
        let [event] = &found.faults[..] else { panic!("{found:?}") };
        assert_is(
            event,
            ("event", "Tower.Rung.v1", 1, "no aggregate has the category tower::old_bell"),
        );
        assert_eq!(found.messages.of_other_programs, 2);
    }

    #[tokio::test]
    async fn an_entry_that_cannot_be_read_is_a_fault_until_it_is_purged() {
        let domain = tower().build().unwrap();
        for entry in ["7", "\"seven\""] {
            inject_entry(&domain, "numbers", entry).await.unwrap();
        }
        let group = domain.groups().iter().find(|group| group.handler == "Partner").unwrap();
        let letters = DeadLetters::of(&domain, group).await.unwrap();
        let served = Server::new(domain.clone()).run(async {
            while letters.page(0, 1).await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        });
        served.await.unwrap();
        let found = checked(&domain).await;
        let [entry] = &found.faults[..] else { panic!("{found:?}") };
        assert_is(entry, ("event", "Tower.EntryReceived.v1", 1, "cannot be read as u64"));
        assert_eq!((found.messages.fine, found.messages.dead), (1, 1));
        letters.purge_all(protean::Timestamp::MAX).await.unwrap();
        let found = checked(&domain).await;
        let messages = CheckedMessages { fine: 1, obsolete: 1, ..Default::default() };
        assert!(found.passes && found.messages == messages, "{found:?}");
    }

    #[tokio::test]
    async fn a_log_of_many_pages_is_read_to_its_end_with_progress() {
        let domain = tower().event::<Rung>().build().unwrap();
        let bells = (0..1200).map(|number| Ring { bell: format!("b{number}").into() });
        domain.process_all(bells.collect::<Vec<_>>()).await.unwrap();
        let last = domain.store().await.unwrap().find(Find::last(1)).await.unwrap()[0].position;
        let mut seen = Vec::new();
        let found = check_events(&domain, |read, of| seen.push((read, of))).await.unwrap();
        assert_eq!(found.messages, CheckedMessages { fine: 1200, ..Default::default() });
        assert!(
            seen.len() > 2 && seen.is_sorted() && seen.last() == Some(&(last, last)),
            "{seen:?}"
        );
    }
}
