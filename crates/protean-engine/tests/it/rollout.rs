//! Two programs of one domain on the same servers, as while a new one is rolled out.

use std::time::Duration;

use protean::Domain;
use protean::model::{MessageData, Upcast};
use protean::port::{Counter, GroupStatus};
use protean::{Id, Result};
use protean_engine::{Server, verify};

use crate::harness::{Harness, On, WAIT_LIMIT};

/// A program whose messages have this version and these members; the first is summed up.
macro_rules! program {
    ($name:ident, $version:tt, $amount:ident, { $($field:ident: $type:ty),* }) => {
        mod $name {
            use protean::{
                Context, DomainBuilder, Id, Result, Root, aggregate, aggregate_impl, command,
                command_handler, event, event_handler,
            };

            #[event(part_of = Meter, version = $version)]
            pub(super) struct Read {
                meter: Id,
                $($field: $type,)*
            }

            #[command(part_of = Meter, version = $version)]
            pub(super) struct Note {
                #[field(identifier)]
                pub(super) meter: Id,
                $(pub(super) $field: $type,)*
            }

            #[aggregate(event_sourced, commands(Note))]
            pub(super) struct Meter {
                root: Root<Meter>,
                pub(super) sum: i64,
            }

            #[aggregate_impl]
            impl Meter {
                #[apply]
                fn on_read(&mut self, event: &Read) {
                    self.sum += event.$amount;
                }
            }

            struct MeterCommandHandler;

            #[command_handler(part_of = Meter)]
            impl MeterCommandHandler {
                #[handle]
                async fn note(&self, command: Note, context: &Context) -> Result {
                    let meters = context.repository::<Meter>();
                    let found = meters.find(&command.meter).await?;
                    let new = || Meter::create_with(command.meter.clone());
                    let mut meter = found.unwrap_or_else(new);
                    meter.raise(Read { meter: command.meter, $($field: command.$field),* })?;
                    meters.add(meter).await
                }
            }

            struct Watcher;

            #[event_handler(part_of = Meter, start_from = "beginning")]
            impl Watcher {
                #[handle]
                async fn read(&self, event: Read) -> Result {
                    assert!(event.$amount > 0);
                    Ok(())
                }
            }

            pub(super) fn builder(config: &str) -> DomainBuilder {
                let builder = protean::domain("meters").config(config).aggregate::<Meter>();
                builder.register(MeterCommandHandler).register(Watcher)
            }
        }
    };
}

program! { before, 1, value, { value: i64 } }
program! { extended, 1, value, { value: i64, unit: Option<String> } }
program! { newer, 2, watts, { watts: i64 } }

/// The first program with one more command and event.
mod resetting {
    use protean::{
        Context, DomainBuilder, Id, Result, Root, aggregate, aggregate_impl, command,
        command_handler, event, event_handler,
    };

    #[event(part_of = Meter)]
    pub(super) struct Read {
        meter: Id,
        value: i64,
    }

    #[event(part_of = Meter)]
    pub(super) struct WasReset {
        meter: Id,
    }

    #[command(part_of = Meter)]
    pub(super) struct Note {
        #[field(identifier)]
        pub(super) meter: Id,
        pub(super) value: i64,
    }

    #[command(part_of = Meter)]
    pub(super) struct Reset {
        #[field(identifier)]
        pub(super) meter: Id,
    }

    #[aggregate(event_sourced, commands(Note, Reset))]
    pub(super) struct Meter {
        root: Root<Meter>,
        sum: i64,
    }

    #[aggregate_impl]
    impl Meter {
        #[apply]
        fn on_read(&mut self, event: &Read) {
            self.sum += event.value;
        }

        #[apply]
        fn on_reset(&mut self, _: &WasReset) {
            self.sum = 0;
        }
    }

    struct MeterCommandHandler;

    #[command_handler(part_of = Meter)]
    impl MeterCommandHandler {
        #[handle]
        async fn note(&self, command: Note, context: &Context) -> Result {
            let mut meter = Meter::create_with(command.meter.clone());
            meter.raise(Read { meter: command.meter, value: command.value })?;
            context.repository::<Meter>().add(meter).await
        }

        #[handle]
        async fn reset(&self, command: Reset, context: &Context) -> Result {
            let meters = context.repository::<Meter>();
            let mut meter = meters.get(&command.meter).await?;
            meter.raise(WasReset { meter: command.meter })?;
            meters.add(meter).await
        }
    }

    struct Watcher;

    #[event_handler(part_of = Meter, start_from = "beginning")]
    impl Watcher {
        #[handle]
        async fn read(&self, event: Read) -> Result {
            assert!(event.value > 0);
            Ok(())
        }

        #[handle]
        async fn reset(&self, _: WasReset) -> Result {
            Ok(())
        }
    }

    pub(super) fn builder(config: &str) -> DomainBuilder {
        let builder = protean::domain("meters").config(config).aggregate::<Meter>();
        builder.register(MeterCommandHandler).register(Watcher)
    }
}

struct WattsOfNote;

impl Upcast for WattsOfNote {
    type Message = newer::Note;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.rename("value", "watts");
        Ok(())
    }
}

struct WattsOfRead;

impl Upcast for WattsOfRead {
    type Message = newer::Read;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.rename("value", "watts");
        Ok(())
    }
}

fn newer(config: &str) -> Domain {
    let builder = newer::builder(config).upcaster::<WattsOfNote>().upcaster::<WattsOfRead>();
    builder.build().unwrap()
}

async fn group_status(domain: &Domain, handler: &str) -> GroupStatus {
    let groups = domain.groups();
    let group = groups.iter().find(|group| group.handler == handler).unwrap();
    domain.store().await.unwrap().group_status(&group.name, &group.category).await.unwrap()
}

/// Serves with this program until so many messages of a handler have come to this.
async fn serve(domain: &Domain, handler: &str, count: impl Fn(&GroupStatus) -> u64, wanted: u64) {
    let served = Server::new(domain.clone()).run(async {
        while count(&group_status(domain, handler).await) < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let served = tokio::time::timeout(WAIT_LIMIT, served).await;
    served.unwrap_or_else(|_| panic!("{handler} is not done in time")).unwrap();
}

fn handled(standing: &GroupStatus) -> u64 {
    standing.count(Counter::Handled)
}

/// Each test wherever programs can share a store.
macro_rules! between_programs {
    ($($name:ident)*) => {
        $crate::on! { Sqlite in sqlite, Streams in streams, Production in production: { $($name)* } }
    };
}

between_programs! {
    programs_that_differ_by_a_member_read_each_other
    what_is_too_new_for_a_program_waits_for_a_newer_one
    a_program_that_is_promoted_passes_over_what_only_others_take
    a_newer_program_that_only_looks_is_not_waited_for
    an_event_that_only_a_newer_program_takes_waits_for_it
}

async fn programs_that_differ_by_a_member_read_each_other(on: On) {
    const EACH: u64 = 30;
    let harness = Harness::new(on);
    let config = format!("lenient_deserialization = true\n{}", harness.settings());
    let old = before::builder(&config).build().unwrap();
    let new = extended::builder(&config).build().unwrap();
    let sending = async {
        for number in 0..EACH {
            let meter: Id = format!("m-{}", number % 7).into();
            let note = before::Note { meter: meter.clone(), value: 1 };
            old.process(note).asynchronous().await.unwrap();
            let note = extended::Note { meter, value: 100, unit: Some("kW".into()) };
            new.process(note).asynchronous().await.unwrap();
        }
    };
    let both = 2 * EACH;
    let (serving_old, serving_new) =
        (serve(&old, "Watcher", handled, both), serve(&new, "Watcher", handled, both));
    tokio::join!(sending, serving_old, serving_new);
    let (mut by_old, mut by_new) = (0, 0);
    for number in 0..7 {
        let meter: Id = format!("m-{number}").into();
        let of_old = old.repository::<before::Meter>().await.unwrap();
        by_old += of_old.get(&meter).await.unwrap().sum;
        let of_new = new.repository::<extended::Meter>().await.unwrap();
        by_new += of_new.get(&meter).await.unwrap().sum;
    }
    assert_eq!((by_old, by_new), (101 * EACH.cast_signed(), 101 * EACH.cast_signed()));
    let report = verify(&new).await.unwrap();
    assert!(report.closes && report.groups.iter().all(|group| group.dead == 0), "{report:?}");
}

async fn what_is_too_new_for_a_program_waits_for_a_newer_one(on: On) {
    let harness = Harness::new(on);
    let old = before::builder(harness.settings()).build().unwrap();
    let new = newer(harness.settings());
    let note = newer::Note { meter: "by hand".into(), watts: 3 };
    new.process(note).synchronous().await.unwrap();
    serve(&old, "Watcher", GroupStatus::parked, 1).await;
    let note = newer::Note { meter: "m".into(), watts: 5 };
    new.process(note).asynchronous().await.unwrap();
    serve(&old, "MeterCommandHandler", GroupStatus::parked, 1).await;
    // The events that it cannot read are in the way of this one.
    let note = before::Note { meter: "by hand".into(), value: 7 };
    old.process(note).asynchronous().await.unwrap();
    serve(&old, "MeterCommandHandler", GroupStatus::parked, 2).await;
    // The first command was handled by its sender.
    for (handler, count) in [("Watcher", 0), ("MeterCommandHandler", 1)] {
        let status = group_status(&old, handler).await;
        assert_eq!((handled(&status), status.dead()), (count, 0), "{handler}");
    }
    serve(&new, "Watcher", handled, 3).await;
    let meters = new.repository::<newer::Meter>().await.unwrap();
    assert_eq!(meters.get(&"m".into()).await.unwrap().sum, 5);
    assert_eq!(meters.get(&"by hand".into()).await.unwrap().sum, 10);
    let report = verify(&new).await.unwrap();
    assert!(report.closes && report.at_rest, "{report:?}");
}

async fn an_event_that_only_a_newer_program_takes_waits_for_it(on: On) {
    let harness = Harness::new(on);
    let old = before::builder(harness.settings()).build().unwrap();
    old.store().await.unwrap();
    let new = resetting::builder(harness.settings()).build().unwrap();
    for number in 0..6 {
        let meter: Id = format!("m-{number}").into();
        let note = resetting::Note { meter: meter.clone(), value: 1 };
        new.process(note).synchronous().await.unwrap();
        new.process(resetting::Reset { meter }).synchronous().await.unwrap();
    }
    serve(&old, "Watcher", GroupStatus::parked, 6).await;
    let status = group_status(&old, "Watcher").await;
    assert_eq!((handled(&status), status.count(Counter::Ignored)), (6, 0), "{status:?}");
    serve(&new, "Watcher", handled, 12).await;
    let report = verify(&new).await.unwrap();
    assert!(report.closes && report.at_rest, "{report:?}");
}

fn ignored(standing: &GroupStatus) -> u64 {
    standing.count(Counter::Ignored)
}

/// Notes and resets a meter with the newer program.
async fn note_and_reset(new: &Domain) {
    let meter: Id = "m".into();
    let note = resetting::Note { meter: meter.clone(), value: 1 };
    new.process(note).synchronous().await.unwrap();
    new.process(resetting::Reset { meter }).synchronous().await.unwrap();
}

async fn a_program_that_is_promoted_passes_over_what_only_others_take(on: On) {
    let harness = Harness::new(on);
    let old = before::builder(harness.settings()).build().unwrap();
    old.store().await.unwrap();
    let new = resetting::builder(harness.settings()).build().unwrap();
    note_and_reset(&new).await;
    serve(&old, "Watcher", GroupStatus::parked, 1).await;
    protean::promote(&old).await.unwrap();
    serve(&old, "Watcher", ignored, 1).await;
    let report = verify(&old).await.unwrap();
    assert!(report.closes && report.at_rest, "{report:?}");
}

async fn a_newer_program_that_only_looks_is_not_waited_for(on: On) {
    let harness = Harness::new(on);
    let old = before::builder(harness.settings()).build().unwrap();
    old.store().await.unwrap();
    let looking = resetting::builder(harness.settings()).build().unwrap();
    protean::require_database(&looking).await.unwrap();
    note_and_reset(&looking).await;
    serve(&old, "Watcher", ignored, 1).await;
    assert_eq!(group_status(&old, "Watcher").await.parked(), 0);
}
