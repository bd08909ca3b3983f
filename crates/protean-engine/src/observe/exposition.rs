//! The page `/metrics`, in the Prometheus text format 0.0.4.

use std::fmt::{Display, Write as _};

use protean_port::port::{HistogramValue, MetricFamily, MetricKind, MetricValue};

/// The metrics, as Prometheus reads them.
pub(super) fn exposition(families: &[MetricFamily]) -> String {
    let mut page = Page::default();
    for MetricFamily { name, about, samples, kind } in families {
        page.line(format_args!("# HELP {name} {about}"));
        page.line(format_args!("# TYPE {name} {}", kind_of(*kind)));
        for sample in samples {
            let labels = labels(&sample.labels);
            match &sample.value {
                MetricValue::Number(value) => page.sample(name, &labels, value),
                MetricValue::Histogram(of) => page.histogram(name, &labels, of),
            }
        }
    }
    page.text
}

fn kind_of(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}

fn labels(labels: &[(&str, String)]) -> String {
    let quoted = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
    quoted.collect::<Vec<_>>().join(",")
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
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

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        match labels {
            "" => self.line(format_args!("{name} {value}")),
            labels => self.line(format_args!("{name}{{{labels}}} {value}")),
        }
    }

    fn histogram(&mut self, name: &str, labels: &str, of: &HistogramValue) {
        for (bound, count) in &of.up_to {
            let bound = bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
            self.sample(&format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), count);
        }
        self.sample(&format!("{name}_sum"), labels, of.sum.as_secs_f64());
        // The same as the last bucket, whatever was counted meanwhile.
        self.sample(&format!("{name}_count"), labels, of.count());
    }
}

#[cfg(test)]
mod tests {
    use protean_core::config::SubscriptionType;
    use protean_core::domain::{DomainBuilder, HandlerKind};
    use protean_port::Error;
    use protean_port::message::{Category, Lane};

    use super::exposition;
    use crate::observe::cached_probe::Seen;
    use crate::observe::families::families;
    use crate::observe::findings::{Findings, StoreState};
    use crate::observe::metrics::Metrics;
    use crate::observe::status::{Health, LaneStatus, SubscriptionStatus};
    use crate::pacing::Pacing;
    use crate::relay::RelayStatus;

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
        let text = exposition(&families(&Findings {
            domain,
            metrics: &metrics,
            store,
            subscriptions,
            relays,
        }));
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
