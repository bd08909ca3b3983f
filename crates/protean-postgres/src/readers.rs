//! A few connections that read, opened on demand and kept.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protean_port::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connection::{Session, Settings};
use crate::turnstile::Durable;

/// The connections that read.
pub(crate) struct Readers {
    settings: Settings,
    handle: Handle,
    durable: Arc<Durable>,
    idle: Mutex<Vec<Arc<Session>>>,
    places: Semaphore,
}

impl Readers {
    /// A pool without connections yet; `handle` drives them.
    pub(crate) fn new(settings: Settings, handle: Handle, durable: Arc<Durable>) -> Self {
        let places = Semaphore::new(settings.readers);
        Self { settings, handle, durable, idle: Mutex::default(), places }
    }

    /// A connection for a single statement.
    pub(crate) async fn one(&self) -> Result<Reader<'_>> {
        let closed = |_| Error::failed("the store is closed");
        let place = self.places.acquire().await.map_err(closed)?;
        let idle = std::iter::from_fn(|| self.lock().pop()).find(|session| !session.is_closed());
        let session = match idle {
            Some(session) => session,
            None => {
                let opened = self.settings.connect(&self.handle).await;
                let opened = Arc::new(opened.map_err(|fault| self.settings.explain(fault))?);
                self.durable.forget();
                opened
            }
        };
        Ok(Reader { session, readers: self, clean: true, _place: place })
    }

    /// A connection that is not kept: a transaction begun on it ends with it.
    pub(crate) async fn alone(&self) -> Result<Reader<'_>> {
        let mut reader = self.one().await?;
        reader.clean = false;
        Ok(reader)
    }

    /// A connection with one view of the database for several statements.
    pub(crate) async fn view(&self) -> Result<Reader<'_>> {
        let reader = self.alone().await?;
        let begun = reader.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
        begun.map_err(|fault| self.settings.explain(fault))?;
        Ok(reader)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. It goes back to the pool unless a transaction may be open on it.
pub(crate) struct Reader<'a> {
    session: Arc<Session>,
    readers: &'a Readers,
    clean: bool,
    _place: SemaphorePermit<'a>,
}

impl Reader<'_> {
    /// Ends the view, so that the connection can be kept.
    pub(crate) async fn end(mut self) {
        self.clean = self.batch("COMMIT").await.is_ok();
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if self.clean && !self.session.is_closed() {
            self.readers.lock().push(Arc::clone(&self.session));
        }
    }
}

impl Deref for Reader<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}
