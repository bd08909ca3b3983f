//! The dashboard and the alert rules in `docs/monitoring` name only metrics and labels that a
//! server has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use protean::Priority;
use serde_json::Value;

use crate::harness::{Harness, On};
use crate::health::Running;

/// Labels that Prometheus adds.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

/// Each series of the page, with its labels.
type Series = BTreeMap<String, BTreeSet<String>>;

fn series(page: &str) -> Series {
    let mut series = Series::new();
    for line in page.lines().filter(|line| line.starts_with("protean_")) {
        let end = line.find(['{', ' ']).unwrap();
        let labels = series.entry(line[..end].to_owned()).or_default();
        labels.extend(OF_PROMETHEUS.map(str::to_owned));
        labels.extend(label_names(&line[end..]));
    }
    series
}

/// The names before `=`, `!=`, `=~` and `!~` of a selector at the beginning of the text.
fn label_names(text: &str) -> Vec<String> {
    let Some(selector) = text.strip_prefix('{').and_then(|rest| rest.split('}').next()) else {
        return Vec::new();
    };
    let quoted = selector.split('"').step_by(2);
    let name = |part: &str| part.trim_matches(['=', '~', '!', ',', ' ']).to_owned();
    quoted.map(name).filter(|name| !name.is_empty()).collect()
}

/// Everything in these expressions that no series has.
fn faults(series: &Series, text: &str) -> Vec<String> {
    let (mut faults, mut known) = (Vec::new(), BTreeSet::new());
    for (at, _) in text.match_indices("protean_") {
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, selector) = rest.split_at(end);
        let Some(labels) = series.get(name) else {
            faults.push(format!("no metric {name}"));
            continue;
        };
        let unknown = label_names(selector).into_iter().filter(|label| !labels.contains(label));
        faults.extend(unknown.map(|label| format!("{name} has no label {label}")));
        known.extend(labels.iter().cloned());
    }
    let grouped = text.split("by (").skip(1).flat_map(|rest| rest.split(')').next());
    let grouped = grouped.flat_map(|labels| labels.split(", "));
    let shown = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let shown = shown.map(|label| label.trim().trim_start_matches("$labels."));
    let shown = shown.filter(|label| !label.starts_with("$value"));
    let unknown = grouped.chain(shown).filter(|label| !known.contains(*label));
    faults.extend(unknown.map(|label| format!("no label {label}")));
    faults
}

/// Each panel's expression with its legend.
fn expressions(of: &Value, found: &mut Vec<String>) {
    match of {
        Value::Object(members) => {
            if let Some(expression) = members.get("expr").and_then(Value::as_str) {
                found.push(format!("{expression} {}", members["legendFormat"].as_str().unwrap()));
            }
            members.values().for_each(|member| expressions(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/monitoring");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_dashboard_and_the_alerts_name_what_a_server_has() {
    let harness = Harness::new(On::Streams);
    let server = Running::start(&harness).await;
    harness.add("t-1", 1, Priority::BULK).await;
    // The numbers of the subscriptions come with the first answer of the store.
    let page = server.await_text("/metrics", "protean_outbox_pending{").await;
    let series = series(&page);
    let mut expressions_found = Vec::new();
    let dashboard = file("grafana-dashboard.json");
    expressions(&serde_json::from_str(&dashboard).unwrap(), &mut expressions_found);
    let alerts = file("alerts.yml");
    let rules: Vec<_> = alerts.split("- alert: ").skip(1).map(str::to_owned).collect();
    assert!(expressions_found.len() > 20 && rules.len() > 5);
    for text in expressions_found.iter().chain(&rules) {
        assert_eq!(faults(&series, text), Vec::<String>::new(), "{text}");
    }
    // None is forgotten.
    for name in series.keys() {
        let name = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(dashboard.contains(name), "no panel shows {name}");
    }
    server.stop().await;
}

#[test]
fn a_metric_or_a_label_that_is_not_there_is_found() {
    let series = series("protean_up 1\nprotean_lag{handler=\"a,b=c\",stream=\"s\"} 2\n");
    let of = |text: &str| faults(&series, text).join(", ");
    assert_eq!(of("max by (handler) (protean_lag{stream!~\"s.*\"}) {{handler}}"), "");
    assert_eq!(of("protean_lags"), "no metric protean_lags");
    assert_eq!(of("protean_lag{group=\"a\"}"), "protean_lag has no label group");
    assert_eq!(of("sum by (group) (protean_up)"), "no label group");
    assert_eq!(of("protean_up {{ $labels.handler }}"), "no label handler");
}
