//! A bank on SQLite whose messages travel through a Redis of its own.

use std::path::PathBuf;
use std::time::Instant;

use protean::{Domain, Priority};
use protean_test_servers::RedisServer;
use serde_json::Value;

use crate::bank::{Bank, Server, WAIT_LIMIT, account};

pub(crate) struct Branch {
    pub(crate) bank: Bank,
    pub(crate) redis: RedisServer,
}

impl Branch {
    pub(crate) fn new() -> Self {
        Self { bank: Bank::new(), redis: RedisServer::start("") }
    }

    fn text(&self) -> String {
        let text = include_str!("../../domain.toml")
            .replace("${DATABASE_URI|sqlite:fidelis.db}", &self.bank.uri())
            // Periodic work is due soon.
            .replace("[server]\n", "[server]\nlease_seconds = 1\n");
        let broker =
            format!("[brokers.default]\nprovider = \"redis\"\nURI = '{}'", self.redis.uri());
        format!("{text}\n{broker}\n")
    }

    fn settings(&self) -> PathBuf {
        self.bank.settings(&self.text())
    }

    pub(crate) fn builder(&self) -> protean::DomainBuilder {
        fidelis::configured(&self.text())
    }

    pub(crate) fn domain(&self) -> Domain {
        self.builder().build().unwrap()
    }

    /// A server that is ready.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(|text| text)
    }

    /// One with other settings, made of the usual ones.
    pub(crate) fn serve_with(&self, rewrite: impl FnOnce(String) -> String) -> Server {
        let settings = self.bank.settings(&rewrite(self.text()));
        let server = self.bank.serve_with(&["--config", settings.to_str().unwrap()]);
        self.bank.await_logged(" ready ");
        server
    }

    pub(crate) fn ask(&self, words: &[&str]) -> Value {
        let settings = self.settings();
        self.bank.ask(&[words, &["--config", settings.to_str().unwrap()]].concat())
    }

    /// Sends accounts in at a priority; each number is sent once.
    pub(crate) async fn send(&self, accounts: std::ops::Range<u64>, priority: Priority) {
        let commands: Vec<_> = accounts.map(account).collect();
        let count = commands.len() as u64;
        let sent = self.domain().process_all(commands).priority(priority).await.unwrap();
        assert_eq!(sent.accepted, count);
    }

    pub(crate) fn length(&self, stream: &str) -> u64 {
        self.redis.command(&["XLEN", stream]).parse().unwrap()
    }

    /// Waits until so many entries are in the stream.
    pub(crate) fn await_length(&self, stream: &str, length: u64) {
        let group = |stream| self.redis.command(&["XINFO", "GROUPS", stream]);
        await_that(
            || self.length(stream) == length,
            || format!("{} in {stream}\n{}", self.length(stream), group(stream)),
        );
    }

    /// What Redis tells of a group of the stream, when there is such a group.
    pub(crate) fn group(&self, stream: &str, group: &str) -> Option<Group> {
        if self.redis.command(&["EXISTS", stream]) == "0" {
            return None;
        }
        let info = self.redis.command(&["XINFO", "GROUPS", stream]);
        let lines: Vec<&str> = info.lines().collect();
        let at = lines.windows(2).position(|pair| pair == ["name", group])?;
        let value = |name| {
            let found = lines[at..].windows(2).find(|pair| pair[0] == name).unwrap();
            found[1].to_owned()
        };
        let pending = value("pending").parse().unwrap();
        Some(Group { pending, last_delivered: value("last-delivered-id") })
    }

    /// How many entries were ever added to the stream.
    pub(crate) fn added(&self, stream: &str) -> u64 {
        let info = self.redis.command(&["XINFO", "STREAM", stream]);
        let mut lines = info.lines().skip_while(|line| *line != "entries-added");
        lines.nth(1).unwrap().parse().unwrap()
    }
}

/// A group of a stream.
pub(crate) struct Group {
    pub(crate) pending: u64,
    pub(crate) last_delivered: String,
}

/// Waits until it holds; says this when it does not come to hold.
#[track_caller]
pub(crate) fn await_that(holds: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WAIT_LIMIT, "{}", otherwise());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
