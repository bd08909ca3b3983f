//! What the servers of a domain on this machine say at their health pages.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use protean_core::domain::Domain;
use protean_port::port::LogId;
use serde::Serialize;

use super::process_report::ProcessReport;

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many further ports are tried; each process of a server has one of its own.
const MAX_PORT_INCREMENTS: u16 = 100;

/// The pages that answer.
#[derive(Clone, Debug)]
pub struct ServerPages {
    /// The address that is tried first.
    pub url: String,
    /// What each process says.
    pub pages: Vec<ServerPage>,
}

/// What one process says.
#[derive(Clone, Debug)]
pub struct ServerPage {
    /// The process.
    pub process: ServerProcess,
    /// What it says.
    pub report: ProcessReport,
}

/// A process of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerProcess {
    /// Where its pages are.
    pub address: String,
    /// The id of the process.
    pub pid: u32,
}

impl ServerPages {
    /// Asks the servers of a domain that work on this log, one after the other. Blocks: each may
    /// take up to three seconds.
    pub fn of(domain: &Domain, log: &LogId) -> Self {
        let health = &domain.config().server.health;
        let (host, first) = (health.host.as_str(), health.port);
        let mut pages = Vec::new();
        for port in first..=first.saturating_add(MAX_PORT_INCREMENTS) {
            // Each process has taken the first port that was free.
            let Ok(stream) = connect(host, port) else { break };
            let text = read(stream, host).unwrap_or_default();
            pages.extend(ServerPage::parse(&text, domain.name(), log, &format!("{host}:{port}")));
        }
        Self { url: format!("http://{host}:{first}/processz"), pages }
    }
}

impl ServerPage {
    /// Reads an answer, unless it is of another program or of another database.
    pub fn parse(answer: &str, domain: &str, log: &LogId, address: &str) -> Option<Self> {
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let report: ProcessReport = serde_json::from_str(body).ok()?;
        let process = ServerProcess { address: address.to_owned(), pid: report.pid };
        let is_of_log = report.log.as_deref().is_none_or(|its| its == log.as_str());
        (report.domain == domain && is_of_log).then_some(Self { process, report })
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
    stream.write_all(format!("GET /processz HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::ServerPage;

    const ANSWER: &str = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n\
        {\"domain\": \"bank\", \"pid\": 7, \"status\": \"ok\", \"backfill\": \
        {\"speed\": 0.43, \"reason\": \"slowed\", \"because\": \"it is late\"}}\n";

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
        assert_eq!((page.process.pid, page.report.production.is_none()), (7, true));
    }
}
