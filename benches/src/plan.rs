//! The size of a run and where it runs.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::stack::On;

/// The options of a run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Plan {
    /// Rounds of ours, the limit and Python in turn [default: 5, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: Option<u64>,
    /// Tiny sizes that only show that everything runs; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// The large backlog of backlog-memory, pipeline, rebuild, startup and --plot [default: 2000000,
    /// with --quick 20000]
    #[arg(long, value_name = "N")]
    backlog: Option<u64>,
    /// Where to run [default: a file, if the measure supports it]
    #[arg(long, value_name = "WHERE")]
    on: Option<On>,
    /// Deposits per second beside bulk work
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// How long the handler of bulk-latency takes for each command [default: 0, 1 and 10 in turn]
    #[arg(long, value_name = "MS")]
    handler: Option<u64>,
    /// messages_per_tick of bulk-latency [default: 1, 100 and 500 in turn]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Worker processes of the server of bulk-latency
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: u16,
    /// bulk-latency draws how long deposits take before, during and after one migration, as an SVG,
    /// with lanes on, with lanes off and paced
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rounds", "handler", "batch"])]
    plot: Option<PathBuf>,
    /// PostgreSQL keeps 5 to 6 GB of WAL segments, so that few are made anew [default: 80 MB to
    /// 4 GB]
    #[arg(long)]
    large_wal: bool,
    /// Also measures Protean for Python 0.18 on the same servers; needs Python 3.11, and PyPI once
    #[arg(long)]
    with_python: bool,
}

impl Plan {
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// Rounds of a measure that takes minutes: one by default.
    pub(crate) fn long_rounds(&self) -> u64 {
        self.rounds.unwrap_or(1)
    }

    /// The size for a full or a quick run.
    pub(crate) fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    pub(crate) fn on(&self) -> Option<On> {
        self.on
    }

    /// Options of PostgreSQL.
    pub(crate) fn postgres_options(&self) -> &'static str {
        if self.large_wal { "-c min_wal_size=5GB -c max_wal_size=6GB" } else { "" }
    }

    pub(crate) fn with_python(&self) -> bool {
        self.with_python
    }

    /// Deposits per second.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.rate)
    }

    /// The times that a handler takes, in milliseconds.
    pub(crate) fn handlers(&self, usual: &[u64]) -> Vec<u64> {
        self.handler.map_or_else(|| usual.to_vec(), |only| vec![only])
    }

    /// The batch settings.
    pub(crate) fn batches(&self, usual: &[usize]) -> Vec<usize> {
        self.batch.map_or_else(|| usual.to_vec(), |only| vec![only])
    }

    pub(crate) fn workers(&self) -> u16 {
        self.workers
    }

    /// Where to draw, if at all.
    pub(crate) fn plot(&self) -> Option<&Path> {
        self.plot.as_deref()
    }

    pub(crate) fn backlog(&self) -> u64 {
        self.backlog.unwrap_or(self.size(2_000_000, 20_000))
    }
}
