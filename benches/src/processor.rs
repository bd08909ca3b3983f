//! Parents and processor time of processes, from /proc.

use std::time::Duration;

use protean_cli::{Error, Result};

/// What the threads of a process used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// On a processor.
    pub(crate) time: Duration,
    /// Runnable, but without a processor.
    pub(crate) waiting: Duration,
    /// How often a thread was put on a processor.
    pub(crate) switches: u64,
}

impl Usage {
    /// Reads the usage of a process; its threads that have ended do not count.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub(crate) fn of(process: u32) -> Result<Self> {
        let mut all = Self::default();
        for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
            let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let mut numbers = text.split_whitespace().map(|n| n.parse().unwrap_or(0));
            let mut next = || numbers.next().unwrap_or(0);
            all.time += Duration::from_nanos(next());
            all.waiting += Duration::from_nanos(next());
            all.switches += next();
        }
        Ok(all)
    }
}

/// Processor time of all threads of a process.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn time_of(process: u32) -> Result<Duration> {
    Ok(Usage::of(process)?.time)
}

/// The parent of a process.
///
/// # Errors
/// When the process does not exist.
pub(crate) fn parent_of(process: u32) -> Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
        .ok_or_else(|| Error::failed("/proc/PID/status has no PPid"))
}
