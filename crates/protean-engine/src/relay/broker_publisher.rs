//! Publishes pages to the broker, and finds out from the batch mark whether the broker
//! still holds what it was given.

use std::collections::BTreeSet;
use std::sync::Arc;

use protean_port::message::{Category, Lane, Positions, Unreadable};
use protean_port::port::{
    Batch, Broker, BrokerGroup, BrokerGroupStatus, BrokerMark, Delivery, EntryId, LogPlace,
    Publication, Published, Store,
};
use protean_port::{Error, Result};
use tracing::warn;

use super::batch_mark::{BatchMark, LastPublished};
use super::batch_notes::BatchNotes;
use super::ownership::{check_history, check_owner};
use super::page::{Entry, Page};
use super::plan::RelayPlan;
use super::settlements::MAX_UNSETTLED_PAGES;

/// One lane's end of a broker.
pub(super) struct BrokerPublisher {
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    plan: RelayPlan,
    lane: Lane,
    notes: Arc<BatchNotes>,
    /// The last message of the log that the broker was given.
    last: Option<LastPublished>,
    /// Why nothing is published any more: another log publishes to this broker.
    clash: Option<String>,
    /// The number of the last batch: the broker holds it as its mark, and the claim's
    /// note has it before the batch is settled.
    number: Option<u64>,
    /// The number is what the holder before has noted: it may have published more.
    is_inherited: bool,
    /// The groups of earlier generations are forgotten.
    has_forgotten: bool,
}

impl BrokerPublisher {
    pub(super) fn new(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        plan: RelayPlan,
        lane: Lane,
        notes: Arc<BatchNotes>,
    ) -> Self {
        let number = notes.last(lane);
        let (last, clash) = (None, None);
        let (is_inherited, has_forgotten) = (true, false);
        Self { store, broker, plan, lane, notes, last, clash, number, is_inherited, has_forgotten }
    }

    /// Makes the groups that are missing, and answers which groups missed something:
    /// all of them, when the broker lost what it was given.
    pub(super) async fn maintain(&mut self) -> Result<Vec<BrokerGroup>> {
        let kept = self.broker.stored_mark(&self.plan.mark(self.lane)).await?;
        let mark = kept.value.as_deref().and_then(BatchMark::read);
        self.check(mark.as_ref()).await?;
        let holds = mark.as_ref().and_then(|mark| self.number_of(mark));
        // A process that makes a group and then dies cannot say that the group missed something.
        self.incomplete().await?;
        let lane = mark.and_then(|mark| mark.lane);
        // The mark of bulk work is named after its streams, so production's says which they were.
        if let Some(left) = lane.filter(|lane| self.plan.bulk_lane() != Some(lane)) {
            self.leave(&left).await?;
        }
        if !self.has_forgotten {
            self.broker.forget(&self.plan.former_groups(self.lane)).await?;
            self.has_forgotten = true;
        }
        let groups = self.plan.groups(self.lane);
        let missing = self.broker.prepare(&groups).await?;
        // A broker whose server still runs has lost nothing, but has what was not noted any more.
        let same_run = self.notes.begin_run(&kept.incarnation);
        let ahead = match std::mem::take(&mut self.is_inherited) && same_run {
            true => MAX_UNSETTLED_PAGES as u64,
            // One whose answer never came.
            false => 1,
        };
        if holds.zip(self.number).is_some_and(|(holds, number)| is_expected(holds, number, ahead)) {
            self.number = holds;
            return Ok(missing);
        }
        self.number = None;
        self.batch(Arc::from([]), self.last.clone()).await?;
        Ok(groups)
    }

    /// Checks that the broker carries the messages of this log, and that nobody else publishes
    /// to it: this is its mark.
    async fn check(&mut self, mark: Option<&BatchMark>) -> Result {
        if let Some(clash) = &self.clash {
            return Err(Error::misused(clash));
        }
        let RelayPlan { domain, broker, .. } = &self.plan;
        check_owner(&*self.store, &*self.broker, domain, broker).await?;
        let last = mark.and_then(|mark| mark.last.clone());
        if let Some(foreign) = last.as_ref().filter(|last| self.last.as_ref() != Some(*last)) {
            let known = check_history(&*self.store, &self.plan, foreign).await;
            known.inspect_err(|failed| self.clash_with(failed))?;
        }
        self.last = last;
        Ok(())
    }

    /// The next mark would cover what was found, so that it is remembered.
    fn clash_with(&mut self, failed: &Error) {
        if !failed.is_unavailable() {
            self.clash = Some(failed.to_string());
        }
    }

    /// Removes the groups of a lane with another suffix: its messages are published again.
    async fn leave(&self, lane: &str) -> Result {
        let (relay, groups) = (&self.plan.name, self.plan.groups_of_lane(lane));
        let streams: BTreeSet<&str> = groups.iter().map(|group| &*group.stream).collect();
        let streams = Vec::from_iter(streams).join(", ");
        warn!(
            %relay, %lane, %streams,
            "the backfill suffix changed, publishing again the messages of the old streams"
        );
        self.broker.forget(&groups).await
    }

    /// The number of a mark, unless the backfill lane had another name then.
    fn number_of(&self, mark: &BatchMark) -> Option<u64> {
        (mark.lane.as_deref() == self.plan.bulk_lane()).then_some(mark.number)
    }

    /// Publishes pages, and answers what became of each message, page by page, and
    /// whether the broker lost what came before them.
    pub(super) async fn publish(&mut self, pages: &[Page]) -> Result<(Vec<Vec<Published>>, bool)> {
        let (mut entries, mut decided) = (Vec::new(), Vec::new());
        for page in pages {
            let stream = self.plan.stream(page.of);
            decided.push(self.entries(&stream, page, &mut entries));
        }
        let ends = pages.iter().filter_map(Page::last_published);
        let last = ends.chain(self.last.clone()).max_by_key(|last| last.position);
        let (published, lost) = self.batch(entries.into(), last).await?;
        let mut published = published.into_iter();
        let unanswered =
            || Published::Unavailable("the broker gave no answer for this message".into());
        let mut outcomes = Vec::with_capacity(pages.len());
        for (page, decided) in pages.iter().zip(decided) {
            let mut of_page = Vec::with_capacity(page.len());
            for (entry, decided) in page.entries().into_iter().zip(decided) {
                let outcome =
                    decided.unwrap_or_else(|| published.next().unwrap_or_else(unanswered));
                of_page.extend(std::iter::repeat_n(entry.outcome(outcome), entry.len()));
            }
            outcomes.push(of_page);
        }
        Ok((outcomes, lost))
    }

    async fn batch(
        &mut self,
        entries: Arc<[Publication]>,
        last: Option<LastPublished>,
    ) -> Result<(Vec<Published>, bool)> {
        let next = self.number.map_or(1, |number| number + 1);
        let lane = self.plan.bulk_lane().map(Into::into);
        let value = BatchMark { number: next, lane, last: last.clone() }.to_string().into();
        let mark = BrokerMark { name: self.plan.mark(self.lane), value };
        let receipt = self.broker.publish(Batch { entries, mark: Some(mark) }).await?;
        // An unavailable entry leaves the mark as it was.
        let marked = receipt.published.iter().all(|published| unavailable(published).is_none());
        let mark = receipt.before.as_deref().and_then(BatchMark::read);
        let before = mark.as_ref().and_then(|mark| self.number_of(mark));
        let lost = marked && self.number.is_some() && before != self.number;
        if lost && let Some(foreign) = mark.and_then(|mark| mark.last) {
            // The broker says only once that it has lost something: if that cannot be told on now,
            // the next round finds a mark that is not expected.
            self.number = None;
            let known = check_history(&*self.store, &self.plan, &foreign).await;
            known.inspect_err(|failed| self.clash_with(failed))?;
        }
        if marked {
            (self.number, self.last) = (Some(next), last);
        }
        Ok((receipt.published, lost))
    }

    /// The number of the last batch that the broker has.
    pub(super) fn number(&self) -> Option<u64> {
        self.number
    }

    /// Notes that nothing has to be published again, unless that is noted already.
    pub(super) async fn complete(&self) -> Result {
        match self.number {
            Some(number) if self.notes.last(self.lane).is_none() => {
                self.notes.note(self.lane, Some(number)).await
            }
            _ => Ok(()),
        }
    }

    /// Notes that something has to be published again, so that a successor begins it anew.
    pub(super) async fn incomplete(&self) -> Result {
        self.notes.note(self.lane, None).await
    }

    /// The status of a stream: that of the first group that it has of this domain.
    pub(super) async fn status(&self, stream: &str) -> Result<BrokerGroupStatus> {
        let mut groups = self.plan.groups(self.lane);
        groups.retain(|group| *group.stream == *stream);
        for group in groups {
            let found = self.broker.group_status(&[group]).await?;
            if let Some(status) = found.into_iter().flatten().next() {
                return Ok(status);
            }
        }
        Ok(BrokerGroupStatus::default())
    }

    /// Adds what a page needs to `entries`; answers the outcome of each entry that the broker does
    /// not get.
    fn entries(
        &self,
        stream: &Arc<str>,
        page: &Page,
        entries: &mut Vec<Publication>,
    ) -> Vec<Option<Published>> {
        let entry = |entry| match self.encoded(page.of.route, entry) {
            Ok(None) => Some(Published::Accepted(EntryId::new(""))),
            Ok(Some(entry)) => {
                let data = entry.into_bytes().into();
                entries.push(Publication { stream: Arc::clone(stream), data });
                None
            }
            Err(unreadable) => Some(Published::Refused(unreadable.to_string())),
        };
        page.entries().into_iter().map(entry).collect()
    }

    /// The text of an entry; `None` for a message that the broker does not get.
    fn encoded(&self, route: usize, entry: Entry<'_>) -> Result<Option<String>, Unreadable> {
        match entry {
            Entry::Message(Delivery { recorded, .. }) if !self.plan.carries(route, recorded) => {
                Ok(None)
            }
            // Where it is says enough: the reader makes it a dead letter.
            Entry::Message(Delivery { recorded, .. })
                if recorded.message.extensions.unreadable.is_some() =>
            {
                let category = recorded.message.stream.category();
                Ok(Some(where_they_are(category, &[LogPlace::of(recorded)])))
            }
            Entry::Message(Delivery { recorded, .. }) => {
                self.plan.envelope(recorded).map(|envelope| Some(envelope.into_string()))
            }
            Entry::Places(category, places) => Ok(Some(where_they_are(category, places))),
        }
    }
}

/// An entry that says where messages are, and not what.
fn where_they_are(category: &Category, places: &[LogPlace]) -> String {
    let positions = places.iter().map(|place| place.position).collect();
    let first_id = places.first().map(|first| first.id.to_string()).unwrap_or_default();
    Positions { positions, category: category.clone(), first_id }.to_json()
}

/// True when a broker with this mark lacks none of the batches up to a number. It may be so many
/// batches ahead of it.
fn is_expected(mark: u64, number: u64, ahead: u64) -> bool {
    (number..=number.saturating_add(ahead)).contains(&mark)
}

/// Why the broker cannot take an entry now, when that is so.
pub(super) fn unavailable(published: &Published) -> Option<&str> {
    match published {
        Published::Unavailable(reason) => Some(reason),
        Published::Accepted(_) | Published::Refused(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_expected;

    #[test]
    fn a_mark_is_the_number_or_a_few_ahead_of_it() {
        for (mark, expected) in [(6, false), (7, true), (8, true), (10, true), (11, false)] {
            assert_eq!(is_expected(mark, 7, 3), expected, "{mark}");
        }
        assert!(is_expected(u64::MAX, u64::MAX, 3));
    }
}
