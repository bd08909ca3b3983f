//! What the governor promises, on a simulated machine in simulated time.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::{option, prop_assert, prop_assert_eq, proptest};

use super::{FLOOR, Governor, LET_GO_TIME, Seen, TICK, WINDOW_TIME};
use crate::pace::{Pace, PaceReason};

const TARGET_MS: f64 = 10.0;
const TICKS_PER_SECOND: u32 = 4;

/// A machine on which a production message takes `base_ms`, give or take a fifth, and up to
/// `load_ms` more beside bulk work at full speed.
struct Plant {
    governor: Governor,
    ticks: u32,
    seed: u64,
    base_ms: f64,
    load_ms: f64,
    per_second: u32,
    bulk: bool,
    pace: Pace,
    late: u32,
    of: u32,
}

impl Plant {
    fn new(seed: u64, base_ms: f64, load_ms: f64, per_second: u32) -> Self {
        let governor = Governor::new(Duration::from_secs_f64(TARGET_MS / 1e3));
        let pace = Pace::full(PaceReason::NoBackfill);
        let (ticks, late, of) = (0, 0, 0);
        Self { governor, ticks, seed, base_ms, load_ms, per_second, bulk: true, pace, late, of }
    }

    /// From 0 to 1 (SplitMix64).
    fn random(&mut self) -> f64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from((mixed >> 40) as u32) / f64::from(1_u32 << 24)
    }

    /// Another tick, with the messages that arrive meanwhile.
    fn tick(&mut self) -> Pace {
        let arrived = |ticks: u32| ticks * self.per_second / TICKS_PER_SECOND;
        let count = arrived(self.ticks + 1) - arrived(self.ticks);
        let load = if self.bulk { self.load_ms * self.pace.speed } else { 0.0 };
        let mut seen = Seen { bulk: self.bulk, ..Seen::default() };
        for _ in 0..count {
            let took = self.base_ms * (0.8 + 0.4 * self.random()) + load * self.random();
            self.late += u32::from(took > TARGET_MS);
            self.of += 1;
            seen.latencies.push_back(Duration::from_secs_f64(took / 1e3));
        }
        self.tick_with(&seen)
    }

    fn tick_with(&mut self, seen: &Seen) -> Pace {
        self.ticks += 1;
        self.pace = self.governor.tick(TICK * self.ticks, seen);
        self.pace
    }

    fn seconds(&mut self, seconds: u32) -> Vec<Pace> {
        (0..seconds * TICKS_PER_SECOND).map(|_| self.tick()).collect()
    }

    /// The fastest pace beside which no message is late.
    fn ideal(&self) -> f64 {
        ((TARGET_MS - 1.2 * self.base_ms) / self.load_ms).min(1.0)
    }
}

fn speeds(paces: &[Pace]) -> (f64, f64) {
    let speeds = || paces.iter().map(|pace| pace.speed);
    (speeds().fold(1.0, f64::min), speeds().fold(0.0, f64::max))
}

fn mean(paces: &[Pace]) -> f64 {
    paces.iter().map(|pace| pace.speed).sum::<f64>()
        / f64::from(u32::try_from(paces.len()).unwrap())
}

/// Seen in a tick, whatever the machine is.
fn any_seen() -> impl Strategy<Value = Seen> {
    let latencies = vec(0_u64..40, 0..30);
    (latencies, option::of(0_u64..40), any::<bool>()).prop_map(|(latencies, waited, bulk)| Seen {
        latencies: latencies.into_iter().map(Duration::from_millis).collect(),
        commit_waited: waited.map(Duration::from_millis),
        bulk,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn the_pace_is_never_below_the_floor_or_above_full_speed(
        seen in vec(any_seen(), 0..400)
    ) {
        let mut plant = Plant::new(0, 1.0, 1.0, 100);
        for seen in seen {
            let pace = plant.tick_with(&seen);
            prop_assert!((FLOOR..=1.0).contains(&pace.speed), "{pace:?}");
        }
    }

    #[test]
    fn settles_just_below_the_pace_that_production_bears(
        seed: u64, base in 1.0..5.0, load in 10.0..40.0, per_second in 20_u32..1000
    ) {
        let mut plant = Plant::new(seed, base, load, per_second);
        plant.seconds(20);
        (plant.late, plant.of) = (0, 0);
        let settled = plant.seconds(60);
        let (ideal, (slowest, fastest)) = (plant.ideal(), speeds(&settled));
        prop_assert!(slowest >= 0.85 * ideal, "{slowest} of {ideal}");
        prop_assert!(fastest <= ideal + 0.25, "{fastest} of {ideal}");
        let late = f64::from(plant.late) / f64::from(plant.of);
        // Two late ones are seen at the earliest, and those of the same tick.
        let bearable = if per_second < 100 { 0.08 } else { 0.03 };
        prop_assert!(late < bearable, "{late} are late");
    }

    #[test]
    fn goes_at_full_speed_two_seconds_after_production_has_stopped(
        seed: u64, base in 1.0..20.0, load in 0.0..40.0, per_second in 4_u32..1000, busy in 1_u32..90
    ) {
        let mut plant = Plant::new(seed, base, load, per_second);
        plant.seconds(busy);
        plant.per_second = 0;
        plant.seconds(2);
        prop_assert!(plant.pace == Pace::full(PaceReason::NoProduction), "{:?}", plant.pace);
    }

    #[test]
    fn lets_go_of_a_target_that_the_machine_does_not_give(
        seed: u64, base in 12.6..40.0, load in 0.0..40.0, per_second in 20_u32..1000
    ) {
        let mut plant = Plant::new(seed, base, load, per_second);
        let target = Duration::from_secs_f64(TARGET_MS / 1e3);
        let let_go = Pace::full(PaceReason::LetGo { target });
        let before = plant.seconds(20);
        prop_assert!(before.contains(&let_go), "{:?}", before.last());
        let after = plant.seconds(80);
        let tried: Vec<_> = after.into_iter().skip_while(|pace| *pace == let_go).collect();
        prop_assert!(speeds(&tried).0 <= FLOOR + 0.01, "it tries again");
        prop_assert!(tried.contains(&let_go), "and lets go again");
        let long = plant.seconds(300);
        prop_assert!(mean(&long) > 0.8, "{}", mean(&long));
    }

    #[test]
    fn a_target_that_is_met_costs_nothing(seed: u64, base in 1.0..5.0, per_second in 1_u32..1000) {
        let mut plant = Plant::new(seed, base, 3.9, per_second);
        prop_assert_eq!(speeds(&plant.seconds(60)), (1.0, 1.0));
    }

    #[test]
    fn the_pace_does_not_change_for_what_happens_without_bulk_work(
        seed: u64, base in 12.6..40.0, load in 20.0..40.0, per_second in 20_u32..1000
    ) {
        let mut plant = Plant::new(seed, 1.0, load, per_second);
        let slowed = plant.seconds(20)[79].speed;
        (plant.bulk, plant.base_ms) = (false, base);
        let late = plant.seconds(2);
        plant.base_ms = 1.0;
        let in_time = plant.seconds(2);
        prop_assert_eq!((speeds(&late), speeds(&in_time)), ((slowed, slowed), (slowed, slowed)));
        plant.seconds(2);
        prop_assert_eq!(plant.pace, Pace::full(PaceReason::NoBackfill));
    }

    #[test]
    fn is_back_at_full_speed_within_15_seconds_once_the_machine_bears_it(
        seed: u64, load in 20.0..40.0, per_second in 20_u32..1000
    ) {
        let mut plant = Plant::new(seed, 3.0, load, per_second);
        plant.seconds(30);
        plant.load_ms = 1.0;
        plant.seconds(15);
        prop_assert!(matches!(plant.pace.reason, PaceReason::WithinTarget { .. }), "{:?}", plant.pace);
        prop_assert_eq!(plant.pace.speed, 1.0);
    }
}

fn seen(latencies: &[u64]) -> Seen {
    let latencies = latencies.iter().copied().map(Duration::from_millis).collect();
    Seen { latencies, commit_waited: None, bulk: true }
}

#[test]
fn one_stall_costs_one_step_and_is_made_up_for() {
    let mut plant = Plant::new(1, 1.0, 0.0, 100);
    plant.seconds(3);
    let stalled = plant.tick_with(&seen(&[1, 1, 90, 80, 70, 60, 50, 40, 30, 20, 1]));
    assert_eq!(
        stalled.reason.to_string(),
        "8 of the last 200 production messages took longer than 10ms"
    );
    let after = plant.seconds(4);
    assert_eq!(speeds(&after).0, 0.9);
    assert_eq!(plant.pace.speed, 1.0);
}

#[test]
fn one_late_message_among_few_is_chance() {
    let mut plant = Plant::new(1, 1.0, 0.0, 100);
    for _ in 0..20 {
        assert_eq!(plant.tick_with(&seen(&[1, 90])).speed, 1.0);
        // The next one comes when this one is judged no more.
        plant.ticks += u32::try_from(WINDOW_TIME.as_millis() / TICK.as_millis()).unwrap();
    }
    plant.tick_with(&seen(&[90, 90]));
    assert_eq!(plant.pace.speed, 0.9);
}

#[test]
fn a_commit_that_waits_is_late_before_it_has_ended() {
    let mut plant = Plant::new(1, 1.0, 0.0, 100);
    let waits = |ms| Seen { commit_waited: Some(Duration::from_millis(ms)), ..seen(&[]) };
    assert_eq!(plant.tick_with(&waits(10)).speed, 1.0);
    let pace = plant.tick_with(&waits(43));
    assert_eq!(pace.speed, 0.9);
    let because = "a commit of production has waited for 43 ms, longer than 10ms";
    assert_eq!(pace.reason.to_string(), because);
}

#[test]
fn keeps_its_word_while_it_lets_go_and_forgets_without_bulk_work() {
    let mut plant = Plant::new(1, 50.0, 0.0, 100);
    plant.seconds(15);
    assert_eq!(plant.pace.reason.name(), "let_go");
    let half = u32::try_from(LET_GO_TIME.as_secs() / 2).unwrap();
    assert_eq!(speeds(&plant.seconds(half)), (1.0, 1.0));
    assert_eq!(plant.pace.reason.name(), "let_go");
    plant.bulk = false;
    plant.seconds(6);
    assert_eq!(plant.pace, Pace::full(PaceReason::NoBackfill));
}

#[test]
fn a_target_that_is_missed_at_the_floor_now_and_then_is_not_let_go_of() {
    let mut plant = Plant::new(1, 1.0, 0.0, 100);
    for _ in 0..10 {
        while plant.tick_with(&seen(&[90, 90])).speed > FLOOR {}
        plant.tick_with(&seen(&[90, 90]));
        assert_eq!(plant.pace.reason.name(), "slowed");
        plant.seconds(4);
    }
}
