//! How large a run is, and on what.

use clap::Args;

use crate::stack::On;

/// How large a run is.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How often each measure runs ours, the limit and Python in turn [default: 5, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: Option<u64>,
    /// Tiny sizes: shows that everything runs, its figures mean nothing
    #[arg(long)]
    quick: bool,
    /// The large backlog of backlog-memory, pipeline and startup [default: 2000000, with --quick 20000]
    #[arg(long, value_name = "N")]
    backlog: Option<u64>,
    /// What it runs on [default: a file, where a measure can]
    #[arg(long, value_name = "WHERE")]
    on: Option<On>,
    /// Asks Protean for Python 0.18 for the same, on servers: needs Python 3.11, and PyPI once
    #[arg(long)]
    with_python: bool,
}

impl Plan {
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// For what takes minutes: once, unless more is asked for.
    pub(crate) fn long_rounds(&self) -> u64 {
        self.rounds.unwrap_or(1)
    }

    /// One of two sizes.
    pub(crate) fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    pub(crate) fn on(&self) -> Option<On> {
        self.on
    }

    pub(crate) fn with_python(&self) -> bool {
        self.with_python
    }

    pub(crate) fn backlog(&self) -> u64 {
        self.backlog.unwrap_or(self.size(2_000_000, 20_000))
    }
}
