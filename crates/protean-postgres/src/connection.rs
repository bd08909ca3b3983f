//! Opens connections, all alike.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protean_port::{Error, Result};
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Connection, Row, Socket, Statement};

use crate::error::Fault;
use crate::tls::{Encrypted, Tls};

/// How long to wait for a server to answer, or for a lock another process holds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The oldest server that has all that is needed.
const OLDEST: i32 = 130_000;
/// What every connection begins with, beside `limit_waits`. Statements are short: to
/// compile one to machine code takes longer than to run it. Each is made for an index,
/// also while a table is new and the server still takes it to be empty.
const GREETING: &str = "SET DateStyle = ISO; SET client_min_messages = warning; SET jit = off; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan; \
    SET default_transaction_isolation = 'read committed'; \
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3";
/// Statements kept before all are forgotten.
const STATEMENTS: usize = 500;

/// A parameter of a statement.
pub(crate) type Parameter<'a> = &'a (dyn ToSql + Sync);

/// Which database, and how to use it.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
    /// The database, for a person; never its password.
    pub(crate) place: String,
    pub(crate) readers: usize,
    /// Tells this store's own announcements from those of others.
    pub(crate) instance: String,
}

/// A connection and the statements it knows.
pub(crate) struct Session {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Settings {
    /// Opens a connection that is served by `handle`.
    pub(crate) async fn connect(&self, handle: &Handle) -> Result<Session, Fault> {
        let settings = self.clone();
        let opened = handle.spawn(async move {
            let (client, connection) = settings.config.connect(settings.tls).await?;
            // Its errors reach whoever waits for an answer.
            tokio::spawn(async move { connection.await.unwrap_or_default() });
            let session = Session { client, statements: Mutex::default() };
            session.greet(&settings.place).await.map(|()| session)
        });
        let opened = tokio::time::timeout(PATIENCE, opened).await;
        let silent = |why: &str| Fault::Unusable(format!("the database {} {why}", self.place));
        match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(_)) => Err(silent("was closed by this process")),
            Err(_) => Err(silent("does not answer; check that the server runs")),
        }
    }

    /// Opens a connection that the caller drives.
    pub(crate) async fn dial(&self) -> Result<(Client, Connection<Socket, Encrypted>), Fault> {
        Ok(self.config.connect(self.tls.clone()).await?)
    }

    /// A fault, told with the name of the database.
    pub(crate) fn explain(&self, fault: impl Into<Fault>) -> Error {
        fault.into().explain(&self.place)
    }
}

impl Session {
    async fn greet(&self, place: &str) -> Result<(), Fault> {
        // A process that is held still in the middle of a transaction loses it, so that it
        // holds nobody up for long. Shorter times of the server or the URI are kept.
        let limit_waits = self.client.batch_execute(include_str!("sql/limit_waits.sql"));
        let (greeted, limited) = tokio::join!(self.client.batch_execute(GREETING), limit_waits);
        greeted.and(limited)?;
        let sql = "SELECT current_setting('server_version_num')::int, \
                   current_setting('server_version'), current_setting('server_encoding')";
        let row = self.client.query_one(sql, &[]).await?;
        let (version, named, encoding): (i32, &str, &str) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        unfit(version, named, encoding)
            .map_or(Ok(()), |why| Err(Fault::Unusable(format!("the database {place} {why}"))))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The statement, compiled once.
    pub(crate) async fn prepared(&self, sql: &str) -> Result<Statement, Fault> {
        if let Some(known) = self.statements().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The rows a statement gives.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Fault> {
        let statement = self.prepared(sql).await?;
        let done = self.client.query(&statement, parameters).await;
        done.map_err(|error| self.suspect(sql, error))
    }

    /// The first row a statement gives.
    pub(crate) async fn first(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Row>, Fault> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// How many rows a statement has changed.
    pub(crate) async fn execute(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<u64, Fault> {
        let statement = self.prepared(sql).await?;
        let done = self.client.execute(&statement, parameters).await;
        done.map_err(|error| self.suspect(sql, error))
    }

    /// Runs statements without parameters, in one message.
    pub(crate) async fn batch(&self, sql: &str) -> Result<(), Fault> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// A statement that failed is compiled anew: its tables may have changed.
    fn suspect(&self, sql: &str, error: tokio_postgres::Error) -> Fault {
        self.statements().remove(sql);
        error.into()
    }

    fn statements(&self) -> MutexGuard<'_, HashMap<String, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a server or a database cannot do what is needed.
fn unfit(version: i32, named: &str, encoding: &str) -> Option<String> {
    if version < OLDEST {
        return Some(format!("is on PostgreSQL {named}; use version 13 or later"));
    }
    (encoding != "UTF8")
        .then(|| format!("keeps text as {encoding}; create one with ENCODING 'UTF8'"))
}

#[cfg(test)]
mod tests {
    use super::unfit;

    #[test]
    fn a_server_that_is_too_old_is_named_with_the_oldest_that_will_do() {
        let told = unfit(120_022, "12.22 (Debian 12.22-1)", "UTF8").unwrap();
        assert!(told.contains("PostgreSQL 12.22") && told.contains("13 or later"), "{told}");
        for version in [130_000, 150_012, 180_000] {
            assert_eq!(unfit(version, "", "UTF8"), None, "{version}");
        }
    }
}
