//! What a broker lost or never had: messages that the relay has passed and that a group
//! of the broker has not settled.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use protean_port::message::{Category, LaneRule, Priority};
use protean_port::port::{BrokerGroup, Delivery, LaneRead, PriorityStatus};

use super::page::RouteLane;
use super::plan::RelayPlan;

/// A part of one stream, to be published again for the groups that miss it.
pub(super) struct Gap {
    pub(super) of: RouteLane,
    groups: Vec<Arc<str>>,
    /// What is left of it, by priority.
    stretches: VecDeque<Stretch>,
}

/// A group that has missed something, and how far it is.
pub(super) struct GroupBehind {
    pub(super) name: Arc<str>,
    pub(super) lanes: Vec<PriorityStatus>,
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
    /// Those of the groups that read a stream which have missed something: the
    /// ones named and those of a gap there already, which then begins anew.
    pub(super) fn behind(
        &self,
        plan: &RelayPlan,
        of: RouteLane,
        missing: &[BrokerGroup],
    ) -> Vec<Arc<str>> {
        let stream = plan.stream(of);
        let named = |group: &Arc<str>| {
            missing.iter().any(|missing| missing.stream == stream && missing.group == *group)
        };
        let known = self.0.iter().find(|gap| gap.of == of);
        let known = |group: &Arc<str>| known.is_some_and(|gap| gap.groups.contains(group));
        let groups = plan.routes[of.route].groups.iter();
        groups.filter(|group| named(group) || known(group)).cloned().collect()
    }

    /// Adds a gap, in place of what was left of one in the same stream.
    pub(super) fn add(&mut self, gap: Gap) {
        self.0.retain(|known| known.of != gap.of);
        self.0.push_back(gap);
        self.0.make_contiguous().sort_by_key(|gap| gap.of.lane);
        self.drop_filled();
    }

    /// The one in hand.
    pub(super) fn first(&self) -> Option<&Gap> {
        self.0.front()
    }

    /// The one in hand is published up to this place of its stretch.
    pub(super) fn reached(&mut self, place: u64) {
        if let Some(stretch) = self.0.front_mut().and_then(|gap| gap.stretches.front_mut()) {
            stretch.after = place;
        }
        self.drop_filled();
    }

    fn drop_filled(&mut self) {
        for gap in &mut self.0 {
            gap.stretches.retain(|stretch| stretch.after < stretch.up_to);
        }
        self.0.retain(|gap| !gap.stretches.is_empty());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Gap {
    /// From where the slowest of the groups stands to where the relay does: what
    /// lies beyond is published in its turn.
    pub(super) fn between(
        lanes: LaneRule,
        of: RouteLane,
        groups: Vec<GroupBehind>,
        relay: &[PriorityStatus],
    ) -> Self {
        let (lowest, highest) = lanes.range(of.lane);
        let mut stretches: Vec<Stretch> = Vec::new();
        for behind in groups.iter().flat_map(|group| &group.lanes) {
            if !(lowest..=highest).contains(&behind.priority) {
                continue;
            }
            match stretches.iter_mut().find(|stretch| stretch.priority == behind.priority) {
                Some(stretch) => stretch.after = stretch.after.min(behind.cursor),
                None => {
                    let ours = relay.iter().find(|ours| ours.priority == behind.priority);
                    // A priority the relay has not met lies all of it before its beginning.
                    let up_to = ours.map_or(behind.head, |ours| ours.cursor);
                    let (priority, after) = (behind.priority, behind.cursor);
                    stretches.push(Stretch { priority, after, up_to });
                }
            }
        }
        let groups = groups.into_iter().map(|group| group.name).collect();
        Self { of, groups, stretches: stretches.into() }
    }

    /// What to read next: for each group what it has not settled.
    pub(super) fn reads(&self, category: &Category, limit: usize) -> Vec<LaneRead> {
        let Some(stretch) = self.stretches.front() else { return Vec::new() };
        let read = |group: &Arc<str>| LaneRead {
            group: group.to_string(),
            category: category.clone(),
            range: (stretch.priority, stretch.priority),
            after: vec![(stretch.priority, stretch.after)],
            limit,
        };
        self.groups.iter().map(read).collect()
    }

    /// Of what was read, each message once and in order, and the place up to
    /// which nothing else is missing.
    pub(super) fn next(&self, read: Vec<Vec<Delivery>>, limit: usize) -> (Vec<Delivery>, u64) {
        let mut reached = self.stretches.front().map_or(0, |stretch| stretch.up_to);
        for page in read.iter().filter(|page| page.len() >= limit) {
            let last = page.last().map_or(reached, |last| last.recorded.position);
            reached = reached.min(last);
        }
        let by_position = |delivery: Delivery| (delivery.recorded.position, delivery);
        let all: BTreeMap<u64, Delivery> = read.into_iter().flatten().map(by_position).collect();
        (all.into_iter().filter(|(at, _)| *at <= reached).map(|(_, of)| of).collect(), reached)
    }
}

#[cfg(test)]
#[path = "gaps_tests.rs"]
mod tests;
