use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use protean_port::message::Lane;

use super::{Demand, SlotArbiter, Slots};

const BOTH: Demand = Demand { primary: true, backfill: true };
const PRIMARY: Demand = Demand { primary: true, backfill: false };
const BACKFILL: Demand = Demand { primary: false, backfill: true };

/// What happens at a handler.
#[derive(Clone, Copy, Debug)]
enum Step {
    Joins {
        limit: usize,
    },
    Leaves,
    /// It has work of this kind from now on.
    Wants(Demand),
    Ends(Lane),
}

fn any_step() -> impl Strategy<Value = Step> {
    let lane = prop_oneof![Just(Lane::Primary), Just(Lane::Backfill)];
    let demand =
        (any::<bool>(), any::<bool>()).prop_map(|(primary, backfill)| Demand { primary, backfill });
    prop_oneof![
        1 => (1_usize..4).prop_map(|limit| Step::Joins { limit }),
        1 => Just(Step::Leaves),
        6 => demand.prop_map(Step::Wants),
        6 => lane.prop_map(Step::Ends),
    ]
}

/// The handlers of a server, which start what they can when they are woken.
struct Server {
    arbiter: SlotArbiter,
    /// What the handler at each place wants.
    demands: Vec<Option<Demand>>,
    now: Duration,
}

impl Server {
    fn new(slots: Slots, min_share: f64) -> Self {
        let arbiter = SlotArbiter::new(slots, min_share);
        Self { arbiter, demands: Vec::new(), now: Duration::ZERO }
    }

    fn step(&mut self, which: usize, step: Step) {
        self.now += Duration::from_millis(3);
        let here: Vec<usize> =
            (0..self.demands.len()).filter(|at| self.demands[*at].is_some()).collect();
        match (step, here.get(which % here.len().max(1)).copied()) {
            (Step::Joins { limit }, _) => {
                let place = self.arbiter.join(limit);
                self.demands.resize(self.demands.len().max(place + 1), None);
                assert!(self.demands[place].replace(Demand::default()).is_none());
            }
            (_, None) => {}
            (Step::Leaves, Some(place)) => {
                self.arbiter.leave(place, self.now);
                self.demands[place] = None;
            }
            (Step::Wants(demand), Some(place)) => {
                self.demands[place] = Some(demand);
                self.ask(place);
            }
            (Step::Ends(lane), Some(place)) => {
                if self.arbiter.handler(place).unwrap().running.is_some(lane) {
                    self.arbiter.release(place, lane, self.now);
                }
                self.ask(place);
            }
        }
        while let Some(place) = self.arbiter.wake() {
            self.ask(place);
        }
    }

    fn ask(&mut self, place: usize) {
        let demand = self.demands[place].unwrap();
        while self.arbiter.choose(place, demand, self.now).is_some() {}
    }

    /// What holds whatever happens.
    fn check(&mut self, slots: Slots) {
        let Self { arbiter, demands, .. } = self;
        let (mut shared, mut running) = (arbiter.shared, arbiter.running);
        assert!(shared.total() <= slots.concurrency, "{arbiter:?}");
        assert!(shared.backfill <= slots.of(Lane::Backfill), "{arbiter:?}");
        for lane in Lane::ALL {
            let handlers = arbiter.handlers.iter().flatten();
            let of_handlers: usize =
                handlers
                    .clone()
                    .map(|of| {
                        if lane == Lane::Primary { of.running.primary } else { of.running.backfill }
                    })
                    .sum();
            let own = handlers.filter(|of| of.own == Some(lane)).count();
            assert_eq!(*running.of(lane), of_handlers, "{arbiter:?}");
            assert_eq!(*shared.of(lane), of_handlers - own, "{arbiter:?}");
        }
        let here =
            demands.iter().enumerate().filter_map(|(place, demand)| Some((place, (*demand)?)));
        let could = here.filter(|(place, _)| arbiter.handler(*place).unwrap().has_room());
        let could = Vec::from_iter(could);
        let production_waits = could.iter().any(|(_, demand)| demand.primary);
        for (place, demand) in could {
            assert!(
                demand == Demand::default() || arbiter.handler(place).unwrap().running.total() > 0
            );
            let is_full = shared.total() == slots.concurrency;
            assert!(!demand.primary || is_full, "a handler waits in vain: {arbiter:?}");
            let is_held = shared.backfill == slots.of(Lane::Backfill) || production_waits;
            assert!(!demand.backfill || is_full || is_held, "a handler waits in vain: {arbiter:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2048) })]

    #[test]
    fn slots_are_counted_and_nothing_waits_beside_a_free_one(
        concurrency in 1_usize..6, reserved in 0_usize..6, share in prop_oneof![Just(0.0), 0.0..0.9],
        steps in vec((any::<usize>(), any_step()), 1..120),
    ) {
        let slots = Slots { concurrency, reserved: reserved.min(concurrency - 1) };
        let mut server = Server::new(slots, share);
        for (which, step) in steps {
            server.step(which, step);
            server.check(slots);
        }
    }
}

fn arbiter(concurrency: usize, reserved: usize) -> SlotArbiter {
    SlotArbiter::new(Slots { concurrency, reserved }, 0.0)
}

/// Starts what a handler wants, and gives how many messages that were.
fn start(arbiter: &mut SlotArbiter, place: usize, demand: Demand) -> usize {
    std::iter::from_fn(|| arbiter.choose(place, demand, Duration::ZERO)).count()
}

#[test]
fn a_slot_that_becomes_free_goes_to_production_that_waits() {
    let mut arbiter = arbiter(4, 0);
    let [backlog, production] = [usize::MAX; 2].map(|limit| arbiter.join(limit));
    assert_eq!(start(&mut arbiter, backlog, BACKFILL), 4);
    assert_eq!(start(&mut arbiter, production, PRIMARY), 1, "its own slot");
    arbiter.release(backlog, Lane::Backfill, Duration::ZERO);
    assert_eq!(arbiter.wake(), Some(production));
    assert_eq!(arbiter.wake(), None, "it is woken once");
    assert_eq!(start(&mut arbiter, backlog, BACKFILL), 0);
    assert_eq!(start(&mut arbiter, production, PRIMARY), 1);
}

#[test]
fn the_handler_with_the_fewest_goes_first_then_the_one_that_waited_longest() {
    let mut arbiter = arbiter(3, 0);
    let [holder, first, second] = [usize::MAX; 3].map(|limit| arbiter.join(limit));
    assert_eq!(start(&mut arbiter, holder, BACKFILL), 3);
    assert_eq!((start(&mut arbiter, first, PRIMARY), start(&mut arbiter, second, PRIMARY)), (1, 1));
    arbiter.release(holder, Lane::Backfill, Duration::ZERO);
    assert_eq!(start(&mut arbiter, second, PRIMARY), 0, "the other waited before");
    assert_eq!(start(&mut arbiter, first, PRIMARY), 1);
    arbiter.release(holder, Lane::Backfill, Duration::ZERO);
    assert_eq!(start(&mut arbiter, first, PRIMARY), 0, "the other has fewer");
    assert_eq!(start(&mut arbiter, second, PRIMARY), 1);
}

#[test]
fn backlogs_share_the_slots_evenly_in_any_order() {
    let mut arbiter = arbiter(32, 4);
    let [first, second, short] = [usize::MAX; 3].map(|limit| arbiter.join(limit));
    assert_eq!(start(&mut arbiter, first, BACKFILL), 28);
    assert_eq!(start(&mut arbiter, second, BACKFILL), 1, "its own slot");
    (0..28).for_each(|_| arbiter.release(first, Lane::Backfill, Duration::ZERO));
    let running = [start(&mut arbiter, first, BACKFILL), 1 + start(&mut arbiter, second, BACKFILL)];
    assert_eq!(running, [14, 14]);
    // One that has little to do leaves the rest of its share to the others.
    (0..14).for_each(|_| arbiter.release(first, Lane::Backfill, Duration::ZERO));
    assert_eq!(arbiter.choose(short, BACKFILL, Duration::ZERO), Some(Lane::Backfill));
    assert_eq!(start(&mut arbiter, short, Demand::default()), 0);
    assert_eq!(start(&mut arbiter, first, BACKFILL) + start(&mut arbiter, second, BACKFILL), 14);
}

#[test]
fn production_that_can_take_no_other_slot_holds_up_no_backfill() {
    let mut arbiter = arbiter(4, 0);
    let (projector, backlog) = (arbiter.join(1), arbiter.join(usize::MAX));
    assert_eq!(start(&mut arbiter, projector, BOTH), 1);
    assert_eq!(start(&mut arbiter, backlog, BACKFILL), 3);
}

#[test]
fn a_handler_that_wants_nothing_any_longer_lets_others_pass() {
    let mut arbiter = arbiter(2, 0);
    let [first, second] = [usize::MAX; 2].map(|limit| arbiter.join(limit));
    assert_eq!(start(&mut arbiter, first, BACKFILL), 2);
    assert_eq!(start(&mut arbiter, second, PRIMARY), 1);
    arbiter.release(first, Lane::Backfill, Duration::ZERO);
    assert_eq!(start(&mut arbiter, first, BACKFILL), 0);
    assert_eq!(arbiter.wake(), Some(second));
    // Its breaker has opened.
    assert_eq!(start(&mut arbiter, second, Demand::default()), 0);
    assert_eq!(arbiter.wake(), Some(first));
    assert_eq!(start(&mut arbiter, first, BACKFILL), 1);
}

#[test]
fn who_leaves_gives_everything_back() {
    let mut arbiter = arbiter(3, 1);
    let [first, second] = [usize::MAX; 2].map(|limit| arbiter.join(limit));
    assert_eq!(start(&mut arbiter, first, BOTH), 3);
    assert_eq!(start(&mut arbiter, second, BOTH), 1);
    arbiter.leave(first, Duration::ZERO);
    assert_eq!(arbiter.wake(), Some(second));
    assert_eq!(start(&mut arbiter, second, BOTH), 3);
    assert_eq!(arbiter.join(1), first, "its place is free");
}
