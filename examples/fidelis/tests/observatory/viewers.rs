//! What viewers cost the database, counted on the way to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protean_test_servers::Postgres;

use crate::bank::{Bank, WAIT_LIMIT};
use crate::place::{Observatory, wait_until};

/// Passes bytes on to a database, and counts those that ask something of it.
struct Meter {
    at: SocketAddr,
    asked: Arc<AtomicU64>,
}

impl Meter {
    fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let meter = Self { at: listener.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&meter.asked);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let asked = Arc::clone(&asked);
                std::thread::spawn(move || {
                    pass(client, server, |count| {
                        asked.fetch_add(count, Ordering::Relaxed);
                    })
                });
                std::thread::spawn(move || pass(back.0, back.1, |_| ()));
            }
        });
        meter
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Waits until nothing has been asked for as long as two snapshots are apart, and more.
    fn await_silence(&self) {
        let mut last = (self.asked(), Instant::now());
        wait_until("nothing is asked of the database", || {
            if self.asked() != last.0 {
                last = (self.asked(), Instant::now());
            }
            last.1.elapsed() > Duration::from_millis(2500)
        });
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, count: impl Fn(u64)) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count(length as u64);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// A viewer of the lanes page.
struct Viewer(std::io::Lines<BufReader<TcpStream>>);

impl Viewer {
    fn of(at: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(WAIT_LIMIT)).unwrap();
        write!(stream, "GET /observatory/stream?page=lanes HTTP/1.1\r\nHost: {at}\r\n\r\n")
            .unwrap();
        Self(BufReader::new(stream).lines())
    }

    /// The number of the next snapshot.
    fn next_snapshot(&mut self) -> u64 {
        loop {
            let line = self.0.next().expect("the stream goes on").unwrap();
            if let Some((_, rest)) = line.split_once("data-snapshot=\"") {
                return rest.split('"').next().unwrap().parse().unwrap();
            }
        }
    }
}

/// How many bytes a snapshot asks of the database with this many viewers, and how long it takes.
fn cost_of_a_snapshot(meter: &Meter, at: SocketAddr, viewers: usize) -> (f64, Duration) {
    const SNAPSHOTS: u64 = 3;
    let mut viewers: Vec<_> = (0..viewers).map(|_| Viewer::of(at)).collect();
    let first = viewers.iter_mut().map(|viewer| {
        viewer.next_snapshot();
        viewer.next_snapshot()
    });
    let first = first.max().unwrap();
    let upto = |viewer: &mut Viewer, number: u64| while viewer.next_snapshot() < number {};
    upto(&mut viewers[0], first + 1);
    let (asked, began) = (meter.asked(), Instant::now());
    upto(&mut viewers[0], first + 1 + SNAPSHOTS);
    let cost = (meter.asked() - asked) as f64 / SNAPSHOTS as f64;
    let between = began.elapsed() / u32::try_from(SNAPSHOTS).unwrap();
    // Every viewer received these same snapshots.
    viewers.iter_mut().skip(1).for_each(|viewer| upto(viewer, first + 1 + SNAPSHOTS));
    (cost, between)
}

#[test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
fn twenty_viewers_cost_the_database_one_snapshot_a_second_and_nobody_nothing() {
    let server = Postgres::shared();
    let database = server.database();
    let meter = Meter::before(server.port());
    let uri = database.uri().replace(&server.port().to_string(), &meter.at.port().to_string());
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("domain.toml");
    let text = fidelis::settings_on(&uri).replace("\"sqlite\"", "\"postgresql\"");
    std::fs::write(&settings, text).unwrap();
    let program = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fidelis"));
        program.stdin(Stdio::null()).env_remove("PROTEAN_ENV");
        program.arg("--config").arg(&settings);
        program
    };
    assert!(program().args(["db", "setup"]).output().unwrap().status.success());
    let observatory = Observatory::start(program());
    meter.await_silence();
    let at_rest = meter.asked();
    let (one, _) = cost_of_a_snapshot(&meter, observatory.at, 1);
    assert!(meter.asked() > at_rest && one > 0.0);
    let (twenty, between) = cost_of_a_snapshot(&meter, observatory.at, 20);
    assert!(between > Duration::from_millis(900), "a snapshot every {between:?}");
    assert!(twenty < one * 1.5, "{one} bytes a snapshot for one viewer, {twenty} for twenty");
    meter.await_silence();
}

#[test]
fn a_viewer_who_has_left_takes_no_seat() {
    let bank = Bank::ready();
    let observatory = Observatory::of(&bank);
    let _stays = Viewer::of(observatory.at);
    // Many more than there may be at once.
    for _ in 0..100 {
        Viewer::of(observatory.at).next_snapshot();
    }
}
