//! Memory of a server with a backlog.

use std::time::Duration;

use protean::HandlerKind;
use protean::Priority;
use protean_cli::{Error, Result};

use crate::backlog;
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, Sheet, Target};
use crate::stack::Stack;

/// How long Python's server idles before its memory is read.
const IDLE_TIME: Duration = Duration::from_secs(1);

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let mut sheet = Sheet::new("backlog-memory", "the most memory of a server with a backlog");
    let (small, large) = (plan.size(10_000, 2_000), plan.backlog());
    let timeout = Duration::from_secs(plan.size(30, 1));
    let target = Target { ratio: Some(Bound::AtMost(1.2)), ..Target::ours(Bound::AtMost(64.0)) };
    let what = format!("peak RSS, {large} commands waiting (limit: {small})");
    let memory = sheet.row(what, "MiB", target.and_peer(Bound::AtMost(0.2)));
    sheet.note(format!(
        "Until all events are projected, at most {timeout:?}; the peak is VmHWM of /proc."
    ));
    if stack.peer().is_some() {
        sheet
            .note("Python's server has no backlog and reports no peak: the comparison favours it.");
    }
    for _ in 0..plan.long_rounds() {
        sheet.ours(memory, peak(stack, large, timeout).await?);
        sheet.limit(memory, peak(stack, small, timeout).await?);
        if let Some(peer) = stack.peer() {
            sheet.peer(memory, peer.idle(IDLE_TIME).await?.memory_mib);
        }
    }
    Ok(sheet)
}

async fn peak(stack: &Stack, count: u64, timeout: Duration) -> Result<f64> {
    let place = Place::new(stack, Settings::default())?;
    let domain = place.domain()?;
    backlog::fill(&domain, count, Priority::BULK).await?;
    let server = place.server().await?;
    let projected = backlog::settled(&domain, HandlerKind::Projector, count);
    if let Ok(projected) = tokio::time::timeout(timeout, projected).await {
        projected?;
    }
    server.peak_memory().ok_or_else(|| Error::failed("/proc/PID/status has no VmHWM"))
}
