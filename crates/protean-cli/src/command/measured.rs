//! How long production messages took lately, as the servers on this machine measure it.

use std::fmt;

use protean_engine::{ProductionReport, ServerPages, ServerProcess, grouped};
use serde::Serialize;

/// What each server process has measured.
pub(super) struct Measured {
    /// Where the first of them is asked.
    url: String,
    pub(super) servers: Vec<ServerMeasured>,
}

/// What one process has measured.
#[derive(Clone, Serialize)]
pub(super) struct ServerMeasured {
    #[serde(flatten)]
    process: ServerProcess,
    #[serde(flatten)]
    production: ProductionReport,
}

impl Measured {
    /// What the pages say.
    pub(super) fn of(found: &ServerPages) -> Self {
        let servers = found.pages.iter().filter_map(|page| {
            let (process, production) = (page.process.clone(), page.report.production.clone()?);
            Some(ServerMeasured { process, production })
        });
        Self { url: found.url.clone(), servers: servers.collect() }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measured from the moment a production message is made until it is durable:")?;
        if self.servers.is_empty() {
            return write!(f, " unknown, no server of this domain says it at {}", self.url);
        }
        for ServerMeasured { process, production } in &self.servers {
            let count = grouped(production.messages);
            match (production.p50_ms, production.p99_ms) {
                (Some(p50), Some(p99)) => write!(
                    f,
                    "\n  p50 {p50:.1} ms, p99 {p99:.1} ms, the last {count} of the last minute at \
                     {process}"
                )?,
                _ => write!(f, "\n  no message within the last minute at {process}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::{Duration, Instant};

    use protean::{Domain, Priority};
    use protean_engine::{HealthPage, Server, SubscriptionStatus, subscriptions};
    use serde_json::json;
    use tokio::task::spawn_blocking;

    use super::{Measured, ServerMeasured, ServerPages};
    use crate::command::server_pages::{free_port, page};
    use crate::sample::{OpenAccount, bank_at};

    fn measured(production: &[&str]) -> Measured {
        let pages = production.iter().map(|production| page(production)).collect();
        Measured::of(&ServerPages { url: "http://127.0.0.1:8080/healthz".to_owned(), pages })
    }

    #[test]
    fn what_each_process_has_measured_is_shown() {
        let busy = r#"{"messages": 1000, "p50_ms": 3.24, "p99_ms": 11.06}"#;
        let idle = r#"{"messages": 0, "p50_ms": null, "p99_ms": null}"#;
        let found = measured(&[busy, idle]);
        let expected = "\
Measured from the moment a production message is made until it is durable:
  p50 3.2 ms, p99 11.1 ms, the last 1,000 of the last minute at 127.0.0.1:8080, process 7
  no message within the last minute at 127.0.0.1:8080, process 7";
        assert_eq!(found.to_string(), expected);
        let idle = json!({"messages": 0, "p50_ms": null, "p99_ms": null});
        let expected = json!([
            {"address": "127.0.0.1:8080", "pid": 7, "messages": 1000, "p50_ms": 3.24, "p99_ms": 11.06, "idle": idle},
            {"address": "127.0.0.1:8080", "pid": 7, "messages": 0, "p50_ms": null, "p99_ms": null, "idle": idle},
        ]);
        assert_eq!(serde_json::to_value(&found.servers).unwrap(), expected);
    }

    #[test]
    fn without_a_server_that_says_it_nothing_is_known() {
        for found in [measured(&[]), measured(&["null"])] {
            let expected = "Measured from the moment a production message is made until it is \
                 durable: unknown, no server of this domain says it at \
                 http://127.0.0.1:8080/healthz";
            assert_eq!(found.to_string(), expected);
        }
    }

    fn waits(of: &SubscriptionStatus) -> bool {
        of.lanes.iter().any(|lane| lane.lag != Some(0))
    }

    /// What the only server of a domain says.
    async fn ask(domain: &Domain) -> ServerMeasured {
        let (asked, log) = (domain.clone(), domain.store().await.unwrap().log_id().await.unwrap());
        let pages = spawn_blocking(move || ServerPages::of(&asked, &log)).await.unwrap();
        let found = Measured::of(&pages);
        let [server] = &found.servers[..] else { panic!("not one server: {found}") };
        assert_eq!(server.process.pid, std::process::id());
        server.clone()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_says_how_long_the_messages_of_production_took() {
        let domain = bank_at(free_port()).build().unwrap();
        let page = HealthPage::open(&domain.config().server.health).await;
        let serving = tokio::spawn(Server::new(domain.clone()).with_health(page).run(pending()));
        // It does not count what was sent before it began.
        assert_eq!(ask(&domain).await.production.messages, 0);
        let began = Instant::now();
        for (account, priority) in [("1", Priority::BULK), ("2", Priority::NORMAL)] {
            let command = OpenAccount { account_id: account.into() };
            domain.process(command).priority(priority).asynchronous().await.unwrap();
        }
        // The command and its event.
        let production = loop {
            let production = ask(&domain).await.production;
            if production.messages >= 2 {
                break production;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "production is not counted");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let most = began.elapsed().as_secs_f64() * 1e3;
        while subscriptions(&domain).await.unwrap().iter().any(waits) {
            assert!(began.elapsed() < Duration::from_secs(20), "bulk work is not handled");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(ask(&domain).await.production.messages, 2, "bulk work is counted");
        serving.abort();
        let [p50, p99] = [production.p50_ms, production.p99_ms].map(Option::unwrap);
        assert!(0.0 < p50 && p50 <= p99 && p99 < most, "{p50} and {p99} of {most} ms");
    }
}
