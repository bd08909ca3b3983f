//! The events of an instance, and its state after each of them and at any moment.

use maud::{Markup, html};
use protean_core::domain::{DeclaredAggregate, Snapshots};
use protean_engine::value_json;
use protean_port::Result;
use protean_port::message::{Category, Id, Recorded, Stream, Value};
use tracing::warn;

use super::columns::Column::{Number, Text, Unseen};
use super::columns::head;
use super::letter::shown;
use super::moment::Moment;
use super::reveal;
use crate::mask::{MASK, Payload};
use crate::text::counted;
use crate::visit::{Page, Visit};

/// How many instances or events a page lists.
const PAGE: usize = 100;

/// An aggregate, and one of its instances.
struct Instance {
    aggregate: &'static str,
    stream: Stream,
    id: Id,
}

/// The instances of an aggregate, or the events and the state of one.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn page(visit: &Visit<'_>) -> Result<Option<Page>> {
    let aggregates: Vec<_> = visit.domain().catalog().aggregates().collect();
    let wanted = visit.query.get("aggregate");
    let chosen = aggregates.iter().find(|known| Some(known.name) == wanted);
    let id = visit.query.get("id").map(str::trim);
    let content = html! {
        (search(visit, &aggregates, wanted, id))
        @match (chosen, id) {
            (Some(known), Some(id)) => {
                (instance(visit, known, id).await?)
            }
            (Some(known), None) => (instances(visit, known).await?),
            (None, _) => p.hint { "Choose an aggregate to see its latest instances." },
        }
    };
    Ok(Some(Page { title: "Streams", content }))
}

fn search(
    visit: &Visit<'_>,
    aggregates: &[DeclaredAggregate<'_>],
    wanted: Option<&str>,
    id: Option<&str>,
) -> Markup {
    html! {
        form.search method="get" action=(visit.address("streams")) role="search" {
            label for="aggregate" { "Aggregate and the identity of an instance" }
            select #aggregate name="aggregate" {
                @for known in aggregates {
                    option value=(known.name) selected[Some(known.name) == wanted] { (known.name) }
                }
            }
            input type="search" name="id" value=[id] aria-label="Identity" placeholder="identity"
                autocomplete="off" spellcheck="false";
            button type="submit" { "Show" }
        }
    }
}

async fn instances(visit: &Visit<'_>, known: &DeclaredAggregate<'_>) -> Result<Markup> {
    let store = visit.domain().store().await?;
    let after = visit.query.get("after").map(|after| known.category.stream(&Id::from(after)));
    let streams = store.streams(known.category, after.as_ref(), PAGE).await?;
    let address = |id: &str| {
        visit.address_with("streams", &[("aggregate", Some(known.name)), ("id", Some(id))])
    };
    let next = streams.last().filter(|_| streams.len() == PAGE).map(|last| {
        let after = Some(last.id());
        visit.address_with("streams", &[("aggregate", Some(known.name)), ("after", after)])
    });
    Ok(html! {
        @if streams.is_empty() {
            p.empty { "The log has no stream of " (known.name) "." }
        } @else {
            ul.instances {
                @for stream in &streams {
                    li { a href=(address(stream.id())) data-stream-id=(stream.id()) { code { (stream.id()) } } }
                }
            }
            @if let Some(next) = next { p { a href=(next) rel="next" { "Next page" } } }
        }
    })
}

async fn instance(visit: &Visit<'_>, known: &DeclaredAggregate<'_>, id: &str) -> Result<Markup> {
    let id = Id::from(id);
    let of = Instance { aggregate: known.name, stream: known.category.stream(&id), id };
    let store = visit.domain().store().await?;
    let moment = Moment::read(visit);
    let at_moment = match moment.time {
        Some(time) => Snapshots::of(visit.domain()).version_as_of(&of.stream, time).await?,
        None => None,
    };
    let from = visit.query.get("from").and_then(|from| from.parse().ok());
    // The page with the event that the moment leads to.
    let from = from.or(at_moment.map(|version| version - version % PAGE as u64)).unwrap_or(0);
    let events = store.stream(&of.stream, from, PAGE).await?;
    let Some(last) = events.last().map(|last| last.stream_position) else {
        return Ok(html! { p.empty { "The log has no event of this instance." } });
    };
    let version = visit.query.get("version").and_then(|version| version.parse().ok());
    let version = at_moment.or(version).unwrap_or(last);
    let shown = match (moment.time, at_moment) {
        (Some(_), None) => html! {
            p.empty data-state-version="none" { "The instance did not exist at this moment." }
        },
        _ => state(visit, &of, known.category, version).await?,
    };
    Ok(html! {
        (form(visit, &of, &moment))
        (shown)
        (table(visit, &of, &events, version))
        @if events.len() == PAGE {
            p { a rel="next" href=(address(visit, &of, &[("from", last + 1)])) { "Next page" } }
        }
    })
}

/// Asks for a moment.
fn form(visit: &Visit<'_>, of: &Instance, moment: &Moment<'_>) -> Markup {
    html! {
        form.search method="get" action=(visit.address("streams")) data-action="moment" {
            input type="hidden" name="aggregate" value=(of.aggregate);
            input type="hidden" name="id" value=(of.id.as_str());
            label for="moment" { "The state at a moment, in UTC unless it has an offset" }
            input #moment type="search" name="moment" value=[moment.text]
                placeholder="2026-11-18 11:06:40" autocomplete="off" spellcheck="false";
            button type="submit" { "Show" }
        }
        @if moment.is_unreadable() {
            p.notice role="alert" data-fault {
                "This is not a moment. Write a date and a time, such as 2026-11-18 11:06:40."
            }
        }
    }
}

fn address(visit: &Visit<'_>, of: &Instance, places: &[(&str, u64)]) -> String {
    let values: Vec<_> = places.iter().map(|(name, place)| (*name, place.to_string())).collect();
    let mut query = vec![("aggregate", Some(of.aggregate)), ("id", Some(of.id.as_str()))];
    query.extend(values.iter().map(|(name, value)| (*name, Some(value.as_str()))));
    visit.address_with("streams", &query)
}

/// The state after an event, with what this event has changed.
async fn state(
    visit: &Visit<'_>,
    of: &Instance,
    category: &Category,
    version: u64,
) -> Result<Markup> {
    let snapshots = Snapshots::of(visit.domain());
    let is_sourced = snapshots.aggregates().contains(&of.aggregate);
    if !is_sourced || *of.stream.category() != *category {
        return Ok(html! {
            p.hint {
                (of.aggregate)
                " is not event-sourced: its earlier states cannot be rebuilt from the log."
            }
        });
    }
    let after = snapshots.state_after(of.aggregate, &of.id, Some(version)).await;
    if let Err(error) = &after {
        warn!(
            stream = %of.stream, version, error = format_args!("{error:#}"),
            "observatory: the state of an instance cannot be rebuilt"
        );
    }
    // Without the state before, nothing is marked as changed.
    let before = match version.checked_sub(1).filter(|_| after.is_ok()) {
        Some(before) => {
            let before = snapshots.state_after(of.aggregate, &of.id, Some(before)).await;
            let before = before.inspect_err(|error| {
                warn!(
                    stream = %of.stream, version, error = format_args!("{error:#}"),
                    "observatory: the state before an event cannot be rebuilt"
                );
            });
            before.ok().flatten()
        }
        None => None,
    };
    let is_revealed = reveal::is_revealed(visit);
    let here = address(visit, of, &[("version", version)]);
    Ok(html! {
        section aria-labelledby="state" data-state-version=(version) {
            div.actions {
                h2 #state { "State after event " (version) }
                (reveal::button(visit, &here, "values"))
            }
            @match after {
                Ok(Some(columns)) => (fields(&columns, before.as_deref(), is_revealed)),
                Ok(None) => p.empty { "The instance did not exist at this version." },
                Err(_) => p.notice {
                    "The events cannot be replayed. To see why, run " code { "events check" } "."
                },
            }
        }
    })
}

fn fields(
    columns: &[(String, Value)],
    before: Option<&[(String, Value)]>,
    is_revealed: bool,
) -> Markup {
    let is_changed = |at: usize, value: &Value| {
        before.is_some_and(|before| before.get(at).is_none_or(|(_, before)| before != value))
    };
    html! {
        dl.payload.fields data-payload=(if is_revealed { "revealed" } else { "masked" }) {
            @for (at, (name, value)) in columns.iter().enumerate() {
                dt { (name) }
                dd data-field=(name) {
                    @if is_revealed { (value_json(value)) } @else { (MASK) }
                    @if is_changed(at, value) { " " span.mark { "changed" } }
                }
            }
        }
    }
}

fn table(visit: &Visit<'_>, of: &Instance, events: &[Recorded], version: u64) -> Markup {
    html! {
        table.stacked {
            caption { (of.stream) ", " (counted(events.len() as u64, "event", "events")) " from here" }
            (head(&[
                Number("Version"), Text("Event"), Text("Created"), Text("Fields"),
                Unseen("Trace"),
            ]))
            tbody { @for recorded in events { (row(visit, of, recorded, version)) } }
        }
    }
}

fn row(visit: &Visit<'_>, of: &Instance, recorded: &Recorded, version: u64) -> Markup {
    let message = &recorded.message;
    let place = recorded.stream_position;
    let is_revealed = reveal::is_revealed(visit);
    let payload = match is_revealed && place == version {
        true => Payload::revealed(&message.data),
        false => Payload::masked(&message.data),
    };
    let trace = visit.address_with("trace", &[("id", Some(&message.correlation_id))]);
    html! {
        tr data-version=(place) aria-current=[(place == version).then_some("true")] {
            td.number data-label="Version" {
                a href=(address(visit, of, &[("version", place)])) { (place) }
            }
            th scope="row" { (message.name()) }
            td data-label="Created" { time datetime=(message.time) { (message.time) } }
            td data-label="Fields" {
                @match &payload {
                    Payload::Fields(names) => span.kind { (names.join(", ")) },
                    other => (shown(other)),
                }
            }
            td.action { a href=(trace) { "Trace" } }
        }
    }
}
