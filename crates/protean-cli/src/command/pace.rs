//! How fast the servers on this machine let backfill go.

use std::fmt;

use protean::Domain;
use protean_engine::{PaceReport, ServerPages, ServerProcess};
use serde::Serialize;

/// The pace of backfill in each server process of a domain.
#[derive(Serialize)]
pub(super) struct Paces {
    target_ms: f64,
    /// Where the first of them is asked.
    #[serde(skip)]
    url: String,
    servers: Vec<ServerPace>,
}

/// The pace in one process.
#[derive(Serialize)]
struct ServerPace {
    #[serde(flatten)]
    process: ServerProcess,
    #[serde(flatten)]
    pace: PaceReport,
}

impl Paces {
    /// What the pages say; `None` when no target is set, so that servers go at full speed.
    pub(super) fn of(domain: &Domain, found: &ServerPages) -> Option<Self> {
        let target = domain.config().server.priority_lanes.production_latency_target?;
        let servers = found.pages.iter().map(|page| ServerPace {
            process: page.process.clone(),
            pace: page.report.backfill.clone(),
        });
        let (target_ms, url) = (target.as_secs_f64() * 1e3, found.url.clone());
        Some(Self { target_ms, url, servers: servers.collect() })
    }
}

impl fmt::Display for Paces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target_ms, url, servers } = self;
        write!(f, "Backfill pace, for production within {target_ms} ms:")?;
        if servers.is_empty() {
            return write!(f, " unknown, no server of this domain answers at {url}");
        }
        for ServerPace { process, pace: PaceReport { speed, because, .. } } in servers {
            let percent = speed * 100.0;
            write!(f, "\n  {percent:.0} % of full speed at {process}: {because}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use protean::Domain;
    use protean_engine::ServerPages;
    use serde_json::json;

    use super::Paces;
    use crate::command::server_pages::page;

    fn bank(lanes: &str) -> Domain {
        let config = format!("[server.priority_lanes]\nenabled = true\n{lanes}");
        protean::domain("bank").in_memory().config(&config).build().unwrap()
    }

    fn found(servers: usize) -> ServerPages {
        let pages = (0..servers).map(|_| page("null")).collect();
        ServerPages { url: "http://127.0.0.1:8080/healthz".to_owned(), pages }
    }

    #[test]
    fn the_pace_of_each_process_is_shown() {
        let bank = bank("production_latency_target_ms = 10\n");
        let paces = Paces::of(&bank, &found(1)).unwrap();
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
    fn without_a_server_the_pace_is_unknown_and_without_a_target_there_is_none() {
        let paces = Paces::of(&bank("production_latency_target_ms = 2.5\n"), &found(0)).unwrap();
        let expected = "Backfill pace, for production within 2.5 ms: unknown, no server of this \
             domain answers at http://127.0.0.1:8080/healthz";
        assert_eq!(paces.to_string(), expected);
        assert!(Paces::of(&bank(""), &found(1)).is_none());
    }
}
