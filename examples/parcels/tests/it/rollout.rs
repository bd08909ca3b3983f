//! From version to version while parcels are sent and imported, and not back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parcels::{v1, v3};
use protean::{Domain, Id, Priority, Submission};
use serde_json::Value;
use tokio::time::sleep;

use crate::office::Office;

const READY: &str = "server ready";
const GONE_ON: &str = "the workers have gone on with the program in this file";
const NOT_STARTED: &str = "the program in this file does not start";
/// How many parcels are imported at a time.
const PAGE: u32 = 50;
/// How many parcels of the import may wait for their mail.
const MAX_WAITING: usize = 500;

/// A program of the first version that sends parcels, and imports others, until it is stopped.
async fn send(office: Arc<Office>, stopped: Arc<AtomicBool>) -> BTreeSet<String> {
    let domain = v1::domain(office.settings()).build().unwrap();
    let mut sent = BTreeSet::new();
    let mut number = 0;
    while !stopped.load(Ordering::Relaxed) {
        for _ in 0..4 {
            number += 1;
            let command = v1::SendParcel { parcel: normal(number), grams: number };
            domain.process(command).asynchronous().await.unwrap();
            sent.insert(normal(number).to_string());
            sleep(Duration::from_millis(25)).await;
        }
        // On a busy machine an import without a bound is faster than a rebuild, which never ends then.
        if sent.len() > office.mailed() + MAX_WAITING {
            continue;
        }
        let page = number * PAGE..(number + 1) * PAGE;
        sent.extend(page.clone().map(|number| bulk(number).to_string()));
        let page = page.map(|number| v1::SendParcel { parcel: bulk(number), grams: number });
        let page = page.map(Submission::new).collect::<Vec<_>>();
        let imported = domain.process_all(page).priority(Priority::BULK).await.unwrap();
        assert_eq!(imported.accepted, u64::from(PAGE));
    }
    sent
}

/// Delivers parcels with the newest version, until it is stopped.
async fn deliver(domain: Domain, stopped: Arc<AtomicBool>) -> BTreeSet<String> {
    let mut delivered = BTreeSet::new();
    for number in 1.. {
        if stopped.load(Ordering::Relaxed) {
            break;
        }
        let command = v3::DeliverParcel { parcel: normal(number) };
        domain.process(command).asynchronous().await.unwrap();
        delivered.insert(normal(number).to_string());
        sleep(Duration::from_millis(60)).await;
    }
    delivered
}

fn normal(number: u32) -> Id {
    format!("n-{number}").into()
}

fn bulk(number: u32) -> Id {
    format!("b-{number}").into()
}

/// The grams that a parcel was sent with.
fn grams(parcel: &str) -> u32 {
    parcel[2..].parse().unwrap()
}

fn verified(office: &Office, version: usize) -> Value {
    office.ask(version, &["verify"])["data"].take()
}

fn closes(office: &Office, version: usize) {
    let verified = verified(office, version);
    assert_eq!(verified["closes"], true, "version {version}: {verified:#}");
}

/// Lets the servers handle some more.
fn work(office: &Office) {
    let before = office.runs().len();
    office.until("some more is handled", || office.runs().len() > before + 200);
}

/// In the end there is the right summary of each.
async fn assert_summed_up(newest: &Domain, sent: &BTreeSet<String>, delivered: &BTreeSet<String>) {
    let summaries = newest.repository::<v3::ParcelSummary>().await.unwrap();
    let mut looks = 0;
    for parcel in sent {
        let summary = loop {
            let found = summaries.find(&parcel.as_str().into()).await.unwrap();
            if let Some(summary) = found.filter(|it| it.delivered == delivered.contains(parcel)) {
                break summary;
            }
            looks += 1;
            assert!(looks < 9000, "{parcel} is not summed up in time");
            sleep(Duration::from_millis(20)).await;
        };
        assert_eq!((summary.grams, &*summary.country), (grams(parcel), "GB"), "{parcel}");
    }
}

async fn versions_are_rolled_out(office: Arc<Office>) {
    let office = &office;
    office.deploy(1);
    let server = office.serve();
    let stopped = Arc::<AtomicBool>::default();
    let sending = tokio::spawn(send(Arc::clone(office), Arc::clone(&stopped)));
    office.await_logged(READY, 3);
    work(office);
    closes(office, 1);

    // The event and its handler have other names.
    office.deploy(2);
    server.hang_up();
    office.await_logged(GONE_ON, 1);
    office.kill_a_worker();
    work(office);
    closes(office, 2);

    // The summary has a column that old rows cannot have, and the handler's name is taken over.
    office.ask(3, &["subscriptions", "rename", "Mailer", "Notifier"]);
    office.ask(3, &["projection", "rebuild", "ParcelSummary"]);
    closes(office, 3);
    let ready = office.log().matches(READY).count();
    office.deploy(3);
    server.hang_up();
    // From here on one version takes deliveries, and the other one does not know them.
    office.await_logged(READY, ready + 1);
    let newest = v3::domain(office.settings()).build().unwrap();
    let delivering = tokio::spawn(deliver(newest.clone(), Arc::clone(&stopped)));
    office.await_logged(GONE_ON, 2);
    office.kill_a_worker();
    work(office);
    closes(office, 3);

    // And back: it cannot.
    office.deploy(2);
    server.hang_up();
    office.await_logged(NOT_STARTED, 1);
    closes(office, 3);
    stopped.store(true, Ordering::Relaxed);
    let (sent, delivered) = (sending.await.unwrap(), delivering.await.unwrap());

    assert_summed_up(&newest, &sent, &delivered).await;
    closes(office, 3);
    office.until("everything is settled", || verified(office, 3)["at_rest"] == true);
    for group in verified(office, 3)["groups"].as_array().unwrap() {
        // The notifier has nothing to do about a delivery.
        let ignored = if group["handler"] == "Notifier" { delivered.len() } else { 0 };
        assert_eq!((&group["ignored"], &group["dead"]), (&ignored.into(), &0.into()), "{group:#}");
    }
    office.assert_run_once(&["send", "mail", "sum up with country"], &sent);
    office.assert_run_at_most_once("sum up", &sent);
    office.assert_run_once(&["deliver", "sum up delivery"], &delivered);
    assert_eq!(server.stop(), Some(0), "{}", office.log());
    let why = "error: the group 'parcels.Mailer' is called 'parcels.Notifier' now";
    assert_eq!(office.log().matches(why).count(), 1, "{}", office.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn versions_are_rolled_out_on_one_file() {
    versions_are_rolled_out(Office::on_one_file().into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn versions_are_rolled_out_on_servers() {
    versions_are_rolled_out(Office::on_servers().into()).await;
}
