//! The store: one database, a connection that writes for each lane, a few that read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protean_port::message::{Lane, Table, Timestamp};
use protean_port::port::{
    BoxFuture, Changes, CommitSignal, CommitWatch, CorrelatedEvents, Correlations,
    GroupRegistration, KeyClaim, LogId, LogIdentity, Outcome, Schema, SchemaDifference, Store,
    StoreHealth, Watched,
};
use protean_port::{Error, Result};
use protean_sql::TablePlan;
use tokio::sync::watch;

use crate::claim::Claims;
use crate::connection::{Parameter, Settings};
use crate::dialect::PostgresDialect;
use crate::readers::Readers;
use crate::recorded::key_claim;
use crate::signal::Announced;
use crate::turnstile::Durable;
use crate::value::Text;
use crate::writer::Writers;
use crate::{correlations, forget, pooler, schema, table, turnstile};

/// One database. The writers are dropped after the readers, whose connections they drive.
pub(crate) struct PostgresStore {
    pub(crate) claims: Claims,
    pub(crate) readers: Readers,
    writers: Writers,
    signal: Arc<CommitSignal>,
    pub(crate) durable: Arc<Durable>,
    pub(crate) settings: Settings,
    /// When it was last found that the database can be written.
    written_at: Mutex<Option<Instant>>,
}

/// For how long that is taken for granted.
const CHECKED_FOR: Duration = Duration::from_secs(5);

impl PostgresStore {
    /// Opens the database, which must exist.
    pub(crate) async fn open(settings: Settings) -> Result<Self> {
        let announced = Announced::default();
        let (writers, handle) = Writers::start(settings.clone(), announced.clone()).await?;
        let Announced { signal, durable } = announced;
        let readers = Readers::new(settings.clone(), handle.clone(), Arc::clone(&durable));
        let claims = Claims::new(settings.clone());
        let written_at = Mutex::default();
        let store = Self { claims, readers, writers, signal, durable, settings, written_at };
        // The caller's runtime may have no I/O. Without a second connection nothing is shared.
        if let Ok(other) = store.settings.connect(&handle).await {
            let one = store.readers.one().await?;
            let sessions = pooler::check(&store.settings, &one, &other).await;
            sessions.map_err(|fault| store.settings.explain(fault))?;
        }
        schema::check(&*store.readers.one().await?).await.map_err(|e| store.settings.explain(e))?;
        Ok(store)
    }
}

impl PostgresStore {
    /// Announces a commit of which nothing is said.
    pub(crate) fn announce(&self) {
        self.signal.announce(None);
    }

    /// Deletes with these statements what is stored about a group, a little at a time.
    pub(crate) async fn forget_all(&self, statements: &[&str], group: &str) -> Result {
        let session = self.readers.one().await?;
        for sql in statements {
            while self.explained(forget::some(&session, sql, group).await)? > 0 {}
        }
        Ok(())
    }

    /// Has events no longer copied for a group.
    async fn forget_correlations(&self, group: &str) -> Result {
        let session = self.readers.alone().await?;
        let explain = |fault| self.settings.explain(fault);
        let done = match turnstile::begin(&session, Lane::Primary).await {
            Ok(()) => {
                correlations::change(&session, &self.settings, |known| known.forget(group)).await
            }
            Err(fault) => Err(fault),
        };
        schema::end(&session, &self.settings, done.map_err(explain)).await
    }

    fn written_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.written_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogIdentity for PostgresStore {
    fn log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            let read = session.first(include_str!("sql/read_log_id.sql"), &[]).await;
            let row = self.explained(read)?.ok_or_else(|| {
                Error::failed("the database has no log id: its table 'log_id' is empty")
            })?;
            self.explained(row.try_get::<_, &str>(0).map(LogId::from).map_err(Into::into))
        })
    }

    fn renew_log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        Box::pin(async move {
            let (session, id) = (self.readers.one().await?, LogId::fresh());
            let sql = include_str!("sql/renew_log_id.sql");
            self.explained(session.execute(sql, &[&Text(id.as_str())]).await)?;
            Ok(id)
        })
    }
}

impl StoreHealth for PostgresStore {
    fn check_writing(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let is_fresh = |at: &Instant| at.elapsed() < CHECKED_FOR;
            if self.written_at().as_ref().is_some_and(is_fresh) {
                return Ok(());
            }
            // The mark of its transaction goes to the disk.
            match self.commit(Arc::from([Changes::new(Lane::Primary)])).await.pop() {
                Some(Outcome::Unavailable(why)) => Err(Error::unavailable(why)),
                _ => {
                    *self.written_at() = Some(Instant::now());
                    Ok(())
                }
            }
        })
    }
}

impl Schema for PostgresStore {
    fn difference<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<SchemaDifference>> {
        Box::pin(async move {
            let (session, mut difference) =
                (self.readers.alone().await?, SchemaDifference::default());
            for table in tables {
                protean_sql::check_names(table)?;
                let found = self.explained(table::found(&session, &table.name).await)?;
                TablePlan::of::<PostgresDialect>(table, &found).add_to(&mut difference);
            }
            Ok(difference)
        })
    }
}

impl CorrelatedEvents for PostgresStore {
    fn correlations(&self) -> BoxFuture<'_, Result<Correlations>> {
        Box::pin(async move {
            let session = self.readers.one().await?;
            match correlations::read(&session).await {
                Err(fault) if fault.is_unprepared() => Ok(Correlations::default()),
                known => self.explained(known),
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
            self.forget_correlations(group).await?;
            self.forget_all(&forget::GROUP_STATEMENTS, group).await?;
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
