//! What a server costs while nothing is to do: itself, and the servers it is connected to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use protean_cli::Result;

use crate::place::Place;
use crate::processor;
use crate::sheet::{At, Bound, Sheet, Target};
use crate::stack::{Servers, Stack};

/// How long a server may settle before it is called idle.
const SETTLING: Duration = Duration::from_millis(500);

/// The figures of a server at rest.
pub(crate) struct Rest<'a> {
    server: At,
    around: Option<Around<'a>>,
    /// How long is looked.
    time: Duration,
}

/// The figures of the servers that it is connected to.
struct Around<'a> {
    servers: &'a Servers,
    redis: At,
    postgres: At,
    commands: At,
}

impl<'a> Rest<'a> {
    pub(crate) fn of(stack: &'a Stack, sheet: &mut Sheet, time: Duration) -> Self {
        let (unit, target) = ("% of a core", Target::ours(Bound::AtMost(1.0)));
        let server = sheet.row("processor of an idle server", unit, target);
        let around = stack.servers().ok().map(|servers| Around {
            servers,
            redis: sheet.row("processor of Redis meanwhile (limit: alone)", unit, Target::NONE),
            postgres: sheet.row("processor of PostgreSQL (limit: alone)", unit, Target::NONE),
            commands: sheet.row("commands that Redis gets", "1/s", Target::NONE),
        });
        Self { server, around, time }
    }

    /// Looks at the server of a place where nothing is to do.
    ///
    /// # Errors
    /// When it does not start, or the system does not tell.
    pub(crate) async fn round(&self, sheet: &mut Sheet, place: &Place) -> Result<()> {
        if let Some(around) = &self.around {
            let [redis, postgres] = around.busy(self.time).await?;
            sheet.limit(around.redis, redis);
            sheet.limit(around.postgres, postgres);
        }
        let server = place.server().await?;
        tokio::time::sleep(SETTLING).await;
        let (before, begun) = (server.processor_time()?, Instant::now());
        match &self.around {
            None => tokio::time::sleep(self.time).await,
            Some(around) => {
                let [redis, postgres] = around.busy(self.time).await?;
                sheet.ours(around.redis, redis);
                sheet.ours(around.postgres, postgres);
            }
        }
        sheet.ours(self.server, share(server.processor_time()?.saturating_sub(before), begun));
        match &self.around {
            None => Ok(()),
            Some(around) => around.listen(sheet, self.time).await,
        }
    }
}

impl Around<'_> {
    /// How much of a core Redis and PostgreSQL take.
    async fn busy(&self, time: Duration) -> Result<[f64; 2]> {
        let processes = self.servers.processes()?;
        let used = || [sum(&processes.redis), sum(&processes.postgres)];
        let (before, begun) = (used(), Instant::now());
        tokio::time::sleep(time).await;
        let after = used();
        Ok([0, 1].map(|at| share(after[at].saturating_sub(before[at]), begun)))
    }

    /// Which commands Redis gets.
    async fn listen(&self, sheet: &mut Sheet, time: Duration) -> Result<()> {
        let port = self.servers.redis_port();
        let heard = tokio::task::spawn_blocking(move || monitor(port, time)).await??;
        let all: u64 = heard.values().sum();
        sheet.ours(self.commands, all as f64 / time.as_secs_f64());
        let told: Vec<_> = heard.iter().map(|(name, count)| format!("{count} {name}")).collect();
        sheet.note(format!("Redis got in {time:?}: {}.", told.join(", ")));
        Ok(())
    }
}

/// The commands that a Redis gets, and how often.
fn monitor(port: u16, time: Duration) -> Result<BTreeMap<String, u64>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"MONITOR\r\n")?;
    let (until, mut heard) = (Instant::now() + time, BTreeMap::new());
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(heard);
        }
        stream.set_read_timeout(Some(left))?;
        match lines.read_line(&mut line) {
            Ok(0) => return Ok(heard),
            Ok(_) => {
                // +1700000000.000000 [0 127.0.0.1:5000] "XLEN" "stream"
                let name = line.split('"').nth(1).map(str::to_lowercase);
                name.into_iter().for_each(|name| *heard.entry(name).or_default() += 1);
                line.clear();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// How long these have had a processor; those that have ended meanwhile do not count.
fn sum(processes: &[u32]) -> Duration {
    processes.iter().filter_map(|process| processor::time_of(*process).ok()).sum()
}

fn share(used: Duration, begun: Instant) -> f64 {
    used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0
}
