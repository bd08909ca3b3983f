//! A few threads that read, each with its own connection.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use protean_port::{Error, Result};
use protean_sql::start_thread;
use rusqlite::{Connection, Transaction};
use tokio::sync::oneshot;

use crate::connection::Settings;

/// The queue that the reading threads share.
pub(crate) struct Readers {
    settings: Settings,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

type Read = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    reads: VecDeque<Read>,
    closed: bool,
}

impl Readers {
    /// Opens the connections and starts their threads.
    pub(crate) fn start(settings: Settings) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut readers = Self { settings, shared, threads: Vec::new() };
        for number in 0..readers.settings.readers {
            let (connection, shared) = (readers.settings.reader()?, Arc::clone(&readers.shared));
            let name = format!("sqlite-reader-{number}");
            readers.threads.push(start_thread(&name, move || shared.serve(connection))?);
        }
        Ok(readers)
    }

    /// Runs `read` on one of the threads, in one consistent view of the database.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, done) = oneshot::channel();
        self.shared.push(Box::new(move |connection| {
            let result = connection.transaction().and_then(|view| read(&view));
            reply.send(result).unwrap_or_default();
        }));
        match done.await {
            Ok(result) => result.map_err(|e| self.settings.explain(e)),
            Err(_) => Err(Error::failed("a reader thread panicked; see the log")),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.arrived.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().unwrap_or_default();
        }
    }
}

impl Shared {
    fn push(&self, read: Read) {
        self.lock().reads.push_back(read);
        self.arrived.notify_one();
    }

    fn serve(&self, mut connection: Connection) {
        while let Some(read) = self.next() {
            // A panic drops the reply, which the caller notices.
            catch_unwind(AssertUnwindSafe(|| read(&mut connection))).unwrap_or_default();
        }
    }

    fn next(&self) -> Option<Read> {
        let mut queue = self.lock();
        loop {
            if let Some(read) = queue.reads.pop_front() {
                return Some(read);
            }
            if queue.closed {
                return None;
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
