//! The cost of an idle server: its own, and that of the servers it is connected to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protean_cli::Result;

use crate::monitor::Monitor;
use crate::peer::Idle;
use crate::place::Place;
use crate::processor;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::stack::{Servers, Stack};

/// How long to wait after the start before a server counts as idle.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// The figures of an idle server.
pub(crate) struct Rest<'a> {
    server: RowId,
    backends: Option<Backends<'a>>,
    /// How long each round observes.
    time: Duration,
}

/// The figures of PostgreSQL and Redis.
struct Backends<'a> {
    servers: &'a Servers,
    redis: RowId,
    postgres: RowId,
    command_rate: RowId,
    commands: RedisCommands,
}

/// The commands that Redis received.
#[derive(Default)]
struct RedisCommands {
    /// By name.
    names: BTreeMap<String, u64>,
    /// Those sent by a client, not by a script.
    sent: u64,
}

impl<'a> Rest<'a> {
    pub(crate) fn of(stack: &'a Stack, sheet: &mut Sheet, time: Duration) -> Self {
        let unit = "% of a core";
        let target = Target::ours(Bound::AtMost(1.0)).and_peer(Bound::AtMost(0.05));
        let server = sheet.row("processor of an idle server", unit, target);
        let backends = stack.servers().ok().map(|servers| Backends {
            servers,
            redis: sheet.row("processor of Redis meanwhile (limit: alone)", unit, Target::NONE),
            postgres: sheet.row("processor of PostgreSQL (limit: alone)", unit, Target::NONE),
            command_rate: sheet.row("commands that Redis gets", "1/s", Target::NONE),
            commands: RedisCommands::default(),
        });
        Self { server, backends, time }
    }

    /// Observes the idle server of a place.
    ///
    /// # Errors
    /// When the server does not start, or /proc cannot be read.
    pub(crate) async fn round(&mut self, sheet: &mut Sheet, place: &Place) -> Result<()> {
        if let Some(backends) = &self.backends {
            let [redis, postgres] = backends.busy(self.time).await?;
            sheet.limit(backends.redis, redis);
            sheet.limit(backends.postgres, postgres);
        }
        let server = place.server().await?;
        tokio::time::sleep(SETTLE_TIME).await;
        let (before, begun) = (processor::time_of(server.id())?, Instant::now());
        match &self.backends {
            None => tokio::time::sleep(self.time).await,
            Some(backends) => {
                let [redis, postgres] = backends.busy(self.time).await?;
                sheet.ours(backends.redis, redis);
                sheet.ours(backends.postgres, postgres);
            }
        }
        sheet.ours(
            self.server,
            share(processor::time_of(server.id())?.saturating_sub(before), begun),
        );
        match &mut self.backends {
            None => Ok(()),
            Some(backends) => backends.monitor(sheet, self.time).await,
        }
    }

    /// Adds the cost of the other system's server.
    pub(crate) fn peer(&self, sheet: &mut Sheet, idle: &Idle) {
        sheet.peer(self.server, idle.processor_percent);
        if let Some(backends) = &self.backends {
            sheet.peer(backends.command_rate, idle.redis_commands);
        }
    }

    /// Notes the commands that Redis received in all rounds.
    pub(crate) fn close(self, sheet: &mut Sheet) {
        if let Some(backends) = self.backends {
            let counts: Vec<_> = backends
                .commands
                .names
                .iter()
                .map(|(name, count)| format!("{count} {name}"))
                .collect();
            let counts = counts.join(", ");
            let (time, sent) = (self.time, backends.commands.sent);
            sheet.note(format!(
                "Redis received within {time:?} of each round, all rounds together: {counts};"
            ));
            sheet.note(format!("{sent} of them from a client, the others from scripts."));
        }
    }
}

impl Backends<'_> {
    /// Processor use of Redis and PostgreSQL, in percent of a core.
    async fn busy(&self, time: Duration) -> Result<[f64; 2]> {
        let processes = self.servers.processes()?;
        let used = || [sum(&processes.redis), sum(&processes.postgres)];
        let (before, begun) = (used(), Instant::now());
        tokio::time::sleep(time).await;
        let after = used();
        Ok([0, 1].map(|at| share(after[at].saturating_sub(before[at]), begun)))
    }

    /// Counts the commands that Redis receives.
    async fn monitor(&mut self, sheet: &mut Sheet, time: Duration) -> Result<()> {
        let before = self.commands.total();
        let monitor = Monitor::start(self.servers.redis_port())?;
        tokio::time::sleep(time).await;
        monitor.stop()?.iter().for_each(|line| self.commands.count(line));
        sheet.ours(self.command_rate, (self.commands.total() - before) as f64 / time.as_secs_f64());
        Ok(())
    }
}

impl RedisCommands {
    fn total(&self) -> u64 {
        self.names.values().sum()
    }

    /// Counts a line of MONITOR such as `1700000000.0 [0 127.0.0.1:5000] "XLEN" "stream"`.
    fn count(&mut self, line: &str) {
        let Some(name) = line.split('"').nth(1) else { return };
        *self.names.entry(name.to_lowercase()).or_default() += 1;
        self.sent += u64::from(!line.contains(" lua] "));
    }
}

/// Processor time of these processes; those that have ended count as zero.
fn sum(processes: &[u32]) -> Duration {
    processes.iter().filter_map(|process| processor::time_of(*process).ok()).sum()
}

fn share(used: Duration, begun: Instant) -> f64 {
    used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0
}

#[cfg(test)]
mod tests {
    use super::RedisCommands;

    #[test]
    fn commands_of_scripts_and_of_clients_are_counted_apart() {
        let mut commands = RedisCommands::default();
        commands.count("1700000000.100000 [3 127.0.0.1:5000] \"EVALSHA\" \"abc\" \"1\"\r\n");
        commands.count("1700000000.100001 [3 lua] \"XLEN\" \"a stream\"\r\n");
        assert_eq!((commands.total(), commands.sent, commands.names["xlen"]), (2, 1, 1));
    }
}
