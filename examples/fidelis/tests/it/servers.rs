//! Servers of the bank on PostgreSQL: the same program, another `domain.toml`.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use fidelis::account::MakeDeposit;
use fidelis::summary::AccountSummary;
use protean::{Decimal, Domain, Priority};
use protean_test_servers::{Database, Postgres, RedisServer};
use serde_json::Value;

use crate::bank::{Server, WAIT_LIMIT, account, transcript};

/// A bank in a database of its own.
struct Bank {
    folder: tempfile::TempDir,
    database: Database,
}

impl Bank {
    fn new() -> Self {
        let bank =
            Self { folder: tempfile::tempdir().unwrap(), database: Postgres::shared().database() };
        std::fs::write(bank.settings(), bank.text()).unwrap();
        bank
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("domain.toml")
    }

    fn text(&self) -> String {
        let text = include_str!("../../domain.toml").replace("\"sqlite\"", "\"postgresql\"");
        text.replace("${DATABASE_URI|sqlite:fidelis.db}", &self.database.uri())
    }

    fn domain(&self) -> Domain {
        let text = std::fs::read_to_string(self.settings()).unwrap();
        fidelis::configured(&text).build().unwrap()
    }

    fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fidelis"));
        program.stdin(Stdio::null());
        for name in ["PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
            program.env_remove(name);
        }
        program
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut program = self.program();
        program.args(words).arg("--config").arg(self.settings()).arg("--json").output().unwrap()
    }

    fn ask(&self, words: &[&str]) -> Value {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", transcript(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn log(&self, number: u32) -> PathBuf {
        self.folder.path().join(format!("server-{number}.log"))
    }

    fn serve(&self, number: u32) -> Server {
        let log = std::fs::File::create(self.log(number)).unwrap();
        let mut program = self.program();
        program.arg("server").arg("--config").arg(self.settings());
        Server(program.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// Waits until the bank counts so many accounts and so much money.
    fn await_stats(&self, accounts: u64, balance: f64) {
        let began = Instant::now();
        loop {
            let stats = self.ask(&["stats"]);
            if stats["accounts"] == accounts
                && stats["summaries"] == accounts
                && stats["total_balance"] == balance
            {
                return;
            }
            let log = |number| std::fs::read_to_string(self.log(number)).unwrap_or_default();
            assert!(began.elapsed() < WAIT_LIMIT, "{stats}\n{}\n{}", log(1), log(2));
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    async fn open(&self, accounts: std::ops::Range<u64>, priority: Priority) {
        let commands: Vec<_> = accounts.map(account).collect();
        let count = commands.len() as u64;
        let sent = self.domain().process_all(commands).priority(priority).await.unwrap();
        assert_eq!(sent.accepted, count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_bank_on_postgresql_goes_on_when_one_of_two_servers_is_killed() {
    let bank = Bank::new();
    let (mut first, _second) = (bank.serve(1), bank.serve(2));
    bank.open(0..300, Priority::BULK).await;
    bank.open(300..310, Priority::NORMAL).await;
    bank.await_stats(310, 3103.1);
    bank.open(310..600, Priority::BULK).await;
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let domain = bank.domain();
    let summaries = domain.repository::<AccountSummary>().await.unwrap();
    for summary in summaries.query().all().await.unwrap().into_iter().take(10) {
        let (account_id, amount) = (summary.account_id, Decimal::new(100, 2));
        let deposit = MakeDeposit { account_id, amount, reference: None };
        domain.process(deposit).asynchronous().await.unwrap();
    }
    bank.await_stats(600, 6016.0);
    assert_eq!(bank.ask(&["verify"])["data"]["closes"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_bank_on_postgresql_is_emptied_and_ready_again() {
    let bank = Bank::new();
    let server = bank.serve(1);
    bank.open(0..3, Priority::NORMAL).await;
    bank.await_stats(3, 30.03);
    let refused = bank.run(&["db", "truncate", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", transcript(&refused));
    assert!(transcript(&refused).contains("a server of 'fidelis' is running"));
    assert_eq!(bank.ask(&["events", "stats"])["data"]["total"], 6, "nothing was deleted");
    drop(server);
    let emptied = bank.ask(&["db", "truncate", "--yes"]);
    assert_eq!(emptied["data"]["emptied"], serde_json::json!(["account_summary"]));
    assert_eq!(emptied["diagnostics"], serde_json::json!([]), "it has no broker");
    assert_eq!(bank.ask(&["events", "stats"])["data"]["total"], 0);
    // Their idempotency keys are gone as well.
    let _server = bank.serve(1);
    bank.open(0..2, Priority::NORMAL).await;
    bank.await_stats(2, 20.02);
    assert_eq!(bank.ask(&["verify"])["data"]["closes"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn an_emptied_bank_says_that_its_broker_is_not_empty() {
    let (bank, redis) = (Bank::new(), RedisServer::start(""));
    let broker = format!("[brokers.default]\nprovider = \"redis\"\nURI = '{}'\n", redis.uri());
    std::fs::write(bank.settings(), bank.text() + &broker).unwrap();
    let server = bank.serve(1);
    bank.open(0..3, Priority::NORMAL).await;
    bank.await_stats(3, 30.03);
    drop(server);
    let emptied = bank.ask(&["db", "truncate", "--yes"]);
    let warning = &emptied["diagnostics"][0];
    assert_eq!(warning["level"], "warning", "{emptied}");
    let expected =
        "brokers still carry messages of the deleted log: empty them, or run 'outbox adopt'";
    assert!(warning["message"].as_str().unwrap().starts_with(expected), "{warning}");
    // As it says: until then no server starts.
    let mut early = bank.serve(1);
    assert!(!early.0.wait().unwrap().success());
    let log = std::fs::read_to_string(bank.log(1)).unwrap();
    assert!(log.contains("outbox adopt"), "{log}");
    bank.ask(&["outbox", "adopt", "--yes"]);
    let done = bank.ask(&["events", "read", "fidelis::operations", "--data"]);
    assert_eq!(done["data"]["messages"][0]["data"]["action"], "outbox adopt", "{done}");
    let _server = bank.serve(1);
    bank.open(0..2, Priority::NORMAL).await;
    bank.await_stats(2, 20.02);
}
