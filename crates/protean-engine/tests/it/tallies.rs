//! A small domain whose handlers can be made to fail: tallies that numbers are
//! added to, a projection with the numbers of each, and one with a sum over all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::Handled;
use protean::{
    Context, Error, Failure, Id, Result, Root, aggregate, aggregate_impl, command, command_handler,
    event, event_handler, projection, projector,
};
use tokio::time::Instant;

#[event(part_of = Tally, published)]
pub(crate) struct Added {
    pub(crate) tally: Id,
    pub(crate) number: i64,
}

#[command(part_of = Tally)]
pub(crate) struct Add {
    #[field(identifier)]
    pub(crate) tally: Id,
    pub(crate) number: i64,
}

#[aggregate(event_sourced, commands(Add))]
pub(crate) struct Tally {
    root: Root<Tally>,
    #[field(default = 0)]
    pub(crate) sum: i64,
}

#[aggregate_impl]
impl Tally {
    pub(crate) fn add(&mut self, number: i64) -> Result {
        self.raise(Added { tally: self.id(), number })
    }

    #[invariant(post, "sum" => "must not be negative")]
    fn sum_is_not_negative(&self) -> bool {
        self.sum >= 0
    }

    #[apply]
    fn on_added(&mut self, event: &Added) {
        self.sum += event.number;
    }
}

/// A number whose handler writes one stream twice from the same state.
pub(crate) const IN_CONFLICT_WITH_ITSELF: i64 = -666;

pub(crate) struct TallyCommandHandler;

#[command_handler(part_of = Tally)]
impl TallyCommandHandler {
    #[handle]
    async fn add(&self, command: Add, context: &Context) -> Result {
        let tallies = context.repository::<Tally>();
        let found = tallies.find(&command.tally).await?;
        if command.number == IN_CONFLICT_WITH_ITSELF {
            let mut other = Tally::create_with(command.tally.clone());
            other.add(command.number)?;
            tallies.add(other).await?;
        }
        let mut tally = found.unwrap_or_else(|| Tally::create_with(command.tally));
        tally.add(command.number)?;
        tallies.add(tally).await
    }
}

/// The numbers of one tally, in the order in which they were seen.
#[projection]
pub(crate) struct Numbers {
    #[field(identifier)]
    pub(crate) tally: Id,
    pub(crate) seen: Vec<i64>,
    #[field(unique)]
    pub(crate) mark: Option<String>,
}

/// One row that every stream changes.
#[projection]
pub(crate) struct Sum {
    #[field(identifier)]
    pub(crate) name: Id,
    pub(crate) sum: i64,
}

/// What a handler is to do about a number instead of its work.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Fail(u32),
    /// Fails each time, after a while.
    FailAfter(Duration),
    Panic,
    Reject,
    Unavailable(u32),
    Mark(&'static str),
    Sleep(Duration),
}

/// Faults by number, and every number that a handler was called with.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    planned: Arc<Mutex<HashMap<i64, Fault>>>,
    pub(crate) calls: Arc<Mutex<Vec<i64>>>,
    began: Arc<Mutex<HashMap<i64, Instant>>>,
}

impl Faults {
    pub(crate) fn plan(&self, number: i64, fault: Fault) {
        self.planned.lock().unwrap().insert(number, fault);
    }

    pub(crate) fn mend(&self) {
        self.planned.lock().unwrap().clear();
    }

    pub(crate) fn calls(&self) -> Vec<i64> {
        self.calls.lock().unwrap().clone()
    }

    /// When a handler was last called with a number.
    pub(crate) fn began(&self, number: i64) -> Option<Instant> {
        self.began.lock().unwrap().get(&number).copied()
    }

    /// Does what is planned; gives the mark to write, when one is.
    pub(crate) async fn meet(&self, number: i64) -> Handled<Option<String>> {
        self.calls.lock().unwrap().push(number);
        self.began.lock().unwrap().insert(number, Instant::now());
        let fault = {
            let mut planned = self.planned.lock().unwrap();
            match planned.get_mut(&number) {
                Some(Fault::Fail(left) | Fault::Unavailable(left)) if *left == 0 => None,
                Some(fault) => {
                    let now = fault.clone();
                    if let Fault::Fail(left) | Fault::Unavailable(left) = fault {
                        *left -= 1;
                    }
                    Some(now)
                }
                None => None,
            }
        };
        match fault {
            None => Ok(None),
            Some(Fault::Fail(_)) => Err(Error::failed("planned").into()),
            Some(Fault::FailAfter(time)) => {
                tokio::time::sleep(time).await;
                Err(Error::failed("planned").into())
            }
            Some(Fault::Panic) => panic!("planned"),
            Some(Fault::Reject) => Err(Failure::rejected("planned")),
            Some(Fault::Unavailable(_)) => Err(Failure::unavailable("planned")),
            Some(Fault::Mark(mark)) => Ok(Some(mark.to_owned())),
            Some(Fault::Sleep(time)) => {
                tokio::time::sleep(time).await;
                Ok(None)
            }
        }
    }
}

pub(crate) struct NumbersProjector(pub Faults);

#[projector(projection = Numbers)]
impl NumbersProjector {
    #[on]
    async fn on_added(&self, event: Added, context: &Context) -> Handled {
        let mark = self.0.meet(event.number).await?;
        let rows = context.repository::<Numbers>();
        let found = rows.find(&event.tally).await?;
        let mut row =
            found.unwrap_or_else(|| Numbers { tally: event.tally, seen: Vec::new(), mark: None });
        row.seen.push(event.number);
        row.mark = mark.or(row.mark);
        Ok(rows.add(row).await?)
    }
}

pub(crate) struct SumProjector;

#[projector(projection = Sum)]
impl SumProjector {
    #[on]
    async fn on_added(&self, event: Added, context: &Context) -> Result {
        let rows = context.repository::<Sum>();
        let name = Id::from("all");
        let found = rows.find(&name).await?;
        let mut row = found.unwrap_or(Sum { name, sum: 0 });
        row.sum += event.number;
        rows.add(row).await
    }
}

/// Sends each number on to a tally of its own, once.
pub(crate) struct Forwarder(pub Faults);

#[event_handler(part_of = Tally, start_from = "beginning")]
impl Forwarder {
    #[handle]
    async fn on_added(&self, event: Added, context: &Context) -> Handled {
        if event.number >= 1000 {
            return Ok(());
        }
        self.0.meet(-event.number).await?;
        let tally = Id::from(format!("copy-of-{}", event.tally));
        context.process(Add { tally, number: event.number + 1000 })?;
        Ok(())
    }
}

/// Has effects outside the database only.
pub(crate) struct Mailer(pub Faults);

#[event_handler(part_of = Tally, start_from = "beginning")]
impl Mailer {
    #[handle]
    async fn on_added(&self, event: Added) -> Handled {
        self.0.meet(event.number).await.map(drop)
    }
}

/// Refuses the number 0 and goes on behind it.
pub(crate) struct Skipping;

#[event_handler(part_of = Tally, start_from = "beginning", on_dead_letter = "skip")]
impl Skipping {
    #[handle]
    async fn on_added(&self, event: Added) -> Handled {
        if event.number == 0 { Err(Failure::rejected("planned")) } else { Ok(()) }
    }
}
