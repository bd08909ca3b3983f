//! Messages that wait for brokers, and the entries of the brokers' streams.

use std::time::Duration;

use maud::{Markup, html};
use protean_engine::{
    BrokerStream, Outbox, Refused, RelayStatus, age, broker_streams, grouped, or_unknown,
    shared_reason,
};
use protean_port::Result;
use protean_port::port::BrokerConsumer;
use tracing::warn;

use super::columns::Column::{Number, Text};
use super::columns::head;
use crate::text::{UNKNOWN, ago};
use crate::visit::{Page, Visit};

/// How many refused messages are shown.
const MAX_REFUSED: usize = 50;

/// The relays, the streams of the domain's own broker, and what brokers have refused.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn page(visit: &Visit<'_>) -> Result<Option<Page>> {
    let outbox = Outbox::of(visit.domain()).await?;
    let relays = outbox.status().await;
    let refused = outbox.abandoned(MAX_REFUSED).await?;
    let streams = broker_streams(visit.domain()).await.inspect_err(|error| {
        warn!(error = format_args!("{error:#}"), "observatory: the broker cannot be read");
    });
    let content = html! {
        @if relays.is_empty() {
            p.empty data-brokers="none" {
                "Handlers read the log directly: no message is published to a broker."
            }
        } @else {
            (relays_table(&relays))
        }
        @match streams {
            Ok(streams) => {
                @if !streams.is_empty() { (streams_table(&streams)) }
                @if streams.iter().any(|of| !of.consumers.is_empty()) { (consumers_table(&streams)) }
            }
            Err(_) => p.notice data-missing="broker" { "The broker does not answer." },
        }
        @if !refused.is_empty() { (refused_table(visit, &refused)) }
    };
    Ok(Some(Page { title: "Brokers", content }))
}

fn relays_table(relays: &[RelayStatus]) -> Markup {
    html! {
        table.stacked {
            (head(&[
                Text("Broker"), Number("Waiting"), Number("Oldest"), Number("Tried again"),
                Number("Given up"),
            ]))
            tbody {
                @for relay in relays {
                    tr data-broker=(relay.broker) {
                        th scope="row" { (relay.broker) }
                        td.number data-label="Waiting" data-value=[relay.waiting] {
                            (or_unknown(relay.waiting, grouped))
                        }
                        td.number data-label="Oldest" { (waited(relay)) }
                        td.number data-label="Tried again" data-value=[relay.failed] {
                            (or_unknown(relay.failed, grouped))
                        }
                        td.number data-label="Given up" data-value=[relay.abandoned] {
                            (or_unknown(relay.abandoned, grouped))
                        }
                    }
                }
            }
        }
    }
}

fn waited(relay: &RelayStatus) -> String {
    match (relay.waiting, relay.waited_seconds) {
        (Some(0), _) => "-".to_owned(),
        (_, Some(waited)) => age(Duration::try_from_secs_f64(waited).unwrap_or_default()),
        _ => UNKNOWN.to_owned(),
    }
}

fn streams_table(streams: &[BrokerStream]) -> Markup {
    html! {
        section aria-labelledby="streams" {
            h2 #streams { "Streams" }
            table.stacked {
                (head(&[
                    Text("Stream"), Text("Group"), Number("Entries"), Number("Not read"),
                    Number("Pending"), Number("Oldest"), Number("Consumers"),
                ]))
                tbody { @for stream in streams { (stream_row(stream)) } }
            }
        }
    }
}

fn stream_row(BrokerStream { stream, group, status, .. }: &BrokerStream) -> Markup {
    html! {
        tr data-stream=(stream) data-group=(group) {
            th scope="row" { code { (stream) } }
            td data-label="Group" { (group) }
            @match status {
                None => td colspan="5" { "does not exist yet" },
                Some(of) => {
                    td.number data-label="Entries" data-value=(of.length) { (grouped(of.length)) }
                    td.number data-label="Not read" { (or_unknown(of.lag, grouped)) }
                    td.number data-label="Pending" { (grouped(of.pending)) }
                    td.number data-label="Oldest" { (of.oldest.map_or_else(|| "-".to_owned(), age)) }
                    td.number data-label="Consumers" { (grouped(of.consumers)) }
                }
            }
        }
    }
}

fn consumers_table(streams: &[BrokerStream]) -> Markup {
    html! {
        section aria-labelledby="consumers" {
            h2 #consumers { "Consumers" }
            table.stacked {
                (head(&[
                    Text("Consumer"), Text("Stream"), Text("Group"), Number("Pending"),
                    Number("Idle"),
                ]))
                tbody {
                    @for of in streams {
                        @for consumer in &of.consumers { (consumer_row(of, consumer)) }
                    }
                }
            }
            p.hint {
                "Pending entries of a consumer that stays idle are taken over by another once their "
                "lease is over."
            }
        }
    }
}

fn consumer_row(of: &BrokerStream, consumer: &BrokerConsumer) -> Markup {
    let BrokerConsumer { name, pending, idle } = consumer;
    html! {
        tr data-consumer=(name) data-stream=(of.stream) data-group=(of.group) {
            th scope="row" { code { (name) } }
            td data-label="Stream" { code { (of.stream) } }
            td data-label="Group" { (of.group) }
            td.number data-label="Pending" data-value=(pending) { (grouped(*pending)) }
            td.number data-label="Idle" data-value=(idle.as_millis()) { (age(*idle)) }
        }
    }
}

fn refused_table(visit: &Visit<'_>, refused: &[Refused]) -> Markup {
    let now = visit.domain().clock().now();
    html! {
        section aria-labelledby="refused" {
            h2 #refused { "Given up" }
            table.stacked {
                (head(&[
                    Text("Message"), Text("Broker"), Text("Reason"), Number("Attempts"),
                    Number("When"),
                ]))
                tbody {
                    @for of in refused {
                        tr data-refused-position=(of.recorded.position) {
                            th scope="row" {
                                (of.recorded.message.name()) " "
                                span.kind { "at " (of.recorded.position) }
                            }
                            td data-label="Broker" { (of.broker) }
                            @if let Some(abandoned) = &of.abandoned {
                                td data-label="Reason" { (shared_reason(&abandoned.reason)) }
                                td.number data-label="Attempts" { (of.attempts) }
                                td.number data-label="When" { (ago(now, abandoned.time)) }
                            }
                        }
                    }
                }
            }
            p.hint { "To publish them again, run " code { "outbox retry" } "." }
        }
    }
}
