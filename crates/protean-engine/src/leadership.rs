//! Which process works where only one may: for a group, a relay, an inbox, the
//! dead-letter streams.
//!
//! ```text
//!                 ┌──(failed)──▶ Unreachable ──(granted)──┐
//!                 │                │      ▲               │
//! Candidate ──────┤            (refused) (failed)         ├──▶ Leading ──(resigned)──▶ Candidate
//!                 │                ▼      │               │      │  ▲
//!                 ├──(refused)──▶ StandingBy ──(granted)──┘    (lost)
//!                 │                   ▲                          │
//!                 │                   └──────────────────────────┘
//!                 └──(granted)──▶ Leading
//! ```
//!
//! A process that does not lead asks for the claim every [`ASK_INTERVAL`]. What it becomes
//! is logged when it changes, not each time it asks.
//!
//! A leader steps down when its claim is [lost](Claim::lost): its [`LeaderTerm`] is over, so it
//! starts nothing more, and what already runs is committed. Its successor may be at work by
//! then; of two that settle one message the marks in the store let one through. Once the
//! work has ended, the process stands by like any other, and may lead again.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protean_port::port::{Claim, Store};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often a process that does not lead asks for the claim.
pub(crate) const ASK_INTERVAL: Duration = Duration::from_millis(500);

/// What this process is for a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It has not asked yet.
    Candidate,
    /// The store could not be asked.
    Unreachable,
    /// Another process leads, or leads soon.
    StandingBy,
    /// It holds the claim.
    Leading,
}

/// What has happened to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The store has granted the claim.
    Granted,
    /// Another process holds it.
    Refused,
    /// The store could not say.
    Failed,
    /// It is no longer held, though the work goes on.
    Lost,
    /// The work has ended by itself.
    Resigned,
}

impl State {
    /// What this process is after an event. Only a leader can lose a claim or resign,
    /// and a leader does not ask.
    fn after(self, event: Event) -> Self {
        match (self, event) {
            (Self::Leading, Event::Lost) => Self::StandingBy,
            (Self::Leading, Event::Resigned) => Self::Candidate,
            (Self::Leading, _) | (_, Event::Lost | Event::Resigned) => self,
            (_, Event::Granted) => Self::Leading,
            (_, Event::Refused) => Self::StandingBy,
            (_, Event::Failed) => Self::Unreachable,
        }
    }
}

/// The time during which a process leads.
#[derive(Clone)]
pub(crate) struct LeaderTerm {
    over: CancellationToken,
    lost: CancellationToken,
}

impl LeaderTerm {
    fn within(stop: &CancellationToken) -> Self {
        Self { over: stop.child_token(), lost: CancellationToken::new() }
    }

    /// Cancelled when the claim is lost or the server stops.
    pub(crate) fn over(&self) -> &CancellationToken {
        &self.over
    }

    /// True when the claim is lost, so that what belongs to it belongs to another process.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    fn lose(&self) {
        self.lost.cancel();
        self.over.cancel();
    }
}

/// Asks for one claim and leads while it is held.
pub(crate) struct Leadership {
    store: Arc<dyn Store>,
    claim: Arc<str>,
    state: State,
    observer: Box<dyn Fn(State) + Send + Sync>,
}

impl Leadership {
    /// Leadership under the claim of this name.
    pub(crate) fn new(store: Arc<dyn Store>, claim: impl Into<Arc<str>>) -> Self {
        Self { store, claim: claim.into(), state: State::Candidate, observer: Box::new(|_| ()) }
    }

    /// Calls `observer` with what this process is, whenever that may have changed.
    pub(crate) fn observed(self, observer: impl Fn(State) + Send + Sync + 'static) -> Self {
        Self { observer: Box::new(observer), ..self }
    }

    /// Does `work` during each term of this process, until `stop` is cancelled and the
    /// work in hand has ended. The work ends soon after its term is over.
    pub(crate) async fn run<F>(
        mut self,
        stop: &CancellationToken,
        work: impl Fn(Box<dyn Claim>, LeaderTerm) -> F,
    ) where
        F: Future<Output = ()>,
    {
        while let Some(claim) = self.win(stop).await {
            let (lost, term) = (claim.lost(), LeaderTerm::within(stop));
            let mut work = pin!(work(claim, term.clone()));
            tokio::select! {
                biased;
                // The claim is dropped with the work, which is not a loss.
                () = &mut work => self.learn(Event::Resigned),
                () = lost, if !stop.is_cancelled() => {
                    term.lose();
                    self.learn(Event::Lost);
                    work.await;
                }
            }
            pause(stop).await;
        }
    }

    /// The claim, once it is granted; none when `stop` is cancelled first.
    async fn win(&mut self, stop: &CancellationToken) -> Option<Box<dyn Claim>> {
        while !stop.is_cancelled() {
            match self.store.claim(&self.claim).await {
                Ok(Some(claim)) => {
                    self.learn(Event::Granted);
                    return Some(claim);
                }
                Ok(None) => self.learn(Event::Refused),
                Err(error) => {
                    if self.state != State::Unreachable {
                        warn!(
                            claim = %self.claim, error = format_args!("{error:#}"),
                            "cannot ask for the claim, trying again"
                        );
                    }
                    self.learn(Event::Failed);
                }
            }
            pause(stop).await;
        }
        None
    }

    fn learn(&mut self, event: Event) {
        let (before, claim) = (self.state, &self.claim);
        self.state = before.after(event);
        (self.observer)(self.state);
        match (before, self.state) {
            (State::Leading, State::StandingBy) => warn!(%claim, "lost the claim, standing by"),
            (State::StandingBy, State::StandingBy) => {}
            (_, State::StandingBy) => info!(%claim, "another process has the claim, standing by"),
            (State::StandingBy | State::Unreachable, State::Leading) => {
                info!(%claim, "took over the claim");
            }
            _ => {}
        }
    }
}

/// Waits until it is time to ask again, or to stop.
async fn pause(stop: &CancellationToken) {
    let _ = tokio::time::timeout(ASK_INTERVAL, stop.cancelled()).await;
}

#[cfg(test)]
#[path = "leadership_tests.rs"]
mod tests;
