//! Says that something was committed, by this process or another.
//!
//! ```text
//! own commit ──────────────────────────────────▶ bump
//! NOTIFY of another store ─▶ its connection ────▶ bump
//! the connection was lost ─▶ opened again ──────▶ bump: something may have been missed
//! ```
//! Every transaction announces itself once. A connection that has gone silent
//! is found by asking it now and then, so no announcement is missed for long.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::sync::{mpsc, watch};
use tokio_postgres::{AsyncMessage, Client};

use crate::connection::{PATIENCE, Settings};
use crate::error::Fault;

/// How often a silent connection is asked whether it is still there.
const ASK: Duration = Duration::from_secs(5);
/// How long to wait before a lost connection is opened again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Grows with every commit.
#[derive(Default)]
pub(crate) struct Signal {
    announced: watch::Sender<u64>,
}

impl Signal {
    /// Tells every receiver.
    pub(crate) fn bump(&self) {
        self.announced.send_modify(|commits| *commits += 1);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.announced.subscribe()
    }
}

/// Listens for the commits of others, from when it returns to the end of the runtime.
pub(crate) async fn listen(settings: Settings, signal: Arc<Signal>) -> Result<(), Fault> {
    let mut ear = Ear::open(&settings).await?;
    tokio::spawn(async move {
        loop {
            ear.hear(&settings, &signal).await;
            ear = reopened(&settings).await;
            signal.bump();
        }
    });
    Ok(())
}

async fn reopened(settings: &Settings) -> Ear {
    let mut pause = PAUSE.0;
    loop {
        tokio::time::sleep(pause).await;
        match Ear::open(settings).await {
            Ok(ear) => return ear,
            Err(_) => pause = (pause * 2).min(PAUSE.1),
        }
    }
}

/// A connection that listens.
struct Ear {
    client: Client,
    heard: mpsc::UnboundedReceiver<String>,
}

impl Ear {
    async fn open(settings: &Settings) -> Result<Self, Fault> {
        let (client, mut connection) = settings.dial().await?;
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notification(said) = message
                    && tell.send(said.payload().to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let sql = "SELECT quote_ident('protean.' || current_schema())";
        let channel: String = client.query_one(sql, &[]).await?.try_get(0)?;
        client.batch_execute(&format!("LISTEN {channel}")).await?;
        Ok(Self { client, heard })
    }

    /// Passes on what is heard until the connection is lost.
    async fn hear(&mut self, settings: &Settings, signal: &Signal) {
        loop {
            match tokio::time::timeout(ASK, self.heard.recv()).await {
                Ok(Some(instance)) if instance != settings.instance => signal.bump(),
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(_) => {
                    let asked = tokio::time::timeout(PATIENCE, self.client.batch_execute("")).await;
                    if !matches!(asked, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        }
    }
}
