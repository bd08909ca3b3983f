//! Announces commits, whether this process or another one made them.
//!
//! ```text
//! own commit ──────────────────────────────────▶ announce
//! NOTIFY of another store ─▶ subscription ──────▶ announce
//! connection lost ─▶ opened again ──────────────▶ announce: announcements may have been missed
//! ```
//! Every transaction announces itself once. The connection is probed now and then, so
//! that one that has gone silent does not hide announcements for long.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_fn;
use protean_port::port::CommitSignal;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client};

use crate::connection::{REQUEST_TIMEOUT, Session, Settings};
use crate::error::Fault;
use crate::signal::Announcement;
use crate::value::Text;

/// How often a silent connection is probed.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How long to wait before a lost connection is opened again, at first.
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(50);
/// How long to wait at most; the wait doubles with each failure.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// Listens for the commits of other stores until the runtime ends.
pub(crate) async fn listen(settings: Settings, signal: Arc<CommitSignal>) -> Result<(), Fault> {
    let mut subscription = Subscription::open(&settings).await?;
    tokio::spawn(async move {
        loop {
            subscription.receive(&settings, &signal).await;
            subscription = reopened(&settings).await;
            signal.announce(None);
        }
    });
    Ok(())
}

async fn reopened(settings: &Settings) -> Subscription {
    let mut delay = MIN_RECONNECT_DELAY;
    loop {
        tokio::time::sleep(delay).await;
        match Subscription::open(settings).await {
            Ok(subscription) => return subscription,
            Err(_) => delay = (delay * 2).min(MAX_RECONNECT_DELAY),
        }
    }
}

/// Has other processes look at names and correlations once the transaction is committed.
pub(crate) async fn notify(session: &Session, settings: &Settings) -> Result<(), Fault> {
    let instance = Text(&settings.instance);
    session.execute(include_str!("sql/notify.sql"), &[&instance]).await.map(drop)
}

/// A connection that listens for notifications.
struct Subscription {
    client: Client,
    payloads: mpsc::UnboundedReceiver<String>,
}

impl Subscription {
    async fn open(settings: &Settings) -> Result<Self, Fault> {
        let (client, mut connection) = settings.dial().await?;
        let (sender, payloads) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await
            {
                if let AsyncMessage::Notification(notification) = message
                    && sender.send(notification.payload().to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let sql = "SELECT quote_ident('protean.' || current_schema())";
        let channel: String = client.query_one(sql, &[]).await?.try_get(0)?;
        client.batch_execute(&format!("LISTEN {channel}")).await?;
        Ok(Self { client, payloads })
    }

    /// Announces the commits of other stores until the connection is lost.
    async fn receive(&mut self, settings: &Settings, signal: &CommitSignal) {
        loop {
            match tokio::time::timeout(PROBE_INTERVAL, self.payloads.recv()).await {
                Ok(Some(payload)) => {
                    let Announcement { instance, notice } = Announcement::read(&payload);
                    if instance != settings.instance {
                        signal.announce(notice.as_ref());
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    let probe = self.client.batch_execute("");
                    let answer = tokio::time::timeout(REQUEST_TIMEOUT, probe).await;
                    if !matches!(answer, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        }
    }
}
