//! Real processes: this test program runs itself as the one that is to die.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use protean::message::Priority;
use protean::{DomainBuilder, Handled, event_handler};
use protean_engine::Server;

use crate::tallies::{Add, Added, Numbers, NumbersProjector, SumProjector, Tally};
use crate::tallies::{Faults, TallyCommandHandler};

/// Names the database for the process that is to die.
const DATABASE: &str = "PROTEAN_TEST_DATABASE";

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

fn domain(file: &Path) -> DomainBuilder {
    let config = format!(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'\n\
         [server.event_store_subscription]\nmax_retries = 2\nretry_delay_seconds = 0.02\n",
        file.display()
    );
    let builder = protean::domain("bench").config(&config).aggregate::<Tally>();
    let builder = builder.register(TallyCommandHandler).register(SumProjector);
    builder.register(NumbersProjector(Faults::default())).register(Aborting)
}

/// The part of the process that is to die: serves until everything is settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_in_a_process_of_its_own() {
    let Some(file) = std::env::var_os(DATABASE) else { return };
    let domain = domain(file.as_ref()).build().unwrap();
    let store = domain.store().await.unwrap();
    let at_rest = async {
        loop {
            let mut waiting = 0;
            for group in domain.registry().groups() {
                let standing = store.standing(&group.name, &group.category).await.unwrap();
                // Behind the dead letter one of its stream is held.
                waiting += standing.lag() + standing.parked().saturating_sub(standing.dead());
            }
            if waiting == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    Server::new(domain.clone()).run(at_rest).await.unwrap();
}

fn serve(file: &Path) -> ExitStatus {
    let itself = std::env::current_exe().unwrap();
    let test = "processes::serves_in_a_process_of_its_own";
    let mut process = Command::new(itself);
    process.args(["--exact", test]).env(DATABASE, file);
    process.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_aborts_the_process_ends_as_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.db");
    let domain = domain(&file).build().unwrap();
    for number in 0..40 {
        let command = Add { tally: format!("t-{}", number % 20).into(), number };
        domain.process(command).priority(Priority::NORMAL).asynchronous().await.unwrap();
    }
    let ends: Vec<bool> = (0..10).map(|_| serve(&file).success()).collect();
    let aborted = ends.iter().take_while(|well| !**well).count();
    assert!((4..=5).contains(&aborted), "once unsuspected, then three tries: {ends:?}");
    assert!(ends[aborted..].iter().all(|well| *well), "{ends:?}");
    let rows = domain.repository::<Numbers>().await.unwrap();
    for number in 0..20 {
        let row = rows.get(&format!("t-{number}").into()).await.unwrap();
        assert_eq!(row.seen, [number, number + 20]);
    }
    let report = protean_engine::verify(&domain).await.unwrap();
    assert!(report.closes && report.at_rest, "{report:?}");
    let aborting = report.groups.iter().find(|group| group.handler == "Aborting").unwrap();
    assert_eq!((aborting.dead, aborting.parked, aborting.handled), (1, 1, 38), "33 is held");
}
