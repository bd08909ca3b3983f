//! The metrics of a server: their names, labels and values. The pages and what is exported show
//! the same.

use protean_core::config::SubscriptionType;
use protean_port::port::{HistogramValue, MetricFamily, MetricKind, MetricSample, MetricValue};

use super::findings::{Findings, StoreState};
use crate::observe::metrics::Role;
use crate::observe::status::{Health, LaneStatus, SubscriptionStatus};
use crate::pace::{Pace, PaceReason};
use crate::relay::RelayStatus;

/// Everything known. Values that are not known are left out.
pub(super) fn families(findings: &Findings<'_>) -> Vec<MetricFamily> {
    let mut page = Families::default();
    let up = u8::from(!findings.metrics.is_stopping());
    page.gauge("protean_up", "1 while the server works, 0 while it stops.", up);
    let uptime = findings.metrics.uptime().as_secs_f64();
    page.gauge("protean_uptime_seconds", "How long the server has been up.", uptime);
    let answers = u8::from(findings.store == StoreState::Answers);
    page.gauge("protean_store_up", "1 when the store answers.", answers);
    pace(&mut page, findings.metrics.pace());
    if let Some(seen) = &findings.subscriptions {
        let about = "How old the numbers of the subscriptions are.";
        page.gauge("protean_snapshot_age_seconds", about, seen.age().as_secs_f64());
        subscriptions(&mut page, findings.domain, &seen.what);
    }
    if let Some(seen) = &findings.relays {
        relays(&mut page, findings.domain, &seen.what);
    }
    processes(&mut page, findings);
    page.0
}

/// How fast the bulk work of this process goes, and why.
fn pace(page: &mut Families, pace: Pace) {
    let about = "The share of its full speed at which backfill goes, from 0 to 1.";
    page.gauge("protean_backfill_speed", about, pace.speed);
    let name = "protean_backfill_pace_reason";
    page.family(name, "1 for the reason of this speed, 0 for the others.", MetricKind::Gauge);
    for reason in PaceReason::NAMES {
        let present = u8::from(reason == pace.reason.name());
        page.number(vec![("reason", reason.to_string())], present);
    }
}

/// The status of the subscriptions, whichever process handles their messages.
fn subscriptions(page: &mut Families, domain: &str, known: &[SubscriptionStatus]) {
    type Value = fn(&LaneStatus) -> Option<f64>;
    let families: [(&str, &str, Value); 5] = [
        ("lag", "Messages committed that are not settled yet.", |lane| lane.lag.map(float)),
        ("lag_seconds", "How long the oldest of them has waited.", |lane| lane.lag_seconds),
        ("pending", "Messages that wait for another try, or behind one that does.", |lane| {
            lane.parked.map(float)
        }),
        ("dlq_depth", "Messages given up.", |lane| lane.dead.map(float)),
        ("status", "1 when the subscription is ok, 0 when it lags or is unknown.", |lane| {
            Some(f64::from(u8::from(lane.health == Health::Ok)))
        }),
    ];
    for (name, about, value) in families {
        let name = format!("protean_subscription_{name}");
        page.family(&name, about, MetricKind::Gauge);
        for (of, lane) in known.iter().flat_map(|of| of.lanes.iter().map(move |lane| (of, lane))) {
            if let Some(value) = value(lane) {
                let labels = labels(domain, &of.handler, &lane.stream, of.subscription_type);
                page.number(labels, value);
            }
        }
    }
}

/// What is on its way to brokers, whichever process publishes it.
fn relays(page: &mut Families, domain: &str, known: &[RelayStatus]) {
    type Value = fn(&RelayStatus) -> Option<u64>;
    let families: [(&str, &str, Value); 3] = [
        ("pending", "Messages committed and not published yet.", |relay| relay.waiting),
        ("failed", "Messages that the broker refused and that will be tried again.", |relay| {
            relay.failed
        }),
        ("abandoned", "Messages that the broker refused and that were given up.", |relay| {
            relay.abandoned
        }),
    ];
    for (name, about, value) in families.iter().filter(|_| !known.is_empty()) {
        let name = format!("protean_outbox_{name}");
        page.family(&name, about, MetricKind::Gauge);
        for relay in known {
            if let Some(value) = value(relay) {
                let labels =
                    vec![("domain", domain.to_owned()), ("broker", relay.broker.to_string())];
                page.number(labels, float(value));
            }
        }
    }
}

/// What this process does and has counted.
fn processes(page: &mut Families, findings: &Findings<'_>) {
    let groups = findings.metrics.groups().iter();
    let lanes = groups.flat_map(|group| {
        group.lanes().iter().map(move |lane| {
            let kind = group.group.subscription.subscription_type;
            (group, lane, labels(findings.domain, &group.group.handler, &lane.stream, kind))
        })
    });
    let name = "protean_subscription_reading";
    page.family(name, "1 when this process reads for the subscription.", MetricKind::Gauge);
    for (group, _, labels) in lanes.clone() {
        page.number(labels, u8::from(group.role() == Role::Reading));
    }
    let name = "protean_handler_seconds";
    let about = "How long a handler took for a message, in this process.";
    page.family(name, about, MetricKind::Histogram);
    for (_, lane, labels) in lanes {
        for (outcome, times) in [("done", &lane.done), ("failed", &lane.failed)] {
            let mut labels = labels.clone();
            labels.push(("outcome", outcome.to_owned()));
            let value = HistogramValue { up_to: times.up_to(), sum: times.sum() };
            page.sample(labels, MetricValue::Histogram(value));
        }
    }
}

/// The documented labels.
fn labels(domain: &str, handler: &str, stream: &str, kind: SubscriptionType) -> Labels {
    let of = |name, value: &str| (name, value.to_owned());
    vec![
        of("domain", domain),
        of("handler", handler),
        of("stream", stream),
        ("type", kind.to_string()),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "metrics know no other numbers")]
fn float(count: u64) -> f64 {
    count as f64
}

/// The labels of a sample, by name.
type Labels = Vec<(&'static str, String)>;

/// The families as they are gathered.
#[derive(Default)]
struct Families(Vec<MetricFamily>);

impl Families {
    fn family(&mut self, name: &str, about: &'static str, kind: MetricKind) {
        let (name, samples) = (name.to_owned(), Vec::new());
        self.0.push(MetricFamily { name, about, samples, kind });
    }

    /// A sample of the last family.
    fn sample(&mut self, labels: Labels, value: MetricValue) {
        if let Some(family) = self.0.last_mut() {
            family.samples.push(MetricSample { labels, value });
        }
    }

    fn number(&mut self, labels: Labels, value: impl Into<f64>) {
        self.sample(labels, MetricValue::Number(value.into()));
    }

    /// A gauge without labels.
    fn gauge(&mut self, name: &str, about: &'static str, value: impl Into<f64>) {
        self.family(name, about, MetricKind::Gauge);
        self.number(Labels::new(), value);
    }
}
