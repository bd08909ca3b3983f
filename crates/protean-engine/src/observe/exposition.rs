//! The page `/metrics`, in the Prometheus text format 0.0.4.

use std::fmt::{Display, Write as _};

use protean_core::config::SubscriptionType;

use super::findings::{Findings, StoreState};
use crate::observe::metrics::{Histogram, Role};
use crate::observe::status::{Health, LaneStatus, SubscriptionStatus};
use crate::pace::{Pace, PaceReason};
use crate::relay::RelayStatus;

/// Everything known, as Prometheus reads it. Values that are not known are left out.
pub(super) fn exposition(findings: &Findings<'_>) -> String {
    let mut page = Page::default();
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
    page.text
}

/// How fast the bulk work of this process goes, and why.
fn pace(page: &mut Page, pace: Pace) {
    let about = "The share of its full speed at which backfill goes, from 0 to 1.";
    page.gauge("protean_backfill_speed", about, pace.speed);
    let name = "protean_backfill_pace_reason";
    page.family(name, "1 for the reason of this speed, 0 for the others.", "gauge");
    for reason in PaceReason::NAMES {
        let present = u8::from(reason == pace.reason.name());
        page.sample(name, &format!("reason=\"{reason}\""), present);
    }
}

/// The status of the subscriptions, whichever process handles their messages.
fn subscriptions(page: &mut Page, domain: &str, known: &[SubscriptionStatus]) {
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
        page.family(&name, about, "gauge");
        for (of, lane) in known.iter().flat_map(|of| of.lanes.iter().map(move |lane| (of, lane))) {
            if let Some(value) = value(lane) {
                let labels = labels(domain, &of.handler, &lane.stream, of.subscription_type);
                page.sample(&name, &labels, value);
            }
        }
    }
}

/// What is on its way to brokers, whichever process publishes it.
fn relays(page: &mut Page, domain: &str, known: &[RelayStatus]) {
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
        page.family(&name, about, "gauge");
        for relay in known {
            if let Some(value) = value(relay) {
                let (domain, broker) = (quoted(domain), quoted(&relay.broker));
                page.sample(&name, &format!("domain={domain},broker={broker}"), value);
            }
        }
    }
}

/// What this process does and has counted.
fn processes(page: &mut Page, findings: &Findings<'_>) {
    let groups = findings.metrics.groups().iter();
    let lanes = groups.flat_map(|group| {
        group.lanes().iter().map(move |lane| {
            let kind = group.group.subscription.subscription_type;
            (group, lane, labels(findings.domain, &group.group.handler, &lane.stream, kind))
        })
    });
    let name = "protean_subscription_reading";
    page.family(name, "1 when this process reads for the subscription.", "gauge");
    for (group, _, labels) in lanes.clone() {
        page.sample(name, &labels, u8::from(group.role() == Role::Reading));
    }
    let name = "protean_handler_seconds";
    page.family(name, "How long a handler took for a message, in this process.", "histogram");
    for (_, lane, labels) in lanes {
        for (outcome, times) in [("done", &lane.done), ("failed", &lane.failed)] {
            page.histogram(name, &format!("{labels},outcome=\"{outcome}\""), times);
        }
    }
}

/// The documented labels.
fn labels(domain: &str, handler: &str, stream: &str, kind: SubscriptionType) -> String {
    let (domain, handler, stream) = (quoted(domain), quoted(handler), quoted(stream));
    format!("domain={domain},handler={handler},stream={stream},type=\"{kind}\"")
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn float(count: u64) -> f64 {
    count as f64
}

/// The page as it grows.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn family(&mut self, name: &str, about: &str, kind: &str) {
        self.line(format_args!("# HELP {name} {about}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        self.line(format_args!("{name}{{{labels}}} {value}"));
    }

    /// A gauge without labels.
    fn gauge(&mut self, name: &str, about: &str, value: impl Display) {
        self.family(name, about, "gauge");
        self.line(format_args!("{name} {value}"));
    }

    fn histogram(&mut self, name: &str, labels: &str, of: &Histogram) {
        let up_to = of.up_to();
        for (bound, count) in &up_to {
            let bound = bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
            self.sample(&format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), count);
        }
        self.sample(&format!("{name}_sum"), labels, of.sum().as_secs_f64());
        // The same as the last bucket, whatever was counted meanwhile.
        let count = up_to.last().map_or(0, |(_, count)| *count);
        self.sample(&format!("{name}_count"), labels, count);
    }
}

#[cfg(test)]
mod tests {
    use protean_core::config::SubscriptionType;
    use protean_core::domain::{DomainBuilder, HandlerKind};
    use protean_port::Error;
    use protean_port::message::{Category, Lane};

    use super::{Health, LaneStatus, RelayStatus, StoreState, SubscriptionStatus, exposition};
    use crate::observe::cached_probe::Seen;
    use crate::observe::findings::Findings;
    use crate::observe::metrics::Metrics;
    use crate::pacing::Pacing;

    fn unread() -> SubscriptionStatus {
        let lane = LaneStatus {
            lane: Lane::Primary,
            stream: "bank::\"a\\b\n".into(),
            lag: None,
            oldest: None,
            lag_seconds: None,
            parked: None,
            dead: Some(3),
            cursor: None,
            head: None,
            health: Health::Unknown,
        };
        SubscriptionStatus {
            group: "bank.Mailer".into(),
            handler: "Mailer".into(),
            category: Category::named("bank::a"),
            subscription_type: SubscriptionType::EventStore,
            kind: HandlerKind::Events,
            ignored: None,
            lanes: vec![lane],
            fault: Some(Error::unavailable("sqlite:secret.db is gone")),
        }
    }

    #[test]
    fn what_is_unknown_is_left_out_and_labels_are_quoted() {
        let domain = DomainBuilder::new("bank").in_memory().build().unwrap();
        let subscriptions = Some(Seen::now([unread()].into()));
        let metrics = Metrics::of(&domain, Pacing::none().into());
        let store = StoreState::Fails;
        let (broker, abandoned) = ("b".into(), Some(7));
        let relay = RelayStatus { broker, abandoned, ..RelayStatus::default() };
        let relays = Some(Seen::now([relay].into()));
        let domain = "bank";
        let text =
            exposition(&Findings { domain, metrics: &metrics, store, subscriptions, relays });
        let line = "protean_outbox_abandoned{domain=\"bank\",broker=\"b\"} 7\n";
        assert!(text.contains(line) && !text.contains("protean_outbox_pending{"), "{text}");
        let labels = "domain=\"bank\",handler=\"Mailer\",stream=\"bank::\\\"a\\\\b\\n\",\
                      type=\"event_store\"";
        for (name, value) in [("dlq_depth", 3), ("status", 0)] {
            let line = format!("protean_subscription_{name}{{{labels}}} {value}\n");
            assert!(text.contains(&line), "no {line} in\n{text}");
        }
        for unknown in ["protean_subscription_lag{", "protean_subscription_pending{", "secret"] {
            assert!(!text.contains(unknown), "{unknown} in\n{text}");
        }
    }
}
