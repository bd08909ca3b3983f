//! Messages of other versions that a server finds in the log.

use protean::message::{Extensions, Id, Kind, Message, Priority};
use protean::model::{MessageData, Upcast};
use protean::port::{Append, Changes, Counter, Expect, GroupStatus};
use protean::{
    Context, Domain, DomainBuilder, Result, Root, aggregate, aggregate_impl, command,
    command_handler, event, event_handler,
};
use protean_engine::Server;

#[event(part_of = Meter, version = 2)]
struct Read {
    value: i64,
}

#[command(part_of = Meter, version = 2)]
struct Note {
    #[field(identifier)]
    meter: Id,
    value: i64,
}

#[aggregate(event_sourced, commands(Note))]
struct Meter {
    root: Root<Meter>,
    sum: i64,
}

#[aggregate_impl]
impl Meter {
    #[apply]
    fn on_read(&mut self, event: &Read) {
        self.sum += event.value;
    }
}

struct MeterCommandHandler;

#[command_handler(part_of = Meter)]
impl MeterCommandHandler {
    #[handle]
    async fn note(&self, command: Note, context: &Context) -> Result {
        let meters = context.repository::<Meter>();
        let found = meters.find(&command.meter).await?;
        let mut meter = found.unwrap_or_else(|| Meter::create_with(command.meter));
        meter.raise(Read { value: command.value })?;
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
}

struct ValueOfNote;

impl Upcast for ValueOfNote {
    type Message = Note;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.rename("number", "value");
        Ok(())
    }
}

struct ValueOfRead;

impl Upcast for ValueOfRead {
    type Message = Read;
    const FROM: u32 = 1;

    fn upcast(data: &mut MessageData) -> Result {
        data.rename("number", "value");
        Ok(())
    }
}

fn meters() -> DomainBuilder {
    protean::domain("meters")
        .config("[databases.default]\nprovider = \"memory\"")
        .aggregate::<Meter>()
        .register(MeterCommandHandler)
        .register(Watcher)
}

fn built() -> Domain {
    meters().upcaster::<ValueOfNote>().upcaster::<ValueOfRead>().build().unwrap()
}

/// Puts a message into the log as another program would.
async fn leave(domain: &Domain, kind: Kind, name: &str, version: u32, data: &str) {
    let category = domain.catalog().aggregates().next().unwrap().category;
    let category = if kind == Kind::Command { category.commands() } else { category.clone() };
    let id = Id::new();
    let message = Message {
        id: id.as_str().into(),
        stream: category.stream(&"m".into()),
        kind,
        type_name: format!("Meters.{name}.v{version}").into(),
        version,
        priority: Priority::NORMAL,
        correlation_id: id.as_str().into(),
        causation_id: None,
        time: domain.clock().now(),
        data: data.into(),
        extensions: Extensions::default(),
    };
    let appends = vec![Append { message, expect: Expect::End }];
    let lane = domain.lanes().lane(Priority::NORMAL);
    let changes = Changes { appends, ..Changes::new(lane) };
    domain.store().await.unwrap().commit([changes].into()).await;
}

async fn standings(domain: &Domain) -> Vec<(String, GroupStatus)> {
    let store = domain.store().await.unwrap();
    let mut standings = Vec::new();
    for group in domain.groups() {
        let standing = store.group_status(&group.name, &group.category).await.unwrap();
        standings.push((group.handler.clone(), standing));
    }
    standings
}

/// Serves until every message is settled; gives how many a handler has ignored,
/// handled and given up.
async fn served(domain: &Domain, handler: &str) -> [u64; 3] {
    let served = Server::new(domain.clone()).run(async {
        while standings(domain).await.iter().any(|(_, standing)| standing.lag() > 0) {
            tokio::task::yield_now().await;
        }
    });
    served.await.unwrap();
    let standings = standings(domain).await;
    let (_, standing) = standings.iter().find(|(of, _)| of == handler).unwrap();
    [standing.count(Counter::Ignored), standing.count(Counter::Handled), standing.dead()]
}

#[tokio::test]
async fn a_command_that_has_waited_since_an_older_program_is_handled() {
    let domain = built();
    let old = "{\"meter\": \"m\", \"number\": 7}";
    leave(&domain, Kind::Command, "Note", 1, old).await;
    assert_eq!(served(&domain, "MeterCommandHandler").await, [0, 1, 0]);
    let meters = domain.repository::<Meter>().await.unwrap();
    assert_eq!(meters.get(&"m".into()).await.unwrap().sum, 7);
}

#[tokio::test]
async fn an_old_event_reaches_its_handler_and_an_unknown_one_is_ignored() {
    let domain = built();
    leave(&domain, Kind::Event, "Read", 1, "{\"number\": 7}").await;
    leave(&domain, Kind::Event, "Broken", 1, "{}").await;
    leave(&domain, Kind::Event, "Read", 2, "{\"value\": 7}").await;
    assert_eq!(served(&domain, "Watcher").await, [1, 2, 0]);
}

#[tokio::test]
async fn messages_of_newer_versions_wait_and_stay_in_the_log() {
    let domain = built();
    leave(&domain, Kind::Event, "Read", 3, "{\"watts\": 7}").await;
    leave(&domain, Kind::Command, "Note", 3, "{\"watts\": 7}").await;
    for handler in ["Watcher", "MeterCommandHandler"] {
        assert_eq!(served(&domain, handler).await, [0, 0, 0]);
        let standings = standings(&domain).await;
        let (_, waits) = standings.iter().find(|(of, _)| of == handler).unwrap();
        assert_eq!(waits.parked(), 1, "{waits:?}");
    }
    let category = domain.catalog().aggregates().next().unwrap().category;
    let store = domain.store().await.unwrap();
    let kept = store.stream(&category.stream(&"m".into()), 0, 9).await.unwrap();
    assert_eq!(&*kept[0].message.data, "{\"watts\": 7}");
}

#[tokio::test]
async fn data_that_an_upcaster_cannot_take_is_dead() {
    let domain = built();
    leave(&domain, Kind::Event, "Read", 1, "[7]").await;
    leave(&domain, Kind::Command, "Note", 1, "{\"number\": 7}").await;
    assert_eq!(served(&domain, "Watcher").await, [0, 0, 1]);
    assert_eq!(served(&domain, "MeterCommandHandler").await, [0, 0, 1]);
}

#[test]
fn an_old_version_of_a_command_needs_a_way_up() {
    let error = meters().upcaster::<ValueOfRead>().build().err().unwrap();
    let expected = "Note of meters::meter:command is at version 2 and has no upcaster from version 1: \
                    add `.upcaster::<…>()` for each";
    assert_eq!(error.faults(), [expected]);
}
