//! How fast the servers on this machine let backfill go, as their health pages say.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use protean::Domain;
use serde::{Deserialize, Serialize};

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many further ports are tried; each process of a server has one of its own.
const MAX_PORT_INCREMENTS: u16 = 100;

/// The pace of backfill in each server process of a domain.
#[derive(Serialize)]
pub(super) struct Paces {
    target_ms: f64,
    /// Where the first of them is asked.
    #[serde(skip)]
    url: String,
    servers: Vec<ServerPace>,
}

/// What one process says.
#[derive(Serialize)]
struct ServerPace {
    address: String,
    pid: u32,
    #[serde(flatten)]
    pace: Pace,
}

/// A pace as the health page shows it.
#[derive(Serialize, Deserialize)]
struct Pace {
    speed: f64,
    reason: String,
    because: String,
}

/// The part of the page `/healthz` that is read here.
#[derive(Deserialize)]
struct Health {
    domain: String,
    pid: u32,
    backfill: Pace,
}

impl Paces {
    /// Asks the servers of a domain on this machine; `None` when no target is set, so that
    /// they go at full speed.
    pub(super) fn of(domain: &Domain) -> Option<Self> {
        let server = &domain.config().server;
        let target = server.priority_lanes.production_latency_target?;
        let (host, first) = (server.health.host.as_str(), server.health.port);
        let mut servers = Vec::new();
        for port in first..=first.saturating_add(MAX_PORT_INCREMENTS) {
            // Each process has taken the first port that was free.
            let Ok(stream) = connect(host, port) else { break };
            let page = page(stream, host).unwrap_or_default();
            servers.extend(read(&page, domain.name(), host, port));
        }
        let target_ms = target.as_secs_f64() * 1e3;
        Some(Self { target_ms, url: format!("http://{host}:{first}/healthz"), servers })
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let address = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    TcpStream::connect_timeout(&address, PAGE_TIMEOUT)
}

fn page(mut stream: TcpStream, host: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(PAGE_TIMEOUT))?;
    stream.write_all(format!("GET /healthz HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

/// The pace on a page, unless it is of another program.
fn read(page: &str, domain: &str, host: &str, port: u16) -> Option<ServerPace> {
    let (_, body) = page.split_once("\r\n\r\n")?;
    let health: Health = serde_json::from_str(body).ok()?;
    let address = format!("{host}:{port}");
    (health.domain == domain).then_some(ServerPace {
        address,
        pid: health.pid,
        pace: health.backfill,
    })
}

impl fmt::Display for Paces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target_ms, url, servers } = self;
        write!(f, "Backfill pace, for production within {target_ms} ms:")?;
        if servers.is_empty() {
            return write!(f, " unknown, no server of this domain answers at {url}");
        }
        for ServerPace { address, pid, pace: Pace { speed, because, .. } } in servers {
            let percent = speed * 100.0;
            write!(f, "\n  {percent:.0} % of full speed at {address}, process {pid}: {because}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::TcpListener;

    use protean::Domain;
    use protean_engine::{HealthPage, Server};
    use serde_json::json;
    use tokio::task::spawn_blocking;

    use super::{Paces, read};

    const PAGE: &str = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n\
        {\"domain\": \"bank\", \"pid\": 7, \"status\": \"ok\", \"backfill\": \
        {\"speed\": 0.43, \"reason\": \"slowed\", \"because\": \"it is late\"}}\n";

    fn bank(lanes: &str, port: u16) -> Domain {
        let config = format!(
            "[server.priority_lanes]\nenabled = true\n{lanes}[server.health]\nport = {port}\n"
        );
        protean::domain("bank").in_memory().config(&config).build().unwrap()
    }

    #[test]
    fn the_pace_of_each_process_is_shown() {
        let servers = vec![read(PAGE, "bank", "127.0.0.1", 8080).unwrap()];
        let paces = Paces { target_ms: 10.0, url: String::new(), servers };
        let expected = "Backfill pace, for production within 10 ms:\n  \
             43 % of full speed at 127.0.0.1:8080, process 7: it is late";
        assert_eq!(paces.to_string(), expected);
        let expected = json!({"target_ms": 10.0, "servers": [{
            "address": "127.0.0.1:8080", "pid": 7, "speed": 0.43, "reason": "slowed",
            "because": "it is late",
        }]});
        assert_eq!(serde_json::to_value(&paces).unwrap(), expected);
    }

    #[test]
    fn pages_of_other_programs_are_passed_over() {
        for page in [PAGE, "HTTP/1.0 200 OK\r\n\r\nhello", "hello", ""] {
            assert!(read(page, "shop", "127.0.0.1", 8080).is_none(), "{page}");
        }
    }

    fn free_port() -> u16 {
        TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_is_asked_at_its_health_page() {
        let domain = bank("production_latency_target_ms = 2.5\n", free_port());
        let page = HealthPage::open(&domain.config().server.health).await;
        let serving = tokio::spawn(Server::new(domain.clone()).with_health(page).run(pending()));
        let asked = spawn_blocking(move || Paces::of(&domain).unwrap().servers);
        let servers = asked.await.unwrap();
        serving.abort();
        let [server] = &servers[..] else { panic!("{} servers answer", servers.len()) };
        assert_eq!((server.pid, server.pace.speed), (std::process::id(), 1.0));
        assert_eq!(server.pace.reason, "no_backfill");
    }

    #[test]
    fn without_a_server_the_pace_is_unknown_and_without_a_target_nothing_is_asked() {
        let free = free_port();
        let paces = Paces::of(&bank("production_latency_target_ms = 2.5\n", free)).unwrap();
        let expected = format!(
            "Backfill pace, for production within 2.5 ms: unknown, no server of this domain \
             answers at http://127.0.0.1:{free}/healthz"
        );
        assert_eq!(paces.to_string(), expected);
        assert!(Paces::of(&bank("", free)).is_none());
    }
}
