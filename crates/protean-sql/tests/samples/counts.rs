//! Counts of messages that are kept, so that nobody counts the whole log.

use protean_port::message::{Lane, Priority};
use protean_port::port::{Changes, Store};

use super::{account, append, commit, is_committed};

const COMMITS: usize = 9;
const MESSAGES_PER_COMMIT: usize = 1_000;

/// Takes messages out of the middle of a log: a status that has them all has read counts. Before
/// that the store is what an older release left, if `older` makes it so.
pub(crate) async fn what_was_counted_is_not_read_again(
    store: &dyn Store,
    older: &str,
    mut run: impl FnMut(&str),
) {
    for _ in 0..COMMITS {
        let appends = vec![append(&account("a"), Priority::BULK); MESSAGES_PER_COMMIT];
        let unit = Changes { appends, ..Changes::new(Lane::Backfill) };
        assert!(commit(store, vec![unit]).await.iter().all(is_committed));
    }
    run(older);
    store.prepare(&[], &[]).await.unwrap();
    run("DELETE FROM messages WHERE position BETWEEN 5001 AND 8000");
    let status = store.group_status("g", account("a").category()).await.unwrap();
    let messages = (COMMITS * MESSAGES_PER_COMMIT) as u64;
    assert_eq!((status.committed, status.lag()), (messages, messages));
}
