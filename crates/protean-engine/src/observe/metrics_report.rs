//! Reports metrics to the sink that exports them, at regular intervals.

use std::sync::Arc;

use protean_core::domain::Domain;
use protean_port::port::MetricsSink;

use super::families::families;
use super::health_service::HealthService;
use crate::observe::metrics::Metrics;

/// Reports until the future is dropped.
pub(crate) async fn report_metrics(
    domain: Domain,
    metrics: Arc<Metrics>,
    sink: Arc<dyn MetricsSink>,
) {
    let (service, probing) = HealthService::new(domain, metrics, None);
    let reporting = async {
        loop {
            tokio::time::sleep(sink.interval()).await;
            sink.report(&families(&service.findings().await)).await;
        }
    };
    tokio::join!(probing, reporting);
}
