//! Accounts close: whatever a group does with its messages, each one is
//! handled, ignored, expired, purged, parked, dead or still on the way.

use std::future::Future;

use proptest::collection::vec;
use proptest::strategy::Strategy;
use proptest::test_runner::TestCaseError;
use proptest::{prop_oneof, sample::select};
use protean_port::Result;
use protean_port::message::Priority;
use protean_port::port::{At, Counter, Delivery, MessageRef, Store};

use super::model::runner;
use super::sample::{
    Draft, READER, account, accounts, at, commit_all, keep, lane_read, parked_read, places,
    registrations, tables, take, unit,
};
use super::subject::Subject;
use crate::runtime::runtime;

/// What a group does next.
#[derive(Clone, Debug)]
enum Deed {
    Append {
        stream: &'static str,
        priority: i32,
    },
    /// Appends a message that is settled at once, as synchronous work is.
    AppendSettled {
        priority: i32,
    },
    /// Settles the open message with this number.
    Settle {
        pick: usize,
        counter: Counter,
    },
    Park {
        pick: usize,
        due: Option<i64>,
    },
    Bury {
        pick: usize,
    },
    /// Runs a parked message again, with this end.
    Again {
        pick: usize,
        end: End,
    },
    /// Settles what somebody else has settled: it is left out, and counted instead.
    Late,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Handled,
    Parked,
    Dead,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let priority = || select(&[-100, 0, 100][..]);
    let append = (select(&["a", "b"][..]), priority())
        .prop_map(|(stream, priority)| Deed::Append { stream, priority });
    let settled = priority().prop_map(|priority| Deed::AppendSettled { priority });
    let pick = || 0..20_usize;
    let settle = (pick(), select(&Counter::SETTLED[..]))
        .prop_map(|(pick, counter)| Deed::Settle { pick, counter });
    let park =
        (pick(), proptest::option::of(0..9_i64)).prop_map(|(pick, due)| Deed::Park { pick, due });
    let add_dead = pick().prop_map(|pick| Deed::Bury { pick });
    let again = (pick(), select(&[End::Handled, End::Parked, End::Dead][..]))
        .prop_map(|(pick, end)| Deed::Again { pick, end });
    let late = proptest::strategy::Just(Deed::Late);
    let fresh = prop_oneof![6 => append, 2 => settled, 4 => settle];
    let deed = prop_oneof![12 => fresh, 2 => park, 1 => add_dead, 3 => again, 1 => late];
    vec(deed, 1..40)
}

/// Settles messages at random and closes the account after every commit.
///
/// # Panics
/// When an account does not close, with the shortest way there.
pub fn accounts_close_whatever_is_settled<S: Future<Output = Subject>>(fresh: impl Fn() -> S) {
    let runtime = runtime();
    let closed = runner(64).run(&deeds(), |deeds| {
        runtime.block_on(async {
            let store = fresh().await;
            let closed = close(&*store.store(), &deeds).await;
            closed.unwrap_or_else(|error| Err(format!("{error:?}"))).map_err(TestCaseError::fail)
        })
    });
    closed.unwrap_or_else(|open| panic!("{open}"));
}

async fn close(store: &dyn Store, deeds: &[Deed]) -> Result<Result<(), String>> {
    store.prepare(&tables(), &registrations()).await?;
    let mut appended = 0;
    for deed in deeds {
        let open = store.lane(lane_read(READER)).await?;
        let drafts: Vec<Draft> = draft(store, deed, &open).await?.into_iter().collect();
        for outcome in commit_all(store, drafts).await {
            appended += if matches!(deed, Deed::Late) { 0 } else { places(&outcome).len() as u64 };
        }
        let standing = store.group_status(READER, &accounts()).await?;
        let open = store.lane(lane_read(READER)).await?.len() as u64;
        if !standing.closes() || standing.committed != appended || standing.lag() != open {
            let found = format!("after {deed:?}: {appended} appended, {open} open, {standing:#?}");
            return Ok(Err(found));
        }
    }
    Ok(Ok(()))
}

async fn draft(store: &dyn Store, deed: &Deed, open: &[Delivery]) -> Result<Option<Draft>> {
    let picked = |pick: &usize| (!open.is_empty()).then(|| &open[pick % open.len()]);
    Ok(match deed {
        Deed::Append { stream, priority } => {
            Some(unit().append(&account(stream), Priority::new(*priority)))
        }
        Deed::AppendSettled { priority } => {
            let priority = Priority::new(*priority);
            let draft = unit().append(&account("c"), priority);
            Some(draft.mark(READER, priority, At::Appended(0)).count(READER, Counter::Handled, 1))
        }
        Deed::Settle { pick, counter } => {
            picked(pick).map(|message| settled(open, message).count(READER, *counter, 1))
        }
        Deed::Park { pick, due } => picked(pick).map(|message| {
            let reference = MessageRef::from(&message.recorded);
            settled(open, message).park(keep(READER, &reference, 1, due.map(at)))
        }),
        Deed::Bury { pick } => picked(pick).map(|message| {
            settled(open, message).add_dead(READER, MessageRef::from(&message.recorded))
        }),
        Deed::Again { pick, end } => again(store, *pick, *end).await?,
        Deed::Late => {
            let next = store.next(READER, &account("a")).await?;
            let instead = unit().count(READER, Counter::Duplicate, 1);
            let late = unit().step(READER, &account("a"), next + 1);
            Some(
                late.append(&account("a"), Priority::NORMAL)
                    .count(READER, Counter::Handled, 1)
                    .or(instead),
            )
        }
    })
}

/// Marks a message: the first of its priority takes the cursor along.
fn settled(open: &[Delivery], message: &Delivery) -> Draft {
    let (position, priority) = (message.recorded.position, message.recorded.message.priority);
    let first = open.iter().find(|other| other.recorded.message.priority == priority);
    let is_first = first.is_some_and(|first| first.recorded.position == position);
    unit().mark(READER, priority, if is_first { At::UpTo(position) } else { At::Only(position) })
}

async fn again(store: &dyn Store, pick: usize, end: End) -> Result<Option<Draft>> {
    let parked = store.parked(parked_read(READER, at(100), 1000)).await?.due;
    if parked.is_empty() {
        return Ok(None);
    }
    let delivery = &parked[pick % parked.len()];
    let message = MessageRef::from(&delivery.recorded);
    let attempts = delivery.attempts + 1;
    Ok(Some(match end {
        End::Handled => unit().park(take(READER, &message)).count(READER, Counter::Handled, 1),
        End::Parked => unit().park(keep(READER, &message, attempts, Some(at(5)))),
        End::Dead => unit().add_dead(READER, message),
    }))
}
