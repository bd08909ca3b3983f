//! Dead letters by reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_core::domain::{Domain, Group};
use protean_port::Result;
use protean_port::message::Timestamp;
use protean_port::port::DeadLetter;

use super::shared_reason::shared_reason;
use super::{DeadLetters, PAGE_MESSAGES};

/// The maximum number of distinct reasons.
const MAX_REASONS: usize = 1000;
/// Collects the reasons beyond the limit.
const OTHERS: &str = "(other reasons)";

/// Dead letters of one type that a group gave up for one reason.
#[derive(Clone, Debug)]
pub struct DeadLetterReason {
    /// The group.
    pub group: Arc<Group>,
    /// The message type without domain and version; empty for what lies beyond the limit of
    /// distinct reasons.
    pub type_name: String,
    /// The reason, as [`shared_reason`] words it.
    pub reason: String,
    /// How many dead letters.
    pub count: u64,
    /// The id of the latest one: its position in the log.
    pub id: u64,
    /// When the first in the order of the log was given up.
    pub first: Timestamp,
    /// When the last in the order of the log was given up.
    pub last: Timestamp,
}

/// Counts the dead letters of these groups by group, type and reason, the most frequent first. At
/// most a thousand reasons are told apart.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn dead_letter_reasons(
    domain: &Domain,
    groups: &[Arc<Group>],
) -> Result<Vec<DeadLetterReason>> {
    let mut counted = BTreeMap::new();
    for group in groups {
        let dead_letters = DeadLetters::of(domain, group).await?;
        let mut after = 0;
        loop {
            let page = dead_letters.page(after, PAGE_MESSAGES).await?;
            let Some(last) = page.last() else { break };
            after = last.recorded.position;
            page.iter().for_each(|dead_letter| count(&mut counted, group, dead_letter));
        }
    }
    let mut reasons: Vec<DeadLetterReason> = counted.into_values().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    Ok(reasons)
}

fn count(
    counted: &mut BTreeMap<(String, String, String), DeadLetterReason>,
    group: &Arc<Group>,
    dead_letter: &DeadLetter,
) {
    let kind = dead_letter.recorded.message.name();
    let mut key = (group.claim(), kind.to_owned(), shared_reason(&dead_letter.reason));
    if counted.len() >= MAX_REASONS && !counted.contains_key(&key) {
        (key.1, key.2) = (String::new(), OTHERS.to_owned());
    }
    let time = dead_letter.time;
    let entry = counted.entry(key).or_insert_with_key(|(_, kind, reason)| DeadLetterReason {
        group: Arc::clone(group),
        type_name: kind.clone(),
        reason: reason.clone(),
        count: 0,
        id: 0,
        first: time,
        last: time,
    });
    entry.count += 1;
    entry.id = dead_letter.recorded.position;
    entry.last = time;
}
