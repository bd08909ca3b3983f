//! The bank with one more handler, in a folder of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fidelis::account::{MakeDeposit, OpenAccount};
use fidelis::summary::AccountSummary;
use protean::message::Category;
use protean::{Domain, DomainBuilder, Id};
use serde_json::Value;

use crate::server::Server;
use crate::statement::{Printer, Statement, StatementProjector};
use crate::story::Size;

/// Names the folder of the bank for the processes that work in it.
pub(crate) const FOLDER: &str = "PROTEAN_OUTAGE_FOLDER";

/// How long anything may take on a busy machine.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(60);

pub(crate) const RETRY_DELAY: Duration = Duration::from_millis(150);
pub(crate) const TRIES: usize = 6;
pub(crate) const RESET: Duration = Duration::from_millis(300);

/// The bank's own settings, with little patience for its statements.
pub(crate) fn builder(folder: &Path) -> DomainBuilder {
    let threshold = Size::from_environment().threshold();
    let settings = include_str!("../../domain.toml");
    let uri = format!("sqlite:{}", folder.join("bank.db").display());
    let settings = settings.replace("${DATABASE_URI|sqlite:fidelis.db}", &uri);
    let subscription = format!(
        "\n[server.subscriptions.StatementProjector]\n\
         max_retries = {}\nretry_delay_seconds = {}\n\
         circuit_breaker_threshold = {threshold}\ncircuit_breaker_reset_seconds = {}\n",
        TRIES - 1,
        RETRY_DELAY.as_secs_f64(),
        RESET.as_secs_f64(),
    );
    fidelis::configured(&(settings + &subscription))
        .register(StatementProjector(Printer::of(folder)))
}

pub(crate) struct Bank {
    folder: tempfile::TempDir,
    pub(crate) domain: Domain,
    pub(crate) printer: Printer,
}

impl Bank {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let domain = builder(folder.path()).build().unwrap();
        let printer = Printer::of(folder.path());
        Self { folder, domain, printer }
    }

    fn program(&self) -> Command {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.env(FOLDER, self.folder.path()).stdin(Stdio::null());
        for name in ["PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
            program.env_remove(name);
        }
        program
    }

    pub(crate) fn serve(&self) -> Server {
        Server::start(self.program(), self.folder.path().join("server.log"))
    }

    /// What the bank's own program answers.
    pub(crate) fn ask(&self, words: &[&str]) -> Value {
        let output = self.program().args(words).arg("--json").output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) async fn open(&self, number: usize) -> Id {
        let (account_number, holder_name) = (format!("T-{number:06}"), "Ada Lovelace".to_owned());
        let command = OpenAccount { account_number, holder_name, opening_deposit: 100.into() };
        self.domain.process(command).synchronous().await.unwrap()
    }

    /// Queues a deposit of 1 to each account.
    pub(crate) async fn deposit_to_all(&self, accounts: &[Id], round: &str) {
        let deposit = |account: &Id| MakeDeposit {
            account_id: account.clone(),
            amount: 1.into(),
            reference: Some(format!("{round} of {account}")),
        };
        let commands: Vec<_> = accounts.iter().map(deposit).collect();
        let sent = self.domain.process_all(commands).await.unwrap();
        assert_eq!(sent.accepted, accounts.len() as u64);
    }

    /// How long one deposit after the other takes from its commit to its
    /// place in the summary: the median.
    pub(crate) async fn latency(&self, account: &Id, round: &str, probes: u64) -> Duration {
        let mut took = Vec::new();
        for number in 0..probes {
            let before = self.summary(account).await.map_or(0, |row| row.deposits);
            let reference = Some(format!("{round} {number}"));
            let (account_id, amount) = (account.clone(), 1.into());
            let command = MakeDeposit { account_id, amount, reference };
            self.domain.process(command).synchronous().await.unwrap();
            let committed = Instant::now();
            while self.summary(account).await.is_none_or(|row| row.deposits == before) {
                assert!(committed.elapsed() < WAIT_LIMIT);
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
            took.push(committed.elapsed());
        }
        took.sort_unstable();
        took[took.len() / 2]
    }

    pub(crate) async fn summary(&self, account: &Id) -> Option<AccountSummary> {
        self.domain.repository().await.unwrap().find(account).await.unwrap()
    }

    /// The lines of an account's statement.
    pub(crate) async fn statement(&self, account: &Id) -> Vec<String> {
        let rows = self.domain.repository::<Statement>().await.unwrap();
        rows.find(account).await.unwrap().map(|row| row.lines).unwrap_or_default()
    }

    /// What a statement has to say, by the log alone.
    pub(crate) async fn logged(&self, account: &Id) -> Vec<String> {
        let store = self.domain.store().await.unwrap();
        let stream = Category::of("fidelis", "Account").stream(account);
        let messages = store.stream(&stream, 0, 100_000).await.unwrap();
        let line = |data: &str| {
            let data: Value = serde_json::from_str(data).unwrap();
            data["reference"].as_str().unwrap_or("opened").to_owned()
        };
        messages.iter().map(|recorded| line(&recorded.message.data)).collect()
    }
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, server: &Server, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < WAIT_LIMIT, "not in time: {what}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
