//! Random lists of units: mostly right, sometimes stale, taken or dependent.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::strategy::{Just, Strategy};
use proptest::{prop_oneof, sample::select};
use protean_port::Result;
use protean_port::message::{Priority, Recorded, Stream, Value};
use protean_port::port::{At, Counter, Expect, MessageRef, Park, Start, Store};

use super::sample::{
    Draft, OTHER, READER, account, at, bulk, column, keep, message, take, thing, things, unit,
};

/// The groups of a history; the last one is registered on the way.
pub const GROUPS: [&str; 3] = [READER, OTHER, LATE];

/// The group that is registered on the way.
pub const LATE: &str = "late";

/// The streams of a history.
pub const STREAMS: [&str; 3] = ["a", "ab", "b"];

/// The keys of the things in a history.
pub const THINGS: [&str; 3] = ["t", "u", "v"];

/// One thing that happens to a store.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A list of units of one lane is committed.
    Commit {
        /// Whether it is bulk work.
        bulk: bool,
        /// The units.
        units: Vec<Planned>,
    },
    /// The late group is registered.
    Enrol(Start),
}

/// A unit whose positions are found when it is committed.
#[derive(Clone, Debug)]
pub struct Planned {
    parts: Vec<Part>,
    /// How many units before it is the one it depends on.
    depends_back: Option<usize>,
    otherwise: Option<Vec<Part>>,
}

/// A change, with what depends on the store left open: `off` is the distance
/// from what the store expects, `pick` chooses among the messages of the log.
#[derive(Clone, Debug)]
enum Part {
    Append { stream: &'static str, priority: i32, at: Option<i64> },
    Put { key: &'static str, off: i64, email: Option<&'static str>, size: i64 },
    Remove { key: &'static str, off: i64 },
    Claim { key: &'static str },
    Move { group: &'static str, stream: &'static str, off: i64 },
    DoneMark { group: &'static str, pick: usize, at: fn(u64) -> At },
    MarkAppended { group: &'static str },
    Keep { group: &'static str, pick: usize, attempts: u32, due: Option<i64> },
    Take { group: &'static str, pick: usize },
    Release { group: &'static str, stream: &'static str, due: i64 },
    Bury { group: &'static str, pick: usize },
    Count { group: &'static str, counter: Counter, count: u64 },
}

/// Histories of up to a dozen steps.
pub fn histories() -> impl Strategy<Value = Vec<Operation>> {
    let units = vec(planned(), 1..6);
    let commit =
        (proptest::bool::ANY, units).prop_map(|(bulk, units)| Operation::Commit { bulk, units });
    let enrol = prop_oneof![Just(Start::Head), Just(Start::Beginning)].prop_map(Operation::Enrol);
    vec(prop_oneof![9 => commit, 1 => enrol], 1..12)
}

fn planned() -> impl Strategy<Value = Planned> {
    let otherwise = weighted(0.3, vec(part(), 1..3));
    let planned = (vec(part(), 0..5), weighted(0.2, 1..4_usize), otherwise);
    planned.prop_map(|(parts, depends_back, otherwise)| Planned { parts, depends_back, otherwise })
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => written(),
        3 => row(),
        4 => ledger(),
        3 => parking(),
    ]
}

/// Mostly what is expected, now and then one beside it.
fn off() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0), 1 => Just(1), 1 => Just(-1)]
}

fn written() -> impl Strategy<Value = Part> {
    let append = (select(&STREAMS[..]), select(&[-100, 0, 50][..]), weighted(0.4, off()));
    let append = append.prop_map(|(stream, priority, at)| Part::Append { stream, priority, at });
    let claim = select(&["k1", "k2", "k3", "k4"][..]).prop_map(|key| Part::Claim { key });
    prop_oneof![5 => append, 1 => claim]
}

fn row() -> impl Strategy<Value = Part> {
    let email = weighted(0.4, select(&["a@b.c", "d@e.f"][..]));
    let put = (select(&THINGS[..]), off(), email, 0..9_i64)
        .prop_map(|(key, off, email, size)| Part::Put { key, off, email, size });
    let remove = (select(&THINGS[..]), off()).prop_map(|(key, off)| Part::Remove { key, off });
    prop_oneof![4 => put, 1 => remove]
}

fn ledger() -> impl Strategy<Value = Part> {
    let group = || select(&GROUPS[..]);
    let step = (group(), select(&STREAMS[..]), off()).prop_map(|(group, stream, off)| Part::Move {
        group,
        stream,
        off,
    });
    let settles: [fn(u64) -> At; 3] = [At::UpTo, At::Only, At::First];
    let mark = (group(), 0..100_usize, select(settles.to_vec()))
        .prop_map(|(group, pick, at)| Part::DoneMark { group, pick, at });
    let appended = group().prop_map(|group| Part::MarkAppended { group });
    let count = (group(), select(&Counter::ALL[..]), 0..5_u64)
        .prop_map(|(group, counter, count)| Part::Count { group, counter, count });
    prop_oneof![2 => step, 3 => mark, 2 => appended, 1 => count]
}

fn parking() -> impl Strategy<Value = Part> {
    let group = || select(&GROUPS[..]);
    let pick = || 0..100_usize;
    let keep = (group(), pick(), 0..5_u32, weighted(0.6, 0..9_i64))
        .prop_map(|(group, pick, attempts, due)| Part::Keep { group, pick, attempts, due });
    let take = (group(), pick()).prop_map(|(group, pick)| Part::Take { group, pick });
    let release = (group(), select(&STREAMS[..]), 0..9_i64)
        .prop_map(|(group, stream, due)| Part::Release { group, stream, due });
    let add_dead = (group(), pick()).prop_map(|(group, pick)| Part::Bury { group, pick });
    prop_oneof![5 => keep, 1 => take, 1 => release, 1 => add_dead]
}

/// What a store holds when a list is made for it.
struct Scene<'s> {
    store: &'s dyn Store,
    log: Vec<Recorded>,
}

/// The drafts of a list, as they fit the store now; nobody may write meanwhile.
///
/// # Errors
/// When the store cannot be read.
pub async fn drafts(store: &dyn Store, is_bulk: bool, units: &[Planned]) -> Result<Vec<Draft>> {
    let mut log = Vec::new();
    for stream in STREAMS {
        log.extend(store.stream(&account(stream), 0, 10_000).await?);
    }
    log.sort_by_key(|recorded| recorded.position);
    let scene = Scene { store, log };
    let mut drafts = Vec::new();
    for (index, planned) in units.iter().enumerate() {
        let blank = || if is_bulk { bulk() } else { unit() };
        let mut draft = scene.draft(blank(), &planned.parts).await?;
        if let Some(index) = planned.depends_back.and_then(|back| index.checked_sub(back)) {
            draft = draft.after(index);
        }
        if let Some(parts) = &planned.otherwise {
            draft = draft.or(scene.draft(blank(), parts).await?);
        }
        drafts.push(draft);
    }
    Ok(drafts)
}

impl Scene<'_> {
    async fn draft(&self, mut draft: Draft, parts: &[Part]) -> Result<Draft> {
        for part in parts {
            draft = match part {
                Part::Append { .. } | Part::Claim { .. } => self.written(draft, part).await?,
                Part::Put { .. } | Part::Remove { .. } => self.row(draft, part).await?,
                Part::Move { group, stream, off } => {
                    let next = self.store.next(group, &account(stream)).await?;
                    draft.step(group, &account(stream), beside(next, *off))
                }
                other => self.settled(draft, other),
            };
        }
        Ok(draft)
    }

    async fn written(&self, draft: Draft, part: &Part) -> Result<Draft> {
        Ok(match part {
            Part::Append { stream, priority, at } => {
                let stream: Stream = account(stream);
                let length = self.store.stream(&stream, 0, 10_000).await?.len() as u64;
                let expect = at.map_or(Expect::End, |off| Expect::At(beside(length, off)));
                draft.message(message(&stream, Priority::new(*priority)), expect)
            }
            Part::Claim { key } => {
                let id = message(&account("a"), Priority::NORMAL).id;
                draft.claim(key, &id)
            }
            _ => draft,
        })
    }

    async fn row(&self, draft: Draft, part: &Part) -> Result<Draft> {
        let (Part::Put { key, off, .. } | Part::Remove { key, off }) = part else {
            return Ok(draft);
        };
        let state = self.store.row(&things(), key).await?;
        let expected = match (&state.row, state.version) {
            (Some(_), Some(version)) => Some(beside(version, *off)),
            _ if *off > 0 => Some(0),
            _ => None,
        };
        Ok(match part {
            Part::Put { email, size, .. } => {
                let email = email.map_or(Value::Null, Value::text);
                let size = Value::Integer(*size);
                let row = thing(key, [(column::EMAIL, email), (column::SIZE, size)]);
                let version = state.version.map_or(0, |version| version + 1);
                let draft = draft.put(expected, row);
                draft.with(|changes| {
                    changes.rows.iter_mut().rev().take(1).for_each(|row| row.version = version)
                })
            }
            _ => draft.remove(key, expected.unwrap_or(0)),
        })
    }

    fn settled(&self, draft: Draft, part: &Part) -> Draft {
        let picked = |pick: &usize| {
            let log = &self.log;
            (!log.is_empty()).then(|| &log[pick % log.len()])
        };
        let reference = |pick: &usize| picked(pick).map(MessageRef::from);
        match part {
            Part::DoneMark { group, pick, at } => match picked(pick) {
                Some(Recorded { position, message, .. }) => {
                    draft.mark(group, message.priority, at(*position))
                }
                None => draft,
            },
            Part::MarkAppended { group } => match draft.0.appends.len().checked_sub(1) {
                Some(index) => {
                    let priority = draft.0.appends[index].message.priority;
                    draft.mark(group, priority, At::Appended(index))
                }
                None => draft,
            },
            Part::Keep { group, pick, attempts, due } => match reference(pick) {
                Some(message) => draft.park(keep(group, &message, *attempts, due.map(at))),
                None => draft,
            },
            Part::Take { group, pick } => match reference(pick) {
                Some(message) => draft.park(take(group, &message)),
                None => draft,
            },
            Part::Release { group, stream, due } => draft.park(Park::Release {
                group: (*group).into(),
                stream: account(stream),
                due: at(*due),
            }),
            Part::Bury { group, pick } => match reference(pick) {
                Some(message) => draft.add_dead(group, message),
                None => draft,
            },
            Part::Count { group, counter, count } => draft.count(group, *counter, *count),
            _ => draft,
        }
    }
}

fn beside(number: u64, off: i64) -> u64 {
    number.saturating_add_signed(off)
}
