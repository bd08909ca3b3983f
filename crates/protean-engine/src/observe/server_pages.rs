//! What the servers of a domain on this machine say at their health pages.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use protean_core::domain::Domain;
use protean_port::port::LogId;
use serde::Serialize;

use super::process_report::ProcessReport;

/// How long all pages may take together.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A page is much smaller; what goes on for longer is none.
const MAX_PAGE_BYTES: usize = 1 << 20;
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
    /// Asks the servers of a domain that work on this log, all at once: one that hangs keeps back
    /// none of the others. Blocks for at most two seconds.
    pub fn of(domain: &Domain, log: &LogId) -> Self {
        let health = &domain.config().server.health;
        let (host, first) = (health.host.as_str(), health.port);
        let answers = answers(host, first, Instant::now() + TIMEOUT);
        let pages = answers.iter().filter_map(|(port, text)| {
            ServerPage::parse(text, domain.name(), log, &format!("{host}:{port}"))
        });
        Self { url: format!("http://{host}:{first}/processz"), pages: pages.collect() }
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

/// The answers of the ports from this one on that give one in time, each with its port.
fn answers(host: &str, first: u16, deadline: Instant) -> Vec<(u16, String)> {
    thread::scope(|scope| {
        let mut asked = Vec::new();
        for port in first..=first.saturating_add(MAX_PORT_INCREMENTS) {
            // Each process has taken the first port that was free.
            let Ok(stream) = connect(host, port, deadline) else { break };
            let read =
                thread::Builder::new().spawn_scoped(scope, move || read(stream, host, deadline));
            asked.extend(read.ok().map(|reading| (port, reading)));
        }
        let answers = asked.into_iter().filter_map(|(port, reading)| {
            let answer = reading.join().ok()?;
            answer.ok().map(|text| (port, text))
        });
        answers.collect()
    })
}

fn connect(host: &str, port: u16, deadline: Instant) -> io::Result<TcpStream> {
    let address = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    TcpStream::connect_timeout(&address, rest(deadline)?)
}

fn read(mut stream: TcpStream, host: &str, deadline: Instant) -> io::Result<String> {
    stream.set_write_timeout(Some(rest(deadline)?))?;
    stream.write_all(format!("GET /processz HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let (mut answer, mut part) = (Vec::new(), [0; 8192]);
    // A page that comes in small pieces has no more time than any other.
    while answer.len() < MAX_PAGE_BYTES {
        stream.set_read_timeout(Some(rest(deadline)?))?;
        match stream.read(&mut part)? {
            0 => break,
            length => answer.extend_from_slice(&part[..length]),
        }
    }
    String::from_utf8(answer).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The time that is left.
fn rest(deadline: Instant) -> io::Result<Duration> {
    let rest = deadline.saturating_duration_since(Instant::now());
    if rest.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(rest) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::{ServerPage, TIMEOUT, answers};

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

    /// Listeners at ports one after the other.
    fn neighbours(count: u16) -> Vec<TcpListener> {
        loop {
            let first = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = first.local_addr().unwrap().port();
            let rest = (1..count)
                .map(|more| TcpListener::bind(("127.0.0.1", port.checked_add(more)?)).ok());
            if let Some(rest) = rest.collect::<Option<Vec<_>>>() {
                return std::iter::once(first).chain(rest).collect();
            }
        }
    }

    /// Writes the answer a byte at a time, or none.
    fn serve(listener: TcpListener, answer: &'static str, pause: Duration) {
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
            for byte in answer.as_bytes() {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(pause);
            }
            if answer.is_empty() {
                thread::sleep(Duration::from_secs(60));
            }
        });
    }

    #[test]
    fn servers_that_hang_keep_nobody_back() {
        let mut listeners = neighbours(5);
        let port = listeners[0].local_addr().unwrap().port();
        // Two accept and never answer, one never accepts, one answers without an end in sight.
        serve(listeners.remove(0), "", Duration::ZERO);
        serve(listeners.remove(0), "", Duration::ZERO);
        let _deaf = listeners.remove(0);
        serve(listeners.remove(0), ANSWER, Duration::from_millis(100));
        serve(listeners.remove(0), ANSWER, Duration::ZERO);
        let began = Instant::now();
        let found = answers("127.0.0.1", port, began + TIMEOUT);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert!(found.contains(&(port + 4, ANSWER.to_owned())), "{found:?}");
    }
}
