//! What a relay publishes and settles together.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Category, Lane, Priority};
use protean_port::port::{Delivery, LaneRead, LogPlace, Published, Store};

use super::batch_mark::LastPublished;
use super::broker_stream::BrokerStream;
use crate::handover::Handover;

/// One lane of one route of the plan: a broker stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteLane {
    /// The index of the route in the plan.
    pub(super) route: usize,
    pub(super) lane: Lane,
}

/// Messages of one lane of a category, in the order of the log.
pub(super) struct Page {
    pub(super) of: RouteLane,
    pub(super) content: Content,
    /// For each message and each group of the route, the stream position that the group expects
    /// next; `None` when the message is not open to it, or the store has not looked.
    pub(super) open: Vec<Vec<Option<u64>>>,
}

/// What is published of each message of a page.
pub(super) enum Content {
    /// The message, in an entry of its own.
    Messages(Vec<Delivery>),
    /// Where it is; an entry stands for `per_entry` of them.
    Places { category: Category, places: Vec<LogPlace>, per_entry: usize },
}

/// An entry to publish.
pub(super) enum Entry<'a> {
    Message(&'a Delivery),
    Places(&'a Category, &'a [LogPlace]),
}

impl Page {
    /// Reads the next page of a stream, and what its messages are to these groups.
    pub(super) async fn read(
        store: &dyn Store,
        stream: &BrokerStream,
        of: RouteLane,
        read: LaneRead,
        groups: &[Arc<str>],
    ) -> Result<Self> {
        let mut open = Vec::new();
        let content = if stream.takes_places() {
            let category = read.category.clone();
            Content::places(stream, category, store.lane_places(read).await?)
        } else if groups.is_empty() {
            Content::Messages(store.lane(read).await?)
        } else {
            let forwarded = store.lane_for(read, groups).await?.into_iter();
            let (messages, open_to) = forwarded.map(|of| (of.delivery, of.open)).unzip();
            open = open_to;
            Content::Messages(messages)
        };
        Ok(Self { of, content, open })
    }

    /// Keeps for readers of these groups, those of the route, the messages beyond a position
    /// that are open to them.
    pub(super) fn hand_over(&self, handover: &Handover, groups: &[Arc<str>], after: u64) {
        let Content::Messages(messages) = &self.content else { return };
        let fresh = messages.iter().zip(&self.open);
        for (delivery, open) in fresh.filter(|(of, _)| of.recorded.position > after) {
            for (group, next) in groups.iter().zip(open) {
                if let Some(next) = *next {
                    handover.keep(group, Delivery { next, ..delivery.clone() });
                }
            }
        }
    }

    /// Messages that were read before.
    pub(super) fn new(stream: &BrokerStream, of: RouteLane, messages: Vec<Delivery>) -> Self {
        let category = messages.first().map(|first| first.recorded.message.stream.category());
        let content = match category.filter(|_| stream.takes_places()) {
            Some(category) => {
                let places = messages.iter().map(|delivery| LogPlace::of(&delivery.recorded));
                Content::places(stream, category.clone(), places.collect())
            }
            None => Content::Messages(messages),
        };
        Self { of, content, open: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages it has.
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Messages(messages) => messages.len(),
            Content::Places { places, .. } => places.len(),
        }
    }

    /// What is published, entry by entry.
    pub(super) fn entries(&self) -> Vec<Entry<'_>> {
        match &self.content {
            Content::Messages(messages) => messages.iter().map(Entry::Message).collect(),
            Content::Places { category, places, per_entry } => {
                let entry = |places| Entry::Places(category, places);
                places.chunks((*per_entry).max(1)).map(entry).collect()
            }
        }
    }

    /// The last of its messages in the log.
    pub(super) fn last_published(&self) -> Option<LastPublished> {
        let last = match &self.content {
            Content::Messages(messages) => messages
                .iter()
                .map(|Delivery { recorded, .. }| (recorded.position, &recorded.message.id))
                .max_by_key(|(position, _)| *position),
            Content::Places { places, .. } => places
                .iter()
                .map(|place| (place.position, &place.id))
                .max_by_key(|(position, _)| *position),
        };
        last.map(|(position, id)| LastPublished { position, id: Arc::clone(id) })
    }

    /// Where its messages are in the log.
    pub(super) fn positions(&self) -> Vec<(Priority, u64)> {
        match &self.content {
            Content::Messages(messages) => {
                let position = |Delivery { recorded, .. }: &Delivery| {
                    (recorded.message.priority, recorded.position)
                };
                messages.iter().map(position).collect()
            }
            Content::Places { places, .. } => {
                places.iter().map(|place| (place.priority, place.position)).collect()
            }
        }
    }
}

impl Content {
    fn places(stream: &BrokerStream, category: Category, places: Vec<LogPlace>) -> Self {
        let per_entry = stream.per_entry(places.len());
        Self::Places { category, places, per_entry }
    }
}

impl Entry<'_> {
    /// What the broker's answer means for its messages: none of them is at fault when it
    /// refuses positions.
    pub(super) fn outcome(&self, published: Published) -> Published {
        match (self, published) {
            (Self::Places(..), Published::Refused(why)) => Published::Unavailable(why),
            (_, published) => published,
        }
    }

    /// How many messages it stands for.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Message(_) => 1,
            Self::Places(_, places) => places.len(),
        }
    }
}
