//! What the page `/metrics` shows arrives at the collector as well.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::collector::Collector;
use crate::helpdesk::{Helpdesk, await_that, get};

/// How many runs a histogram has counted.
fn runs(metrics: &[Metric]) -> u64 {
    let of = metrics.iter().find(|metric| metric.name == "protean_handler_seconds");
    let Some(Some(Data::Histogram(of))) = of.map(|of| &of.data) else { return 0 };
    of.data_points.iter().map(|point| point.count).sum()
}

fn health(log: &str) -> SocketAddr {
    let (_, rest) = log.split_once("url=http://").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

#[test]
fn every_metric_of_the_page_is_exported_with_its_values() {
    let collector = Collector::start();
    let helpdesk = Helpdesk::new(collector.url());
    let _server = helpdesk.run(&["server"], &[]);
    await_that(|| helpdesk.log().contains("url=http://"), || helpdesk.log());
    helpdesk.ask(&["import", "3"]);
    // Each ticket is a command, and an event that two handle.
    let all = || runs(&collector.metrics()) == 9;
    await_that(all, || format!("{:#?}\n{}", collector.metrics(), helpdesk.log()));
    let page = get(health(&helpdesk.log()), "/metrics");
    let shown: BTreeSet<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let shown = shown.into_iter().filter_map(|line| line.split(' ').next());
    let exported: BTreeSet<_> = collector.metrics().into_iter().map(|of| of.name).collect();
    assert_eq!(exported, shown.map(str::to_owned).collect(), "{page}");
}
