//! When backfill runs although production has work.

use std::time::Duration;

use super::form::choices;
use super::section::Section;

/// The largest share of handlers' time that backfill may be given.
const MAX_SHARE: f64 = 0.9;

/// Which messages go first when both lanes have some that could start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LanePolicy {
    /// Production, always.
    #[default]
    Strict,
    /// Production, while backfill has its share of the time.
    MinShare,
    /// Production; a backfill message that is old enough competes with it.
    Aging,
}

choices!(LanePolicy: "strict" is Strict, "min_share" is MinShare, "aging" is Aging);

/// The policy and the figures it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PolicySettings {
    pub(super) policy: LanePolicy,
    pub(super) min_share: f64,
    pub(super) aging: Option<Duration>,
}

impl PolicySettings {
    /// Reads the three keys. Of `concurrency` slots, backfill can hold at most
    /// `concurrency - reserved`.
    pub(super) fn read(section: &mut Section<'_>, concurrency: usize, reserved: usize) -> Self {
        let policy = section.choice("policy").unwrap_or_default();
        let share = section.number("min_share", 0.0..=MAX_SHARE);
        let aging = section.some_milliseconds("aging_ms");
        match policy {
            LanePolicy::MinShare => check_share(section, share, concurrency, reserved),
            LanePolicy::Aging => {
                section.missing("aging_ms", "policy \"aging\" needs an age; add it");
            }
            LanePolicy::Strict => {}
        }
        let min_share = share.unwrap_or(0.0);
        if policy != LanePolicy::MinShare && min_share > 0.0 {
            let message = "needs policy = \"min_share\"; set it, or remove the key";
            section.conflict("min_share", message);
        }
        if policy != LanePolicy::Aging && aging.is_some() {
            section.conflict("aging_ms", "needs policy = \"aging\"; set it, or remove the key");
        }
        Self { policy, min_share, aging }
    }
}

/// Refuses a share that is none, or that backfill could never get.
fn check_share(section: &mut Section<'_>, share: Option<f64>, concurrency: usize, reserved: usize) {
    const NONE: &str = "policy \"min_share\" needs a share above 0, such as 0.1; add it";
    let Some(share) = share else { return section.missing("min_share", NONE) };
    let most = concurrency.saturating_sub(reserved).max(1);
    #[expect(clippy::cast_precision_loss, reason = "slots are few")]
    let too_large = share * concurrency as f64 > most as f64;
    if share == 0.0 {
        section.conflict("min_share", NONE);
    } else if too_large {
        section.conflict(
            "min_share",
            format!(
                "cannot be kept: backfill holds at most {most} of {concurrency} slots; \
                 lower it, or server.reserved"
            ),
        );
    }
}
