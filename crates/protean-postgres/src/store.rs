//! The store: one database, a connection that writes for each lane, a few that read.

use std::sync::Arc;

use protean_port::message::{Lane, Table, Timestamp};
use protean_port::port::{
    BoxFuture, Changes, CommitSignal, CommitWatch, GroupRegistration, KeyClaim, Outcome, Store,
    StoreHealth, Watched,
};
use protean_port::{Error, Result};
use tokio::sync::watch;

use crate::claim::Claims;
use crate::connection::{Parameter, Settings};
use crate::readers::Readers;
use crate::recorded::key_claim;
use crate::signal::Announced;
use crate::turnstile::Durable;
use crate::value::Text;
use crate::writer::Writers;
use crate::{forget, pooler, schema};

/// One database. The writers are dropped after the readers, whose connections they drive.
pub(crate) struct PostgresStore {
    pub(crate) claims: Claims,
    pub(crate) readers: Readers,
    writers: Writers,
    signal: Arc<CommitSignal>,
    pub(crate) durable: Arc<Durable>,
    pub(crate) settings: Settings,
}

impl PostgresStore {
    /// Opens the database, which must exist.
    pub(crate) async fn open(settings: Settings) -> Result<Self> {
        let announced = Announced::default();
        let (writers, handle) = Writers::start(settings.clone(), announced.clone()).await?;
        let Announced { signal, durable } = announced;
        let readers = Readers::new(settings.clone(), handle.clone(), Arc::clone(&durable));
        let claims = Claims::new(settings.clone());
        let store = Self { claims, readers, writers, signal, durable, settings };
        // The caller's runtime may have no I/O.
        let other = store.settings.connect(&handle).await;
        let other = other.map_err(|fault| store.settings.explain(fault))?;
        let sessions = pooler::check(&store.settings, &*store.readers.one().await?, &other).await;
        sessions.map_err(|fault| store.settings.explain(fault))?;
        schema::check(&*store.readers.one().await?).await.map_err(|e| store.settings.explain(e))?;
        Ok(store)
    }
}

impl StoreHealth for PostgresStore {
    fn check_writing(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            // The mark of its transaction goes to the disk.
            match self.commit(Arc::from([Changes::new(Lane::Primary)])).await.pop() {
                Some(Outcome::Unavailable(why)) => Err(Error::unavailable(why)),
                _ => Ok(()),
            }
        })
    }
}

impl Store for PostgresStore {
    fn commit(&self, units: Arc<[Changes]>) -> BoxFuture<'_, Vec<Outcome>> {
        if units.is_empty() {
            return Box::pin(std::future::ready(Vec::new()));
        }
        Box::pin(self.writers.commit(units))
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.signal.commits()
    }

    fn watch(&self, watched: Vec<Watched>) -> CommitWatch {
        self.signal.watch(watched)
    }

    fn prepare<'a>(
        &'a self,
        tables: &'a [Table],
        registrations: &'a [GroupRegistration],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let session = self.readers.alone().await?;
            schema::prepare(&session, &self.settings, tables, registrations).await?;
            self.signal.announce(None);
            Ok(())
        })
    }

    fn known<'a>(
        &'a self,
        command: &'a str,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeyClaim>>> {
        Box::pin(async move {
            let key_and_time: [Parameter<'_>; 3] = [&Text(command), &Text(key), &now.as_micros()];
            let is_known = |rows: &[_]| !rows.is_empty();
            let sql = include_str!("sql/known_key.sql");
            let known = self.read_durable(sql, &key_and_time, is_known).await?;
            self.explained(known.first().map(key_claim).transpose())
        })
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            self.explained(forget::keys(&session, now, limit).await)
        })
    }

    fn forget<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            for sql in forget::GROUP_STATEMENTS {
                while self.explained(forget::some(&session, sql, group).await)? > 0 {}
            }
            self.signal.announce(None);
            Ok(())
        })
    }

    fn destroy<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let session = self.readers.alone().await?;
            schema::destroy(&session, &self.settings, tables).await?;
            self.signal.announce(None);
            Ok(())
        })
    }
}
