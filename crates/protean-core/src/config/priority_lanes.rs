//! `[server.priority_lanes]`: two lanes, so that bulk work does not delay people.

use std::time::Duration;

use super::backfill_entries::BackfillEntries;
use super::document::{Entry, Table, Value};
use super::lane_policy::{LanePolicy, PolicySettings};
use super::section::Section;
use super::values::SOME;

/// Suffixes of stream names that have another meaning.
const RESERVED_SUFFIXES: [&str; 2] = ["dlq", "command"];

/// The primary and the backfill lane.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PriorityLanes {
    /// Whether there are two lanes; otherwise every message is primary.
    pub enabled: bool,
    /// A priority below this goes to backfill.
    pub threshold: i32,
    /// What follows the category in the name of a backfill stream, without the colon.
    pub backfill_suffix: String,
    /// Which messages go first when both lanes have some.
    pub policy: LanePolicy,
    /// The share of handlers' time that backfill gets while production has work: 0 unless the
    /// policy is [`LanePolicy::MinShare`].
    pub min_share: f64,
    /// The age from which a backfill message competes with production: unset unless the
    /// policy is [`LanePolicy::Aging`].
    pub aging: Option<Duration>,
    /// The age from which the backfill lane counts as lagging; never when unset.
    pub backfill_latency_target: Option<Duration>,
    /// The time within which 99 of 100 production messages are to be handled. A server slows its
    /// backfill while they take longer; never when unset.
    pub production_latency_target: Option<Duration>,
    /// What an entry of a backfill stream holds.
    pub backfill_entries: BackfillEntries,
    /// The most backfill messages in the broker; the others wait in the database.
    pub backfill_high_water: usize,
    /// The relay publishes more when the broker has fewer than this.
    pub backfill_low_water: usize,
    /// The backlog of the backfill lane, in messages, from which imports at its priorities
    /// wait; they never do when unset.
    pub producer_high_water: Option<usize>,
}

impl PriorityLanes {
    /// Reads the section of a server that has `concurrency` slots, of which `reserved` are
    /// kept from backfill.
    pub(super) fn read(section: &mut Section<'_>, concurrency: usize, reserved: usize) -> Self {
        let PolicySettings { policy, min_share, aging } =
            PolicySettings::read(section, concurrency, reserved);
        let threshold = section.whole("threshold", i32::MIN.into()..=i32::MAX.into());
        let high_water = section.whole("backfill_high_water", SOME).unwrap_or(10_000);
        Self {
            enabled: section.flag("enabled").unwrap_or(false),
            threshold: threshold.unwrap_or(0),
            backfill_suffix: suffix(section).unwrap_or("backfill".into()),
            policy,
            min_share,
            aging,
            backfill_latency_target: section.some_milliseconds("backfill_latency_target_ms"),
            production_latency_target: section.some_milliseconds("production_latency_target_ms"),
            backfill_entries: section.choice("backfill_entries").unwrap_or_default(),
            backfill_high_water: high_water,
            backfill_low_water: section.whole_below(
                "backfill_low_water",
                ("backfill_high_water", high_water),
                1000,
            ),
            producer_high_water: section.whole("producer_high_water", SOME),
        }
    }
}

fn suffix(section: &mut Section<'_>) -> Option<String> {
    let suffix = section.text("backfill_suffix")?;
    if suffix.contains(':') {
        section.refuse(
            "backfill_suffix",
            "contains ':', which separates the parts of a stream name; remove it",
        );
    } else if suffix.chars().any(|c| c.is_whitespace() || c.is_control()) {
        section
            .refuse("backfill_suffix", "contains a space or a control character; use letters only");
    } else if RESERVED_SUFFIXES.contains(&suffix.as_str()) {
        let message = format!("'{suffix}' is the suffix of other streams; choose another word");
        section.refuse("backfill_suffix", message);
    } else {
        return Some(suffix);
    }
    None
}

/// Turns `priority_lanes = true` into the table it stands for, so that an overlay can add to it.
pub(super) fn spell_out(root: &mut Table) {
    let Some(Entry { value: Value::Table(server), .. }) = root.get_mut("server") else { return };
    let Some(lanes) = server.get_mut("priority_lanes") else { return };
    if matches!(lanes.value, Value::Boolean(_)) {
        let enabled = ("enabled".to_owned(), lanes.clone());
        lanes.value = Value::Table(Table::from([enabled]));
    }
}
