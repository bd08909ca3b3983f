//! A bank with an observatory, and a browser in front of it.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use protean_test_servers::{Browser, Look, Page};
use serde_json::Value;

use crate::bank::{Bank, Server, WAIT_LIMIT};

/// `fidelis observatory`, until the test ends.
pub(crate) struct Observatory {
    _program: Server,
    /// Kept open: the program may write more.
    _output: Lines<BufReader<ChildStdout>>,
    pub(crate) at: SocketAddr,
    /// That of the operator `console`.
    pub(crate) token: String,
}

impl Observatory {
    /// At a free port, on the database and the servers of this bank.
    pub(crate) fn of(bank: &Bank) -> Self {
        Self::start(bank.program())
    }

    /// The same with settings of its own.
    pub(crate) fn with(bank: &Bank, settings: &std::path::Path) -> Self {
        let mut program = bank.program();
        program.arg("--config").arg(settings);
        Self::start(program)
    }

    /// By this program.
    pub(crate) fn start(mut program: Command) -> Self {
        program.args(["observatory", "--address", "127.0.0.1:0"]);
        let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let program = Server(child);
        let mut after = |text: &str| loop {
            let line = lines.next().expect("it says where it is and with which token").unwrap();
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        };
        let at = after("is at http://");
        let at = at.strip_suffix("/observatory/").unwrap().parse().unwrap();
        let token = after("token of this run: ");
        Self { _program: program, _output: lines, at, token }
    }

    /// The paths of all pages, as the navigation links to them.
    pub(crate) fn pages(&self) -> Vec<String> {
        let reply =
            send(self.at, &format!("GET /observatory/lanes HTTP/1.1\r\nHost: {}", self.at), "");
        let (_, navigation) = reply.text.split_once("<nav").unwrap();
        let (navigation, _) = navigation.split_once("</nav>").unwrap();
        let links = navigation.split("href=\"/observatory/").skip(1);
        let pages: Vec<_> = links.map(|link| link.split('"').next().unwrap().to_owned()).collect();
        assert!(pages.len() > 4, "{pages:?}");
        pages
    }

    pub(crate) fn url(&self, path: &str) -> String {
        url(self.at, path)
    }

    /// A page in a browser of its own.
    pub(crate) fn open(&self, path: &str, look: Look) -> Page {
        let page = Browser::shared().page(look);
        page.open(&self.url(path));
        page
    }

    /// A page in a browser whose user has logged in, by hand.
    pub(crate) fn open_logged_in(&self, path: &str, look: Look) -> Page {
        let page = self.open("login", look);
        page.fill("input[name=token]", &self.token);
        page.click("form.login button");
        page.wait_until("document.querySelector('[data-operator]')");
        page.open(&self.url(path));
        page
    }
}

pub(crate) fn url(at: SocketAddr, path: &str) -> String {
    format!("http://{at}/observatory/{path}")
}

/// The bank's settings with health pages from a port on that nobody else uses: the file and the
/// port.
pub(crate) fn settings_of_its_own(bank: &Bank, more: &str) -> (PathBuf, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let health = format!("[server.health]\nport = {}\n", at.port());
    let settings = fidelis::settings_on(&bank.uri()).replace("[server.health]\n", &health);
    assert!(settings.contains(&health), "{settings}");
    let settings = settings.replace("port_auto_increment = true", "port_auto_increment = false");
    (bank.settings(&(settings + more)), at)
}

/// An answer over HTTP: its status, and all of it.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) text: String,
}

/// Sends a request as it stands; `Connection: close` and an empty line are added.
pub(crate) fn send(at: SocketAddr, head: &str, body: &str) -> Reply {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(WAIT_LIMIT)).unwrap();
    let length = body.len();
    write!(stream, "{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    Reply { status: status.unwrap_or_else(|| panic!("no status: {text}")), text }
}

/// Waits until this is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < WAIT_LIMIT, "not within {WAIT_LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until nothing is on the way and this many messages are dead.
pub(crate) fn await_dead(bank: &Bank, dead: u64) {
    wait_until(&format!("{dead} dead letters and nothing on the way"), || {
        let report = bank.ask(&["verify"]);
        let groups = report["data"]["groups"].as_array().unwrap();
        let sum = |term: &str| groups.iter().map(|of| of[term].as_u64().unwrap()).sum::<u64>();
        let is_held = sum("parked") > 0 && dead == 0;
        sum("on_the_way") == 0 && sum("dead") == dead && sum("committed") > 0 && !is_held
    });
}

/// What the log says that operators have done, the oldest first.
pub(crate) fn operations(bank: &Bank) -> Vec<Value> {
    let found = bank.ask(&["events", "read", "--data", "--limit", "1000"]);
    let messages = found["data"]["messages"].as_array().unwrap();
    let done = messages.iter().filter(|message| message["category"] == "fidelis::operations");
    done.map(|message| message["data"].clone()).collect()
}

/// Lists in JSON without their order.
pub(crate) fn sorted(list: &Value) -> Vec<String> {
    let mut texts: Vec<_> = list.as_array().unwrap().iter().map(Value::to_string).collect();
    texts.sort();
    texts
}
