//! `events stats`: counts the messages of each type.

use protean::message::Category;
use protean::port::TypeStats;
use protean::{Domain, Timestamp};
use protean_engine::age;
use serde::Serialize;

use super::message::short_type;
use crate::{App, Reply, Result, Table, grouped};

pub(super) async fn run(app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let found = domain.store().await?.stats().await?;
    let aggregates = AggregateCount::all(&domain, &found);
    let text = text(&found, &aggregates, domain.clock().now());
    let types = found.iter().map(Type::new).collect();
    let total = total(&found);
    app.reply(Reply::new(Types { types, aggregates, total }, text).about(&domain))
}

fn total(found: &[TypeStats]) -> u64 {
    found.iter().map(|stats| stats.count).sum()
}

/// The messages of an aggregate.
#[derive(Serialize)]
struct AggregateCount<'a> {
    aggregate: &'a str,
    category: &'a str,
    events: u64,
    facts: u64,
    commands: u64,
}

impl<'a> AggregateCount<'a> {
    /// Those of every aggregate, also of one that has none.
    fn all(domain: &'a Domain, found: &[TypeStats]) -> Vec<Self> {
        let count = |category: &Category| {
            let of = found.iter().filter(|stats| stats.category == *category);
            of.map(|stats| stats.count).sum()
        };
        let aggregates = domain.catalog().aggregates();
        let counts = aggregates.map(|known| Self {
            aggregate: known.name,
            category: known.category.as_str(),
            events: count(known.category),
            facts: count(&known.category.facts()),
            commands: count(&known.category.commands()),
        });
        counts.collect()
    }
}

fn text(found: &[TypeStats], aggregates: &[AggregateCount<'_>], now: Timestamp) -> String {
    let mut table = Table::new()
        .text("Category")
        .text("Type")
        .text("Kind")
        .number("Messages")
        .number("First")
        .number("Last");
    for stats in found {
        table.row([
            stats.category.to_string(),
            short_type(&stats.type_name).to_owned(),
            stats.kind.as_str().to_lowercase(),
            grouped(stats.count),
            format!("{} ago", age(now.since(stats.first))),
            format!("{} ago", age(now.since(stats.last))),
        ]);
    }
    if found.is_empty() {
        return "No messages.".to_owned();
    }
    let mut by_aggregate =
        Table::new().text("Aggregate").number("Events").number("Facts").number("Commands");
    for count in aggregates {
        let numbers = [count.events, count.facts, count.commands].map(grouped);
        let [events, facts, commands] = numbers;
        by_aggregate.row([count.aggregate.to_owned(), events, facts, commands]);
    }
    format!("{table}\n\n{by_aggregate}\n\n{} messages.", grouped(total(found)))
}

#[derive(Serialize)]
struct Types<'a> {
    types: Vec<Type<'a>>,
    aggregates: Vec<AggregateCount<'a>>,
    total: u64,
}

#[derive(Serialize)]
struct Type<'a> {
    category: &'a str,
    r#type: &'a str,
    kind: &'static str,
    count: u64,
    first: String,
    last: String,
}

impl<'a> Type<'a> {
    fn new(stats: &'a TypeStats) -> Self {
        Self {
            category: stats.category.as_str(),
            r#type: &stats.type_name,
            kind: stats.kind.as_str(),
            count: stats.count,
            first: stats.first.to_string(),
            last: stats.last.to_string(),
        }
    }
}
