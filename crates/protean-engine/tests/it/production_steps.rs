//! What bulk work steps aside for: each step of production, and what others commit.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use protean::message::Priority;
use protean::{Domain, Id, Result, Root, aggregate, aggregate_impl, command, command_handler};
use protean_core::domain::all_in_bulk;
use protean_engine::{Relay, Server};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::exchange::{Exchange, PRIMARY};
use crate::harness::{Harness, On};
use crate::unreliable::Unreliable;
use crate::weather::Weather;

/// Much longer than a step of production counts as under way.
const APART: Duration = Duration::from_millis(30);

#[command(part_of = Job)]
struct Work {
    #[field(identifier)]
    job: Id,
}

#[aggregate(commands(Work))]
struct Job {
    root: Root<Job>,
}

#[aggregate_impl]
impl Job {}

struct JobCommandHandler;

#[command_handler(part_of = Job)]
impl JobCommandHandler {
    #[handle]
    async fn work(&self, _command: Work) -> Result {
        sleep(APART).await;
        Ok(())
    }
}

fn work() -> Work {
    Work { job: "a".into() }
}

/// A domain whose one handler takes a while, on a store behind the weather.
fn jobs() -> (Domain, Arc<Weather>) {
    let weather = Weather::new(1);
    weather.calm();
    let config = "[databases.default]\nprovider = \"memory\"\n\
                  [server.priority_lanes]\nenabled = true\n";
    let builder = protean::domain("jobs").config(config).provider(Unreliable::new(&weather));
    let builder = builder.aggregate::<Job>().register(JobCommandHandler);
    (builder.build().unwrap(), weather)
}

/// True while bulk work of this domain has to step aside.
fn is_under_way(domain: &Domain) -> bool {
    domain.env().machine_turns.take().now_or_never().is_none()
}

/// How often production has come under way until `playing` has ended, in simulated time.
async fn steps(domain: &Domain, playing: impl Future<Output = ()>) -> usize {
    let (mut steps, mut was) = (0, false);
    let mut playing = std::pin::pin!(playing);
    while (&mut playing).now_or_never().is_none() {
        let is = is_under_way(domain);
        steps += usize::from(is && !was);
        was = is;
        // A part of the time for which a step counts as under way.
        tokio::time::advance(Duration::from_micros(250)).await;
    }
    steps
}

#[tokio::test(start_paused = true)]
async fn a_command_is_a_step_when_it_is_sent_committed_and_known_to_be() {
    for (priority, expected) in [(Priority::NORMAL, 3), (Priority::BULK, 0)] {
        let (domain, weather) = jobs();
        weather.freeze_commits(true);
        weather.freeze_outcomes(true);
        let sending = async {
            let process = domain.process(work()).priority(priority);
            process.asynchronous().await.unwrap();
            sleep(APART).await;
        };
        let thawing = async {
            sleep(APART).await;
            weather.freeze_commits(false);
            sleep(APART).await;
            weather.freeze_outcomes(false);
        };
        let playing = async {
            tokio::join!(sending, thawing);
        };
        assert_eq!(steps(&domain, playing).await, expected, "{priority:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_handled_at_once_is_a_step_when_it_runs_and_when_it_is_committed() {
    for (priority, expected) in [(Priority::NORMAL, 3), (Priority::BULK, 0)] {
        let (domain, weather) = jobs();
        weather.freeze_commits(true);
        let handling = async {
            let process = domain.process(work()).priority(priority);
            process.synchronous().await.unwrap();
            sleep(APART).await;
        };
        let thawing = async {
            sleep(3 * APART).await;
            weather.freeze_commits(false);
        };
        let playing = async {
            tokio::join!(handling, thawing);
        };
        // The third is the commit itself.
        assert_eq!(steps(&domain, playing).await, expected, "{priority:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_a_step_when_it_comes_and_when_what_was_handled_is_committed() {
    for (priority, expected) in [(Priority::NORMAL, 2), (Priority::BULK, 0)] {
        let (domain, weather) = jobs();
        domain.process(work()).priority(priority).asynchronous().await.unwrap();
        sleep(APART).await;
        weather.freeze_commits(true);
        let playing = async {
            let serving = Server::new(domain.clone()).run(async {
                sleep(4 * APART).await;
                weather.freeze_commits(false);
            });
            serving.await.unwrap();
        };
        assert_eq!(steps(&domain, playing).await, expected, "{priority:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_page_that_is_published_is_a_step() {
    let exchange = Exchange::new().await;
    let producer = Harness::new(On::Memory);
    let store = Arc::clone(producer.domain.store().await.unwrap());
    // With a store of its own, so that it knows of no commits.
    let idle = Harness::new(On::Memory).domain;
    let (broker, plan) = (Arc::clone(&exchange.broker), exchange.plan.clone());
    let relay = Relay::new(idle.clone(), store, broker, plan);
    let stop = CancellationToken::new();
    let playing = async {
        let (mut seen, mut number) = (false, 0);
        // A step is short, and this test may not get a core meanwhile.
        while !seen {
            assert!(number < 300, "a relay that publishes announces no step");
            number += 1;
            producer.add("t", number, Priority::NORMAL).await;
            while !seen && exchange.length(PRIMARY).await < number.cast_unsigned() {
                seen = is_under_way(&idle);
                sleep(Duration::from_millis(1)).await;
            }
            seen |= is_under_way(&idle);
        }
        stop.cancel();
    };
    tokio::join!(relay.run(stop.clone()), playing);
}

/// How long bulk work of our domain steps aside after commits of another on the same database:
/// the median.
async fn pause_for_others(ours: &Domain, theirs: &Harness, priority: Priority) -> Duration {
    let mut commits = ours.store().await.unwrap().commits();
    let mut pauses = Vec::new();
    for number in 0..21 {
        commits.borrow_and_update();
        theirs.add("t", number, priority).await;
        commits.changed().await.unwrap();
        let asked = Instant::now();
        let turn = ours.env().machine_turns.take().await;
        pauses.push(asked.elapsed());
        // It steps aside no longer than it works.
        sleep(Duration::from_millis(10)).await;
        drop(turn);
    }
    pauses.sort();
    pauses[10]
}

async fn steps_aside_for_others(on: On) {
    let (bound, longer) = (Duration::from_micros(700), Duration::from_millis(4));
    let theirs = Harness::new(on);
    theirs.domain.store().await.unwrap();
    let ours = theirs.sibling().domain;
    let unhurried = all_in_bulk(&ours).await.unwrap();
    let (mut rounds, mut aside, mut long) = (Vec::new(), false, false);
    // On a busy machine the news of a commit may come after the question, of any of the three.
    for _ in 0..10 {
        let production = pause_for_others(&ours, &theirs, Priority::NORMAL).await;
        let bulk = pause_for_others(&ours, &theirs, Priority::BULK).await;
        let of_rebuild = pause_for_others(&unhurried, &theirs, Priority::NORMAL).await;
        (aside, long) = (aside || production > bound, long || of_rebuild > longer);
        if aside && bulk < bound && long {
            return;
        }
        rounds.push((production, bulk, of_rebuild));
    }
    panic!("for production, for bulk work, and a rebuild's for production: {rounds:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_work_steps_aside_for_what_others_commit_to_its_file() {
    steps_aside_for_others(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn bulk_work_steps_aside_for_what_others_commit_to_its_database() {
    steps_aside_for_others(On::Postgres).await;
}

#[tokio::test]
async fn a_domain_that_is_dropped_closes_its_store() {
    let harness = Harness::new(On::Sqlite);
    let domain = harness.sibling().domain;
    let store = Arc::downgrade(domain.store().await.unwrap());
    drop(domain);
    assert!(store.upgrade().is_none());
}
