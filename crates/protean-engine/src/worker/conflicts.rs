//! How often in a row the unit of a parked message was left out because of a conflict.
//! Concurrent writers are waited out; a unit that is in conflict with itself, such as one
//! that writes a row twice, fails in the end.

use std::collections::HashMap;

use protean_core::config::VersionRetry;
use protean_core::handling::{Backoff, Verdict};

/// This many conflicts in a row count as a failure of the message.
const MAX_CONFLICTS: u32 = 50;

/// The messages that are in conflict.
#[derive(Debug, Default)]
pub(crate) struct Conflicts(HashMap<u64, Row>);

#[derive(Debug, Default)]
struct Row {
    times: u32,
    /// The next commit for the message only parks it.
    waits: bool,
}

impl Conflicts {
    /// The unit of a message was left out once more. None when it runs again at once.
    pub(crate) fn left_out(
        &mut self,
        position: u64,
        what: String,
        retry: &VersionRetry,
    ) -> Option<Verdict> {
        let row = self.0.entry(position).or_default();
        row.times += 1;
        if row.times >= MAX_CONFLICTS {
            self.0.remove(&position);
            return Some(Verdict::Retry(what));
        }
        let beyond = row.times.checked_sub(retry.max_retries).filter(|beyond| *beyond > 0)?;
        row.waits = true;
        Some(Verdict::Conflict(what, Backoff::of_conflicts(retry).wait(beyond, 0.0)))
    }

    /// A unit of the message has committed: the conflict is over, unless the unit only
    /// parked it.
    pub(crate) fn committed(&mut self, position: u64) {
        if let Some(row) = self.0.get_mut(&position)
            && !std::mem::take(&mut row.waits)
        {
            self.0.remove(&position);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protean_core::config::VersionRetry;
    use protean_core::handling::Verdict;

    use super::{Conflicts, MAX_CONFLICTS};

    fn retry() -> VersionRetry {
        VersionRetry {
            enabled: true,
            max_retries: 2,
            base_delay: Duration::from_millis(10),
            max_delay: Duration::from_millis(25),
        }
    }

    /// The waits until the message fails; nothing for a try at once.
    fn waits(conflicts: &mut Conflicts) -> Vec<Option<Duration>> {
        let mut waits = Vec::new();
        loop {
            match conflicts.left_out(7, "late".into(), &retry()) {
                None => waits.push(None),
                Some(Verdict::Conflict(_, wait)) => {
                    waits.push(Some(wait));
                    conflicts.committed(7);
                }
                Some(_) => return waits,
            }
        }
    }

    #[test]
    fn waits_longer_and_longer_and_fails_in_the_end() {
        let waits = waits(&mut Conflicts::default());
        let millis = |n| Some(Duration::from_millis(n));
        assert_eq!(waits[..6], [None, None, millis(10), millis(20), millis(25), millis(25)]);
        assert_eq!(waits.len(), MAX_CONFLICTS as usize - 1);
    }

    #[test]
    fn starts_over_once_the_message_has_committed() {
        let mut conflicts = Conflicts::default();
        for _ in 0..3 {
            conflicts.left_out(7, "late".into(), &retry());
        }
        conflicts.committed(7);
        assert!(conflicts.0.contains_key(&7), "it only waits");
        conflicts.committed(7);
        assert!(conflicts.0.is_empty());
    }
}
