//! The figures of the peer alone, on servers that begin and end with them.

use std::fmt;
use std::time::Duration;

use protean_cli::{Error, Result, Table};
use protean_testing::servers::{Postgres, RedisServer};
use serde::Serialize;

use super::Peer;
use crate::plan::Plan;

/// As durable as figures have to be.
const POSTGRES: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on";
const REDIS: &str = "appendonly yes\nappendfsync everysec\n";

/// What the peer comes to.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    figures: Vec<Figure>,
}

#[derive(Debug, Serialize)]
struct Figure {
    measure: &'static str,
    what: &'static str,
    unit: &'static str,
    value: f64,
}

/// Takes every figure once.
///
/// # Errors
/// When Python fails.
///
/// # Panics
/// When PostgreSQL, Redis or Python cannot be started, with what to install.
pub(crate) async fn run(plan: &Plan) -> Result<Figures> {
    let (postgres, redis) = (Postgres::start(POSTGRES), RedisServer::start(REDIS));
    let database = postgres.own_database();
    let program = std::env::current_exe()?;
    let folder = program.parent().ok_or_else(|| Error::failed("the program is in no folder"))?;
    let peer = Peer::new(&database.uri(), &redis.uri(), folder)?;
    let mut found = Figures { figures: Vec::new() };
    found.commands(&peer, plan).await?;
    found.streams(&peer, plan).await?;
    found.server(&peer, plan).await?;
    Ok(found)
}

impl Figures {
    async fn commands(&mut self, peer: &Peer, plan: &Plan) -> Result<()> {
        let one = peer.commands(plan.size(200, 5), 1).await?;
        self.add("t3", "OpenAccount, one at a time", "1/s", one.open);
        self.add("t3", "MakeDeposit, one at a time", "1/s", one.deposit);
        let many = peer.commands(plan.size(640, 32), 32).await?;
        self.add("t4", "OpenAccount, 32 at once", "1/s", many.open);
        self.add("t4", "MakeDeposit, 32 at once", "1/s", many.deposit);
        Ok(())
    }

    async fn streams(&mut self, peer: &Peer, plan: &Plan) -> Result<()> {
        let count = plan.size(1_000, 10);
        self.add("t5", "outbox to stream", "1/s", peer.relay(count).await?);
        self.add("t6", "stream to rows", "1/s", peer.project(count).await?);
        self.add("t12", "command to row", "1/s", peer.pipeline(count).await?);
        Ok(())
    }

    async fn server(&mut self, peer: &Peer, plan: &Plan) -> Result<()> {
        let hops = peer.hops(plan.size(200, 5)).await?;
        self.add("t9", "from sending, p50", "µs", hops.from_sending.p50);
        self.add("t9", "from sending, p99", "µs", hops.from_sending.p99);
        self.add("t9", "after return, p50", "µs", hops.after_return.p50);
        self.add("t9", "after return, p99", "µs", hops.after_return.p99);
        let idle = peer.idle(Duration::from_millis(plan.size(10_000, 300))).await?;
        self.add("t14", "start to ready", "ms", idle.ready_ms);
        self.add("t14", "idle: processor", "% of a core", idle.processor_percent);
        self.add("t11", "idle: memory", "MiB", idle.memory_mib);
        self.add("t14", "idle: commands to Redis", "1/s", idle.redis_commands);
        Ok(())
    }

    fn add(&mut self, measure: &'static str, what: &'static str, unit: &'static str, value: f64) {
        self.figures.push(Figure { measure, what, unit, value });
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Protean for Python 0.18.0; PostgreSQL with fsync, Redis with AOF everysec")?;
        let mut table = Table::new().text("Measure").text("What").text("Unit").number("Figure");
        for Figure { measure, what, unit, value } in &self.figures {
            let measure = measure.to_uppercase();
            table.row([measure.as_str(), what, unit, &format!("{value:.1}")]);
        }
        write!(f, "{table}")
    }
}
