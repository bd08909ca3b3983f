//! A connection that is cut when COMMIT has been sent, so that nobody hears the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Passes everything on, until it is told to cut.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    cut: Arc<AtomicBool>,
    shut: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicBool::new(false));
        let shut = Arc::new(AtomicBool::new(false));
        let (told, is_shut) = (Arc::clone(&cut), Arc::clone(&shut));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if is_shut.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let silent = Arc::new(Notify::new());
                tokio::spawn(ask(from_client, to_server, Arc::clone(&told), Arc::clone(&silent)));
                tokio::spawn(answer(from_server, to_client, silent));
            }
        });
        Self { port, cut, shut }
    }

    /// Lets the next COMMIT through, but not its answer.
    pub(crate) fn cut_next_commit(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// True when it has done so.
    pub(crate) fn has_cut(&self) -> bool {
        !self.cut.load(Ordering::SeqCst)
    }

    /// Lets nobody in any more, or again.
    pub(crate) fn shut(&self, shut: bool) {
        self.shut.store(shut, Ordering::SeqCst);
    }
}

async fn ask(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    cut: Arc<AtomicBool>,
    silent: Arc<Notify>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let commits = bytes[..count].windows(7).any(|word| word == b"COMMIT\0");
        let cuts = commits && cut.swap(false, Ordering::SeqCst);
        if cuts {
            silent.notify_one();
        }
        if to.write_all(&bytes[..count]).await.is_err() || cuts {
            return;
        }
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: Arc<Notify>) {
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
    // This closes the connection of the client; the server carries out what it was told.
    drop(to);
    while let Ok(1..) = from.read(&mut bytes).await {}
}
