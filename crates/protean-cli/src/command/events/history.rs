//! `events history`: the events of one instance.

use clap::Args;
use protean::config::hint;
use protean::message::Category;
use protean::{Domain, Id};

use super::category;
use super::message::{Page, Shown, short_id, short_type, values};
use crate::command::limit::limit;
use crate::{App, Error, Reply, Result, Table};

/// The instance, and how many of its events to show.
#[derive(Args)]
pub(crate) struct Options {
    /// The name of the aggregate, such as 'Account'
    aggregate: String,
    /// The identity of the instance
    id: String,
    /// Starts at this position in the stream
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// At most this many events
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = limit())]
    limit: usize,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let (aggregate, category) = aggregate(&domain, &options.aggregate)?;
    let stream = category.stream(&Id::from(options.id.as_str()));
    let limit = options.limit;
    let mut found = domain.store().await?.stream(&stream, options.from, limit + 1).await?;
    let Some(first) = found.first() else {
        return Err(category::no_stream(&domain, stream.as_str()));
    };
    let title = format!("{aggregate} {}, since {}", options.id, first.message.time);
    let next = found.get(limit).map(|next| next.stream_position);
    found.truncate(limit);
    let mut table = Table::new().number("Version").text("Time").text("Event").text("Changes");
    for recorded in &found {
        let message = &recorded.message;
        table.row([
            short_id(recorded).trim_start_matches('#').to_owned(),
            message.time.to_string(),
            short_type(&message.type_name).to_owned(),
            values(recorded),
        ]);
    }
    let more = next.map(|next| format!("\n\nNext page: --from {next}")).unwrap_or_default();
    let text = format!("{}\n\n{table}{more}", crate::escape(&title));
    let messages = found.iter().map(|recorded| Shown::new(recorded, true)).collect();
    app.reply(Reply::new(Page { messages, next }, text).about(&domain))
}

/// Finds an aggregate by name, ignoring case.
fn aggregate(domain: &Domain, name: &str) -> Result<(&'static str, Category)> {
    let mut aggregates = domain.catalog().aggregates();
    let found = aggregates.find(|known| known.name.eq_ignore_ascii_case(name));
    if let Some(found) = found {
        return Ok((found.name, found.category.clone()));
    }
    let names: Vec<&str> = domain.catalog().aggregates().map(|known| known.name).collect();
    let domain = domain.name();
    Err(Error::failed(format!("'{domain}' has no aggregate '{name}'{}", hint(name, &names))))
}
