//! The size of a run and where it runs.

use clap::Args;

use crate::stack::On;

/// The options of a run.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Rounds of ours, the limit and Python in turn [default: 5, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: Option<u64>,
    /// Tiny sizes that only show that everything runs; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// The large backlog of backlog-memory, pipeline and startup [default: 2000000, with --quick 20000]
    #[arg(long, value_name = "N")]
    backlog: Option<u64>,
    /// Where to run [default: a file, if the measure supports it]
    #[arg(long, value_name = "WHERE")]
    on: Option<On>,
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

    pub(crate) fn with_python(&self) -> bool {
        self.with_python
    }

    pub(crate) fn backlog(&self) -> u64 {
        self.backlog.unwrap_or(self.size(2_000_000, 20_000))
    }
}
