//! The helpdesk's program, as processes of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protean_test_servers::{Python, RedisServer};

/// How long anything may take on a busy machine.
const WAIT_LIMIT: Duration = Duration::from_secs(180);

/// A helpdesk in a folder of its own, which exports to this address.
pub(crate) struct Helpdesk {
    folder: tempfile::TempDir,
    collector: String,
    redis: Option<String>,
}

/// A process that is killed when the test ends.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Helpdesk {
    /// On one file, without a broker.
    pub(crate) fn new(collector: String) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), collector, redis: None }
    }

    /// The same with a broker.
    pub(crate) fn beside(redis: &RedisServer, collector: String) -> Self {
        Self { redis: Some(redis.uri()), ..Self::new(collector) }
    }

    /// The program with these words.
    pub(crate) fn program(&self, words: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_traced"));
        for name in ["PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
            program.env_remove(name);
        }
        program.args(words).stdin(Stdio::null()).env("COLLECTOR", &self.collector);
        program.env("DATABASE_URI", format!("sqlite:{}", self.path("helpdesk.db").display()));
        program.env("OTEL_BSP_SCHEDULE_DELAY", "50").env("OTEL_METRIC_EXPORT_INTERVAL", "100");
        match &self.redis {
            Some(uri) => program.env("REDIS_URI", uri),
            None => program.env("BROKER", "inline"),
        };
        program
    }

    /// A command of the program that must succeed; what it prints.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let output = self.program(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Serves HTTP and handles messages, with these variables; and where.
    pub(crate) fn serve(&self, variables: &[(&str, &str)]) -> (Running, SocketAddr) {
        let running = self.run(&["serve", "--addr", "127.0.0.1:0"], variables);
        let listens = "listening on http://";
        await_that(|| self.log().contains(listens), || self.log());
        let log = self.log();
        let at = log.lines().find_map(|line| line.strip_prefix(listens)).unwrap();
        (running, at.parse().unwrap())
    }

    /// The program with these words and variables, whose log begins anew.
    pub(crate) fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Running {
        let log = File::create(self.path("log")).unwrap();
        let mut program = self.program(words);
        program.env("PROTEAN_LOG", "info").envs(variables.iter().copied());
        Running(program.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// The service in Python beside it, once it reads.
    pub(crate) fn triage(&self, redis: &RedisServer) -> Running {
        std::fs::write(self.path("triage.py"), include_str!("../../src/triage.py")).unwrap();
        let mut program = Python::with_protean().unwrap().command_with_telemetry().unwrap();
        let log = File::create(self.path("triage.log")).unwrap();
        program.args(["-m", "protean", "server", "--domain", "triage.py"]);
        program.current_dir(self.folder.path()).stdin(Stdio::null());
        program.env("REDIS_URI", redis.uri()).env("COLLECTOR", &self.collector);
        program.stdout(log.try_clone().unwrap()).stderr(log);
        let running = Running(program.spawn().unwrap());
        let stream = "helpdesk::ticket";
        let reads = || {
            redis.command(&["EXISTS", stream]) == "1"
                && redis.command(&["XINFO", "GROUPS", stream]).contains("triage.Triage")
        };
        await_that(reads, || self.read("triage.log"));
        running
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        self.read("log")
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

/// Opens a ticket over HTTP, in this trace; the answer's status line.
pub(crate) fn post(at: SocketAddr, traceparent: &str) -> String {
    let body = r#"{"title": "the printer is on fire"}"#;
    let request = format!(
        "POST /tickets HTTP/1.1\r\nhost: {at}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\ntraceparent: {traceparent}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(at).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// What is at a page of the server.
pub(crate) fn get(at: SocketAddr, page: &str) -> String {
    let mut connection = TcpStream::connect(at).unwrap();
    let request = format!("GET {page} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits until it holds; says this when it does not come to hold.
#[track_caller]
pub(crate) fn await_that(holds: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WAIT_LIMIT, "{}", otherwise());
        std::thread::sleep(Duration::from_millis(10));
    }
}
