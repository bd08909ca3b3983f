//! Every order of a few commits, syncs and failures, beside a file and a disk of which the
//! truth is known, in simulated time.

use std::time::{Duration, Instant};

use super::{Durable, MAX_DELAY, Mark, RETRY_DELAY, Reach};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Bulk work is committed, and nothing waits for it.
    Put,
    /// Bulk work is committed, and its answer waits.
    PutAndWait,
    /// Another process commits, and a page of ours shows it.
    Page,
    /// The disk begins to write what is in the file.
    Begin,
    /// It has written that.
    End,
    /// It has not.
    Fail,
    /// A production commit, which writes everything before it to the disk.
    Production,
    /// Time passes.
    Pass,
}

const STEPS: [Step; 8] = [
    Step::Put,
    Step::PutAndWait,
    Step::Page,
    Step::Begin,
    Step::End,
    Step::Fail,
    Step::Production,
    Step::Pass,
];

/// The file and the disk as they are.
struct World {
    durable: Durable,
    now: Instant,
    /// The last log position in the file, and on the disk.
    file: u64,
    disk: u64,
    /// Each mark, the position it stands for, and whether an answer waits for it.
    marks: Vec<Placed>,
    syncing: Option<Syncing>,
    /// No sync is due before.
    retry: Instant,
    /// When the first mark was put that is not on disk.
    oldest: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Placed {
    mark: Mark,
    position: u64,
    awaited: bool,
}

struct Syncing {
    reach: Reach,
    position: u64,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            durable: Durable::default(),
            now,
            file: 0,
            disk: 0,
            marks: Vec::new(),
            syncing: None,
            retry: now,
            oldest: None,
        }
    }

    /// Takes a step that is possible now; false when it is not.
    fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Put => self.put(false),
            Step::PutAndWait | Step::Page => self.put(true),
            Step::Begin => {
                if self.syncing.is_some() {
                    return false;
                }
                self.syncing = Some(Syncing { reach: self.durable.begin(), position: self.file });
            }
            Step::End => {
                let Some(Syncing { reach, position }) = self.syncing.take() else { return false };
                self.disk = self.disk.max(position);
                self.durable.reach(self.now, reach);
                self.forget_oldest();
            }
            Step::Fail => {
                let Some(Syncing { reach, .. }) = self.syncing.take() else { return false };
                self.durable.fail(self.now, reach);
                self.retry = self.now + RETRY_DELAY;
                let told = self.marks.iter_mut().filter(|placed| placed.mark <= reach.mark);
                told.for_each(|placed| placed.awaited = false);
            }
            Step::Production => {
                let reach = self.durable.begin();
                self.file += 1;
                self.disk = self.file;
                self.durable.reach(self.now, reach);
                self.durable.reach_position(self.file);
                self.forget_oldest();
            }
            Step::Pass => self.now += Duration::from_millis(1),
        }
        true
    }

    fn put(&mut self, awaited: bool) {
        self.file += 1;
        let mark = self.durable.put(self.now, self.file);
        if awaited {
            self.durable.wait_for(mark);
        }
        self.marks.push(Placed { mark, position: self.file, awaited });
        self.oldest.get_or_insert(self.now);
    }

    fn forget_oldest(&mut self) {
        let left = self.marks.iter().any(|placed| placed.position > self.disk);
        self.oldest = left.then_some(self.now);
    }

    fn check(&self) {
        for placed in &self.marks {
            let on_disk = placed.position <= self.disk;
            assert!(!self.durable.has(placed.mark) || on_disk, "answered before it is on disk");
        }
        for position in 0..=self.file {
            let on_disk = position <= self.disk;
            assert!(!self.durable.covers(position) || on_disk, "handed out before it is on disk");
        }
        let open: Vec<_> = self.marks.iter().filter(|of| !self.durable.has(of.mark)).collect();
        let Some(oldest) = self.oldest.filter(|_| !open.is_empty()) else {
            return assert_eq!(self.durable.due(), None, "a sync of nothing");
        };
        let due = self.durable.due().expect("what is not on disk has a sync ahead of it");
        if open.iter().any(|placed| placed.awaited) {
            assert!(due <= self.now.max(self.retry), "an answer waits for nothing");
        }
        assert!(due >= self.retry, "a disk that has just failed is tried again");
        assert!(due <= (oldest + MAX_DELAY).max(self.retry), "it stays off the disk");
    }
}

fn run(steps: &[Step]) -> Option<World> {
    let mut world = World::new();
    for step in steps {
        if !world.take(*step) {
            return None;
        }
        world.check();
    }
    Some(world)
}

#[test]
fn nothing_counts_as_on_disk_before_it_is_in_any_order_of_steps() {
    let mut orders = vec![Vec::new()];
    let mut checked = 0;
    for _ in 0..6 {
        let longer = orders.iter().flat_map(|order: &Vec<Step>| {
            STEPS.map(|step| order.iter().copied().chain([step]).collect::<Vec<_>>())
        });
        orders = longer.filter(|order| run(order).is_some()).collect();
        checked += orders.len();
    }
    assert!(checked > 50_000, "only {checked} orders are possible");
}

#[test]
fn whatever_was_put_is_on_disk_after_one_more_sync() {
    for first in STEPS {
        for second in STEPS {
            let order = [Step::PutAndWait, first, second, Step::Put];
            let Some(mut world) = run(&order) else { continue };
            if world.syncing.is_some() {
                assert!(world.take(Step::End));
            }
            assert!(world.take(Step::Begin) && world.take(Step::End));
            world.check();
            assert_eq!(world.durable.due(), None, "{order:?}");
            assert!(world.marks.iter().all(|placed| world.durable.has(placed.mark)));
            assert!(world.durable.covers(world.file));
        }
    }
}

#[test]
fn a_log_that_begins_anew_is_not_on_disk() {
    let mut world = run(&[Step::Put, Step::Begin, Step::End]).expect("a possible order");
    assert!(world.durable.covers(1));
    world.durable.forget();
    assert!(!world.durable.covers(1));
}
