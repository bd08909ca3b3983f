//! Servers that come and go on a store that fails, with handlers that fail, in
//! simulated time: whatever happens, everything is handled once and in order.
//!
//! `PROTEAN_SEEDS=10000` runs more of them, `PROTEAN_SEED=7` one alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protean::message::{Category, Priority};
use protean_engine::Server;

use crate::harness::{Harness, On, counts};
use crate::tallies::{Add, Fault, Faults, Forwarder};
use crate::unreliable::Unreliable;
use crate::weather::{Dice, JumpyClock, Weather};

const COMMANDS: i64 = 60;
const TALLIES: u64 = 7;
/// A message that was in flight at several abrupt ends is charged with each of them.
const PATIENT: &str = "[server.subscriptions.NumbersProjector]
max_retries = 20
circuit_breaker_reset_seconds = 0.3
[server.subscriptions.Forwarder]
max_retries = 20
circuit_breaker_threshold = 2
circuit_breaker_reset_seconds = 0.2
[server.subscriptions.TallyCommandHandler]
max_retries = 20
[server.subscriptions.SumProjector]
max_retries = 20
";

/// One run: its domain, and what goes wrong in it.
struct Run {
    harness: Harness,
    clock: JumpyClock,
    weather: Arc<Weather>,
    store: Unreliable,
    dice: Dice,
}

impl Run {
    fn new(seed: u64) -> Self {
        let (weather, clock, faults) = (Weather::new(seed), JumpyClock::new(), Faults::default());
        let store = Unreliable::new(&weather);
        let (jumpy, provider, forwarder) =
            (clock.clone(), store.clone(), Forwarder(faults.clone()));
        let harness = Harness::configured(On::Memory, PATIENT, |builder| {
            builder.provider(provider).clock(jumpy).register(forwarder)
        });
        let run = Self { harness, clock, weather, store, dice: Dice::new(!seed) };
        for number in 0..COMMANDS {
            run.plan(&run.harness.faults, number);
            run.plan(&faults, -number);
        }
        run
    }

    fn plan(&self, faults: &Faults, number: i64) {
        let times = 1 + u32::try_from(self.dice.roll(3)).unwrap();
        match self.dice.roll(12) {
            0 => faults.plan(number, Fault::Fail(times)),
            1 => faults.plan(number, Fault::Unavailable(times)),
            2 => faults.plan(number, Fault::Sleep(Duration::from_millis(self.dice.roll(300)))),
            _ => {}
        }
    }

    /// Sends every command until it is known to be kept.
    async fn send(&self) {
        for number in 0..COMMANDS {
            let priority = [-100, -100, 0, 0, 50][usize::try_from(self.dice.roll(5)).unwrap()];
            let tally = format!("t-{}", self.dice.roll(TALLIES));
            loop {
                let command = Add { tally: tally.as_str().into(), number };
                let sent = self.harness.domain.process(command).priority(Priority::new(priority));
                let key = format!("number-{number}");
                if sent.idempotency_key(key).asynchronous().await.is_ok() {
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(self.dice.roll(20))).await;
        }
    }

    /// A process that serves for a while, then stops properly or not.
    async fn serve(&self) {
        let lifetime = Duration::from_millis(20 + self.dice.roll(700));
        let properly = self.dice.roll(2) == 0;
        let server = Server::new(self.harness.domain.clone());
        if properly {
            server.run(tokio::time::sleep(lifetime)).await.unwrap();
        } else {
            let ended = tokio::time::timeout(lifetime, server.run(std::future::pending())).await;
            assert!(ended.is_err(), "nobody stops it");
        }
    }

    /// Takes claims away now and then.
    async fn revoke_claims(&self) {
        let groups = self.harness.domain.groups();
        loop {
            tokio::time::sleep(Duration::from_millis(self.dice.roll(400))).await;
            let group = usize::try_from(self.dice.roll(groups.len() as u64)).unwrap();
            self.store.revoke(&groups[group].claim());
        }
    }

    /// Two processes at a time for a while, then one that is left alone.
    async fn play(&self) {
        let storm = async {
            for _ in 0..4 {
                tokio::join!(self.serve(), self.serve());
                self.clock.jump([-3600, 0, 0, 3600][usize::try_from(self.dice.roll(4)).unwrap()]);
            }
        };
        tokio::select! {
            _ = async { tokio::join!(self.send(), storm) } => {}
            () = self.revoke_claims() => {}
        }
        // The last server has to get through bad weather as well, more often than not.
        if self.dice.roll(3) == 0 {
            self.weather.calm();
        }
        let settled = tokio::time::timeout(Duration::from_secs(600), self.drain()).await;
        assert!(settled.is_ok(), "it does not come to rest: {:#?}", self.standings().await);
    }

    async fn drain(&self) {
        let at_rest = async {
            while self.waiting().await > 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        Server::new(self.harness.domain.clone()).run(at_rest).await.unwrap();
    }

    async fn waiting(&self) -> u64 {
        let standings = self.standings().await;
        standings.iter().map(|(_, standing)| standing.lag() + standing.parked()).sum()
    }

    async fn standings(&self) -> Vec<(String, protean::port::GroupStatus)> {
        let mut standings = Vec::new();
        for group in self.harness.domain.groups() {
            standings.push((group.name.to_string(), self.harness.group_status(&group.name).await));
        }
        standings
    }

    /// The numbers of each tally, as the log has them.
    async fn logged(&self) -> BTreeMap<String, Vec<i64>> {
        let store = self.harness.domain.store().await.unwrap();
        let category = Category::named("harness::tally");
        let mut logged = BTreeMap::new();
        for tally in 0..TALLIES {
            for tally in [format!("t-{tally}"), format!("copy-of-t-{tally}")] {
                let stream = category.stream(&tally.as_str().into());
                let messages = store.stream(&stream, 0, 1000).await.unwrap();
                let number = |data: &str| {
                    let data: serde_json::Value = serde_json::from_str(data).unwrap();
                    data["number"].as_i64().unwrap()
                };
                let numbers =
                    messages.iter().map(|recorded| number(&recorded.message.data)).collect();
                logged.insert(tally, numbers);
            }
        }
        logged
    }

    async fn judge(&self) {
        self.weather.calm();
        for (group, standing) in self.standings().await {
            assert!(standing.closes(), "{group} does not close: {standing:?}");
            assert_eq!(standing.dead(), 0, "{group} gave something up: {standing:?}");
            assert_eq!(counts(&standing).0, standing.committed, "{group} handles all, once");
        }
        let logged = self.logged().await;
        let mut all: Vec<i64> = logged.values().flatten().copied().collect();
        all.sort_unstable();
        let sent: Vec<i64> = (0..COMMANDS).chain((0..COMMANDS).map(|n| n + 1000)).collect();
        assert_eq!(all, sent, "each command has its effect once");
        for (tally, numbers) in &logged {
            assert_eq!(self.harness.seen(tally).await, *numbers, "{tally} is seen in order");
            let source = tally.strip_prefix("copy-of-").and_then(|source| logged.get(source));
            let copies = source.map(|of| of.iter().map(|number| number + 1000).collect::<Vec<_>>());
            let same = |mut copies: Vec<i64>| {
                let mut numbers = numbers.clone();
                numbers.sort_unstable();
                copies.sort_unstable();
                copies == numbers
            };
            assert!(copies.is_none_or(same), "{tally} has the numbers of its source");
        }
        assert_eq!(self.harness.sum().await, all.iter().sum::<i64>());
    }
}

fn play(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let run = Run::new(seed);
        run.play().await;
        run.judge().await;
    });
}

#[test]
fn everything_is_handled_once_and_in_order_whatever_happens() {
    let wanted = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match wanted("PROTEAN_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..wanted("PROTEAN_SEEDS").unwrap_or(200),
    };
    let failed: Vec<u64> = seeds
        .filter(|seed| {
            let played = std::panic::catch_unwind(|| play(*seed));
            if played.is_err() {
                eprintln!("the seed {seed} failed: PROTEAN_SEED={seed} runs it alone");
            }
            played.is_err()
        })
        .collect();
    assert!(failed.is_empty(), "these seeds failed: {failed:?}");
}
