//! What the system tells of processes: who began whom, and who has had a processor.

use std::time::Duration;

use protean_cli::{Error, Result};

/// How long the threads of a process have had a processor.
///
/// # Errors
/// When the system does not tell.
pub(crate) fn time_of(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let told = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += told.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

/// The process that has begun this one.
///
/// # Errors
/// When there is no such process.
pub(crate) fn parent_of(process: u32) -> Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
    parent.ok_or_else(|| Error::failed("/proc tells no PPid"))
}

/// The processes that this one has begun and that have not ended.
///
/// # Errors
/// When the system does not tell.
pub(crate) fn children_of(process: u32) -> Result<Vec<u32>> {
    let all = std::fs::read_dir("/proc")?.flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(all.filter(|other| parent_of(*other).is_ok_and(|parent| parent == process)).collect())
}
