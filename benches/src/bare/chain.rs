//! The hops of one message through both servers: a row is committed and announced,
//! read, added to a stream, and read from there.
//!
//! ```text
//! INSERT, NOTIFY, COMMIT ─▶ LISTEN ─▶ SELECT ─▶ XADD ─▶ XREADGROUP, which waits
//!       here             └─────────── another process ───────────────────────┘
//! ```

use futures_util::future::poll_fn;
use protean_cli::{Error, Result};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, NoTls};

use super::hop::{self, Hops, MESSAGE_PAUSE, PAYLOAD};
use super::postgres::{connect, home};
use super::relay;
use crate::clock;
use crate::place::Place;

const LAYOUT: &str =
    "CREATE TABLE IF NOT EXISTS hop (position bigint PRIMARY KEY, data text NOT NULL)";
const WRITE: &str =
    "WITH written AS (INSERT INTO hop VALUES ($1, $2)) SELECT pg_notify('hops', '')";
const READ: &str = "SELECT position, data FROM hop WHERE position > $1 ORDER BY position";
const STREAM: &str = "hops";
const GROUP: &str = "bare";

/// Measures the hops to a reader in another process.
///
/// # Errors
/// When the servers or the process cannot be used.
pub(crate) async fn through_servers(place: &Place, count: u64) -> Result<Hops> {
    let home = home(place)?;
    let client = connect(&home.database.uri()).await?;
    client.batch_execute(LAYOUT).await?;
    let write = client.prepare(WRITE).await?;
    let mut reader = place.child(&["bare-chain", &home.database.uri(), &home.redis])?;
    reader.line("waiting").await?;
    let mut hops = Hops::default();
    for position in 1..=i64::try_from(count)? {
        tokio::time::sleep(MESSAGE_PAUSE).await;
        let sent = clock::now();
        client.execute(&write, &[&position, &PAYLOAD]).await?;
        let returned = clock::now();
        hops.add(sent, returned, hop::read_time(&mut reader).await?);
    }
    Ok(hops)
}

/// The reading process: prints `read <micros>` for each row.
pub(super) async fn serve(database: &str, redis: &str) -> Result<()> {
    let (client, announced) = listen(database).await?;
    let mut stream = relay::redis(redis).await?;
    let mut group = redis::cmd("XGROUP");
    group.arg("CREATE").arg(STREAM).arg(GROUP).arg("$").arg("MKSTREAM");
    group.exec_async(&mut stream).await?;
    let reading = tokio::spawn(read(relay::redis(redis).await?));
    eprintln!("waiting");
    let passing = pass_on(&client, announced, stream);
    tokio::select! {
        passed = passing => passed,
        read = reading => read?,
    }
}

/// A connection that listens, and a receiver of its notifications.
async fn listen(database: &str) -> Result<(Client, mpsc::UnboundedReceiver<()>)> {
    let (client, mut connection) = tokio_postgres::connect(database, NoTls).await?;
    let (sender, announced) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if matches!(message, AsyncMessage::Notification(_)) && sender.send(()).is_err() {
                return;
            }
        }
    });
    client.batch_execute("LISTEN hops").await?;
    Ok((client, announced))
}

async fn pass_on(
    client: &Client,
    mut announced: mpsc::UnboundedReceiver<()>,
    mut stream: relay::Connection,
) -> Result<()> {
    let read = client.prepare(READ).await?;
    let mut last = 0_i64;
    while announced.recv().await.is_some() {
        for row in client.query(&read, &[&last]).await? {
            last = row.try_get(0)?;
            let data: &str = row.try_get(1)?;
            let mut add = redis::cmd("XADD");
            add.arg(STREAM).arg("*").arg("data").arg(data).exec_async(&mut stream).await?;
        }
    }
    Err(Error::failed("PostgreSQL closed the connection"))
}

async fn read(mut stream: relay::Connection) -> Result<()> {
    let mut read = redis::cmd("XREADGROUP");
    read.arg("GROUP").arg(GROUP).arg("one").arg("BLOCK").arg(0).arg("STREAMS").arg(STREAM).arg(">");
    loop {
        read.exec_async(&mut stream).await?;
        eprintln!("read {}", clock::now());
    }
}
