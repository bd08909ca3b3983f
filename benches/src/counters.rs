//! What PostgreSQL, Redis and the processes of both and of a server did so far.

use std::array;
use std::time::{Duration, Instant};

use protean_cli::{Error, Result};
use tokio_postgres::Client;
use workbench::child::children_of;

use crate::bare;
use crate::place::Place;
use crate::processor::Usage;
use crate::stack::Servers;

/// Syncs of the WAL stand in another view since PostgreSQL 18.
const SYNCS: &str = "SELECT wal_sync, wal_bytes::bigint FROM pg_stat_wal";
const SYNCS_SINCE_18: &str = "SELECT (SELECT sum(fsyncs)::bigint FROM pg_stat_io
       WHERE object = 'wal'), wal_bytes::bigint FROM pg_stat_wal";
const TRANSACTIONS: &str =
    "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";

/// The figures of [`Counts`], with their units.
pub(crate) const COUNTED: [(&str, &str); 10] = [
    ("WAL syncs", "each"),
    ("transactions", "each"),
    ("Redis commands", "each"),
    ("WAL", "bytes each"),
    ("append-only file", "bytes each"),
    ("processor of the server", "µs each"),
    ("processor of PostgreSQL", "µs each"),
    ("processor of Redis", "µs each"),
    ("waits of all for a processor", "µs each"),
    ("times that a thread of any got one", "each"),
];

/// One figure for each of [`COUNTED`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts(pub(crate) [f64; COUNTED.len()]);

/// Reads the counters.
pub(crate) struct Counters<'a> {
    servers: &'a Servers,
    client: Client,
    syncs: &'static str,
    postmaster: u32,
    redis: Vec<u32>,
    /// The processes of the observed server.
    server: Vec<u32>,
}

impl<'a> Counters<'a> {
    /// Observes a place and the processes that serve it.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub(crate) async fn of(servers: &'a Servers, place: &Place, server: Vec<u32>) -> Result<Self> {
        let home = place.home().ok_or_else(|| Error::failed("a file has no servers"))?;
        let client = bare::connect(&home.database.uri()).await?;
        let version = "SELECT current_setting('server_version_num')::int";
        let version: i32 = client.query_one(version, &[]).await?.try_get(0)?;
        let syncs = if version >= 180_000 { SYNCS_SINCE_18 } else { SYNCS };
        let (postmaster, redis) = (servers.postmaster()?, servers.processes()?.redis);
        Ok(Self { servers, client, syncs, postmaster, redis, server })
    }

    /// What is counted while something runs, and until `time` after its beginning.
    ///
    /// # Errors
    /// When that fails, or a counter cannot be read.
    pub(crate) async fn during(
        &self,
        time: Duration,
        work: impl Future<Output = Result<()>>,
    ) -> Result<Counts> {
        let (before, begun) = (self.read().await?, Instant::now());
        work.await?;
        tokio::time::sleep_until((begun + time).into()).await;
        let after = self.read().await?;
        Ok(after.each(before, |after, before| after - before))
    }

    async fn read(&self) -> Result<Counts> {
        let wal = self.client.query_one(self.syncs, &[]).await?;
        let transactions = self.client.query_one(TRANSACTIONS, &[]).await?;
        let number = |row: &tokio_postgres::Row, at| row.try_get::<_, i64>(at).map(|n| n as f64);
        let mut postgres = children_of(self.postmaster);
        postgres.push(self.postmaster);
        let [server, postgres, redis] = [&self.server, &postgres, &self.redis].map(|of| sum(of));
        let all = [server, postgres, redis];
        Ok(Counts([
            number(&wal, 0)?,
            number(&transactions, 0)?,
            self.servers.redis_figure("stats", "total_commands_processed")?,
            number(&wal, 1)?,
            self.servers.redis_figure("persistence", "aof_current_size")?,
            micros(server.time),
            micros(postgres.time),
            micros(redis.time),
            micros(all.iter().map(|usage| usage.waiting).sum()),
            all.iter().map(|usage| usage.switches as f64).sum(),
        ]))
    }
}

impl Counts {
    /// A figure made of each pair.
    pub(crate) fn each(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self(array::from_fn(|at| of(self.0[at], other.0[at])))
    }
}

/// The usage of processes; those that have ended count as zero.
fn sum(processes: &[u32]) -> Usage {
    processes.iter().filter_map(|process| Usage::of(*process).ok()).fold(
        Usage::default(),
        |sum, of| Usage {
            time: sum.time + of.time,
            waiting: sum.waiting + of.waiting,
            switches: sum.switches + of.switches,
        },
    )
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
