use std::collections::BTreeSet;
use std::sync::Arc;

use protean_core::domain::DomainBuilder;
use protean_port::message::{Category, Lane, LaneRule, Priority};
use protean_port::port::{BrokerGroup, Delivery, PriorityStatus};

use super::super::page::RouteLane;
use super::super::plan::{RelayPlan, RelayRoute};
use super::{Gap, Gaps, GroupBehind};
use crate::sample::delivery;

const PRODUCTION: RouteLane = RouteLane { route: 0, lane: Lane::Primary };
const LANES: LaneRule = LaneRule { threshold: Some(Priority::NORMAL) };

fn category() -> Category {
    Category::named("c")
}

/// One category that two groups read.
fn plan() -> RelayPlan {
    let domain = DomainBuilder::new("d").build().unwrap();
    let groups = vec![Arc::from("one"), Arc::from("two")];
    let routes = vec![RelayRoute { category: category(), groups, published: BTreeSet::new() }];
    RelayPlan { lanes: LANES, routes, ..RelayPlan::of(&domain, "default") }
}

fn at(cursor: u64, head: u64) -> Vec<PriorityStatus> {
    let priority = Priority::NORMAL;
    vec![PriorityStatus { priority, lag: 0, oldest: None, parked: 0, dead: 0, cursor, head }]
}

fn behind(name: &str, cursor: u64) -> GroupBehind {
    GroupBehind { name: name.into(), lanes: at(cursor, 90) }
}

fn gap(one: u64, two: u64) -> Gap {
    let groups = vec![behind("one", one), behind("two", two)];
    Gap::between(LANES, PRODUCTION, groups, &at(50, 90))
}

fn positions(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.recorded.position).collect()
}

#[test]
fn what_two_groups_miss_is_published_once() {
    let gap = gap(10, 30);
    let read = |at: &[u64]| at.iter().copied().map(delivery).collect::<Vec<_>>();
    assert_eq!(gap.reads(&category(), 9).len(), 2);
    let (next, reached) = gap.next(vec![read(&[11, 31, 40]), read(&[31, 40, 60])], 9);
    assert_eq!((positions(&next), reached), (vec![11, 31, 40], 50));
}

#[test]
fn a_page_goes_as_far_as_the_group_that_misses_the_most() {
    let gap = gap(10, 30);
    let read = |at: &[u64]| at.iter().copied().map(delivery).collect::<Vec<_>>();
    let (next, reached) = gap.next(vec![read(&[11, 12]), read(&[12, 40])], 2);
    assert_eq!((positions(&next), reached), (vec![11, 12], 12), "13 to 40 may be missed by one");
}

#[test]
fn a_gap_is_gone_once_it_is_published_to_its_end() {
    let mut gaps = Gaps::default();
    gaps.add(gap(10, 30));
    gaps.reached(12);
    assert_eq!(gaps.first().unwrap().reads(&category(), 9)[0].after, [(Priority::NORMAL, 12)]);
    gaps.reached(50);
    assert!(gaps.is_empty());
    gaps.add(gap(50, 50));
    assert!(gaps.is_empty(), "nothing was missed");
}

#[test]
fn a_group_that_was_behind_stays_behind_when_another_falls_behind() {
    let (mut gaps, plan) = (Gaps::default(), plan());
    let one = vec![behind("one", 10)];
    gaps.add(Gap::between(LANES, PRODUCTION, one, &at(50, 90)));
    let two = BrokerGroup { stream: plan.stream(PRODUCTION), group: "two".into() };
    let names = gaps.behind(&plan, PRODUCTION, &[two]);
    assert_eq!(names, [Arc::from("one"), Arc::from("two")]);
    assert!(gaps.behind(&plan, RouteLane { route: 0, lane: Lane::Backfill }, &[]).is_empty());
}
