//! Two stores on one SQLite file, as two processes have it: many writers of one
//! aggregate, and copies of commands and events.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::message::Category;
use protean::model::Aggregate;
use protean::port::Counter;
use protean::{Context, Domain, Id, Result, command_handler};
use protean_engine::Server;
use tokio::task::JoinSet;

use crate::harness::{WAIT_LIMIT, counts};
use crate::tallies::TallyCommandHandler;
use crate::tallies::{Add, Faults, Numbers, NumbersProjector, Sum, SumProjector, Tally};
use crate::weather::Dice;

/// After a conflict a synchronous command is tried so often again.
const RETRIES: usize = 3;

fn config(file: &Path, events: &str) -> String {
    format!(
        "event_processing = \"{events}\"\n\
         [databases.default]\nprovider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'\n\
         [server.event_store_subscription]\nmax_retries = 1000\nretry_delay_seconds = 0.01\n\
         [server.version_retry]\nmax_retries = {RETRIES}\n\
         base_delay_seconds = 0.001\nmax_delay_seconds = 0.005\n",
        file.display()
    )
}

/// Adds the number of events that it finds, so that the log tells what it has
/// read; counts how often it is called for each command, text apart by its number.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<HashMap<i64, usize>>>);

#[command_handler(part_of = Tally)]
impl Counting {
    #[handle]
    async fn add(&self, command: Add, context: &Context) -> Result {
        *self.0.lock().unwrap().entry(command.number).or_default() += 1;
        let tallies = context.repository::<Tally>();
        let found = tallies.find(&command.tally).await?;
        let mut tally = found.unwrap_or_else(|| Tally::create_with(command.tally));
        let events = tally.root().version().map_or(0, |version| version + 1);
        tally.add(i64::try_from(events).unwrap())?;
        tallies.add(tally).await
    }
}

/// The numbers of a tally, as the log has them.
async fn logged(domain: &Domain, tally: &str) -> Vec<i64> {
    let stream = Category::named("harness::tally").stream(&Id::from(tally));
    let messages = domain.store().await.unwrap().stream(&stream, 0, 10_000).await.unwrap();
    let positions = messages.iter().map(|recorded| recorded.stream_position);
    assert!(positions.eq(0..messages.len() as u64), "no version is missing, none is there twice");
    let number = |data: &str| serde_json::from_str::<serde_json::Value>(data).unwrap();
    messages.iter().map(|at| number(&at.message.data)["number"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn eight_writers_of_one_aggregate_lose_nothing_and_leave_no_gap() {
    let (folder, counting) = (tempfile::tempdir().unwrap(), Counting::default());
    let domain = || {
        let config = config(&folder.path().join("harness.db"), "async");
        let builder = protean::domain("harness").config(&config).aggregate::<Tally>();
        builder.register(counting.clone()).build().unwrap()
    };
    let (one, other) = (domain(), domain());
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let domain = if writer % 2 == 0 { one.clone() } else { other.clone() };
        writers.spawn(async move {
            let (mut done, mut number) = (0, writer * 1_000_000);
            while done < 25 {
                let add = Add { tally: "one".into(), number };
                match domain.process(add).synchronous().await {
                    Ok(()) => done += 1,
                    Err(error) => assert!(error.is_conflict(), "{error}"),
                }
                number += 1;
            }
        });
    }
    writers.join_all().await;
    assert_eq!(logged(&one, "one").await, (0..200).collect::<Vec<_>>(), "no update is lost");
    let calls: Vec<usize> = counting.0.lock().unwrap().values().copied().collect();
    assert!(calls.iter().sum::<usize>() > 200, "they were in each other's way");
    assert!(calls.iter().all(|calls| *calls <= RETRIES + 1), "each tries so often: {calls:?}");
    assert_eq!(protean_engine::verify(&one).await.unwrap().broken_streams, Vec::<String>::new());
}

/// A server that ends abruptly after a short while, again and again.
async fn serve_in_pieces(domain: Domain, dice: Dice) {
    loop {
        let server = Server::new(domain.clone()).run(std::future::pending());
        let _ = tokio::time::timeout(Duration::from_millis(5 + dice.roll(40)), server).await;
    }
}

/// Sends three copies of each number, in any order, through both stores and in both ways.
async fn send_copies(domains: [&Domain; 2], numbers: i64, dice: &Dice) {
    let mut copies: Vec<i64> = (0..numbers).flat_map(|number| [number; 3]).collect();
    for last in (1..copies.len()).rev() {
        copies.swap(last, usize::try_from(dice.roll(last as u64 + 1)).unwrap());
    }
    let mut sending = JoinSet::new();
    for number in copies {
        let domain = domains[usize::from(dice.roll(2) == 0)].clone();
        let at_once = dice.roll(2) == 0;
        let send = async move {
            loop {
                let add = Add { tally: format!("t-{}", number % 5).into(), number };
                let copy = domain.process(add).idempotency_key(format!("number-{number}"));
                let sent = match at_once {
                    true => copy.synchronous().await,
                    false => copy.asynchronous().await.map(drop),
                };
                match sent {
                    // Another copy is on its way, or another writer came first.
                    Err(error) if error.is_conflict() => {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    sent => return sent.unwrap(),
                }
            }
        };
        sending.spawn(send);
        if sending.len() == 8 {
            sending.join_next().await.unwrap().unwrap();
        }
    }
    sending.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_copies_of_everything_have_one_effect() {
    for seed in 0..3 {
        let (folder, dice) = (tempfile::tempdir().unwrap(), Dice::new(seed));
        let domain = || {
            let config = config(&folder.path().join("harness.db"), "sync");
            let builder = protean::domain("harness").config(&config).aggregate::<Tally>();
            let builder = builder.register(TallyCommandHandler).register(SumProjector);
            builder.register(NumbersProjector(Faults::default())).build().unwrap()
        };
        let (one, other) = (domain(), domain());
        // What the senders dispatch the servers deliver as well, one after the other.
        let servers = [(&one, seed + 10), (&other, seed + 20)];
        let servers =
            servers.map(|(domain, seed)| serve_in_pieces(domain.clone(), Dice::new(seed)));
        let [first, second] = servers.map(tokio::spawn);
        send_copies([&one, &other], 60, &dice).await;
        first.abort();
        second.abort();
        judge(&other, 60).await;
    }
}

/// Serves to the end; then each number has come to one effect everywhere.
async fn judge(domain: &Domain, numbers: i64) {
    let store = domain.store().await.unwrap();
    let at_rest = async {
        while !protean_engine::is_at_rest(domain).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let served = tokio::time::timeout(WAIT_LIMIT, async {
        Server::new(domain.clone()).run(at_rest).await.unwrap();
    });
    served.await.unwrap();
    let mut all = Vec::new();
    for tally in 0..5 {
        let tally = format!("t-{tally}");
        let logged = logged(domain, &tally).await;
        let rows = domain.repository::<Numbers>().await.unwrap();
        assert_eq!(rows.get(&tally.as_str().into()).await.unwrap().seen, logged);
        all.extend(logged);
    }
    all.sort_unstable();
    assert_eq!(all, (0..numbers).collect::<Vec<_>>(), "each command has its effect once");
    let sums = domain.repository::<Sum>().await.unwrap();
    assert_eq!(sums.get(&"all".into()).await.unwrap().sum, all.iter().sum::<i64>());
    for group in domain.groups() {
        let standing = store.group_status(&group.name, &group.category).await.unwrap();
        assert!(standing.closes(), "{}: {standing:?}", group.name);
        assert_eq!((counts(&standing).0, standing.dead()), (standing.committed, 0));
        assert_eq!(standing.count(Counter::Ignored), 0);
    }
}
