//! A way to a server that leads to another one at some time, or nowhere.

use std::future::pending;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a client finds at the end of the way.
#[derive(Clone, Copy)]
enum Leads {
    To(u16),
    /// The connection stays open, and neither side hears of the other.
    Nowhere,
}

pub(crate) struct Way {
    pub(crate) port: u16,
    leads: watch::Sender<Leads>,
}

impl Way {
    pub(crate) async fn to(server: u16) -> Self {
        Self::slowly_to(server, Duration::ZERO).await
    }

    /// What the server answers comes so much later.
    pub(crate) async fn slowly_to(server: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (leads, led) = watch::channel(Leads::To(server));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(walk(client, led.clone(), delay));
            }
        });
        Self { port, leads }
    }

    /// From now on it leads to this server: who is on it has to begin anew.
    pub(crate) fn lead_to(&self, server: u16) {
        self.leads.send_replace(Leads::To(server));
    }

    /// From now on nothing comes through, without an error for either side.
    pub(crate) fn lead_nowhere(&self) {
        self.leads.send_replace(Leads::Nowhere);
    }
}

/// Walks along until the way leads elsewhere.
async fn walk(mut client: TcpStream, mut led: watch::Receiver<Leads>, delay: Duration) {
    let leads = *led.borrow_and_update();
    let mut server = match leads {
        Leads::To(server) => TcpStream::connect(("127.0.0.1", server)).await.ok(),
        Leads::Nowhere => None,
    };
    let walking = async {
        match &mut server {
            Some(server) => carry(&mut client, server, delay).await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = walking => return,
        _ = led.changed() => {}
    }
    // Nobody leads anywhere any more once the test has ended.
    let _ = led.wait_for(|leads| matches!(leads, Leads::To(_))).await;
}

/// Carries bytes both ways until one side ends.
async fn carry(client: &mut TcpStream, server: &mut TcpStream, delay: Duration) {
    let ((mut asks, mut hears), (mut answers, mut told)) = (client.split(), server.split());
    let answering = async {
        let mut part = vec![0; 65_536];
        while let Ok(length @ 1..) = answers.read(&mut part).await {
            tokio::time::sleep(delay).await;
            if hears.write_all(&part[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = copy(&mut asks, &mut told) => {}
        () = answering => {}
    }
}
