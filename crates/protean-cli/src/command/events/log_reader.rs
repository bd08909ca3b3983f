//! Reads the messages that match, page by page.

use protean::Timestamp;
use protean::message::{Category, Metadata, Priority, Recorded, Stream};
use protean::port::{Find, Store, Watched};

use crate::Result;

/// How many messages are read at once.
const PAGE_MESSAGES: usize = 500;

/// Where messages are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// In one stream, by their positions in it.
    Stream(Stream),
    /// In one category, by their positions in the log.
    Category(Category),
    /// In the whole log.
    Log,
}

/// The criteria for messages, all of which must match.
#[derive(Clone, Debug, Default)]
pub(super) struct Criteria {
    /// Part of the full type name, in lower case.
    pub(super) part_of_type: Option<String>,
    /// The stream.
    pub(super) stream: Option<String>,
    /// Metadata that the message must have.
    pub(super) metadata: Metadata,
    /// Created at this time or later.
    pub(super) since: Option<Timestamp>,
    /// Created before this time.
    pub(super) until: Option<Timestamp>,
}

impl Criteria {
    fn match_with(&self, recorded: &Recorded) -> bool {
        let message = &recorded.message;
        let is_of_type = |part: &String| message.type_name.to_ascii_lowercase().contains(part);
        self.part_of_type.as_ref().is_none_or(is_of_type)
            && self.stream.as_ref().is_none_or(|stream| *stream == message.stream.as_str())
            && self
                .metadata
                .iter()
                .all(|(key, text)| message.extensions.metadata.get(key) == Some(text))
            && self.since.is_none_or(|since| message.time >= since)
            && self.until.is_none_or(|until| message.time < until)
    }
}

/// Reads matching messages from its current position on.
pub(super) struct LogReader<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) source: Source,
    pub(super) criteria: Criteria,
    /// The position of the next message: in the stream, or in the log.
    pub(super) next: u64,
}

impl LogReader<'_> {
    /// The next messages that match; fewer than `limit` when there are no more now.
    pub(super) async fn page(&mut self, limit: usize) -> Result<Vec<Recorded>> {
        let end = self.end().await?;
        let mut found = Vec::new();
        loop {
            let read = self.read().await?;
            let is_last = read.len() < PAGE_MESSAGES;
            for recorded in read {
                self.next = self.position(&recorded) + 1;
                if self.criteria.match_with(&recorded) {
                    found.push(recorded);
                    if found.len() == limit {
                        return Ok(found);
                    }
                }
            }
            if is_last {
                // What the database has passed over is not read again.
                self.next = self.next.max(end);
                return Ok(found);
            }
        }
    }

    /// The position of a message in the source.
    pub(super) fn position(&self, recorded: &Recorded) -> u64 {
        match self.source {
            Source::Stream(_) => recorded.stream_position,
            Source::Category(_) | Source::Log => recorded.position,
        }
    }

    async fn read(&self) -> Result<Vec<Recorded>> {
        let category = match &self.source {
            Source::Stream(stream) => {
                return Ok(self.store.stream(stream, self.next, PAGE_MESSAGES).await?);
            }
            Source::Category(category) => Some(category.clone()),
            Source::Log => None,
        };
        let after = self.next.checked_sub(1);
        let Criteria { since, until, .. } = self.criteria;
        let find = Find { category, since, until, after, ..Find::first(PAGE_MESSAGES) };
        Ok(self.store.find(find).await?)
    }

    /// Skips to the end: only messages that are committed from now on.
    pub(super) async fn skip_to_end(&mut self) -> Result<()> {
        if let Source::Stream(stream) = &self.source {
            // The log knows its end, a stream does not.
            self.criteria.stream = Some(stream.to_string());
            self.source = Source::Category(stream.category().clone());
        }
        self.next = self.end().await?;
        Ok(())
    }

    /// The position after the last message of the log; 0 in a stream, which does not know its end.
    async fn end(&self) -> Result<u64> {
        if matches!(self.source, Source::Stream(_)) {
            return Ok(0);
        }
        let last = self.store.find(Find::last(1)).await?.pop();
        Ok(last.map_or(0, |last| last.position + 1))
    }

    /// The messages that may match when they are committed.
    pub(super) fn watched(&self) -> Watched {
        let priorities = Priority::ALL;
        let category = match &self.source {
            Source::Stream(stream) => stream.category().clone(),
            Source::Category(category) => category.clone(),
            Source::Log => return Watched::AnyArrivals { priorities },
        };
        Watched::Arrivals { category, priorities }
    }
}
