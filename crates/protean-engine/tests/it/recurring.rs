//! Recurring commands, with several servers and none.

use std::time::Duration;

use protean::message::Category;
use protean::port::Counter;
use protean::prelude::*;
use protean::{Missed, Recurring, aggregate, aggregate_impl, command, command_handler};
use protean_engine::verify;

use crate::harness::{Harness, On};
use crate::scheduled::serve_until;

#[command(part_of = Clock)]
pub(crate) struct Strike {
    #[field(identifier)]
    clock: Id,
}

#[aggregate(commands(Strike))]
pub(crate) struct Clock {
    root: Root<Clock>,
    strikes: u64,
}

#[aggregate_impl]
impl Clock {}

pub(crate) struct Clocks;

#[command_handler(part_of = Clock)]
impl Clocks {
    #[handle]
    async fn strike(&self, command: Strike, ctx: &Context) -> Handled {
        let clocks = ctx.repository::<Clock>();
        let new = || Clock { root: Root::with_id(command.clock.clone()), strikes: 0 };
        let mut clock = clocks.find(&command.clock).await?.unwrap_or_else(new);
        clock.strikes += 1;
        Ok(clocks.add(clock).await?)
    }
}

/// A house whose clocks strike each second.
fn house(config: &str) -> Domain {
    let house = protean::domain("house").config(config).aggregate::<Clock>().register(Clocks);
    let striking = |name, missed| {
        let strike = move || Strike { clock: Id::from(name) };
        Recurring::new(name, "* * * * * *", strike).missed(missed)
    };
    let house = house.register(striking("each", Missed::Each));
    house.register(striking("once", Missed::Once)).build().unwrap()
}

/// The seconds for which a clock was told to strike.
async fn seconds(house: &Domain, clock: &str) -> Vec<i64> {
    let stream = Category::named("house::clock:command").stream(&clock.into());
    let found = house.store().await.unwrap().stream(&stream, 0, 999).await.unwrap();
    found.iter().map(|of| of.message.time.as_micros() / 1_000_000).collect()
}

crate::on! { Sqlite in sqlite, Production in production: {
    a_recurring_command_runs_once_at_each_time_however_many_servers_run
} }

async fn a_recurring_command_runs_once_at_each_time_however_many_servers_run(on: On) {
    let harness = Harness::new(on);
    let (one, other) = (house(harness.settings()), house(harness.settings()));
    for round in 1..=2 {
        let done = async || seconds(&one, "once").await.len() >= round * 3;
        tokio::join!(serve_until(&one, done), serve_until(&other, done));
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    let each = seconds(&one, "each").await;
    let all: Vec<i64> = (each[0]..).take(each.len()).collect();
    assert_eq!(each, all, "each second once, also those that were missed");
    let once = seconds(&one, "once").await;
    let steps: Vec<i64> = once.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| *step > 0), "no second twice: {once:?}");
    assert!(steps.iter().any(|step| *step > 1), "what was missed comes once: {once:?}");
    let told = (each.len() + once.len()) as u64;
    let struck = async || {
        let clocks = one.repository::<Clock>().await.unwrap();
        let all = clocks.query().all().await.unwrap();
        all.iter().map(|clock| clock.strikes).sum::<u64>()
    };
    serve_until(&one, async || struck().await >= told).await;
    let report = verify(&one).await.unwrap();
    assert!(report.closes, "{report:?}");
    let group = one.groups().iter().find(|group| group.handler == "Clocks").unwrap();
    let status = { one.store().await.unwrap() }.group_status(&group.name, &group.category).await;
    assert_eq!(struck().await, status.unwrap().count(Counter::Handled), "no effect twice");
}
