//! `[server.priority_lanes]`: keeping bulk work out of the way of people.

use std::time::Duration;

use super::choice::Choice;
use super::document::{Entry, Table, Value};
use super::quantity::{ANY, SOME};
use super::section::Section;

/// Endings of stream names that have another meaning.
const TAKEN: [&str; 2] = ["dlq", "command"];

/// How the lanes share the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LanePolicy {
    /// Backfill runs only while nothing waits on primary.
    Strict,
}

/// The primary and the backfill lane.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorityLanes {
    /// Whether there are two lanes; everything is primary otherwise.
    pub enabled: bool,
    /// A priority below this goes to backfill.
    pub threshold: i32,
    /// What follows the category in the name of a backfill stream, without the colon.
    pub backfill_suffix: String,
    /// How the lanes share the server.
    pub policy: LanePolicy,
    /// The share of the server that backfill gets in any case, from 0 to 1.
    pub min_share: f64,
    /// How old a backfill message may grow before it is worth telling; never when unset.
    pub backfill_latency_target: Option<Duration>,
    /// The most backfill messages kept in the broker; the others wait in the database.
    pub backfill_high_water: usize,
    /// With fewer than this in the broker, the relay sends more.
    pub backfill_low_water: usize,
}

impl PriorityLanes {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let threshold = section.whole("threshold", i32::MIN.into()..=i32::MAX.into());
        let (high, low) = Self::read_water(section);
        Self {
            enabled: section.flag("enabled").unwrap_or(false),
            threshold: threshold.unwrap_or(0),
            backfill_suffix: suffix(section).unwrap_or("backfill".into()),
            policy: section.choice("policy").unwrap_or(LanePolicy::Strict),
            min_share: section.number("min_share", 0.0, 1.0).unwrap_or(0.0),
            backfill_latency_target: section.some_milliseconds("backfill_latency_target_ms"),
            backfill_high_water: high,
            backfill_low_water: low,
        }
    }

    fn read_water(section: &mut Section<'_>) -> (usize, usize) {
        let high = section.whole("backfill_high_water", SOME).unwrap_or(10_000);
        let low = section.whole("backfill_low_water", ANY);
        if low.is_some_and(|low| low >= high) {
            let message = format!("must be below backfill_high_water, which is {high}; lower it");
            section.conflict("backfill_low_water", message);
        }
        (high, low.unwrap_or(1000.min(high - 1)))
    }
}

fn suffix(section: &mut Section<'_>) -> Option<String> {
    let suffix = section.text("backfill_suffix")?;
    if suffix.contains(':') {
        section.refuse(
            "backfill_suffix",
            "holds ':', which separates the parts of a stream name; remove it",
        );
    } else if suffix.chars().any(|c| c.is_whitespace() || c.is_control()) {
        section.refuse("backfill_suffix", "holds a space or a control character; use letters");
    } else if TAKEN.contains(&suffix.as_str()) {
        let message = format!("'{suffix}' ends the names of other streams; choose another word");
        section.refuse("backfill_suffix", message);
    } else {
        return Some(suffix);
    }
    None
}

/// Turns `priority_lanes = true` into the table it stands for, so that overlays can meet it.
pub(super) fn spell_out(root: &mut Table) {
    let Some(Entry { value: Value::Table(server), .. }) = root.get_mut("server") else { return };
    let Some(lanes) = server.get_mut("priority_lanes") else { return };
    if matches!(lanes.value, Value::Boolean(_)) {
        let enabled = ("enabled".to_owned(), lanes.clone());
        lanes.value = Value::Table(Table::from([enabled]));
    }
}

impl Choice for LanePolicy {
    const ALL: &'static [(&'static str, Self)] = &[("strict", Self::Strict)];
}
