//! The bank handles what the office publishes.

use std::time::Duration;

use fidelis::account::OpenAccount;
use fidelis::summary::AccountSummary;
use protean::Payload;
use protean::prelude::{Context, Decimal, Domain, Handled};
use protean::{Server, ensure, external_event, subscriber};
use serde::Deserialize;

use super::office::Office;
use crate::bank::transcript;
use crate::branch::Branch;

#[derive(Deserialize)]
struct Referral {
    holder: String,
    number: String,
}

fn open(referral: Referral, ctx: &Context) -> Handled {
    let Referral { holder, number } = referral;
    let opening_deposit = Decimal::new(0, 0);
    ctx.process(OpenAccount { account_number: number, holder_name: holder, opening_deposit })?;
    Ok(())
}

/// What a Protean for Python publishes, with its envelope.
#[external_event(name = "Audit.CustomerReferred")]
struct CustomerReferred {
    holder: String,
    number: String,
}

struct Referrals;

#[subscriber(stream = "audit::referral")]
impl Referrals {
    #[on]
    async fn referred(&self, event: CustomerReferred, ctx: &Context) -> Handled {
        let office = ctx.metadata().get("office");
        ensure!(office == Some("Whitehall"), "office" => "the metadata must say where it is from");
        open(Referral { holder: event.holder, number: event.number }, ctx)
    }
}

struct WalkIns;

#[subscriber(stream = "walk-ins")]
impl WalkIns {
    #[handle]
    async fn walked_in(&self, payload: Payload, ctx: &Context) -> Handled {
        open(payload.json()?, ctx)
    }
}

async fn opened(domain: &Domain) -> Vec<(String, String)> {
    let summaries = domain.repository::<AccountSummary>().await.unwrap();
    let all = summaries.query().limit(1000).all().await.unwrap();
    let mut all: Vec<_> = all.into_iter().map(|of| (of.account_number, of.holder_name)).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis and Protean for Python: cargo xtask test"]
async fn every_event_of_python_is_handled_by_the_bank_once() {
    let branch = Branch::new();
    let office = Office::beside(&branch);
    let domain = branch.builder().register(Referrals).register(WalkIns).build().unwrap();
    let published = office.python().args(["-c", include_str!("referrals.py")]).output().unwrap();
    assert!(published.status.success(), "{}", transcript(&published));
    let streams = ["audit::referral", "walk-ins"];
    assert_eq!(streams.map(|stream| branch.length(stream)), [20, 5], "{}", transcript(&published));
    let all = async {
        while opened(&domain).await.len() < 25
            || streams.iter().any(|stream| branch.length(stream) > 0)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let serving = Server::new(domain.clone()).run(all);
    tokio::time::timeout(Duration::from_secs(50), serving).await.unwrap().unwrap();
    let referred = (0..20).map(|number| (format!("R-{number:03}"), "Grace Höpper".to_owned()));
    let walked_in = (0..5).map(|number| (format!("W-{number:03}"), "Alan Turing".to_owned()));
    assert_eq!(opened(&domain).await, referred.chain(walked_in).collect::<Vec<_>>());
}
