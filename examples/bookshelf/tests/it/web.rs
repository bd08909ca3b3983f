//! A shop that listens, and a client for it: requests as text, over a socket.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::shop::Shop;

/// How long an answer may take.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// A process that serves HTTP until the test ends.
pub(crate) struct Web {
    pub(crate) addr: SocketAddr,
    child: Child,
    log: Option<JoinHandle<String>>,
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) text: String,
}

impl Shop {
    /// Serves on a free port; with `--no-server` among the words HTTP only.
    pub(crate) fn serve(&self, words: &[&str]) -> Web {
        let mut program = self.program(&[&["serve", "--addr", "127.0.0.1:0"], words].concat());
        let program = program.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut logged = String::new();
        let addr = loop {
            assert_ne!(log.read_line(&mut logged).unwrap(), 0, "it ended: {logged}");
            let line = logged.lines().last().unwrap();
            if let Some(addr) = line.strip_prefix("listening on http://") {
                break addr.parse().unwrap();
            }
        };
        let log = std::thread::spawn(move || {
            log.read_to_string(&mut logged).unwrap();
            logged
        });
        Web { addr, child, log: Some(log) }
    }
}

impl Web {
    /// A socket to it.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.addr)
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Posts JSON to `/orders`.
    #[track_caller]
    pub(crate) fn order(&self, order: &Value, headers: &[&str]) -> Answer {
        let headers = [&["Content-Type: application/json"], headers].concat();
        self.send("POST", "/orders", &headers, &order.to_string())
    }

    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        send(self.addr, method, path, (headers, body))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end: the exit code and what it logged.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).unwrap();
    socket.set_read_timeout(Some(WAIT_LIMIT)).unwrap();
    socket
}

/// Sends one request on a connection of its own.
#[track_caller]
pub(crate) fn send(
    addr: SocketAddr,
    method: &str,
    path: &str,
    (headers, body): (&[&str], &str),
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n");
    for header in headers {
        write!(head, "{header}\r\n").unwrap();
    }
    write!(head, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
    let mut socket = connect(addr);
    socket.write_all(head.as_bytes()).unwrap();
    // Who is refused early need not be listened to.
    let _ = socket.write_all(body.as_bytes());
    Answer::read(socket)
}

impl Answer {
    /// Reads until the other side closes.
    #[track_caller]
    pub(crate) fn read(mut socket: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        // A connection that is cut after the answer has given the answer.
        while let Ok(length @ 1..) = socket.read(&mut piece) {
            bytes.extend_from_slice(&piece[..length]);
        }
        let answer = String::from_utf8(bytes).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), text: text.to_owned() }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The value of a header that is there once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let value = values.next().unwrap_or_else(|| panic!("no {name}: {self:?}")).1;
        assert!(values.next().is_none(), "{name} twice: {self:?}");
        value
    }
}

/// An order for so many copies of each of these books.
pub(crate) fn order_of(lines: &[(&str, u32)]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(book_id, quantity)| json!({"book_id": book_id, "quantity": quantity}))
        .collect();
    let ship_to = json!({
        "street": "Main Street 1", "postcode": "0150", "city": "Oslo", "country": "Norway"
    });
    json!({
        "customer_name": "Ada", "customer_email": "ada@example.org",
        "ship_to": ship_to, "lines": lines
    })
}
