//! The port of metrics: each report is one request, with the values as they are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use percent_encoding::percent_decode_str;
use prost::Message;
use protean_port::port::{
    BoxFuture, HistogramValue, MetricFamily, MetricKind, MetricSample, MetricValue, MetricsSink,
};

use crate::collector::Collector;

/// Sets the time between two reports, in milliseconds.
const INTERVAL_VARIABLE: &str = "OTEL_METRIC_EXPORT_INTERVAL";

/// Further headers of each request, such as `api-key=secret,tenant=acme`.
const HEADERS_VARIABLE: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// The time between two reports, unless the variable sets it.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// Reports metrics to a collector.
pub(crate) struct Metrics {
    pub(crate) collector: Collector,
    pub(crate) address: String,
    pub(crate) resource: opentelemetry_sdk::Resource,
    /// From when on runs are counted.
    pub(crate) began: SystemTime,
}

impl MetricsSink for Metrics {
    fn interval(&self) -> Duration {
        let millis = std::env::var(INTERVAL_VARIABLE).ok().and_then(|text| text.parse().ok());
        let interval = millis.filter(|millis| *millis > 0).map(Duration::from_millis);
        interval.unwrap_or(DEFAULT_INTERVAL)
    }

    fn report<'a>(&'a self, families: &'a [MetricFamily]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // `Collector` has logged the failure.
            let _ = self.send(families).await;
        })
    }
}

impl Metrics {
    async fn send(&self, families: &[MetricFamily]) -> Result<(), HttpError> {
        let body = self.encoded(families, opentelemetry::time::now());
        let mut request =
            Request::post(&self.address).header(CONTENT_TYPE, "application/x-protobuf");
        let headers = std::env::var(HEADERS_VARIABLE).unwrap_or_default();
        for (name, value) in headers.split(',').filter_map(|header| header.split_once('=')) {
            let value = percent_decode_str(value.trim()).decode_utf8()?.into_owned();
            request = request.header(name.trim(), value);
        }
        self.collector.send_bytes(request.body(Bytes::from(body))?).await.map(drop)
    }

    fn encoded(&self, families: &[MetricFamily], now: SystemTime) -> Vec<u8> {
        let times = Times { began: nanos(self.began), now: nanos(now) };
        let metrics = families.iter().filter(|family| !family.samples.is_empty());
        let scope = InstrumentationScope {
            name: "protean".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let metrics = metrics.map(|family| times.metric(family)).collect();
        let scope_metrics =
            vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }];
        let attributes = ResourceAttributesWithSchema::from(&self.resource).attributes.0;
        let resource = Some(Resource { attributes, ..Resource::default() });
        let resource_metrics =
            vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
    }
}

/// When values were measured, and from when on they are counted.
struct Times {
    began: u64,
    now: u64,
}

impl Times {
    fn metric(&self, family: &MetricFamily) -> Metric {
        let samples = family.samples.iter();
        let data = match family.kind {
            MetricKind::Gauge => Data::Gauge(Gauge {
                data_points: samples.filter_map(|of| self.number(of)).collect(),
            }),
            MetricKind::Histogram => Data::Histogram(Histogram {
                data_points: samples.filter_map(|of| self.histogram(of)).collect(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            }),
        };
        let unit = if family.name.ends_with("_seconds") { "s" } else { "" };
        Metric {
            name: family.name.clone(),
            description: family.about.to_owned(),
            unit: unit.to_owned(),
            metadata: Vec::new(),
            data: Some(data),
        }
    }

    fn number(&self, sample: &MetricSample) -> Option<NumberDataPoint> {
        let MetricValue::Number(number) = sample.value else { return None };
        Some(NumberDataPoint {
            attributes: attributes(sample),
            time_unix_nano: self.now,
            value: Some(number_data_point::Value::AsDouble(number)),
            ..NumberDataPoint::default()
        })
    }

    fn histogram(&self, sample: &MetricSample) -> Option<HistogramDataPoint> {
        let MetricValue::Histogram(of) = &sample.value else { return None };
        let bounds = of.up_to.iter().filter_map(|(bound, _)| *bound);
        Some(HistogramDataPoint {
            attributes: attributes(sample),
            start_time_unix_nano: self.began,
            time_unix_nano: self.now,
            count: of.count(),
            sum: Some(of.sum.as_secs_f64()),
            bucket_counts: bucket_counts(of),
            explicit_bounds: bounds.map(|bound| bound.as_secs_f64()).collect(),
            ..HistogramDataPoint::default()
        })
    }
}

/// How many are in each bucket alone.
fn bucket_counts(of: &HistogramValue) -> Vec<u64> {
    let mut before = 0;
    let counts = of.up_to.iter().map(|(_, count)| count - std::mem::replace(&mut before, *count));
    counts.collect()
}

fn attributes(sample: &MetricSample) -> Vec<KeyValue> {
    let of = |(name, value): &(&str, String)| KeyValue {
        key: (*name).to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.clone())) }),
        ..KeyValue::default()
    };
    sample.labels.iter().map(of).collect()
}

fn nanos(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protean_port::port::HistogramValue;

    use super::bucket_counts;

    #[test]
    fn a_bucket_counts_what_the_ones_before_it_do_not() {
        let bound = |millis| Some(Duration::from_millis(millis));
        let up_to = vec![(bound(1), 2), (bound(5), 2), (None, 7)];
        let of = HistogramValue { up_to, sum: Duration::ZERO };
        assert_eq!(bucket_counts(&of), [2, 0, 5]);
        assert_eq!(of.count(), 7);
    }
}
