//! A program that serves HTTP, and requests to it.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

/// A process that serves HTTP until it is stopped, or the test ends.
pub(crate) struct Web {
    addr: SocketAddr,
    child: Child,
    log: Option<JoinHandle<String>>,
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Web {
    /// Starts the program, which logs where it listens.
    pub(crate) fn start(program: &mut Command) -> Self {
        let program = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let log = child.stderr.take().unwrap();
        Self::found(child, log, "listening on http://")
    }

    /// Starts the program, which prints where its observatory is.
    pub(crate) fn observatory(program: &mut Command) -> Self {
        let mut child = program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let printed = child.stdout.take().unwrap();
        Self::found(child, printed, "is at http://")
    }

    /// The program, once it has named its address after these words.
    fn found(child: Child, output: impl Read + Send + 'static, before: &str) -> Self {
        let mut log = BufReader::new(output);
        let mut logged = String::new();
        let addr = loop {
            assert_ne!(log.read_line(&mut logged).unwrap(), 0, "it has ended: {logged}");
            if let Some(addr) = logged.lines().last().and_then(|line| line.split(before).nth(1)) {
                break addr.trim().split('/').next().unwrap().parse().unwrap();
            }
        };
        let log = std::thread::spawn(move || {
            log.read_to_string(&mut logged).unwrap();
            logged
        });
        Self { addr, child, log: Some(log) }
    }

    /// Gets a path or, with a body of JSON, posts to it.
    pub(crate) fn request(&self, path: &str, json: Option<&str>) -> Answer {
        let mut socket = TcpStream::connect(self.addr).unwrap();
        let method = if json.is_some() { "POST" } else { "GET" };
        let body = json.unwrap_or_default();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        socket.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer { head: head.to_owned(), body: body.to_owned() }
    }

    /// Ends it as a service manager does; the status and the log.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        (self.child.wait().unwrap(), log)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        // It has ended already when it was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
