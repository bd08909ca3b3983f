//! Whether this process leads a group that it shares with others.

use protean_port::port::{Claim, Delivery};
use tokio::sync::mpsc;

/// This process begins or ceases to lead a group that it shares with others.
pub(crate) enum LeadershipChange {
    /// It leads from now on. With the claim come the messages that the previous holder left
    /// in flight; they are parked.
    Won(Box<dyn Claim>, Vec<Delivery>),
    /// It has lost the claim.
    Lost,
}

/// Tells a worker of a shared group whether it leads.
pub(crate) type LeadershipChanges = mpsc::Receiver<LeadershipChange>;

/// The next change; none ever comes to a worker that shares nothing, or whose server stops.
pub(super) async fn next_change(changes: &mut Option<LeadershipChanges>) -> LeadershipChange {
    if let Some(changes) = changes
        && let Some(change) = changes.recv().await
    {
        return change;
    }
    std::future::pending().await
}
