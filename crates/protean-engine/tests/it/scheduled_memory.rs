//! The memory of a server does not grow with what is scheduled. With more of it, and the figures:
//!
//! ```sh
//! PROTEAN_TEST_SCHEDULED=2000000 cargo xtask test --release -p protean-engine --test it -- \
//!     --nocapture scheduled_memory
//! ```

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use protean_engine::Server;

use crate::child::Running;
use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::tallies::{Add, Faults, NumbersProjector, SumProjector, Tally, TallyCommandHandler};

/// How many commands are scheduled.
const COUNT: &str = "PROTEAN_TEST_SCHEDULED";
/// The `domain.toml` of a process that a test starts.
const SETTINGS: &str = "PROTEAN_TEST_SETTINGS";
const SERVER: &str = "scheduled_memory::serves_in_a_process_of_its_own";

/// What a server takes more or less from one start to the next.
const NOISE_KIB: i64 = 5 * 1024;

crate::on! { Sqlite in sqlite: { what_is_scheduled_costs_a_server_no_memory } }

mod postgresql {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs PostgreSQL: cargo xtask test"]
    async fn what_is_scheduled_costs_a_server_no_memory() {
        super::what_is_scheduled_costs_a_server_no_memory(super::On::Postgres).await;
    }
}

/// The part of the server, which serves until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_in_a_process_of_its_own() {
    let Ok(settings) = std::env::var(SETTINGS) else { return };
    let domain = protean::domain("harness").config(&settings).aggregate::<Tally>();
    let domain = domain.register(TallyCommandHandler).register(SumProjector);
    let domain = domain.register(NumbersProjector(Faults::default())).build().unwrap();
    Server::new(domain).run(std::future::pending()).await.unwrap();
}

async fn what_is_scheduled_costs_a_server_no_memory(on: On) {
    let count = std::env::var(COUNT).map_or(20_000, |count| count.parse().unwrap());
    let harness = Harness::new(on);
    let (_, without) = served(&harness, 1).await;
    let ring = harness.domain.process(Add { tally: "later".into(), number: 1_000 });
    ring.after(Duration::from_secs(3_600)).asynchronous().await.unwrap();
    harness.run_sql(&copies(count));
    let (ready, with) = served(&harness, 2).await;
    eprintln!(
        "{on:?}, {count} scheduled: ready after {ready:?}, {with} KiB; with none {without} KiB"
    );
    assert!(with - without < NOISE_KIB, "{count} scheduled: {with} KiB, with none {without} KiB");
    let waiting = protean::ScheduledMessages::of(&harness.domain).page(None, 9).await.unwrap();
    assert_eq!(waiting.len(), 9, "and they still wait");
}

/// As many rows as these, all like the one that is there.
fn copies(count: u32) -> String {
    format!(
        "WITH RECURSIVE numbers(number) AS ( \
             SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count} \
         ) \
         INSERT INTO \"protean.scheduled\" (key, id, priority, due, message) \
         SELECT key || '-' || number, id || '-' || number, priority, due + number, message \
         FROM \"protean.scheduled\" CROSS JOIN numbers"
    )
}

/// Starts a server that takes a command and then idles; how long it takes until the command is
/// handled, and the most memory of the process, in KiB.
async fn served(harness: &Harness, sum: i64) -> (Duration, i64) {
    harness.domain.process(Add { tally: "t".into(), number: 1 }).asynchronous().await.unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", SERVER]).env(SETTINGS, harness.settings());
    process.env_remove("RUST_BACKTRACE").stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let server = Running(process.spawn().unwrap());
    let handled = async {
        while harness.sum().await < sum {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT_LIMIT, handled).await.unwrap();
    let ready = began.elapsed();
    // It has looked for what is due a few times, too.
    tokio::time::sleep(Duration::from_secs(2)).await;
    (ready, peak_memory(server.0.id()))
}

fn peak_memory(process: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix("kB").unwrap().trim().parse().unwrap()
}
