//! What a customer waits while people look at the observatory.
//!
//! ```text
//! customers ─▶ server ─▶ log
//! viewers ─(lanes page, live)─▶ observatory ─(one snapshot a second)─▶ database
//! ```

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use protean_cli::{Error, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use workbench::child::Child;
use workbench::latency::Latencies;

use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::sheet::{Bound, RowId, Sheet, Target};
use crate::site::{Crowd, Site};
use crate::stack::Stack;

const VIEWERS: usize = 20;
/// How long the observatory may take to start, and to show a viewer the next snapshot.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const RETRY_DELAY: Duration = Duration::from_millis(20);

pub(super) async fn run(plan: &Plan, stack: &Stack) -> Result<Sheet> {
    let about = "a deposit from its scheduled arrival until it is seen in the log";
    let mut sheet = Sheet::new("viewers", about);
    let crowd = Crowd { customers: plan.size(1000, 30), per_second: plan.rate() };
    let Crowd { customers, per_second } = crowd;
    sheet.note(format!(
        "{customers} customers per phase and round, {per_second} per second, without bulk work, while"
    ));
    sheet.note(format!(
        "{VIEWERS} people look at the lanes page of the observatory, a process of its own. The limit"
    ));
    sheet.note(
        "is the same while nobody looks, in the same round. The viewers are on this machine.",
    );
    let rows = [(0.5, 1.1), (0.99, 1.2)].map(|(quantile, bound)| {
        let what = format!("{VIEWERS} viewers: p{:.0}", quantile * 100.0);
        (quantile, sheet.row(what, "ms", Target::ratio(Bound::AtMost(bound))))
    });
    for _ in 0..plan.rounds() {
        let mut site = Site::open(stack, Settings::default(), crowd).await?;
        let (at, _observatory) = observatory(&site.place).await?;
        let alone = site.serve().await?;
        let viewers = Viewers::of(at).await?;
        let watched = site.serve().await?;
        viewers.see_one_more().await?;
        add(&mut sheet, rows, &watched, &alone);
    }
    Ok(sheet)
}

fn add(sheet: &mut Sheet, rows: [(f64, RowId); 2], watched: &Latencies, alone: &Latencies) {
    for (quantile, row) in rows {
        sheet.ours(row, watched.millis(quantile));
        sheet.limit(row, alone.millis(quantile));
    }
}

/// Starts an observatory; gives its address.
async fn observatory(place: &Place) -> Result<(SocketAddr, Child)> {
    let at = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let started = place.child(&["observatory", "--address", &at.to_string()])?;
    let answers = async {
        while TcpStream::connect(at).await.is_err() {
            tokio::time::sleep(RETRY_DELAY).await;
        }
    };
    tokio::time::timeout(LONGEST_WAIT, answers)
        .await
        .map_err(|_| Error::failed(format!("the observatory does not answer at {at}")))?;
    Ok((at, started))
}

/// People who look at the lanes page. They leave when this is dropped.
struct Viewers {
    seen: Vec<watch::Receiver<u64>>,
    _reading: JoinSet<Result<()>>,
}

impl Viewers {
    /// They are there once each has seen a snapshot.
    async fn of(at: SocketAddr) -> Result<Self> {
        let (mut reading, mut seen) = (JoinSet::new(), Vec::new());
        for _ in 0..VIEWERS {
            let (counted, receiver) = watch::channel(0);
            reading.spawn(look(at, counted));
            seen.push(receiver);
        }
        let mut viewers = Self { seen, _reading: reading };
        viewers.wait_for_more().await?;
        Ok(viewers)
    }

    /// Shows that they have been looking all the time: each sees another snapshot.
    async fn see_one_more(mut self) -> Result<()> {
        self.wait_for_more().await
    }

    async fn wait_for_more(&mut self) -> Result<()> {
        for seen in &mut self.seen {
            seen.borrow_and_update();
            let next = tokio::time::timeout(LONGEST_WAIT, seen.changed()).await;
            if !matches!(next, Ok(Ok(()))) {
                return Err(Error::failed("a viewer of the observatory sees no more snapshots"));
            }
        }
        Ok(())
    }
}

/// Reads the live lanes page and counts its snapshots.
async fn look(at: SocketAddr, seen: watch::Sender<u64>) -> Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!("GET /observatory/stream?page=lanes HTTP/1.1\r\nHost: {at}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        if line.contains("data-snapshot=") {
            seen.send_modify(|count| *count += 1);
        }
    }
    Ok(())
}
