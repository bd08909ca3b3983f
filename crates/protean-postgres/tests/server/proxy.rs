//! A connection that interferes with a COMMIT.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to a COMMIT.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// It reaches the server, but the client gets no further answers.
    Unanswered,
    /// It is held back, and so is everything after it.
    Held,
}

type Next = Arc<Mutex<Option<Fate>>>;

/// Forwards everything except for a COMMIT with a fate.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    next: Next,
    shut: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let next = Next::default();
        let shut = Arc::new(AtomicBool::new(false));
        let (fate, is_shut) = (Arc::clone(&next), Arc::clone(&shut));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if is_shut.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let silent = Arc::new(Notify::new());
                tokio::spawn(forward_requests(
                    from_client,
                    to_server,
                    Arc::clone(&fate),
                    Arc::clone(&silent),
                ));
                tokio::spawn(forward_answers(from_server, to_client, silent));
            }
        });
        Self { port, next, shut }
    }

    /// Sets what happens to the next COMMIT.
    pub(crate) fn next_commit(&self, fate: Fate) {
        *self.next.lock().unwrap() = Some(fate);
    }

    /// True once it has happened.
    pub(crate) fn is_done(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }

    /// Refuses new connections, or accepts them again.
    pub(crate) fn shut(&self, shut: bool) {
        self.shut.store(shut, Ordering::SeqCst);
    }
}

async fn forward_requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    next: Next,
    silent: Arc<Notify>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let commits = bytes[..count].windows(7).any(|word| word == b"COMMIT\0");
        let fate = if commits { next.lock().unwrap().take() } else { None };
        match fate {
            Some(Fate::Held) => std::future::pending().await,
            Some(Fate::Unanswered) => silent.notify_one(),
            None => {}
        }
        if to.write_all(&bytes[..count]).await.is_err() || fate.is_some() {
            return;
        }
    }
}

async fn forward_answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: Arc<Notify>) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            biased;
            () = silent.notified() => break,
            read = from.read(&mut bytes) => read,
        };
        match read {
            Ok(count @ 1..) if to.write_all(&bytes[..count]).await.is_ok() => {}
            _ => return,
        }
    }
    // This closes the client's connection; the server still runs what it has received.
    drop(to);
    while let Ok(1..) = from.read(&mut bytes).await {}
}
