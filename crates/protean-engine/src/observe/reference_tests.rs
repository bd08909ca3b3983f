//! The reference lists every metric of `/metrics`, and every span and line about a message.
//!
//! ```sh
//! WRITE_REFERENCE=1 cargo test -p protean-engine --lib reference
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use protean_core::config::SubscriptionType;
use protean_core::domain::{DomainBuilder, HandlerKind};
use protean_port::message::{Category, Lane};
use protean_test_servers::Reference;

use super::cached_probe::Seen;
use super::exposition::exposition;
use super::families::families;
use super::findings::{Findings, StoreState};
use super::metrics::Metrics;
use super::status::{Health, LaneStatus, SubscriptionStatus};
use crate::pacing::Pacing;
use crate::relay::RelayStatus;

const REFERENCE: Reference = Reference {
    page: "docs/book/src/reference/metrics.md",
    test: "-p protean-engine --lib reference",
};
/// Where the spans and lines are listed.
const TELEMETRY: &str = "crates/protean-core/src/handling/telemetry.rs";

const HEAD: &str = "\
# Metrics and spans

A test makes this page from the code; do not edit it: `WRITE_REFERENCE=1 cargo test -p protean-engine --lib reference`.

## `/metrics`

The health pages of a server, at `[server.health]`, have `/metrics` in the text format of Prometheus. What is not
known is left out: a subscription whose state cannot be read has no lag, rather than 0.

| metric | type | labels | meaning |
|---|---|---|---|
";

const LABELS_HEAD: &str = "
| label | meaning |
|---|---|
| `domain` | the name of the domain |
| `handler` | the name of the handler: its type, or `name` in its attribute |
| `stream` | the stream that the lane of the handler reads; that of backfill ends in `:backfill` |
| `type` | `stream` or `event_store`: where it reads |
| `broker` | the name of the broker in `domain.toml` |
| `outcome` | `done` or `failed` |
| `reason` | why backfill goes at its speed; see [using priority lanes](../guide/priority-lanes.md#pace-the-backfill) |
| `le` | the upper bound of a bucket, in seconds |

## Spans and lines of the log

";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page with at least one sample of each family that does not need a running handler.
fn samples() -> String {
    let lane = LaneStatus {
        lane: Lane::Primary,
        stream: "bank::account".into(),
        lag: Some(1),
        oldest: None,
        lag_seconds: Some(0.5),
        parked: Some(1),
        dead: Some(1),
        cursor: None,
        head: None,
        health: Health::Ok,
    };
    let subscription = SubscriptionStatus {
        group: "bank.Mailer".into(),
        handler: "Mailer".into(),
        category: Category::named("bank::account"),
        subscription_type: SubscriptionType::EventStore,
        kind: HandlerKind::Events,
        ignored: None,
        lanes: vec![lane],
        fault: None,
    };
    let relay = RelayStatus {
        broker: "default".into(),
        waiting: Some(1),
        failed: Some(1),
        abandoned: Some(1),
        ..RelayStatus::default()
    };
    let domain = DomainBuilder::new("bank").in_memory().build().unwrap();
    exposition(&families(&Findings {
        domain: "bank",
        metrics: &Metrics::of(&domain, Pacing::none().into()),
        store: StoreState::Answers,
        subscriptions: Some(Seen::now([subscription].into())),
        relays: Some(Seen::now([relay].into())),
    }))
}

/// The names of the labels of each metric that has a sample.
fn labels(page: &str) -> BTreeMap<&str, Vec<&str>> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let labelled = samples.filter_map(|line| line.split_once('{'));
    labelled
        .map(|(name, rest)| {
            let rest = rest.rsplit_once('}').map_or("", |(rest, _)| rest);
            (name, rest.split("\",").filter_map(|label| Some(label.split_once('=')?.0)).collect())
        })
        .collect()
}

/// One row for each family, in the order of the page.
fn metrics(page: &str) -> String {
    let labels = labels(page);
    let handler = labels["protean_subscription_lag"].clone();
    let mut text = String::new();
    let mut about = ("", "");
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            about = help.split_once(' ').unwrap_or((help, ""));
        } else if let Some(of_type) = line.strip_prefix("# TYPE ") {
            let (name, kind) = of_type.split_once(' ').unwrap_or((of_type, ""));
            let known = match name {
                "protean_subscription_reading" => handler.clone(),
                "protean_handler_seconds" => [handler.clone(), vec!["outcome", "le"]].concat(),
                name => labels.get(name).cloned().unwrap_or_default(),
            };
            let known: Vec<_> = known.iter().map(|label| format!("`{label}`")).collect();
            let _ = writeln!(text, "| `{name}` | {kind} | {} | {} |", known.join(", "), about.1);
        }
    }
    text
}

/// The table at the top of the file that logs what becomes of a message, and what follows it.
fn spans() -> String {
    let source = fs::read_to_string(workspace().join(TELEMETRY)).unwrap();
    let doc = source.lines().take_while(|line| line.starts_with("//!"));
    let doc = doc.map(|line| line.trim_start_matches("//!").trim_start()).skip(2);
    let text: String = doc.map(|line| format!("{line}\n")).collect();
    // A link of rustdoc leads nowhere in the book.
    text.replace("[`spans`](super::spans)", "`core/handling/spans.rs`")
}

#[test]
fn the_reference_has_every_metric_and_span() {
    let made = HEAD.to_owned() + &metrics(&samples()) + LABELS_HEAD + &spans();
    REFERENCE.assert_is(&made);
}
