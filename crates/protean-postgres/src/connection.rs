//! Opens connections, all alike.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protean_port::{Error, Result};
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Connection, Row, SimpleQueryMessage, Socket, Statement};

use crate::error::Fault;
use crate::recent::Recent;
use crate::tls::{Encrypted, Tls};

/// How long to wait for the server to answer, or for a lock that another process holds.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The oldest version of the server that has everything needed.
const MIN_SERVER_VERSION: i32 = 130_000;
/// The settings of every connection, beside `limit_waits`. Statements are short, so
/// compiling one to machine code takes longer than running it. Each is written for an
/// index, which the server would ignore while a table is new and seems empty.
const SESSION_SETTINGS: &str = "SET DateStyle = ISO; SET client_min_messages = warning; SET jit = off; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan; \
    SET default_transaction_isolation = 'read committed'; \
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3";
/// A parameter of a statement.
pub(crate) type Parameter<'a> = &'a (dyn ToSql + Sync);

/// The database, and how it is used.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
    /// The database as errors name it, never with its password.
    pub(crate) place: String,
    pub(crate) readers: usize,
    /// The name of this store, which tells its announcements from those of others.
    pub(crate) instance: String,
}

/// A connection and its compiled statements.
pub(crate) struct Session {
    client: Client,
    statements: Mutex<Recent<Statement>>,
}

impl Settings {
    /// Opens a connection that the runtime of `handle` drives.
    pub(crate) async fn connect(&self, handle: &Handle) -> Result<Session, Fault> {
        let settings = self.clone();
        let opened = handle.spawn(async move {
            let (client, connection) = settings.config.connect(settings.tls).await?;
            // Its errors reach the callers that wait for an answer.
            tokio::spawn(async move { connection.await.unwrap_or_default() });
            let session = Session { client, statements: Mutex::default() };
            session.apply_settings(&settings.place).await.map(|()| session)
        });
        let opened = tokio::time::timeout(REQUEST_TIMEOUT, opened).await;
        let silent = |why: &str| Fault::Unusable(format!("the database {} {why}", self.place));
        match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(_)) => Err(silent("cannot be used: this process is shutting down")),
            Err(_) => Err(silent("does not answer; check that the server runs")),
        }
    }

    /// Opens a connection that the caller drives.
    pub(crate) async fn dial(&self) -> Result<(Client, Connection<Socket, Encrypted>), Fault> {
        Ok(self.config.connect(self.tls.clone()).await?)
    }

    /// A fault as an error that names the database.
    pub(crate) fn explain(&self, fault: impl Into<Fault>) -> Error {
        fault.into().explain(&self.place)
    }
}

impl Session {
    async fn apply_settings(&self, place: &str) -> Result<(), Fault> {
        // The server ends the transaction of a process that stalls, so that it does not block
        // others for long. Shorter limits of the server or the URI are kept.
        let limit_waits = self.client.batch_execute(include_str!("sql/limit_waits.sql"));
        let (applied, limited) =
            tokio::join!(self.client.batch_execute(SESSION_SETTINGS), limit_waits);
        applied.and(limited)?;
        let sql = "SELECT current_setting('server_version_num')::int, \
                   current_setting('server_version'), current_setting('server_encoding')";
        let row = self.client.query_one(sql, &[]).await?;
        let (version, named, encoding): (i32, &str, &str) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        why_unsuitable(version, named, encoding)
            .map_or(Ok(()), |why| Err(Fault::Unsuitable(format!("the database {place} {why}"))))
    }

    /// The process of the server that answers now. Compiles no statement.
    pub(crate) async fn server_process(&self) -> Result<Option<String>, Fault> {
        let answers = self.client.simple_query("SELECT pg_backend_pid()").await?;
        Ok(answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The statement, compiled once.
    pub(crate) async fn prepared(&self, sql: &str) -> Result<Statement, Fault> {
        let known = self.statements().get(sql);
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements().insert(sql, statement.clone());
        Ok(statement)
    }

    /// The rows that a statement returns.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Fault> {
        let statement = self.prepared(sql).await?;
        let done = self.client.query(&statement, parameters).await;
        done.map_err(|error| self.suspect(sql, error))
    }

    /// The first row that a statement returns.
    pub(crate) async fn first(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<Row>, Fault> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// Runs a statement and returns how many rows it has changed.
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

    /// Forgets a statement that failed: its tables may have changed, so it is compiled again.
    fn suspect(&self, sql: &str, error: tokio_postgres::Error) -> Fault {
        self.statements().remove(sql);
        error.into()
    }

    fn statements(&self) -> MutexGuard<'_, Recent<Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a server or a database cannot be used.
fn why_unsuitable(version: i32, named: &str, encoding: &str) -> Option<String> {
    if version < MIN_SERVER_VERSION {
        return Some(format!("runs on PostgreSQL {named}; upgrade to version 13 or later"));
    }
    (encoding != "UTF8")
        .then(|| format!("has the encoding {encoding}; create one with ENCODING 'UTF8'"))
}

#[cfg(test)]
mod tests {
    use super::why_unsuitable;

    #[test]
    fn refuses_a_server_that_is_too_old_and_names_the_oldest_supported() {
        let fault = why_unsuitable(120_022, "12.22 (Debian 12.22-1)", "UTF8").unwrap();
        assert!(fault.contains("PostgreSQL 12.22") && fault.contains("13 or later"), "{fault}");
        for version in [130_000, 150_012, 180_000] {
            assert_eq!(why_unsuitable(version, "", "UTF8"), None, "{version}");
        }
    }
}
