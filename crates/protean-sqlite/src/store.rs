//! The store: one file, one thread that writes, a few that read.

use std::sync::Arc;

use protean_port::message::{Lane, Table, Timestamp};
use protean_port::port::{
    BoxFuture, Changes, CommitWatch, CorrelatedEvents, Correlations, GroupRegistration, KeyClaim,
    LogId, LogIdentity, Outcome, Schema, SchemaDifference, Store, StoreHealth, Watched,
};
use protean_port::{Error, Result};
use protean_sql::TablePlan;
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::watch;

use crate::checkpoint::{Checkpoints, CommitCounter};
use crate::commit::Committer;
use crate::connection::Settings;
use crate::dialect::SqliteDialect;
use crate::forget;
use crate::opened_file::OpenedFile;
use crate::readers::Readers;
use crate::signal::Signal;
use crate::wake::Wake;
use crate::writer::Writer;
use crate::{correlations, error, schema, table};

/// One SQLite file. Fields are dropped in this order: the connection that writes closes
/// last and removes the `-wal` file.
pub(crate) struct SqliteStore {
    _wake: Wake,
    _checkpoints: Checkpoints,
    pub(crate) readers: Readers,
    pub(crate) writer: Writer,
    signal: Arc<Signal>,
    pub(crate) settings: Settings,
    pub(crate) file: OpenedFile,
}

impl SqliteStore {
    /// Opens the file, or creates it.
    pub(crate) fn open(settings: Settings) -> Result<Self> {
        let signal = Arc::new(Signal::default());
        let counter = Arc::new(CommitCounter::default());
        let writer = Writer::start(settings.clone(), Arc::clone(&signal), Arc::clone(&counter))?;
        let checkpoints = Checkpoints::start(settings.clone(), counter)?;
        let readers = Readers::start(settings.clone())?;
        let wake = Wake::start(&settings, Arc::clone(&signal), writer.poll_handle())?;
        let file = OpenedFile::at(&settings.path);
        Ok(Self { _wake: wake, _checkpoints: checkpoints, readers, writer, signal, settings, file })
    }
}

impl SqliteStore {
    /// Deletes with these statements what is stored about a group, a little at a time.
    pub(crate) async fn forget_all(&self, statements: &[&'static str], group: &str) -> Result {
        for sql in statements {
            let delete = |group: String| {
                let sql: &'static str = sql;
                self.writer.run(move |committer| {
                    alter(committer, |connection, settings| {
                        forget::some(connection, sql, &group).map_err(|e| settings.explain(e))
                    })
                })
            };
            while delete(group.to_owned()).await? > 0 {}
        }
        Ok(())
    }
}

impl LogIdentity for SqliteStore {
    fn log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        Box::pin(self.readers.read(|view| {
            let mut read = view.prepare_cached(include_str!("sql/read_log_id.sql"))?;
            read.query_row([], |row| Ok(LogId::from(row.get_ref(0)?.as_str()?)))
        }))
    }

    fn renew_log_id(&self) -> BoxFuture<'_, Result<LogId>> {
        Box::pin(self.writer.run(|committer| {
            alter(committer, |connection, settings| {
                let id = LogId::fresh();
                let renewed =
                    connection.execute(include_str!("sql/renew_log_id.sql"), [id.as_str()]);
                renewed.map(|_| id).map_err(|e| settings.explain(e))
            })
        }))
    }
}

impl StoreHealth for SqliteStore {
    fn check_writing(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.writer.run(|committer| {
            committer.file.check()?;
            if let Some(last) = committer.last_commit() {
                return last.map_err(Error::unavailable);
            }
            let touched = transact(committer, |connection, settings| {
                schema::touch(connection).map_err(|e| settings.explain(e))
            });
            committer.checked(&touched);
            touched
        }))
    }
}

impl Schema for SqliteStore {
    fn difference<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<SchemaDifference>> {
        Box::pin(async move {
            let mut difference = SchemaDifference::default();
            for table in tables {
                protean_sql::check_names(table)?;
                let name = table.name.clone();
                let found = self.readers.read(move |view| table::found(view, &name)).await?;
                TablePlan::of::<SqliteDialect>(table, &found).add_to(&mut difference);
            }
            Ok(difference)
        })
    }
}

impl CorrelatedEvents for SqliteStore {
    fn correlations(&self) -> BoxFuture<'_, Result<Correlations>> {
        Box::pin(self.readers.read(|view| match correlations::read(view) {
            Err(error) if error::is_unprepared(&error) => Ok(Correlations::default()),
            known => known,
        }))
    }
}

impl Store for SqliteStore {
    fn commit(&self, units: Arc<[Changes]>) -> BoxFuture<'_, Vec<Outcome>> {
        if units.is_empty() {
            return Box::pin(std::future::ready(Vec::new()));
        }
        Box::pin(self.writer.commit(units))
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.signal.commits.commits()
    }

    fn watch(&self, watched: Vec<Watched>) -> CommitWatch {
        self.signal.commits.watch(watched)
    }

    fn prepare<'a>(
        &'a self,
        tables: &'a [Table],
        registrations: &'a [GroupRegistration],
    ) -> BoxFuture<'a, Result<()>> {
        let (tables, registrations) = (tables.to_vec(), registrations.to_vec());
        Box::pin(self.writer.run(move |committer| {
            let counts = schema::missing_counts(&committer.connection)
                .map_err(|e| committer.settings.explain(e))?;
            alter(committer, |connection, settings| {
                schema::create(connection, &settings.path, &counts)?;
                table::prepare(connection, &tables, &settings.path)?;
                schema::register(connection, &registrations).map_err(|e| settings.explain(e))
            })
        }))
    }

    fn known<'a>(
        &'a self,
        command: &'a str,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeyClaim>>> {
        let (command, key): (Arc<str>, Arc<str>) = (command.into(), key.into());
        Box::pin(self.readers.read(move |view| known_key(view, &command, &key, now)))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>> {
        Box::pin(self.writer.run(move |committer| {
            alter(committer, |connection, settings| {
                forget::keys(connection, now, limit).map_err(|e| settings.explain(e))
            })
        }))
    }

    fn forget<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let of = group.to_owned();
            let forget = self.writer.run(move |committer| {
                alter(committer, |connection, settings| {
                    let forgotten = correlations::change(connection, |known| known.forget(&of));
                    forgotten.map_err(|e| settings.explain(e))
                })
            });
            forget.await?;
            self.forget_all(&forget::GROUP_STATEMENTS, group).await
        })
    }

    fn destroy<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<()>> {
        let tables = tables.to_vec();
        Box::pin(self.writer.run(move |committer| {
            alter(committer, |connection, settings| {
                for table in &tables {
                    protean_sql::check_names(table)?;
                    table::drop_table(connection, table).map_err(|e| settings.explain(e))?;
                }
                schema::drop_all(connection).map_err(|e| settings.explain(e))
            })?;
            committer.turnstile.remove();
            // It may have been removed before.
            std::fs::remove_file(committer.settings.notices()).unwrap_or_default();
            // Claims that are held stay held; their folder may not exist.
            std::fs::remove_dir_all(committer.settings.beside("-claims")).unwrap_or_default();
            Ok(())
        }))
    }
}

/// The claim of an idempotency key, unless it has expired.
fn known_key(
    view: &Connection,
    command: &Arc<str>,
    key: &Arc<str>,
    now: Timestamp,
) -> rusqlite::Result<Option<KeyClaim>> {
    let mut known = view.prepare_cached(include_str!("sql/known_key.sql"))?;
    let claim = known.query_row((&**command, &**key, now.as_micros()), |row| {
        Ok(KeyClaim {
            command: Arc::clone(command),
            key: Arc::clone(key),
            message_id: row.get_ref(0)?.as_str()?.into(),
            output: row.get_ref(1)?.as_str_or_null()?.map(Arc::from),
            time: Timestamp::from_micros(row.get(2)?),
            expires: Timestamp::from_micros(row.get(3)?),
        })
    });
    claim.optional()
}

/// Makes a change that is not a unit of work, and announces it.
pub(crate) fn alter<T>(
    committer: &mut Committer,
    change: impl FnOnce(&Connection, &Settings) -> Result<T>,
) -> Result<T> {
    let done = transact(committer, change)?;
    committer.announce(Lane::Primary, None);
    Ok(done)
}

/// Makes a change in one transaction.
fn transact<T>(
    committer: &mut Committer,
    change: impl FnOnce(&Connection, &Settings) -> Result<T>,
) -> Result<T> {
    let Committer { settings, connection, turnstile, signal, .. } = committer;
    turnstile.begin(connection, Lane::Primary, || false).map_err(|e| settings.explain(e))?;
    let commit = || signal.committing(|| connection.execute("COMMIT", [])).map(drop);
    let changed = change(connection, settings);
    let done = changed.and_then(|value| commit().map(|()| value).map_err(|e| settings.explain(e)));
    if done.is_err() {
        committer.recover();
    }
    done
}
