//! Synchronous commands to one instance are handled one after the other, in the order in which
//! they came to this process: side by side all but one of them would come too late.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

/// How long a command waits while no other one ends. The one before may wait for this one, in a task
/// that its handler has spawned; without a turn it may come too late and runs again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A queue for each instance whose commands are under way.
#[derive(Debug, Default)]
pub(super) struct InstanceQueues(Mutex<HashMap<Arc<str>, Queue>>);

type Queue = Arc<Line>;

/// The commands to one instance.
#[derive(Debug, Default)]
struct Line {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// How many have ended.
    ended: AtomicU64,
}

/// The turn of a command, until it is dropped.
pub(super) struct InstanceTurn<'a> {
    queues: &'a InstanceQueues,
    instance: Arc<str>,
    /// None once it is given back.
    held: Option<OwnedMutexGuard<()>>,
}

impl InstanceQueues {
    /// Waits until no command that came before is under way to this instance, though not for long.
    /// Cancel safe.
    pub(super) async fn wait(&self, instance: Arc<str>) -> InstanceTurn<'_> {
        // Dropped after the queue, which it removes even when the wait is given up.
        let mut turn = InstanceTurn { queues: self, instance, held: None };
        let queue = Arc::clone(self.queues().entry(Arc::clone(&turn.instance)).or_default());
        let mut taken = std::pin::pin!(Arc::clone(&queue.turn).lock_owned());
        loop {
            let ended = queue.ended.load(Ordering::Relaxed);
            turn.held = tokio::time::timeout(LONGEST_WAIT, &mut taken).await.ok();
            if turn.held.is_some() || ended == queue.ended.load(Ordering::Relaxed) {
                return turn;
            }
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InstanceTurn<'_> {
    fn drop(&mut self) {
        let mut queues = self.queues.queues();
        if let (Some(held), Some(queue)) = (self.held.take(), queues.get(&self.instance)) {
            queue.ended.fetch_add(1, Ordering::Relaxed);
            drop(held);
        }
        // Those that wait for it hold it as well.
        if queues.get(&self.instance).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.instance);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::timeout;

    use super::{InstanceQueues, LONGEST_WAIT};

    #[tokio::test]
    async fn commands_to_one_instance_take_turns_and_leave_nothing() {
        let queues = InstanceQueues::default();
        let instance = Arc::<str>::from("a");
        let first = queues.wait(Arc::clone(&instance)).await;
        let mut second = Box::pin(queues.wait(Arc::clone(&instance)));
        let mut third = Box::pin(queues.wait(Arc::clone(&instance)));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        assert!(queues.wait("b".into()).now_or_never().is_some(), "another instance");
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the second is next");
        let second = second.now_or_never().unwrap();
        drop(second);
        drop(third.now_or_never().unwrap());
        assert!(queues.queues().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_goes_on_without_a_turn_that_does_not_come() {
        let queues = InstanceQueues::default();
        let first = queues.wait("a".into()).await;
        let asked = tokio::time::Instant::now();
        drop(queues.wait("a".into()).await);
        assert_eq!(asked.elapsed(), LONGEST_WAIT);
        drop(first);
        assert!(queues.queues().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_holds_nobody_up() {
        let queues = InstanceQueues::default();
        let first = queues.wait("a".into()).await;
        assert!(timeout(Duration::from_millis(5), queues.wait("a".into())).await.is_err());
        drop(first);
        assert!(queues.queues().is_empty());
        assert!(queues.wait("a".into()).now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_last_wait_that_is_given_up_leaves_nothing() {
        let queues = InstanceQueues::default();
        let first = queues.wait("a".into()).await;
        let mut second = Box::pin(queues.wait("a".into()));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        drop(second);
        assert!(queues.queues().is_empty());
    }
}
