//! Scheduled commands and timers of processes on a server.

use std::time::{Duration, Instant};

use protean::port::{Clock, Counter, SystemClock};
use protean::prelude::*;
use protean::{
    Cancellation, Missed, Recurring, ScheduledMessages, aggregate, aggregate_impl, command,
    command_handler, event, process_manager, process_manager_impl, timer,
};
use protean_engine::{Server, verify};

use crate::harness::{Harness, On, WAIT_LIMIT};

#[event(part_of = Bell, published)]
pub(crate) struct Rung {
    bell: Id,
    number: u32,
    late_by_ms: i64,
}

#[command(part_of = Bell)]
pub(crate) struct Ring {
    #[field(identifier)]
    bell: Id,
    number: u32,
    due: Timestamp,
}

#[aggregate(commands(Ring, Hush))]
pub(crate) struct Bell {
    root: Root<Bell>,
    rung: Vec<u32>,
    latest_ms: i64,
    earliest_ms: i64,
}

#[aggregate_impl]
impl Bell {}

pub(crate) struct Bells;

#[command_handler(part_of = Bell)]
impl Bells {
    #[handle]
    async fn ring(&self, command: Ring, ctx: &Context) -> Handled {
        let Ring { bell, number, due } = command;
        let late_by_ms = (ctx.now().as_micros() - due.as_micros()) / 1_000;
        let bells = ctx.repository::<Bell>();
        let new = || Bell {
            root: Root::with_id(bell.clone()),
            rung: Vec::new(),
            latest_ms: late_by_ms,
            earliest_ms: late_by_ms,
        };
        let mut rung = bells.find(&bell).await?.unwrap_or_else(new);
        rung.rung.push(number);
        rung.latest_ms = rung.latest_ms.max(late_by_ms);
        rung.earliest_ms = rung.earliest_ms.min(late_by_ms);
        rung.raise(Rung { bell, number, late_by_ms })?;
        Ok(bells.add(rung).await?)
    }

    #[handle]
    async fn hush(&self, command: Hush, ctx: &Context) -> Handled {
        let mut bell = ctx.repository::<Bell>().get(&command.bell).await?;
        bell.raise(Hushed { bell: command.bell })?;
        Ok(ctx.repository::<Bell>().add(bell).await?)
    }
}

#[event(part_of = Bell)]
pub(crate) struct Hushed {
    bell: Id,
}

#[command(part_of = Bell)]
pub(crate) struct Hush {
    #[field(identifier)]
    bell: Id,
}

/// How long a bell may ring before the neighbour complains.
const PATIENCE: Duration = Duration::from_secs(4);

/// Complains about a bell that is not hushed.
#[process_manager]
pub(crate) struct Neighbour {
    root: Root<Neighbour>,
    complaints: u32,
    hushed: bool,
}

#[timer(part_of = Neighbour)]
pub(crate) struct Fed {}

#[process_manager_impl]
impl Neighbour {
    #[on(start, by = bell)]
    async fn rung(&mut self, _event: Rung) -> Handled {
        Ok(self.remind(Fed {}, PATIENCE)?)
    }

    #[on(by = bell)]
    async fn hushed(&mut self, _event: Hushed) -> Handled {
        self.hushed = true;
        self.cancel_timer::<Fed>();
        Ok(())
    }

    #[on(timer)]
    async fn fed_up(&mut self, _timer: Fed) -> Handled {
        self.complaints += 1;
        Ok(())
    }
}

/// Counts to three after the first ring, by timers.
#[process_manager]
pub(crate) struct Countdown {
    root: Root<Countdown>,
    ticks: u32,
    rung: u32,
}

#[timer(part_of = Countdown)]
pub(crate) struct Tick {}

#[process_manager_impl]
impl Countdown {
    #[on(start, by = bell)]
    async fn rung(&mut self, _event: Rung) -> Handled {
        self.rung += 1;
        if self.rung == 1 {
            self.remind(Tick {}, Duration::from_millis(30))?;
        }
        Ok(())
    }

    #[on(timer)]
    async fn ticked(&mut self, _timer: Tick) -> Handled {
        self.ticks += 1;
        match self.ticks {
            3 => self.complete(),
            _ => self.remind(Tick {}, Duration::from_millis(30))?,
        }
        Ok(())
    }
}

pub(crate) fn tower(config: &str) -> Domain {
    tower_by(config, SystemClock)
}

/// A tower whose machine has this clock.
pub(crate) fn tower_by(config: &str, clock: impl Clock + 'static) -> Domain {
    let tower = protean::domain("tower").config(config).aggregate::<Bell>().register(Bells);
    let tower = tower.register(Countdown::manager()).register(Neighbour::manager());
    tower.clock(clock).build().unwrap()
}

async fn bell(tower: &Domain, id: &str) -> Option<Bell> {
    tower.repository::<Bell>().await.unwrap().find(&id.into()).await.unwrap()
}

pub(crate) async fn rung(tower: &Domain, id: &str) -> Vec<u32> {
    bell(tower, id).await.map(|bell| bell.rung).unwrap_or_default()
}

pub(crate) async fn serve_until(tower: &Domain, done: impl AsyncFn() -> bool) {
    let serving = Server::new(tower.clone()).run(async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap().unwrap();
}

pub(crate) fn ring(tower: &Domain, id: &str, number: u32, delay: Duration) -> Ring {
    Ring { bell: id.into(), number, due: tower.clock().now() + delay }
}

pub(crate) async fn schedule(
    tower: &Domain,
    id: &str,
    number: u32,
    delay: u64,
    priority: Priority,
) -> Id {
    let delay = Duration::from_millis(delay);
    let command = ring(tower, id, number, delay);
    tower.process(command).after(delay).priority(priority).asynchronous().await.unwrap()
}

crate::on! {
    Memory in memory, Sqlite in sqlite, Streams in streams, Production in production: {
        what_is_scheduled_comes_in_its_time_once
        timers_follow_a_process
    }
}

crate::on! { Sqlite in cancelled_sqlite, Production in cancelled_production: {
    a_timer_that_was_cancelled_before_it_in_the_log_does_not_come
} }

crate::on! { Sqlite in missed_sqlite: {
    many_missed_times_are_made_up_for_at_once
} }

crate::on! { Sqlite in shared_sqlite, Production in shared_production: {
    what_was_due_while_no_server_ran_comes_once_with_several
} }

/// The machine's clock of two minutes ago.
struct Past;

impl Clock for Past {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        Timestamp::from_micros(now.as_micros() - 120_000_000)
    }
}

async fn many_missed_times_are_made_up_for_at_once(on: On) {
    let harness = Harness::new(on);
    let make = || Ring { bell: "a".into(), number: 0, due: Timestamp::from_micros(0) };
    let ringing = || Recurring::new("ring", "* * * * * *", make).missed(Missed::Each);
    let tower = || {
        let tower = protean::domain("tower").config(harness.settings()).aggregate::<Bell>();
        tower.event::<Rung>().register(Bells).register(ringing())
    };
    let past = tower().clock(Past).build().unwrap();
    ScheduledMessages::of(&past).schedule_recurring().await.unwrap();
    let (tower, begun) = (tower().build().unwrap(), Instant::now());
    serve_until(&tower, async || rung(&tower, "a").await.len() > 110).await;
    // With a pause after each it would take 20 s and more.
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
}

async fn what_is_scheduled_comes_in_its_time_once(on: On) {
    let harness = Harness::new(on);
    let tower = tower(harness.settings());
    for number in (0..20).rev() {
        schedule(&tower, "a", number, 300 + 20 * u64::from(number), Priority::NORMAL).await;
        schedule(&tower, "b", number, 200, Priority::BULK).await;
    }
    let never = schedule(&tower, "c", 0, 250, Priority::NORMAL).await;
    let far = schedule(&tower, "d", 0, 3_600_000, Priority::NORMAL).await;
    let scheduled = ScheduledMessages::of(&tower);
    assert_eq!(scheduled.cancel(&never).await.unwrap(), Cancellation::Cancelled);
    serve_until(&tower, async || {
        rung(&tower, "a").await.len() == 20 && rung(&tower, "b").await.len() == 20
    })
    .await;
    let a = bell(&tower, "a").await.unwrap();
    assert!(a.earliest_ms >= -1, "never early: {} ms", -a.earliest_ms);
    assert_eq!(rung(&tower, "b").await.len(), 20);
    assert_eq!(rung(&tower, "c").await, [0; 0]);
    let waiting = scheduled.page(None, 9).await.unwrap();
    let waiting: Vec<&str> =
        waiting.iter().map(|of| &*of.key).filter(|key| !key.contains("::")).collect();
    assert_eq!(waiting, [far.as_str()]);
    assert_eq!(scheduled.cancel(&never).await.unwrap(), Cancellation::TooLate);
}

async fn timers_follow_a_process(on: On) {
    let harness = Harness::new(on);
    let tower = tower(harness.settings());
    for id in ["a", "b"] {
        schedule(&tower, id, 1, 0, Priority::NORMAL).await;
    }
    let countdown = async |id: &str| {
        let countdowns = tower.repository::<Countdown>().await.unwrap();
        countdowns.find(&id.into()).await.unwrap()
    };
    let ticked = async |id: &str| countdown(id).await.is_some_and(|of| of.is_complete());
    serve_until(&tower, async || ticked("a").await && ticked("b").await).await;
    for id in ["a", "b"] {
        let countdown = countdown(id).await.unwrap();
        assert_eq!((countdown.rung, countdown.ticks), (1, 3), "{id}");
    }
    let waiting = ScheduledMessages::of(&tower).page(None, 9).await.unwrap();
    assert!(waiting.iter().all(|of| of.key.ends_with(":Fed")), "{waiting:?}");
    let report = verify(&tower).await.unwrap();
    assert!(report.closes, "{report:?}");
}

async fn what_was_due_while_no_server_ran_comes_once_with_several(on: On) {
    const RINGS: u32 = 300;
    let harness = Harness::new(on);
    let (one, other) = (tower(harness.settings()), tower(harness.settings()));
    for number in 0..RINGS {
        let priority = if number % 3 == 0 { Priority::NORMAL } else { Priority::BULK };
        schedule(&one, &format!("b-{}", number % 7), number, 1, priority).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let all = async || {
        let mut numbers = Vec::new();
        for id in 0..7 {
            numbers.extend(rung(&one, &format!("b-{id}")).await);
        }
        numbers
    };
    let done = async || all().await.len() >= RINGS as usize;
    tokio::join!(serve_until(&one, done), serve_until(&other, done));
    let mut numbers = all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (0..RINGS).collect::<Vec<_>>());
    let group = one.groups().iter().find(|group| group.handler == "Bells").unwrap();
    let store = one.store().await.unwrap();
    let status = store.group_status(&group.name, &group.category).await.unwrap();
    assert_eq!(status.count(Counter::Handled), u64::from(RINGS));
}

async fn a_timer_that_was_cancelled_before_it_in_the_log_does_not_come(on: On) {
    let harness = Harness::new(on);
    let tower = tower(harness.settings());
    let neighbour = async |id: &str| {
        let neighbours = tower.repository::<Neighbour>().await.unwrap();
        neighbours.find(&id.into()).await.unwrap()
    };
    for id in ["hushed", "loud"] {
        let ring = Ring { bell: id.into(), number: 1, due: tower.clock().now() };
        tower.process(ring).synchronous().await.unwrap();
    }
    serve_until(&tower, async || {
        neighbour("hushed").await.is_some() && neighbour("loud").await.is_some()
    })
    .await;
    // It is in the log before the timer, and handled after that came into the log.
    tower.process(Hush { bell: "hushed".into() }).synchronous().await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    let scheduled = ScheduledMessages::of(&tower);
    while scheduled.release(Priority::ALL, 9).await.unwrap() > 0 {}
    serve_until(&tower, async || {
        let (hushed, loud) = (neighbour("hushed").await.unwrap(), neighbour("loud").await.unwrap());
        hushed.hushed && loud.complaints == 1
    })
    .await;
    let group = tower.groups().iter().find(|group| group.handler == "Neighbour").unwrap();
    let store = tower.store().await.unwrap();
    serve_until(&tower, async || {
        store.group_status(&group.name, &group.category).await.unwrap().lag() == 0
    })
    .await;
    assert_eq!(neighbour("hushed").await.unwrap().complaints, 0);
}
