//! `events stats`: counts the messages of each type.

use protean::Timestamp;
use protean::port::TypeStats;
use serde::Serialize;

use super::message::short_type;
use crate::age::age;
use crate::{App, Reply, Result, Table, grouped};

pub(super) async fn run(app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let found = domain.store().await?.stats().await?;
    let text = text(&found, domain.clock().now());
    let types = found.iter().map(Type::new).collect();
    let total = total(&found);
    app.reply(Reply::new(Types { types, total }, text).about(&domain))
}

fn total(found: &[TypeStats]) -> u64 {
    found.iter().map(|stats| stats.count).sum()
}

fn text(found: &[TypeStats], now: Timestamp) -> String {
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
    let total = grouped(total(found));
    if found.is_empty() {
        "No messages.".to_owned()
    } else {
        format!("{table}\n\n{total} messages.")
    }
}

#[derive(Serialize)]
struct Types<'a> {
    types: Vec<Type<'a>>,
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
