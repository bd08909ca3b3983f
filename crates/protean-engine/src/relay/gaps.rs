//! What a broker has lost, or never had: messages that one of its groups has not
//! settled and that the relay has passed.

use std::collections::VecDeque;
use std::sync::Arc;

use protean_core::message::{Lane, Priority};
use protean_core::port::{BrokerGroup, Delivery, LaneRead, LaneStanding, Standing};

use super::plan::RelayPlan;

/// One group's part of one lane, to be published again.
pub(super) struct Gap {
    pub(super) route: usize,
    pub(super) lane: Lane,
    pub(super) group: Arc<str>,
    /// What is left of it, by priority; not known until it is begun.
    stretches: Option<VecDeque<Stretch>>,
}

/// Messages of one priority, between two places in the log.
struct Stretch {
    priority: Priority,
    after: u64,
    up_to: u64,
}

/// The gaps that are left, production first.
#[derive(Default)]
pub(super) struct Gaps(VecDeque<Gap>);

impl Gaps {
    /// Adds those of groups that have missed something; what was left of theirs begins anew.
    pub(super) fn add(&mut self, plan: &RelayPlan, missing: &[BrokerGroup]) {
        for lane in plan.lanes.lanes() {
            for (route, of) in plan.routes.iter().enumerate() {
                let stream = plan.stream(route, *lane);
                for group in &of.groups {
                    if missing.iter().any(|lost| lost.stream == stream && lost.group == *group) {
                        self.0.retain(|gap| {
                            (gap.route, gap.lane) != (route, *lane) || gap.group != *group
                        });
                        let group = Arc::clone(group);
                        self.0.push_back(Gap { route, lane: *lane, group, stretches: None });
                    }
                }
            }
        }
        self.0.make_contiguous().sort_by_key(|gap| gap.lane);
    }

    /// The one in hand.
    pub(super) fn first(&mut self) -> Option<&mut Gap> {
        self.0.front_mut()
    }

    /// The one in hand is filled.
    pub(super) fn fill(&mut self) {
        self.0.pop_front();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Gap {
    pub(super) fn is_begun(&self) -> bool {
        self.stretches.is_some()
    }

    /// Goes up to where the relay has come: what lies beyond is published in its turn.
    pub(super) fn begin(&mut self, plan: &RelayPlan, group: &Standing, relay: &Standing) {
        let (lowest, highest) = plan.lanes.range(self.lane);
        let here = |lane: &&LaneStanding| (lowest..=highest).contains(&lane.priority);
        let stretch = |lane: &LaneStanding| {
            let ours = relay.lanes.iter().find(|ours| ours.priority == lane.priority);
            // A priority the relay has not met lies all of it before its beginning.
            let up_to = ours.map_or(lane.head, |ours| ours.cursor);
            Stretch { priority: lane.priority, after: lane.cursor, up_to }
        };
        self.stretches = Some(group.lanes.iter().filter(here).map(stretch).collect());
    }

    /// What to read next; nothing when it is filled.
    pub(super) fn read(&mut self, plan: &RelayPlan, limit: usize) -> Option<LaneRead> {
        let stretches = self.stretches.as_mut()?;
        while stretches.front().is_some_and(|stretch| stretch.after >= stretch.up_to) {
            stretches.pop_front();
        }
        let stretch = stretches.front()?;
        Some(LaneRead {
            group: self.group.to_string(),
            category: plan.routes[self.route].category.clone(),
            range: (stretch.priority, stretch.priority),
            after: vec![(stretch.priority, stretch.after)],
            limit,
        })
    }

    /// Of what was read, that which belongs to it; the others are left to their turn.
    pub(super) fn within(&self, mut read: Vec<Delivery>) -> Vec<Delivery> {
        let up_to = self.stretches.iter().flatten().map(|stretch| stretch.up_to).next();
        read.retain(|delivery| up_to.is_some_and(|up_to| delivery.recorded.position <= up_to));
        read
    }

    /// These have been published again; nothing was left of the stretch when there are none.
    pub(super) fn published(&mut self, deliveries: &[Delivery]) {
        let Some(stretch) = self.stretches.iter_mut().flatten().next() else { return };
        stretch.after = deliveries.last().map_or(stretch.up_to, |last| last.recorded.position);
    }
}
