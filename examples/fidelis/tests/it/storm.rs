//! A bank of four processes on PostgreSQL and Redis, of which everything dies.
//!
//! `PROTEAN_STORM_ACCOUNTS`, `PROTEAN_STORM_SECONDS` and `PROTEAN_STORM_AWAY` make a
//! storm of any size; what it came to is printed with `--nocapture`.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protean_test_servers::{Database, Postgres, RedisServer};
use serde_json::Value;

use crate::bank::WAIT_LIMIT;

/// How long a dead worker keeps what it was given.
const LEASE: Duration = Duration::from_secs(2);

/// A number of the environment, or the usual one.
fn wanted(name: &str, usual: u64) -> u64 {
    let said = std::env::var(format!("PROTEAN_STORM_{name}")).ok();
    said.map_or(usual, |said| said.parse().unwrap())
}

/// Servers of one's own, and the trial of the bank's own program on them.
struct Storm {
    folder: tempfile::TempDir,
    database: Database,
    postgres: Postgres,
    redis: RedisServer,
    deaths: HashMap<String, DeadConsumer>,
}

/// A consumer whose process is gone.
struct DeadConsumer {
    noticed: Instant,
    over: Option<Duration>,
}

impl Storm {
    fn gathers(redis: &str) -> Self {
        let postgres = Postgres::start("-c fsync=on");
        let database = postgres.own_database();
        let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(redis));
        Self { folder, database, postgres, redis, deaths: HashMap::new() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The bank in production, which waits no longer than necessary for the dead.
    fn settings(&self) -> PathBuf {
        let text = include_str!("../../domain.toml");
        let lease = format!("[server]\nlease_seconds = {}\n", LEASE.as_secs());
        let text = text.replace("[server]\n", &lease);
        std::fs::write(self.file("domain.toml"), text).unwrap();
        self.file("domain.toml")
    }

    /// The trial, once its storm has begun.
    fn begin(&self, words: &[&str]) -> Child {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fidelis"));
        for name in ["PROTEAN_LOG", "RUST_LOG"] {
            program.env_remove(name);
        }
        program.env("PROTEAN_ENV", "production").env("TMPDIR", self.folder.path());
        program.env("DATABASE_URI", self.database.uri()).env("REDIS_URI", self.redis.uri());
        program.args(["endure", "--json", "--config"]).arg(self.settings());
        program.args(["--accounts", &wanted("ACCOUNTS", 3000).to_string()]).args(words);
        program.stdin(Stdio::null()).stdout(File::create(self.file("report")).unwrap());
        program.stderr(File::create(self.file("steps")).unwrap());
        let mut trial = program.spawn().unwrap();
        let began = Instant::now();
        while !self.read("steps").contains("killing") {
            let ended = trial.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < WAIT_LIMIT, "{}", self.read("steps"));
            std::thread::sleep(Duration::from_millis(20));
        }
        trial
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Lets so much time pass, and looks what becomes of what the dead were given.
    fn rages(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            self.count_the_dead();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn count_the_dead(&mut self) {
        let now = Instant::now();
        let left = self.left_by_the_dead();
        for (name, death) in &mut self.deaths {
            if !left.contains(name) {
                death.over.get_or_insert(now - death.noticed);
            }
        }
        for name in left {
            self.deaths.entry(name).or_insert(DeadConsumer { noticed: now, over: None });
        }
    }

    /// Consumers without a process that still have pending entries.
    fn left_by_the_dead(&self) -> Vec<String> {
        let mut left = Vec::new();
        for stream in self.streams() {
            for group in values(&self.redis.command(&["XINFO", "GROUPS", &stream]), "name") {
                let reply = self.redis.command(&["XINFO", "CONSUMERS", &stream, &group]);
                let pending = values(&reply, "pending");
                for (name, pending) in values(&reply, "name").into_iter().zip(pending) {
                    if pending != "0" && !lives(&name) {
                        left.push(format!("{name} of {stream}"));
                    }
                }
            }
        }
        left
    }

    /// What the bank's messages travel in.
    fn streams(&self) -> Vec<String> {
        let keys = self.redis.command(&["KEYS", "fidelis::*"]);
        keys.lines()
            .filter(|key| !key.is_empty() && !key.ends_with(":dlq"))
            .filter(|key| self.redis.command(&["TYPE", key]) == "stream")
            .map(str::to_owned)
            .collect()
    }

    /// Waits for the end of the trial, and judges.
    #[expect(clippy::print_stdout, reason = "the figures are for people who ask for them")]
    fn ends(mut self, mut trial: Child) -> Value {
        while trial.try_wait().unwrap().is_none() {
            self.rages(Duration::from_millis(200));
        }
        let report: Value = serde_json::from_str(&self.read("report"))
            .unwrap_or_else(|_| panic!("{}", self.read("steps")));
        assert_eq!(report["passed"], true, "{report:#}");
        for stream in self.streams() {
            assert_eq!(self.redis.command(&["XLEN", &stream]), "0", "{stream}");
        }
        let waiting = "SELECT count(*) FROM outbox WHERE status <> 'published'";
        assert_eq!(self.database.run(waiting), "0");
        let mut times: Vec<_> = self.deaths.values().map(|death| death.over.unwrap()).collect();
        times.sort_unstable();
        println!("{report:#}\ntaken over from {} dead consumers: {times:?}", times.len());
        report
    }
}

/// What stands behind each line with this name.
fn values(reply: &str, name: &str) -> Vec<String> {
    let lines: Vec<&str> = reply.lines().collect();
    lines.chunks(2).filter(|pair| pair[0] == name).map(|pair| pair[1].to_owned()).collect()
}

/// Whether the process in `Handler-host-pid-hex` runs.
fn lives(consumer: &str) -> bool {
    let pid = consumer.rsplit('-').nth(1).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn workers_redis_and_postgresql_die_and_nothing_is_lost_or_twice() {
    let seconds = wanted("SECONDS", 12);
    let mut storm = Storm::gathers("appendonly yes");
    let every = if seconds < 30 { "1" } else { "2" };
    let words = ["--workers", "4", "--kill-every", every, "--deposits", "20"];
    let trial = storm.begin(&[&words[..], &["--seconds", &seconds.to_string()]].concat());
    let third = Duration::from_secs(seconds) / 3;
    storm.rages(third);
    storm.redis.kill();
    storm.redis.resume();
    storm.rages(third);
    storm.postgres.stop("immediate");
    storm.postgres.resume();
    let report = storm.ends(trial);
    assert!(report["kills"].as_u64() >= Some(seconds / 4), "{report:#}");
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn a_redis_that_keeps_nothing_dies_and_every_effect_arrives_once() {
    let mut storm = Storm::gathers("");
    let trial = storm.begin(&["--kill-every", "60", "--deposits", "20", "--seconds", "6"]);
    for _ in 0..2 {
        storm.rages(Duration::from_secs(2));
        storm.redis.kill();
        storm.redis.resume();
    }
    storm.ends(trial);
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn redis_is_away_under_load_and_all_of_it_is_done_afterwards() {
    let away = wanted("AWAY", 6);
    let storm = Storm::gathers("appendonly yes");
    let seconds = (away + 4).to_string();
    let trial = storm.begin(&["--kill-every", "86400", "--deposits", "20", "--seconds", &seconds]);
    std::thread::sleep(Duration::from_secs(1));
    storm.redis.kill();
    std::thread::sleep(Duration::from_secs(away));
    storm.redis.resume();
    let report = storm.ends(trial);
    assert!(
        report["kills"] == 0
            && report["deposit_max_ms"].as_f64() > Some(1000.0 * away as f64 / 2.0)
    );
    assert!(report["server_peak_rss_mib"].as_f64() < Some(128.0), "{report:#}");
}
