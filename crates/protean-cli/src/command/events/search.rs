//! `events search`: finds messages in the log.

use clap::Args;
use protean::Timestamp;
use protean::message::{Category, Recorded};
use protean::port::Find;

use super::category;
use super::message::{Page, Shown, short_type};
use crate::command::limit::limit;
use crate::{App, Reply, Result, Table};

/// The criteria, all of which must match.
#[derive(Args)]
pub(crate) struct Options {
    /// The type: 'AccountOpened', or 'Bank.AccountOpened.v1' for one version
    #[arg(long, value_name = "TYPE")]
    r#type: Option<String>,
    /// The category: 'bank::account', 'bank::account:command'
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// The correlation id
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Created at this time or later: '2026-11-20T17:00:00Z'
    #[arg(long, value_name = "RFC3339")]
    since: Option<Timestamp>,
    /// Created before this time
    #[arg(long, value_name = "RFC3339")]
    until: Option<Timestamp>,
    /// Shows the newest messages first
    #[arg(long)]
    newest: bool,
    /// Starts after this position in the log
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// At most this many messages
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    limit: usize,
    /// Shows the data as well
    #[arg(long)]
    data: bool,
}

impl Options {
    fn find(&self, limit: usize) -> Find {
        let shared = |text: &Option<String>| text.as_deref().map(Into::into);
        Find {
            category: self.category.as_deref().map(Category::named),
            type_name: shared(&self.r#type),
            correlation_id: shared(&self.correlation),
            since: self.since,
            until: self.until,
            after: self.after,
            ..if self.newest { Find::last(limit) } else { Find::first(limit) }
        }
    }
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let limit = options.limit;
    let mut found = domain.store().await?.find(options.find(limit + 1)).await?;
    if let (true, Some(category)) = (found.is_empty(), &options.category)
        && let Some(unknown) = category::unknown(&domain, category)
    {
        return Err(unknown);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.position);
    let text = text(&found, next, options.data);
    let messages = found.iter().map(|recorded| Shown::new(recorded, options.data)).collect();
    app.reply(Reply::new(Page { messages, next }, text).about(&domain))
}

fn text(found: &[Recorded], next: Option<u64>, data: bool) -> String {
    if found.is_empty() {
        return "No messages.".to_owned();
    }
    let table = Table::new()
        .number("Position")
        .text("Time")
        .text("Type")
        .text("Stream")
        .text("Priority")
        .text("Correlation");
    let mut table = if data { table.text("Data") } else { table };
    for Recorded { position, message, .. } in found {
        let mut cells = vec![
            position.to_string(),
            message.time.to_string(),
            short_type(&message.type_name).to_owned(),
            message.stream.to_string(),
            message.priority.to_string(),
            message.correlation_id.to_string(),
        ];
        cells.extend(data.then(|| message.data.to_string()));
        table.row(cells);
    }
    let more = next.map(|next| format!("\n\nNext page: --after {next}")).unwrap_or_default();
    format!("{table}{more}")
}
