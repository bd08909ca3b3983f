//! `dlq reasons`: counts dead letters by reason.

use std::collections::BTreeMap;

use clap::Args;
use protean::port::DeadLetter;
use protean::{Group, Timestamp};
use protean_engine::DeadLetters;
use serde::Serialize;

use super::target::groups;
use crate::age::age;
use crate::{App, Reply, Result, Table, grouped};

/// The number of dead letters in memory at once.
const PAGE_MESSAGES: usize = 500;
/// The maximum number of distinct reasons.
const MAX_REASONS: usize = 1000;
/// Replaces the parts of a reason that vary between messages.
const PLACEHOLDER: char = '…';
/// Collects the reasons beyond the limit.
const OTHERS: &str = "(other reasons)";

pub(super) const AFTER_HELP: &str = "\
Reads only the database; no server has to be running. Reasons that differ only in numbers, ids or quoted
values are counted together, with '…' in place of those parts. ID is the latest dead letter with the
reason; show it with 'dlq inspect'.";

/// The dead letters to count.
#[derive(Args)]
pub(crate) struct Options {
    /// Only dead letters of this handler or group
    #[arg(long, value_name = "NAME")]
    subscription: Option<String>,
}

/// Dead letters of one type that a subscription gave up for one reason.
#[derive(Serialize)]
struct Reason {
    subscription: String,
    r#type: String,
    reason: String,
    count: u64,
    /// The id of the latest one.
    id: u64,
    first: String,
    last: String,
    #[serde(skip)]
    last_time: Timestamp,
}

#[derive(Serialize)]
struct Reasons {
    reasons: Vec<Reason>,
    total: u64,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let mut counted = BTreeMap::new();
    for group in groups(&domain, options.subscription.as_deref())? {
        let dead_letters = DeadLetters::of(&domain, &group).await?;
        let mut after = 0;
        loop {
            let page = dead_letters.page(after, PAGE_MESSAGES).await?;
            let Some(last) = page.last() else { break };
            after = last.recorded.position;
            page.iter().for_each(|dead_letter| count(&mut counted, &group, dead_letter));
        }
    }
    let mut reasons: Vec<Reason> = counted.into_values().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    let total = reasons.iter().map(|reason| reason.count).sum();
    let text = text(&reasons, total, domain.clock().now());
    app.reply(Reply::new(Reasons { reasons, total }, text).about(&domain))
}

fn count(
    counted: &mut BTreeMap<(String, String, String), Reason>,
    group: &Group,
    dead_letter: &DeadLetter,
) {
    let (subscription, kind) = (&group.handler, dead_letter.recorded.message.name());
    let reason = shared_part(&dead_letter.reason);
    let mut key = (subscription.clone(), kind.to_owned(), reason);
    if counted.len() >= MAX_REASONS && !counted.contains_key(&key) {
        key.1 = String::new();
        key.2 = OTHERS.to_owned();
    }
    let time = dead_letter.time;
    let entry = counted.entry(key).or_insert_with_key(|(subscription, kind, reason)| Reason {
        subscription: subscription.clone(),
        r#type: kind.clone(),
        reason: reason.clone(),
        count: 0,
        id: 0,
        first: time.to_string(),
        last: String::new(),
        last_time: time,
    });
    entry.count += 1;
    entry.id = dead_letter.recorded.position;
    entry.last_time = time;
    entry.last = time.to_string();
}

/// A reason without the parts that vary between messages: quoted text, and words with digits.
fn shared_part(reason: &str) -> String {
    let mut shared = String::new();
    let mut rest = reason;
    while let Some(letter) = rest.chars().next() {
        let quoted = matches!(letter, '\'' | '"' | '`').then(|| rest[1..].find(letter)).flatten();
        if let Some(end) = quoted.filter(|_| !shared.ends_with(char::is_alphanumeric)) {
            shared.extend([letter, PLACEHOLDER, letter]);
            rest = &rest[end + 2..];
            continue;
        }
        let is_of_word = |letter: char| letter.is_alphanumeric() || "-_:.".contains(letter);
        let end = rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len());
        let end = end.max(letter.len_utf8());
        let (word, after) = rest.split_at(end);
        match word.contains(|letter: char| letter.is_ascii_digit()) {
            true => {
                shared.push(PLACEHOLDER);
                // Trailing punctuation is not part of a number.
                let kept = word.trim_end_matches([':', '.']).len();
                shared.push_str(&word[kept..]);
            }
            false => shared.push_str(word),
        }
        rest = after;
    }
    shared
}

fn text(reasons: &[Reason], total: u64, now: Timestamp) -> String {
    if reasons.is_empty() {
        return "There are no dead letters.".to_owned();
    }
    let mut table = Table::new()
        .number("Messages")
        .text("Subscription")
        .text("Type")
        .text("Last")
        .number("ID")
        .text("Reason");
    for reason in reasons {
        table.row([
            grouped(reason.count),
            reason.subscription.clone(),
            reason.r#type.clone(),
            format!("{} ago", age(now.since(reason.last_time))),
            reason.id.to_string(),
            reason.reason.clone(),
        ]);
    }
    format!("{table}\n\nTotal: {}", grouped(total))
}

#[cfg(test)]
mod tests {
    use super::shared_part;

    #[test]
    fn reasons_that_differ_only_in_values_are_counted_together() {
        for (reason, expected) in [
            ("no Account has the id 'a-17'", "no Account has the id '…'"),
            ("took longer than 30s: 4 tries, 1.5 each.", "took longer than …: … tries, … each."),
            ("it doesn't work, isn't it", "it doesn't work, isn't it"),
            ("email \"ä\" is taken", "email \"…\" is taken"),
            ("an open 'quote", "an open 'quote"),
            ("01a22c80-4dc3-763f-870f-84127edd4fad: gone", "…: gone"),
            ("Käse 価格", "Käse 価格"),
            ("", ""),
        ] {
            assert_eq!(shared_part(reason), expected);
        }
    }
}
