//! How many messages of a lane are read at once. Pure: the caller brings the time.

use std::time::Duration;

use protean_port::port::BatchSizer;

/// How long a worker should be busy with a page.
const PAGE_TARGET: Duration = Duration::from_millis(100);
/// The most messages in a page that the settings do not ask for.
const MAX_PAGE_MESSAGES: usize = 256;

/// Sizes pages by how quickly they are handled: what a read and a commit cost is shared by
/// many messages where handlers are quick, and slow ones leave messages to other processes.
#[derive(Debug)]
pub(crate) struct PageSize {
    sizer: BatchSizer,
    /// The last read, unless it found fewer messages than it had room for.
    last: Option<Read>,
}

#[derive(Debug)]
struct Read {
    began: Duration,
    limit: usize,
    /// How many messages it found; entries may stand for more than was asked for.
    found: usize,
}

impl PageSize {
    /// Begins with pages of as many messages as the settings say, and never reads fewer.
    pub(crate) fn new(setting: usize) -> Self {
        let least = setting.max(1);
        let sizer = BatchSizer::new(PAGE_TARGET, least..=least.max(MAX_PAGE_MESSAGES));
        Self { sizer, last: None }
    }

    /// How many messages a page has at present.
    pub(crate) fn messages(&self) -> usize {
        self.sizer.units()
    }

    /// A read begins: memory has room again since the one before. Gives its limit.
    pub(crate) fn begin(&mut self, now: Duration) -> usize {
        if let Some(last) = &self.last {
            let time = now.saturating_sub(last.began).as_secs_f64();
            // What as many messages as were asked for would have taken.
            let share = last.limit as f64 / last.found.max(last.limit) as f64;
            self.sizer.took(Duration::from_secs_f64(time * share));
        }
        let limit = self.messages();
        self.last = Some(Read { began: now, limit, found: 0 });
        limit
    }

    /// The read has ended and found so many messages; true when it has found all there were.
    pub(crate) fn found(&mut self, messages: usize) -> bool {
        // How long the next one takes to come would say nothing about the handlers.
        if let Some(last) = &mut self.last {
            last.found = messages;
        }
        self.last.take_if(|last| messages < last.limit).is_some()
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self::new(1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAX_PAGE_MESSAGES, PAGE_TARGET, PageSize};

    /// Reads full pages, each so long after the one before; gives the size of the last.
    fn after(page: &mut PageSize, reads: u32, wait: Duration) -> usize {
        for read in 0..reads {
            let limit = page.begin(wait * read);
            assert!(!page.found(limit));
        }
        page.messages()
    }

    #[test]
    fn quick_handlers_get_large_pages_and_slow_ones_those_of_the_settings() {
        let mut page = PageSize::new(10);
        assert_eq!(after(&mut page, 2, PAGE_TARGET / 3), 20);
        assert_eq!(after(&mut page, 9, PAGE_TARGET / 3), MAX_PAGE_MESSAGES);
        assert_eq!(after(&mut page, 9, PAGE_TARGET * 2), 10);
    }

    #[test]
    fn a_page_is_never_smaller_than_the_settings_say() {
        let mut page = PageSize::new(500);
        assert_eq!(after(&mut page, 9, PAGE_TARGET / 9), 500);
        assert_eq!(after(&mut page, 9, PAGE_TARGET * 9), 500);
        assert_eq!(PageSize::new(0).begin(Duration::ZERO), 1);
    }

    #[test]
    fn a_read_that_brings_more_than_was_asked_for_counts_in_proportion() {
        let mut page = PageSize::new(10);
        page.begin(Duration::ZERO);
        page.found(200);
        assert_eq!(page.begin(PAGE_TARGET * 9), 20, "ten of them took less than half of it");
    }

    #[test]
    fn a_read_that_waited_for_messages_says_nothing() {
        let mut page = PageSize::new(10);
        assert_eq!(page.begin(Duration::ZERO), 10);
        assert!(page.found(9));
        assert_eq!(page.begin(Duration::ZERO), 10);
    }
}
