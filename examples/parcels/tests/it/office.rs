//! A post office: a folder with a program in it, its database, and what its servers have logged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, read_to_string};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protean_test_servers::{Database, Postgres, RedisServer, copy_program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take on a busy machine.
const WAIT_LIMIT: Duration = Duration::from_secs(180);

/// After a kill, others have taken over by then what the process had been given: its lease is 5 s.
const RECOVERY: Duration = Duration::from_secs(8);
/// Lines among the runs, from a kill until others have taken over.
const KILLED: &str = "killed";
const RECOVERED: &str = "recovered";

/// A handler has run for a parcel.
pub(crate) struct Run {
    process: u32,
    /// A process had been killed, and others were taking over.
    amid_recovery: bool,
}

/// By handler and parcel, in the order of time.
type Runs = BTreeMap<(String, String), Vec<Run>>;

pub(crate) struct Office {
    folder: tempfile::TempDir,
    settings: String,
    /// They end with it.
    _servers: Option<(Database, Postgres, RedisServer)>,
}

/// A server that is killed when the test ends.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Asks it to go on with the program that is in its file now.
    pub(crate) fn hang_up(&self) {
        kill_process(Pid::from_child(&self.0), Signal::HUP).unwrap();
    }

    pub(crate) fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Office {
    pub(crate) fn on_one_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite:{}", folder.path().join("parcels.db").display());
        let settings = parcels::SETTINGS.replace("sqlite:parcels.db", &uri);
        Self { folder, settings, _servers: None }
    }

    pub(crate) fn on_servers() -> Self {
        let postgres = Postgres::start("-c fsync=on");
        let (database, redis) = (postgres.own_database(), RedisServer::start("appendonly yes"));
        let settings = parcels::SETTINGS.replace("\"sqlite\"", "\"postgresql\"");
        let settings = settings.replace("sqlite:parcels.db", &database.uri());
        let broker =
            format!("[brokers.default]\nprovider = \"redis\"\nURI = \"{}\"\n", redis.uri());
        let servers = Some((database, postgres, redis));
        let settings = format!("{settings}\n{broker}");
        Self { folder: tempfile::tempdir().unwrap(), settings, _servers: servers }
    }

    pub(crate) fn settings(&self) -> &str {
        &self.settings
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a version in the place of the program.
    pub(crate) fn deploy(&self, version: usize) {
        let newer = self.file("newer");
        copy_program(built(version), &newer);
        std::fs::rename(newer, self.file("parcels")).unwrap();
    }

    fn prepared(&self, program: PathBuf) -> Command {
        std::fs::write(self.file("domain.toml"), &self.settings).unwrap();
        let mut program = Command::new(program);
        program.arg("--config").arg(self.file("domain.toml")).stdin(Stdio::null());
        for name in ["PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
            program.env_remove(name);
        }
        program
    }

    /// A command of a version, which must succeed.
    pub(crate) fn ask(&self, version: usize, words: &[&str]) -> Value {
        let mut program = self.prepared(built(version));
        program.args(words).arg("--json").env(parcels::RUNS, self.file("runs"));
        let output = program.output().unwrap();
        assert!(output.status.success(), "{version} {words:?}: {output:?}\n{}", self.log());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts the program that is in place, with three workers that write down what they run.
    pub(crate) fn serve(&self) -> Server {
        let log = File::create(self.file("server.log")).unwrap();
        let mut server = self.prepared(self.file("parcels"));
        server.args(["server", "--workers", "3"]).env(parcels::RUNS, self.file("runs"));
        Server(server.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    pub(crate) fn log(&self) -> String {
        read_to_string(self.file("server.log")).unwrap_or_default()
    }

    /// Waits until the servers have logged something so often.
    pub(crate) fn await_logged(&self, text: &str, times: usize) {
        self.until(text, || self.log().matches(text).count() >= times);
    }

    pub(crate) fn until(&self, what: &str, done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < WAIT_LIMIT, "not in time: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The processes that a line with this text names.
    pub(crate) fn processes(&self, text: &str) -> Vec<u32> {
        let log = self.log();
        let lines = log.lines().filter(|line| line.contains(text));
        let number = |line: &str| line.split_once("pid=")?.1.split(' ').next()?.parse().ok();
        lines.filter_map(number).collect()
    }

    /// Kills the worker that was started last, and waits until others have taken over.
    pub(crate) fn kill_a_worker(&self) {
        let ready = self.log().matches("server ready").count();
        let last = *self.processes("worker started").last().unwrap();
        let process = Pid::from_raw(last.try_into().unwrap()).unwrap();
        self.note(KILLED);
        kill_process(process, Signal::KILL).unwrap();
        self.await_logged("server ready", ready + 1);
        std::thread::sleep(RECOVERY);
        self.note(RECOVERED);
    }

    /// Writes a line among the runs.
    fn note(&self, line: &str) {
        let mut runs = File::options().append(true).open(self.file("runs")).unwrap();
        runs.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// What has run.
    pub(crate) fn runs(&self) -> Runs {
        let (mut runs, mut amid_recovery) = (Runs::new(), false);
        for line in read_to_string(self.file("runs")).unwrap_or_default().lines() {
            if [KILLED, RECOVERED].contains(&line) {
                amid_recovery = line == KILLED;
                continue;
            }
            let (process, rest) = line.split_once(' ').unwrap();
            let (handler, parcel) = rest.rsplit_once(' ').unwrap();
            let run = Run { process: process.parse().unwrap(), amid_recovery };
            runs.entry((handler.to_owned(), parcel.to_owned())).or_default().push(run);
        }
        runs
    }

    /// How many parcels have got their mail.
    pub(crate) fn mailed(&self) -> usize {
        self.runs().keys().filter(|(handler, _)| handler == "mail").count()
    }

    /// Each of the handlers has run once for each of the parcels, and once more where a kill is why:
    /// of the process that had run it, or of one whose work others were taking over.
    pub(crate) fn assert_run_once(&self, handlers: &[&str], parcels: &BTreeSet<String>) {
        let runs = self.runs();
        for handler in handlers {
            let missing = parcels
                .iter()
                .find(|parcel| !runs.contains_key(&((*handler).to_owned(), (*parcel).clone())));
            assert_eq!(missing, None, "'{handler}' has not run for it\n{}", self.log());
            self.assert_run_at_most_once(handler, parcels);
        }
    }

    /// The same for a handler that need not have run.
    pub(crate) fn assert_run_at_most_once(&self, handler: &str, parcels: &BTreeSet<String>) {
        let killed: BTreeSet<u32> = self.processes("ended unexpectedly").into_iter().collect();
        for ((of, parcel), by) in self.runs() {
            if of != handler {
                continue;
            }
            assert!(
                parcels.contains(&parcel),
                "'{handler}' ran for {parcel}, which nobody has sent"
            );
            for (before, again) in by.iter().zip(&by[1..]) {
                assert!(
                    killed.contains(&before.process) || again.amid_recovery,
                    "'{handler}' ran for {parcel} in {} and again in {}, and nobody was killed\n{}",
                    before.process,
                    again.process,
                    self.log()
                );
            }
        }
    }
}

fn built(version: usize) -> PathBuf {
    let versions = [
        env!("CARGO_BIN_EXE_parcels-1"),
        env!("CARGO_BIN_EXE_parcels-2"),
        env!("CARGO_BIN_EXE_parcels-3"),
    ];
    versions[version - 1].into()
}
