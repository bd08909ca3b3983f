//! Bulk handlers run in slices, so that production need not wait for hundreds of them.
//!
//! ```text
//! a handler can go on ─▶ wait for a turn ─▶ handlers run, up to a few ms ─▶ give it back
//!                                              └ all of them wait ──────────▲
//! ```
//! A handler holds its turn only while it computes. What it waits for, a query or another
//! system, holds up nobody.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use protean_port::port::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::bulk_steps::BulkSteps;

/// How long handlers run in one slice.
const SLICE_TIME: Duration = Duration::from_millis(2);

/// The bulk handlers of a worker that are under way, as a stream of their results.
pub(super) struct BulkHandlers<T> {
    steps: BulkSteps,
    running: FuturesUnordered<BoxFuture<'static, T>>,
    turn: SliceTurn,
    news: Arc<News>,
    waker: Waker,
}

enum SliceTurn {
    None,
    Awaited(BoxFuture<'static, Option<OwnedSemaphorePermit>>),
    Held { _turn: Option<OwnedSemaphorePermit>, until: Instant },
}

/// Whether a handler can go on.
struct News {
    is_there: AtomicBool,
    worker: AtomicWaker,
}

impl Wake for News {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_there.store(true, Ordering::Release);
        self.worker.wake();
    }
}

impl<T> BulkHandlers<T> {
    pub(super) fn new(steps: BulkSteps) -> Self {
        let (is_there, worker) = (AtomicBool::new(false), AtomicWaker::new());
        let news = Arc::new(News { is_there, worker });
        let waker = Waker::from(Arc::clone(&news));
        Self { steps, running: FuturesUnordered::new(), turn: SliceTurn::None, news, waker }
    }

    /// Runs a handler from its next slice on.
    pub(super) fn push(&mut self, handler: BoxFuture<'static, T>) {
        self.running.push(handler);
        self.news.is_there.store(true, Ordering::Release);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// True once the slice has taken its time.
    fn is_over(&self) -> bool {
        matches!(&self.turn, SliceTurn::Held { until, .. } if *until <= Instant::now())
    }

    /// True while it holds a turn; asks for one otherwise.
    fn has_turn(&mut self, context: &mut Context<'_>) -> bool {
        if matches!(self.turn, SliceTurn::None) {
            self.turn = SliceTurn::Awaited(self.steps.slice());
        }
        let SliceTurn::Awaited(turn) = &mut self.turn else { return true };
        let Poll::Ready(turn) = turn.as_mut().poll(context) else { return false };
        self.turn = SliceTurn::Held { _turn: turn, until: Instant::now() + SLICE_TIME };
        true
    }
}

impl<T> Stream for BulkHandlers<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        if this.running.is_empty() {
            this.turn = SliceTurn::None;
            return Poll::Ready(None);
        }
        this.news.worker.register(context.waker());
        if !this.news.is_there.load(Ordering::Acquire) {
            this.turn = SliceTurn::None;
            return Poll::Pending;
        }
        if !this.has_turn(context) {
            return Poll::Pending;
        }
        let mut polled = Poll::Pending;
        while polled.is_pending() && this.news.is_there.swap(false, Ordering::AcqRel) {
            let mut handlers = Context::from_waker(&this.waker);
            polled = Pin::new(&mut this.running).poll_next(&mut handlers);
            if this.is_over() {
                break;
            }
        }
        match polled {
            // There may be more.
            Poll::Ready(Some(_)) => this.news.is_there.store(true, Ordering::Release),
            Poll::Ready(None) | Poll::Pending => this.turn = SliceTurn::None,
        }
        if this.is_over() {
            this.turn = SliceTurn::None;
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Arc;

    use futures_util::{FutureExt, StreamExt};
    use tokio::sync::oneshot;

    use super::{BulkHandlers, SLICE_TIME};
    use crate::bulk_steps::BulkSteps;
    use crate::pacing::Pacing;

    fn steps() -> BulkSteps {
        BulkSteps::of(2, Arc::new(Pacing::none()))
    }

    fn is_free(steps: &BulkSteps) -> bool {
        steps.slice().now_or_never().is_some()
    }

    #[tokio::test]
    async fn a_handler_runs_in_its_turn_only() {
        let steps = steps();
        let mut handlers = BulkHandlers::new(steps.clone());
        let other = steps.slice().await;
        handlers.push(Box::pin(ready(1)));
        assert!(handlers.next().now_or_never().is_none());
        drop(other);
        assert_eq!(handlers.next().await, Some(1));
        assert_eq!(handlers.next().await, None);
        assert!(is_free(&steps));
    }

    #[tokio::test]
    async fn a_handler_that_waits_for_something_else_holds_no_turn() {
        let steps = steps();
        let mut handlers = BulkHandlers::new(steps.clone());
        let (answer, answered) = oneshot::channel();
        handlers.push(Box::pin(async { answered.await.unwrap() }));
        handlers.push(Box::pin(pending()));
        assert!(handlers.next().now_or_never().is_none());
        assert!(is_free(&steps));
        answer.send(7).unwrap();
        assert_eq!(handlers.next().await, Some(7));
        assert!(handlers.next().now_or_never().is_none());
        assert!(is_free(&steps));
    }

    #[tokio::test]
    async fn a_turn_that_comes_when_nothing_can_go_on_is_given_back() {
        let steps = steps();
        let mut handlers = BulkHandlers::new(steps.clone());
        handlers.push(Box::pin(pending::<()>()));
        assert!(handlers.next().now_or_never().is_none());
        let other = steps.slice().await;
        // Another look while the turn is taken asks for none.
        assert!(handlers.next().now_or_never().is_none());
        drop(other);
        assert!(is_free(&steps));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slice_ends_though_there_is_more_to_run() {
        let steps = steps();
        let mut handlers = BulkHandlers::new(steps.clone());
        (0..3).for_each(|number| handlers.push(Box::pin(ready(number))));
        assert!(handlers.next().await.is_some());
        assert!(!is_free(&steps), "there is more to run");
        tokio::time::advance(SLICE_TIME).await;
        assert!(handlers.next().await.is_some());
        assert!(is_free(&steps), "others have their turn");
        assert!(handlers.next().await.is_some());
    }
}
