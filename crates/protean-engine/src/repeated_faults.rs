//! A fault that repeats is logged when it begins, now and then, and when it ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protean_port::message::Lane;
use tokio::time::Instant;

/// How often a fault that goes on is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// The faults of one worker that go on, by what cannot be done.
#[derive(Debug, Default)]
pub(crate) struct RepeatedFaults(Mutex<HashMap<(&'static str, Lane), RepeatedFault>>);

/// One that goes on. Pure: the caller brings the time.
#[derive(Debug)]
struct RepeatedFault {
    logged_at: Instant,
    times: u64,
}

impl RepeatedFaults {
    /// It failed; how often in a row, when that is to be logged.
    pub(crate) fn failed(&self, what: &'static str, lane: Lane) -> Option<u64> {
        let (now, mut faults) =
            (Instant::now(), self.0.lock().unwrap_or_else(PoisonError::into_inner));
        match faults.get_mut(&(what, lane)) {
            Some(fault) => fault.again(now),
            None => {
                faults.insert((what, lane), RepeatedFault { logged_at: now, times: 1 });
                Some(1)
            }
        }
    }

    /// It went well; how often it had failed, when it had failed more than once.
    pub(crate) fn ended(&self, what: &'static str, lane: Lane) -> Option<u64> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.remove(&(what, lane)).map(|fault| fault.times).filter(|times| *times > 1)
    }
}

impl RepeatedFault {
    fn again(&mut self, now: Instant) -> Option<u64> {
        self.times += 1;
        let is_due = now >= self.logged_at + LOG_INTERVAL;
        if is_due {
            self.logged_at = now;
        }
        is_due.then_some(self.times)
    }
}

#[cfg(test)]
mod tests {
    use protean_port::message::Lane;
    use tokio::time::advance;

    use super::{LOG_INTERVAL, RepeatedFaults};

    #[tokio::test(start_paused = true)]
    async fn a_fault_is_logged_when_it_begins_now_and_then_and_when_it_ends() {
        let faults = RepeatedFaults::default();
        let commits = || faults.failed("commit", Lane::Primary);
        assert_eq!(commits(), Some(1));
        assert_eq!((commits(), commits()), (None, None));
        assert_eq!(faults.failed("commit", Lane::Backfill), Some(1), "the other lane has its own");
        advance(LOG_INTERVAL).await;
        assert_eq!((commits(), commits()), (Some(4), None));
        assert_eq!(faults.ended("commit", Lane::Primary), Some(5));
        assert_eq!(faults.ended("commit", Lane::Primary), None);
        assert_eq!(commits(), Some(1), "another one");
        assert_eq!(faults.ended("commit", Lane::Primary), None, "its one line has said enough");
    }
}
