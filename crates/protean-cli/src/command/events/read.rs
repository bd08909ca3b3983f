//! `events read`: the messages of a stream, of a category or of the whole log.

use clap::Args;
use protean::message::{Category, Metadata, Recorded, Stream};
use protean::port::Store;
use protean::{Domain, Timestamp};

use super::category;
use super::follow::{Lines, follow};
use super::log_reader::{Criteria, LogReader, Source};
use super::message::{Page, Shown, short_type};
use crate::command::limit::limit;
use crate::{App, Reply, Result, Table};

pub(super) const AFTER_HELP: &str = "\
All criteria must match. Without --limit it shows 100 messages and says where the next page starts.

--follow shows messages as they are committed, one per line (with --json, one object per line). It
ends on Ctrl-C, when the reader of the pipe is gone, or after --limit messages. It starts with the
next message that is committed; with --from or --since it shows existing messages first.

  events read bank::account-17 --data
  events read bank::account --type deposit --since 2026-11-20T00:00:00Z
  events read --metadata tenant=acme --follow --json | jq .type";

/// The messages to show.
#[derive(Args)]
pub(crate) struct Options {
    /// A stream such as 'bank::account-17', or a category such as 'bank::account'; without it, the
    /// whole log
    #[arg(value_name = "STREAM|CATEGORY")]
    source: Option<String>,
    /// Only types whose name contains this, ignoring case: 'deposit'
    #[arg(long, value_name = "PART")]
    r#type: Option<String>,
    /// Only messages with this metadata; may be given several times
    #[arg(long, value_name = "KEY=TEXT", value_parser = pair)]
    metadata: Vec<Pair>,
    /// Created at this time or later: '2026-11-20T17:00:00Z'
    #[arg(long, value_name = "RFC3339")]
    since: Option<Timestamp>,
    /// Created before this time
    #[arg(long, value_name = "RFC3339", conflicts_with = "follow")]
    until: Option<Timestamp>,
    /// Starts at this position in the stream, or in the log for a category or the whole log
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// At most this many messages
    #[arg(long, value_name = "N", value_parser = limit())]
    limit: Option<usize>,
    /// Shows the data as well
    #[arg(long)]
    data: bool,
    /// Keeps running and shows messages as they are committed
    #[arg(long)]
    follow: bool,
}

/// A metadata key and its value.
#[derive(Clone)]
struct Pair {
    key: String,
    text: String,
}

fn pair(word: &str) -> Result<Pair, String> {
    let (key, text) = word.split_once('=').ok_or("expected KEY=TEXT, such as tenant=acme")?;
    Ok(Pair { key: key.to_owned(), text: text.to_owned() })
}

/// The default limit.
const DEFAULT_LIMIT: usize = 100;

impl Options {
    /// # Errors
    /// If there is neither a category nor a stream of this name. A stream that is followed may still
    /// be empty.
    async fn source(&self, domain: &Domain, store: &dyn Store) -> Result<Source> {
        let Some(name) = self.source.as_deref() else { return Ok(Source::Log) };
        if category::is_known(domain, name) {
            return Ok(Source::Category(Category::named(name)));
        }
        let named = |category| Stream::restored(name, category);
        let begun = store.stream(&named(Category::named(name)), 0, 1).await?.pop();
        let stream = begun.map(|first| first.message.stream).or_else(|| {
            let category = category::of_stream(domain, name).filter(|_| self.follow);
            category.map(named)
        });
        stream.map(Source::Stream).ok_or_else(|| category::no_stream(domain, name))
    }

    fn criteria(&self) -> Criteria {
        let mut metadata = Metadata::default();
        self.metadata.iter().for_each(|pair| metadata.set(&pair.key, &pair.text));
        Criteria {
            part_of_type: self.r#type.as_ref().map(|part| part.to_ascii_lowercase()),
            stream: None,
            metadata,
            since: self.since,
            until: self.until,
        }
    }
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let store = &**domain.store().await?;
    let (source, criteria) = (options.source(&domain, store).await?, options.criteria());
    let mut reader = LogReader { store, source, criteria, next: options.from.unwrap_or(0) };
    if options.follow {
        if options.from.is_none() && options.since.is_none() {
            reader.skip_to_end().await?;
        }
        let lines = Lines { json: app.json(), data: options.data };
        return follow(reader, lines, options.limit).await;
    }
    let limit = options.limit.unwrap_or(DEFAULT_LIMIT);
    let mut found = reader.page(limit + 1).await?;
    let next = found.get(limit).map(|next| reader.position(next));
    found.truncate(limit);
    let text = text(&reader.source, &found, options.data);
    let more = next.map(|next| format!("\n\nNext page: --from {next}")).unwrap_or_default();
    let messages = found.iter().map(|recorded| Shown::new(recorded, options.data)).collect();
    app.reply(Reply::new(Page { messages, next }, format!("{text}{more}")).about(&domain))
}

fn text(source: &Source, found: &[Recorded], data: bool) -> String {
    if found.is_empty() {
        return "No messages.".to_owned();
    }
    let of_stream = matches!(source, Source::Stream(_));
    let at = if of_stream { "At" } else { "Position" };
    let table = Table::new().number(at).text("Time").text("Type");
    let table = if of_stream { table } else { table.text("Stream") };
    let table = table.text("Priority");
    let has_metadata = |recorded: &Recorded| !recorded.message.extensions.metadata.is_empty();
    let metadata = found.iter().any(has_metadata);
    let table = if metadata { table.text("Metadata") } else { table };
    let mut table = if data { table.text("Data") } else { table };
    for Recorded { position, stream_position, message } in found {
        let at = if of_stream { stream_position } else { position };
        let kind = short_type(&message.type_name);
        let mut cells = vec![at.to_string(), message.time.to_string(), kind.to_owned()];
        cells.extend((!of_stream).then(|| message.stream.to_string()));
        cells.push(message.priority.to_string());
        cells.extend(metadata.then(|| message.extensions.metadata.to_string()));
        cells.extend(data.then(|| message.data.to_string()));
        table.row(cells);
    }
    table.to_string()
}
