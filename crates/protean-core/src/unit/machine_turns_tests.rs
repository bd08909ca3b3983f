use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use protean_port::port::{CommitSignal, StepTime};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::{LONGEST_WAIT, MachineTurn, MachineTurns, ProductionSteps, TurnNames, bulk_turns};

/// The turns of one process; each test has a database of its own.
fn process(test: &str, cores: usize) -> MachineTurns {
    let names = Some(TurnNames::of(&format!("{}:{test}", std::process::id()), cores));
    MachineTurns::of(names, ProductionSteps::default())
}

async fn is_taken(turns: &MachineTurns) -> Option<MachineTurn> {
    timeout(Duration::from_millis(50), turns.take()).await.ok()
}

#[test]
fn one_core_is_left_without_bulk_work() {
    assert_eq!([1, 2, 3, 8].map(bulk_turns), [1, 1, 2, 7]);
}

#[tokio::test]
async fn one_process_has_a_turn_until_it_gives_it_back() {
    let (ours, theirs) = (
        process("one process has a turn until it gives it back", 1),
        process("one process has a turn until it gives it back", 1),
    );
    let turn = ours.take().await;
    assert!(is_taken(&theirs).await.is_none());
    drop(turn);
    assert!(is_taken(&theirs).await.is_some());
}

#[tokio::test]
async fn all_processes_rest_while_one_does() {
    let test = "all processes rest while one does";
    let (ours, theirs) = (process(test, 1), process(test, 1));
    let (rested, rest) = oneshot::channel::<()>();
    let mut turn = std::pin::pin!(ours.take_rested(rest.map(drop)));
    assert!((&mut turn).now_or_never().is_none(), "it rests");
    assert!(is_taken(&theirs).await.is_none());
    rested.send(()).unwrap();
    drop(turn.await);
    assert!(is_taken(&theirs).await.is_some());
}

#[tokio::test]
async fn there_is_a_turn_for_each_core_while_there_is_no_production() {
    let test = "there is a turn for each core while there is no production";
    let processes = [0; 3].map(|_| process(test, 2));
    let _turns = (processes[0].take().await, is_taken(&processes[1]).await.unwrap());
    assert!(is_taken(&processes[2]).await.is_none());
}

#[tokio::test]
async fn one_core_is_left_free_for_production() {
    let test = "one core is left free for production";
    let processes = [0; 3].map(|_| process(test, 3));
    processes.iter().for_each(|process| process.production.begin());
    let turns = (processes[0].take().await, is_taken(&processes[1]).await.unwrap());
    assert!(is_taken(&processes[2]).await.is_none());
    drop(turns);
    assert!(is_taken(&processes[2]).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_alternate_between_processes_that_always_want_one() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let work = |name: char| {
        let (turns, order) = (
            process("turns alternate between processes that always want one", 1),
            Arc::clone(&order),
        );
        tokio::spawn(async move {
            for _ in 0..50 {
                let _turn = turns.take().await;
                order.lock().unwrap().push(name);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    };
    let (a, b) = (work('a'), work('b'));
    a.await.unwrap();
    b.await.unwrap();
    let order = order.lock().unwrap();
    let changes = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes >= 60, "{changes} changes of 99: {}", String::from_iter(&*order));
}

#[tokio::test]
async fn a_process_that_never_gives_its_turn_back_stops_nobody_for_long() {
    let (stopped, ours) = (
        process("a process that never gives its turn back stops nobody for long", 1),
        process("a process that never gives its turn back stops nobody for long", 1),
    );
    let _turn = stopped.take().await;
    let began = Instant::now();
    for _ in 0..10 {
        drop(timeout(Duration::from_secs(5), ours.take()).await.unwrap());
    }
    assert!((LONGEST_WAIT..LONGEST_WAIT * 3).contains(&began.elapsed()), "one wait for all");
}

#[tokio::test]
async fn work_that_nobody_waits_for_steps_aside_without_a_turn() {
    let test = "work that nobody waits for steps aside without a turn";
    let (ours, theirs) = (process(test, 1), process(test, 1));
    let unhurried = ours.unhurried(CommitSignal::default().watch(Vec::new()));
    ours.production.begin();
    let mut asked = std::pin::pin!(unhurried.take());
    assert!((&mut asked).now_or_never().is_none(), "production is under way");
    let turn = is_taken(&theirs).await.unwrap();
    assert!(timeout(Duration::from_millis(50), &mut asked).await.is_err(), "it is theirs");
    drop(turn);
    timeout(Duration::from_secs(5), asked).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_turn_begins_when_production_pauses() {
    let (turns, asked) = (MachineTurns::at(None), Instant::now());
    drop(turns.take().await);
    assert!(asked.elapsed().is_zero(), "there is no production");
    turns.production.begin();
    drop(turns.take().await);
    assert!(!asked.elapsed().is_zero());
}

#[test]
fn steps_are_short_beside_production() {
    let [beside_production, alone] = [2, 4].map(Duration::from_millis);
    let (turns, time) = (MachineTurns::at(None), StepTime { beside_production, alone });
    assert_eq!(turns.step_time(time), alone);
    turns.production.begin();
    assert_eq!(turns.step_time(time), beside_production);
}

#[tokio::test]
async fn a_call_that_is_dropped_takes_no_turn() {
    let (ours, theirs) = (
        process("a call that is dropped takes no turn", 1),
        process("a call that is dropped takes no turn", 1),
    );
    let turn = ours.take().await;
    assert!(is_taken(&theirs).await.is_none(), "dropped while it waits");
    drop(turn);
    timeout(Duration::from_secs(5), ours.take()).await.unwrap();
}
