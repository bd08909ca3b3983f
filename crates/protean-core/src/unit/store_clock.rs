//! The time by the clock of the database: the same in every process, whatever their machines say.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use protean_port::Result;
use protean_port::message::Timestamp;
use protean_port::port::{Clock, Store};

use crate::model::Start;

/// How often the clock of the database is read: clocks drift apart by some milliseconds meanwhile.
const READ_INTERVAL: Duration = Duration::from_secs(30);

/// The clock of the database, as it was last read; that of the domain where the database has none,
/// or where time is held still for a test. Clones share it.
#[derive(Clone)]
pub struct StoreClock {
    clock: Arc<dyn Clock>,
    read: Arc<RwLock<Option<Reading>>>,
}

/// What the clock of the database showed at some moment between the question and the answer.
#[derive(Clone, Copy)]
struct Reading {
    time: Timestamp,
    asked: Instant,
    answered: Instant,
}

impl StoreClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, read: Arc::default() }
    }

    /// The present moment, or one that is earlier by as much as the last reading took.
    pub fn now(&self) -> Timestamp {
        self.since(|reading| reading.answered)
    }

    fn since(&self, read_at: fn(&Reading) -> Instant) -> Timestamp {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        let time = |reading: &Reading| reading.time + read_at(reading).elapsed();
        read.as_ref().map_or_else(|| self.clock.now(), time)
    }

    /// A delay begins no earlier than now, however long the last reading took.
    pub(crate) fn due(&self, start: Start) -> Timestamp {
        match start {
            Start::At(moment) => moment,
            Start::After(delay) => self.since(|reading| reading.asked) + delay,
        }
    }

    /// Reads the clock of the database.
    ///
    /// # Errors
    /// When the store cannot be read; the clock goes on as before.
    pub async fn refresh(&self, store: &dyn Store) -> Result {
        if !self.clock.is_of_machine() {
            return Ok(());
        }
        let asked = Instant::now();
        let time = store.time().await?;
        let read = time.map(|time| Reading { time, asked, answered: Instant::now() });
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Keeps in step with the database for as long as the store is open.
    pub(crate) fn follow(&self, store: &Arc<dyn Store>) {
        let (clock, store) = (self.clone(), Arc::downgrade(store));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(READ_INTERVAL).await;
                let Some(store) = store.upgrade() else { return };
                // What cannot be read now is read the next time.
                clock.refresh(&*store).await.unwrap_or_default();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, RwLock};
    use std::time::{Duration, Instant};

    use protean_port::message::Timestamp;
    use protean_port::port::SystemClock;

    use super::{Reading, StoreClock};
    use crate::model::Start;

    #[test]
    fn a_reading_that_took_long_makes_no_delay_shorter_and_nothing_due_early() {
        let (took, delay) = (Duration::from_secs(2), Duration::from_secs(5));
        let answered = Instant::now();
        let asked = answered.checked_sub(took).unwrap();
        let time = Timestamp::from_micros(1_000_000_000_000);
        let true_time = || time + asked.elapsed();
        for read_after in [Duration::ZERO, took / 2, took] {
            let reading = Reading { time: time + read_after, asked, answered };
            let read = Arc::new(RwLock::new(Some(reading)));
            let clock = StoreClock { clock: Arc::new(SystemClock), read };
            let before = true_time();
            assert!(clock.due(Start::After(delay)) >= before + delay, "{read_after:?}");
            assert!(clock.now() <= true_time(), "{read_after:?}");
        }
    }
}
