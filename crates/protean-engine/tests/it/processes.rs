//! Real processes: this test program runs itself as the one that is to die.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use protean::message::Priority;
use protean::{DomainBuilder, Handled, event_handler};
use protean_engine::{Server, is_at_rest};
use protean_test_servers::RedisServer;

use crate::tallies::{Add, Added, Numbers, NumbersProjector, SumProjector, Tally};
use crate::tallies::{Faults, TallyCommandHandler};

/// Names the database for the process that is to die.
const DATABASE: &str = "PROTEAN_TEST_DATABASE";
/// What stands behind the settings of the process.
const BROKERS: &str = "PROTEAN_TEST_BROKERS";

/// Aborts the process at the number 13.
struct Aborting;

#[event_handler(part_of = Tally, start_from = "beginning")]
impl Aborting {
    #[handle]
    async fn on_added(&self, event: Added) -> Handled {
        if event.number == 13 {
            std::process::abort();
        }
        Ok(())
    }
}

fn domain(file: &Path, brokers: &str) -> DomainBuilder {
    let config = format!(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'\n\
         [server]\nlease_seconds = 1\n\
         [server.event_store_subscription]\nmax_retries = 2\nretry_delay_seconds = 0.02\n\
         [server.stream_subscription]\nmax_retries = 2\nretry_delay_seconds = 0.02\n{brokers}",
        file.display()
    );
    let builder = protean::domain("harness").config(&config).aggregate::<Tally>();
    let builder = builder.register(TallyCommandHandler).register(SumProjector);
    builder.register(NumbersProjector(Faults::default())).register(Aborting)
}

/// The part of the process that is to die: serves until everything is settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_in_a_process_of_its_own() {
    let Some(file) = std::env::var_os(DATABASE) else { return };
    let brokers = std::env::var(BROKERS).unwrap();
    let domain = domain(file.as_ref(), &brokers).build().unwrap();
    let at_rest = async {
        while !is_at_rest(&domain).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    Server::new(domain.clone()).run(at_rest).await.unwrap();
}

fn serve(file: &Path, brokers: &str) -> ExitStatus {
    let itself = std::env::current_exe().unwrap();
    let test = "processes::serves_in_a_process_of_its_own";
    let mut process = Command::new(itself);
    process.args(["--exact", test]).env(DATABASE, file).env(BROKERS, brokers);
    process.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_aborts_the_process_ends_as_a_dead_letter() {
    // Once unsuspected, then three tries.
    ends_as_a_dead_letter("", 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn one_from_a_broker_that_aborts_the_process_ends_as_a_dead_letter() {
    let redis = RedisServer::start("");
    let brokers = format!("[brokers.default]\nprovider = \"redis\"\nURI = '{}'\n", redis.uri());
    ends_as_a_dead_letter(&brokers, 4).await;
}

async fn ends_as_a_dead_letter(brokers: &str, least: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("harness.db");
    let domain = domain(&file, brokers).build().unwrap();
    for number in 0..40 {
        let command = Add { tally: format!("t-{}", number % 20).into(), number };
        domain.process(command).priority(Priority::NORMAL).asynchronous().await.unwrap();
    }
    let ends: Vec<bool> = (0..10).map(|_| serve(&file, brokers).success()).collect();
    let aborted = ends.iter().take_while(|well| !**well).count();
    assert!((least..=least + 1).contains(&aborted), "{least}: {ends:?}");
    assert!(ends[aborted..].iter().all(|well| *well), "{ends:?}");
    let rows = domain.repository::<Numbers>().await.unwrap();
    for number in 0..20 {
        let mut seen = rows.get(&format!("t-{number}").into()).await.unwrap().seen;
        // From a broker, the commands that a dead process held come after later ones.
        if !brokers.is_empty() {
            seen.sort_unstable();
        }
        assert_eq!(seen, [number, number + 20]);
    }
    let report = protean_engine::verify(&domain).await.unwrap();
    assert!(report.closes && report.at_rest, "{report:?}");
    let aborting = report.groups.iter().find(|group| group.handler == "Aborting").unwrap();
    assert_eq!((aborting.dead, aborting.parked, aborting.handled), (1, 1, 38), "33 is held");
}
