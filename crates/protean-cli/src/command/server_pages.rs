//! What the servers of a domain on this machine say at their health pages.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use protean::Domain;
use protean::port::LogId;
use serde::{Deserialize, Serialize};

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many further ports are tried; each process of a server has one of its own.
const MAX_PORT_INCREMENTS: u16 = 100;

/// The pages that answer.
pub(super) struct ServerPages {
    /// Where the first of them is asked.
    pub(super) url: String,
    pub(super) pages: Vec<ServerPage>,
}

/// What one process says.
pub(super) struct ServerPage {
    pub(super) process: ServerProcess,
    pub(super) backfill: Pace,
    /// `None` when a server of an earlier release does not say.
    pub(super) production: Option<Production>,
}

/// A process of a server.
#[derive(Clone, Serialize)]
pub(super) struct ServerProcess {
    pub(super) address: String,
    pub(super) pid: u32,
}

/// How fast backfill goes, and why.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Pace {
    pub(super) speed: f64,
    pub(super) reason: String,
    pub(super) because: String,
}

/// How long the latest production messages took.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Production {
    pub(super) messages: u64,
    /// `None` without a message, as the next one.
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
}

/// The part of the page `/healthz` that is read here.
#[derive(Deserialize)]
struct Health {
    domain: String,
    /// `None` when a server of an earlier release does not say.
    log: Option<String>,
    pid: u32,
    backfill: Pace,
    production: Option<Production>,
}

impl ServerPages {
    /// Asks the servers of a domain that work on this log, one after the other.
    pub(super) fn of(domain: &Domain, log: &LogId) -> Self {
        let health = &domain.config().server.health;
        let (host, first) = (health.host.as_str(), health.port);
        let mut pages = Vec::new();
        for port in first..=first.saturating_add(MAX_PORT_INCREMENTS) {
            // Each process has taken the first port that was free.
            let Ok(stream) = connect(host, port) else { break };
            let text = read(stream, host).unwrap_or_default();
            pages.extend(ServerPage::parse(&text, domain.name(), log, &format!("{host}:{port}")));
        }
        Self { url: format!("http://{host}:{first}/healthz"), pages }
    }
}

impl ServerPage {
    /// Reads an answer, unless it is of another program or of another database.
    pub(super) fn parse(answer: &str, domain: &str, log: &LogId, address: &str) -> Option<Self> {
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let Health { domain: of, log: its, pid, backfill, production } =
            serde_json::from_str(body).ok()?;
        let process = ServerProcess { address: address.to_owned(), pid };
        let is_same = of == domain && its.is_none_or(|its| its == log.as_str());
        is_same.then_some(Self { process, backfill, production })
    }
}

impl fmt::Display for ServerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, process {}", self.address, self.pid)
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let address = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    TcpStream::connect_timeout(&address, PAGE_TIMEOUT)
}

fn read(mut stream: TcpStream, host: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(PAGE_TIMEOUT))?;
    stream.write_all(format!("GET /healthz HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::TcpListener;

    use super::ServerPage;

    const ANSWER: &str = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n\
        {\"domain\": \"bank\", \"pid\": 7, \"status\": \"ok\", \"backfill\": \
        {\"speed\": 0.43, \"reason\": \"slowed\", \"because\": \"it is late\"}}\n";

    /// The page of a server with this report of its production, as JSON.
    pub(in crate::command) fn page(production: &str) -> ServerPage {
        let answer =
            ANSWER.replace("late\"}}", &format!("late\"}}, \"production\": {production}}}"));
        ServerPage::parse(&answer, "bank", &"its".into(), "127.0.0.1:8080").unwrap()
    }

    /// A port at which nothing listens.
    pub(in crate::command) fn free_port() -> u16 {
        TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn pages_of_other_programs_are_passed_over() {
        for answer in [ANSWER, "HTTP/1.0 200 OK\r\n\r\nhello", "hello", ""] {
            assert!(
                ServerPage::parse(answer, "shop", &"its".into(), "127.0.0.1:8080").is_none(),
                "{answer}"
            );
        }
    }

    #[test]
    fn pages_of_another_database_are_passed_over() {
        let answer = ANSWER.replace("\"pid\"", "\"log\": \"its\", \"pid\"");
        for (log, is_read) in [("its", true), ("another", false)] {
            let page = ServerPage::parse(&answer, "bank", &log.into(), "127.0.0.1:8080");
            assert_eq!(page.is_some(), is_read, "{log}");
        }
    }

    #[test]
    fn a_server_of_an_earlier_release_does_not_say_how_production_is() {
        let page = ServerPage::parse(ANSWER, "bank", &"its".into(), "127.0.0.1:8080").unwrap();
        assert_eq!((page.process.pid, page.production.is_none()), (7, true));
    }
}
