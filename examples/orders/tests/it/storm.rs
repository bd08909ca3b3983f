//! The real program with four workers, one of which is killed again and again.
//!
//! `ORDERS_STORM_ORDERS`, `ORDERS_STORM_OTHERS` and `ORDERS_STORM_KILL_MS` make a storm of any size.

use std::fs::{File, read_to_string};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use orders::order::{Order, OrderStatus, PlaceOrder};
use orders::payment::{DECLINED_CARD, PayOrder};
use orders::stock::AddStock;
use protean::Domain;
use protean::prelude::{Decimal, Id, Priority, Result};
use protean_test_servers::{Database, Postgres, RedisServer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::accounts::{Ends, assert_closed};

/// The time limit of a small storm, for a busy machine.
const WAIT_LIMIT: Duration = Duration::from_secs(300);
/// What each order and each other command adds to it.
const WAIT_LIMIT_PER_COMMAND: Duration = Duration::from_millis(20);
/// The time that a customer has to pay.
const SECONDS_TO_PAY: u32 = 2;
/// The number of different articles.
const ARTICLES: u64 = 20;
/// The initial stock of each.
const STOCK: i64 = 1_000_000;

/// A number from the environment, or the default.
fn wanted(name: &str, usual: u64) -> u64 {
    let said = std::env::var(format!("ORDERS_STORM_{name}")).ok();
    said.map_or(usual, |said| said.parse().unwrap())
}

fn wait_limit() -> Duration {
    let commands = wanted("ORDERS", 240) + wanted("OTHERS", 400);
    WAIT_LIMIT + WAIT_LIMIT_PER_COMMAND * u32::try_from(commands).unwrap()
}

/// A shop whose server is a process of its own.
struct Shop {
    folder: tempfile::TempDir,
    server: Child,
    domain: Domain,
    /// They end with it.
    _servers: Option<(Database, Postgres, RedisServer)>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Shop {
    fn on_one_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite:{}", folder.path().join("orders.db").display());
        Self::open(folder, orders::SETTINGS.replace("${DATABASE_URI|sqlite:orders.db}", &uri), None)
    }

    fn on_servers() -> Self {
        let postgres = Postgres::start("-c fsync=on");
        let (database, redis) = (postgres.own_database(), RedisServer::start("appendonly yes"));
        let settings = orders::SETTINGS.replace("\"sqlite\"", "\"postgresql\"");
        let settings = settings.replace("${DATABASE_URI|sqlite:orders.db}", &database.uri());
        let broker =
            format!("[brokers.default]\nprovider = \"redis\"\nURI = \"{}\"\n", redis.uri());
        let servers = Some((database, postgres, redis));
        Self::open(tempfile::tempdir().unwrap(), format!("{settings}\n{broker}"), servers)
    }

    fn open(
        folder: tempfile::TempDir,
        settings: String,
        servers: Option<(Database, Postgres, RedisServer)>,
    ) -> Self {
        let settings =
            format!("{settings}\n[server]\nlease_seconds = 2\n[server.health]\nenabled = false\n");
        std::fs::write(folder.path().join("domain.toml"), &settings).unwrap();
        let domain = orders::domain(&settings).build().unwrap();
        let log = File::create(folder.path().join("server.log")).unwrap();
        let mut server = program(folder.path().join("domain.toml"));
        server.args(["server", "--workers", "4"]).stdout(Stdio::null()).stderr(log);
        Self { server: server.spawn().unwrap(), folder, domain, _servers: servers }
    }

    fn log(&self) -> String {
        read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Kills one worker after the other until the work ends; returns how many.
    async fn kills_during<F: Future<Output = ()>>(&self, work: F) -> u64 {
        let (mut kills, mut work) = (0, std::pin::pin!(work));
        let interval = Duration::from_millis(wanted("KILL_MS", 700));
        while tokio::time::timeout(interval, &mut work).await.is_err() {
            let log = self.log();
            let started = log.lines().filter(|line| line.contains("worker started"));
            let worker = |line: &str| line.split_once("pid=")?.1.split(' ').next()?.parse().ok();
            let workers: Vec<i32> = started.filter_map(worker).collect();
            // Replacements come later in the log, so this cycles through all workers.
            let Some(worker) = workers.iter().rev().nth(3).and_then(|pid| Pid::from_raw(*pid))
            else {
                continue;
            };
            kills += u64::from(kill_process(worker, Signal::KILL).is_ok());
        }
        kills
    }

    fn verified(&self) -> Value {
        let mut verify = program(self.folder.path().join("domain.toml"));
        let output = verify.args(["verify", "--json"]).output().unwrap();
        assert!(output.status.success(), "{output:?}\n{}", self.log());
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn program(settings: PathBuf) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_orders"));
    program.arg("--config").arg(settings).stdin(Stdio::null());
    for name in ["PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
        program.env_remove(name);
    }
    program
}

/// What the customer of an order does. A third of the orders is taken back.
fn card(order: u64) -> Option<&'static str> {
    match order % 6 {
        0 => Some(DECLINED_CARD),
        1 => None,
        _ => Some("4242424242424242"),
    }
}

fn place(order: u64) -> PlaceOrder {
    PlaceOrder {
        order_id: order.to_string().into(),
        sku: (order % ARTICLES).to_string().into(),
        quantity: 1 + (order % 3) as i64,
        price: Decimal::new(100 + order as i64, 2),
        seconds_to_pay: if card(order).is_some() { 900 } else { SECONDS_TO_PAY },
    }
}

/// Fills the warehouse, and puts work before the bulk orders.
async fn prepare(shop: &Domain, others: u64) -> Result {
    for sku in 0..ARTICLES {
        let stock = AddStock { sku: sku.to_string().into(), quantity: STOCK };
        shop.process(stock).priority(Priority::HIGH).await?;
    }
    let other =
        |other: u64| AddStock { sku: format!("other-{}", other % 1000).into(), quantity: STOCK };
    shop.process_all((0..others).map(other)).priority(Priority::BULK).await?;
    Ok(())
}

/// Places the orders, and pays those that are there.
async fn sell(shop: &Domain, count: u64) -> Result {
    for order in 0..count {
        let priority = if order % 10 == 5 { Priority::BULK } else { Priority::NORMAL };
        shop.process(place(order)).priority(priority).await?;
    }
    let mut unpaid: Vec<u64> = (0..count).filter(|order| card(*order).is_some()).collect();
    let placed = shop.repository::<Order>().await?;
    while !unpaid.is_empty() {
        let mut rest = Vec::new();
        for order in unpaid {
            let Some(card) = card(order) else { continue };
            let reference = Id::from(order.to_string());
            if placed.find(&reference).await?.is_none() {
                rest.push(order);
                continue;
            }
            let pay = PayOrder { reference, card: card.to_owned() };
            shop.process(pay).priority(Priority::NORMAL).await?;
        }
        unpaid = rest;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Waits until this many orders are finished.
async fn await_ends(shop: &Shop, count: u64) -> Result {
    let (began, orders) = (Instant::now(), shop.domain.repository::<Order>().await?);
    loop {
        let placed = orders.query().filter(Order::STATUS.equals(OrderStatus::Placed));
        let (placed, all) = (placed.count().await?, orders.query().count().await?);
        if placed == 0 && all == count {
            return Ok(());
        }
        assert!(
            began.elapsed() < wait_limit(),
            "{placed} of {all} orders are open\n{}",
            shop.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until nothing is on the way or waits for another attempt. Timers and the recurring report
/// may still be scheduled.
async fn await_rest(shop: &Shop) -> Value {
    let began = Instant::now();
    loop {
        let report = shop.verified();
        if report["data"]["at_rest"] == true {
            return report;
        }
        assert!(began.elapsed() < wait_limit(), "{report:#}\n{}", shop.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn every_order_comes_to_its_end(shop: Shop) {
    let (count, others) = (wanted("ORDERS", 240), wanted("OTHERS", 400));
    prepare(&shop.domain, others).await.unwrap();
    let kills = shop
        .kills_during(async {
            sell(&shop.domain, count).await.unwrap();
            await_ends(&shop, count).await.unwrap();
        })
        .await;
    let report = await_rest(&shop).await;
    let groups = report["data"]["groups"].as_array().unwrap();
    for group in groups {
        assert_eq!((&group["parked"], &group["dead"]), (&0.into(), &0.into()), "{report:#}");
    }
    let ends = assert_closed(&shop.domain, STOCK).await.unwrap();
    let compensated = (0..count).filter(|order| order % 6 < 2).count();
    let expected = Ends { shipped: count as usize - compensated, cancelled: compensated };
    assert_eq!(ends, expected);
    let process = groups.iter().find(|group| group["handler"] == "Fulfilment").unwrap();
    assert_eq!(process["ignored"], 0, "{process:#}");
    assert_eq!(report["data"]["closes"], true, "{report:#}");
    assert!(kills > 2, "{kills} workers were killed\n{}", shop.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_file_every_order_comes_to_its_end() {
    every_order_comes_to_its_end(Shop::on_one_file()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn on_servers_every_order_comes_to_its_end() {
    every_order_comes_to_its_end(Shop::on_servers()).await;
}
