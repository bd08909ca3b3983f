//! The log and the summaries in the product's tables, with one statement for each purpose.

use std::collections::HashMap;
use std::future::Future;

use protean::Priority;
use protean::message::{Category, Extensions, Kind, Message, Recorded, Stream, Timestamp};
use protean_cli::{Error, Result};
use tokio_postgres::{Client, Row, Statement};

use super::message::Addition;
use crate::bare::postgres::connect;

/// The last position of the log. Its lock is held by one writer at a time, until the commit.
const LAYOUT: &str = "CREATE TABLE bare_head (position bigint NOT NULL) WITH (fillfactor = 10);
     INSERT INTO bare_head SELECT coalesce(max(position), 0) FROM messages";
/// The tables are empty when the statements are planned, once. A plan that cannot do without
/// a sequential scan looks dear enough to be compiled, which takes longer than to run it.
const SESSION: &str =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off";
const APPEND: &str = "WITH head AS (
         UPDATE bare_head SET position = position + cardinality($6::text[])
         RETURNING position - cardinality($6::text[]) AS before
     ), appended AS (
         INSERT INTO messages (position, category, priority, kind, type, version, time, stream,
                               stream_position, id, correlation_id, causation_id, data)
         SELECT head.before + number, $1, $2, $3, $4, 1, $5, stream, stream_position, id,
                correlation_id, causation_id, data
           FROM head, unnest($6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[],
                             $11::text[]) WITH ORDINALITY
                AS new (stream, stream_position, id, correlation_id, causation_id, data, number)
     )
     SELECT pg_notify($12, '') WHERE $12 <> ''";
const PAGE: &str = "SELECT position, stream, stream_position, kind, type, id, correlation_id,
            causation_id, time, data
       FROM messages WHERE category = $1 AND priority = $2 AND place > $3 AND place <= $4
      ORDER BY place LIMIT $5";
const RANGE: &str = "SELECT min(place), max(place) FROM (
         SELECT place FROM messages WHERE category = $1 AND priority = $2 AND place > $3
          ORDER BY place LIMIT $4) AS page";
const HEADS: &str = "SELECT wanted.stream, newest.stream_position + 1
       FROM unnest($1::text[]) AS wanted (stream),
            LATERAL (SELECT stream_position FROM messages WHERE messages.stream = wanted.stream
                      ORDER BY stream_position DESC LIMIT 1) AS newest";
const MOVE: &str = "INSERT INTO cursors (grp, category, priority, position)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (grp, category, priority) DO UPDATE SET position = excluded.position";
const PROJECT: &str = "INSERT INTO account_summary AS old (account_id, account_number,
            holder_name, balance, deposits, withdrawals, _version)
     SELECT account, number, holder, amount::numeric, deposits, 0, 1
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
            AS new (account, number, holder, amount, deposits)
     ON CONFLICT (account_id) DO UPDATE SET balance = old.balance + excluded.balance,
            deposits = old.deposits + excluded.deposits, _version = old._version + 1";

/// Whether a commit waits for the disk.
#[derive(Clone, Copy)]
pub(super) enum Commit {
    Durable,
    Soon,
}

/// Whether the relay hears of an append.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Announce {
    Yes,
    No,
}

/// The channel on which appends are announced.
pub(super) const CHANNEL: &str = "bare";

/// One lane of a category.
#[derive(Clone)]
pub(super) struct Lane {
    pub(super) category: Category,
    pub(super) priority: Priority,
}

/// A connection of one stage.
pub(super) struct Log {
    client: Client,
    append: Statement,
    page: Statement,
    range: Statement,
    heads: Statement,
    cursor: Statement,
    project: Statement,
}

impl Lane {
    /// The priority as stored.
    fn number(&self) -> i64 {
        self.priority.value().into()
    }
}

impl Log {
    /// Adds what the product's tables lack.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn prepare(database: &str) -> Result<()> {
        Ok(connect(database).await?.batch_execute(LAYOUT).await?)
    }

    /// # Errors
    /// When the database cannot be reached, or lacks a table.
    pub(super) async fn open(database: &str, commit: Commit) -> Result<Self> {
        let client = connect(database).await?;
        client.batch_execute(SESSION).await?;
        if matches!(commit, Commit::Soon) {
            client.batch_execute("SET synchronous_commit = off").await?;
        }
        Ok(Self {
            append: client.prepare(APPEND).await?,
            page: client.prepare(PAGE).await?,
            range: client.prepare(RANGE).await?,
            heads: client.prepare(HEADS).await?,
            cursor: client.prepare(MOVE).await?,
            project: client.prepare(PROJECT).await?,
            client,
        })
    }

    /// Appends messages of one lane, kind and type.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn append(&self, messages: &[Recorded], announce: Announce) -> Result<()> {
        let Some(Recorded { message: first, .. }) = messages.first() else { return Ok(()) };
        let each = || messages.iter().map(|recorded| &recorded.message);
        let streams: Vec<_> = each().map(|message| message.stream.as_str()).collect();
        let positions: Vec<_> = messages.iter().map(|r| r.stream_position.cast_signed()).collect();
        let ids: Vec<_> = each().map(|message| &*message.id).collect();
        let correlations: Vec<_> = each().map(|message| &*message.correlation_id).collect();
        let causes: Vec<_> = each().map(|message| message.causation_id.as_deref()).collect();
        let data: Vec<_> = each().map(|message| &*message.data).collect();
        let lane = Lane { category: first.stream.category().clone(), priority: first.priority };
        let channel = if announce == Announce::Yes { CHANNEL } else { "" };
        let (time, kind) = (first.time.as_micros(), first.kind.as_str());
        self.client
            .execute(
                &self.append,
                &[
                    &lane.category.as_str(),
                    &lane.number(),
                    &kind,
                    &&*first.type_name,
                    &time,
                    &streams,
                    &positions,
                    &ids,
                    &correlations,
                    &causes,
                    &data,
                    &channel,
                ],
            )
            .await?;
        Ok(())
    }

    /// The messages of a lane after one position, up to another.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn page(
        &self,
        lane: &Lane,
        (after, to): (i64, i64),
        limit: i64,
    ) -> Result<Vec<Recorded>> {
        let category = lane.category.as_str();
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&category, &lane.number(), &after, &to, &limit];
        let rows = self.client.query(&self.page, &parameters).await?;
        rows.iter().map(|row| recorded(row, lane)).collect()
    }

    /// The first and the last position of the next page; `None` when there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn range(
        &self,
        lane: &Lane,
        after: i64,
        limit: i64,
    ) -> Result<Option<(i64, i64)>> {
        let (category, priority) = (lane.category.as_str(), lane.number());
        let row =
            self.client.query_one(&self.range, &[&category, &priority, &after, &limit]).await?;
        let (first, last): (Option<i64>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(first.zip(last))
    }

    /// Gives events of any streams their places in these.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn place(&self, events: &mut [Recorded]) -> Result<()> {
        let streams: Vec<_> = events.iter().map(|event| event.message.stream.as_str()).collect();
        let mut next = HashMap::new();
        for row in self.client.query(&self.heads, &[&streams]).await? {
            next.insert(row.try_get::<_, String>(0)?, row.try_get::<_, i64>(1)?.cast_unsigned());
        }
        for event in events {
            let stream = event.message.stream.as_str();
            if !next.contains_key(stream) {
                next.insert(stream.to_owned(), 0);
            }
            let Some(at) = next.get_mut(stream) else { continue };
            event.stream_position = *at;
            event.message.id = format!("{stream}-{at}").into();
            *at += 1;
        }
        Ok(())
    }

    /// Moves a cursor.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn pass(&self, group: &str, lane: &Lane, position: i64) -> Result<()> {
        let category = lane.category.as_str();
        self.client.execute(&self.cursor, &[&group, &category, &lane.number(), &position]).await?;
        Ok(())
    }

    /// Adds to the summaries of different accounts.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn project(&self, additions: &[Addition]) -> Result<()> {
        let accounts: Vec<_> = additions.iter().map(|addition| addition.account.as_str()).collect();
        let numbers: Vec<_> = additions.iter().map(|addition| &*addition.number).collect();
        let holders: Vec<_> = additions.iter().map(|addition| &*addition.holder).collect();
        let amounts: Vec<_> =
            additions.iter().map(|addition| addition.amount.to_string()).collect();
        let deposits: Vec<_> = additions.iter().map(|addition| addition.deposits).collect();
        self.client
            .execute(&self.project, &[&accounts, &numbers, &holders, &amounts, &deposits])
            .await?;
        Ok(())
    }

    /// Runs writes in one transaction, all sent in one go.
    ///
    /// # Errors
    /// When the database refuses one of them.
    pub(super) async fn transaction(&self, writes: impl Future<Output = Result<()>>) -> Result<()> {
        let (begin, written, commit) = tokio::join!(
            self.client.batch_execute("BEGIN"),
            writes,
            self.client.batch_execute("COMMIT")
        );
        begin?;
        written?;
        Ok(commit?)
    }

    /// Waits until everything committed so far is on disk. Its connection commits durably.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn flush(&self) -> Result<()> {
        Ok(self.client.batch_execute("SELECT pg_logical_emit_message(true, 'bare', '')").await?)
    }
}

fn recorded(row: &Row, lane: &Lane) -> Result<Recorded> {
    let kind = Kind::named(row.try_get(3)?).ok_or_else(|| Error::failed("an unknown kind"))?;
    let text = |at| row.try_get::<_, &str>(at);
    let message = Message {
        stream: Stream::restored(text(1)?, lane.category.clone()),
        kind,
        type_name: text(4)?.into(),
        version: 1,
        priority: lane.priority,
        id: text(5)?.into(),
        correlation_id: text(6)?.into(),
        causation_id: row.try_get::<_, Option<&str>>(7)?.map(Into::into),
        time: Timestamp::from_micros(row.try_get(8)?),
        data: text(9)?.into(),
        extensions: Extensions::default(),
    };
    let number = |at| row.try_get::<_, i64>(at).map(i64::cast_unsigned);
    Ok(Recorded { position: number(0)?, stream_position: number(2)?, message })
}
