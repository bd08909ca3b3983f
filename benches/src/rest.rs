//! What a server costs while nothing is to do: itself, and the servers it is connected to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use protean_cli::Result;

use crate::peer::Idle;
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
    heard: Heard,
}

/// The commands that a Redis got.
#[derive(Default)]
struct Heard {
    /// How often each.
    names: BTreeMap<String, u64>,
    /// How many of them came from a client and not from a script.
    sent: u64,
}

impl<'a> Rest<'a> {
    pub(crate) fn of(stack: &'a Stack, sheet: &mut Sheet, time: Duration) -> Self {
        let (unit, target) = ("% of a core", Target::ours(Bound::AtMost(1.0)));
        let target = target.and_peer(Bound::AtMost(0.05));
        let server = sheet.row("processor of an idle server", unit, target);
        let around = stack.servers().ok().map(|servers| Around {
            servers,
            redis: sheet.row("processor of Redis meanwhile (limit: alone)", unit, Target::NONE),
            postgres: sheet.row("processor of PostgreSQL (limit: alone)", unit, Target::NONE),
            commands: sheet.row("commands that Redis gets", "1/s", Target::NONE),
            heard: Heard::default(),
        });
        Self { server, around, time }
    }

    /// Looks at the server of a place where nothing is to do.
    ///
    /// # Errors
    /// When it does not start, or the system does not tell.
    pub(crate) async fn round(&mut self, sheet: &mut Sheet, place: &Place) -> Result<()> {
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
        match &mut self.around {
            None => Ok(()),
            Some(around) => around.listen(sheet, self.time).await,
        }
    }

    /// Takes in what another system's server costs.
    pub(crate) fn peer(&self, sheet: &mut Sheet, idle: &Idle) {
        sheet.peer(self.server, idle.processor_percent);
        if let Some(around) = &self.around {
            sheet.peer(around.commands, idle.redis_commands);
        }
    }

    /// Tells which commands Redis got in all rounds.
    pub(crate) fn close(self, sheet: &mut Sheet) {
        if let Some(around) = self.around {
            let names = around.heard.names.iter().map(|(name, count)| format!("{count} {name}"));
            let names = names.collect::<Vec<_>>().join(", ");
            let (time, sent) = (self.time, around.heard.sent);
            sheet.note(format!(
                "Redis got in {time:?} of each round, all rounds together: {names};"
            ));
            sheet.note(format!("{sent} of them from a client, the others from its scripts."));
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
    async fn listen(&mut self, sheet: &mut Sheet, time: Duration) -> Result<()> {
        let (port, before) = (self.servers.redis_port(), self.heard.all());
        let heard = std::mem::take(&mut self.heard);
        self.heard = tokio::task::spawn_blocking(move || monitor(port, time, heard)).await??;
        sheet.ours(self.commands, (self.heard.all() - before) as f64 / time.as_secs_f64());
        Ok(())
    }
}

impl Heard {
    fn all(&self) -> u64 {
        self.names.values().sum()
    }

    /// Takes in a line such as `+1700000000.0 [0 127.0.0.1:5000] "XLEN" "stream"`.
    fn hear(&mut self, line: &str) {
        let Some(name) = line.split('"').nth(1) else { return };
        *self.names.entry(name.to_lowercase()).or_default() += 1;
        self.sent += u64::from(!line.contains(" lua] "));
    }
}

/// Adds the commands that a Redis gets.
fn monitor(port: u16, time: Duration, mut heard: Heard) -> Result<Heard> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"MONITOR\r\n")?;
    let until = Instant::now() + time;
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
                heard.hear(&line);
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

#[cfg(test)]
mod tests {
    use super::Heard;

    #[test]
    fn what_scripts_do_is_told_from_what_was_sent() {
        let mut heard = Heard::default();
        heard.hear("+OK\r\n");
        heard.hear("+1700000000.100000 [3 127.0.0.1:5000] \"EVALSHA\" \"abc\" \"1\"\r\n");
        heard.hear("+1700000000.100001 [3 lua] \"XLEN\" \"a stream\"\r\n");
        assert_eq!((heard.all(), heard.sent, heard.names["xlen"]), (2, 1, 1));
    }
}
