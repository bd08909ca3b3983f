//! `events read`: the messages of one stream.

use clap::Args;
use protean::message::{Category, Stream};

use super::category;
use super::message::{Page, Shown, short_type};
use crate::command::limit::limit;
use crate::{App, Reply, Result, Table};

/// The stream, and which of its messages to show.
#[derive(Args)]
pub(crate) struct Options {
    /// A category and an id, such as 'bank::account-17'
    stream: String,
    /// Starts at this position in the stream
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// At most this many messages
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    limit: usize,
    /// Shows the data as well
    #[arg(long)]
    data: bool,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let name = options.stream.as_str();
    let category = name.rsplit_once('-').map_or(name, |(category, _)| category);
    let stream = Stream::restored(name, Category::named(category));
    let limit = options.limit;
    let store = domain.store().await?;
    let mut found = store.stream(&stream, options.from, limit + 1).await?;
    if found.is_empty() && store.stream(&stream, 0, 1).await?.is_empty() {
        return Err(category::no_stream(&domain, name));
    }
    let next = found.get(limit).map(|next| next.stream_position);
    found.truncate(limit);
    let table = Table::new().number("At").text("Time").text("Type").text("Priority");
    let mut table = if options.data { table.text("Data") } else { table };
    for recorded in &found {
        let message = &recorded.message;
        let mut cells = vec![
            recorded.stream_position.to_string(),
            message.time.to_string(),
            short_type(&message.type_name).to_owned(),
            message.priority.to_string(),
        ];
        cells.extend(options.data.then(|| message.data.to_string()));
        table.row(cells);
    }
    let more = next.map(|next| format!("\n\nNext page: --from {next}")).unwrap_or_default();
    let messages = found.iter().map(|recorded| Shown::new(recorded, options.data)).collect();
    app.reply(Reply::new(Page { messages, next }, format!("{table}{more}")).about(&domain))
}
