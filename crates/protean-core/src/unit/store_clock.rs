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
    read: Arc<RwLock<Option<(Instant, Timestamp)>>>,
}

impl StoreClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, read: Arc::default() }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.map_or_else(|| self.clock.now(), |(at, time)| time + at.elapsed())
    }

    pub(crate) fn due(&self, start: Start) -> Timestamp {
        match start {
            Start::At(moment) => moment,
            Start::After(delay) => self.now() + delay,
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
        let time = store.time().await?;
        // It was read before the answer came, so this clock is late by the way back and never early.
        let read = time.map(|time| (Instant::now(), time));
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
