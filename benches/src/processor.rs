//! Parents, children and processor time of processes, from /proc.

use std::time::Duration;

use protean_cli::{Error, Result};

/// Processor time of all threads of a process.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn time_of(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
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

/// The running children of a process.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn children_of(process: u32) -> Result<Vec<u32>> {
    Ok(std::fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|other| parent_of(*other).is_ok_and(|parent| parent == process))
        .collect())
}
