//! The live pages, for one viewer and for many.

use std::time::Duration;

use protean::Priority;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::bank::Bank;

/// The events of a live page.
struct Events(BufReader<TcpStream>);

impl Events {
    async fn of(bank: &Bank, page: &str) -> Self {
        let mut stream = TcpStream::connect(bank.at).await.unwrap();
        let path = format!("/observatory/stream?page={page}");
        stream.write_all(bank.request("GET", &path, &[], "").as_bytes()).await.unwrap();
        Self(BufReader::new(stream))
    }

    /// The HTML of the next snapshot, and its number.
    async fn next(&mut self) -> (u64, String) {
        let mut html = String::new();
        loop {
            let mut line = String::new();
            let read = timeout(Duration::from_secs(20), self.0.read_line(&mut line)).await;
            assert!(read.unwrap().unwrap() > 0, "the stream has ended");
            if let Some(data) = line.strip_prefix("data: ") {
                html.push_str(data);
            } else if line.trim().is_empty() && !html.is_empty() {
                // The chunk after the event has a line of its own.
                break;
            }
        }
        let number = html.split_once("data-snapshot=\"").unwrap().1.split_once('"').unwrap().0;
        (number.parse().unwrap(), html)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_follows_the_database() {
    let bank = Bank::open().await;
    let mut events = Events::of(&bank, "lanes").await;
    let (_, first) = events.next().await;
    assert!(first.contains("data-metric=\"backlog\" data-value=\"0\""), "{first}");
    bank.order(&["A", "B"], Priority::BULK).await;
    for _ in 0..30 {
        if events.next().await.1.contains("data-metric=\"backlog\" data-value=\"2\"") {
            return;
        }
    }
    panic!("two messages wait, and the page does not say so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_viewers_share_one_snapshot_a_second() {
    let bank = Bank::open().await;
    let mut viewers = Vec::new();
    for number in 0..20 {
        let page = if number % 2 == 0 { "lanes" } else { "handlers" };
        viewers.push(Events::of(&bank, page).await);
    }
    let began = tokio::time::Instant::now();
    let (mut first, mut last) = (u64::MAX, 0);
    for viewer in &mut viewers {
        for _ in 0..3 {
            let (number, _) = viewer.next().await;
            (first, last) = (first.min(number), last.max(number));
        }
    }
    let made = last - first;
    assert!(made <= began.elapsed().as_secs() + 2, "{made} snapshots in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_does_not_exist_has_no_stream() {
    let bank = Bank::open().await;
    assert_eq!(bank.get("/observatory/stream?page=nowhere").await.status, 404);
    assert_eq!(bank.get("/observatory/stream").await.status, 404);
}
