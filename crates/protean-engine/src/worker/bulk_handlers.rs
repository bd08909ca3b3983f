//! Bulk handlers that only compute run in slices, each a step of bulk work.
//!
//! ```text
//! a handler can go on ─▶ wait for a turn ─▶ handlers run, up to a few ms ─▶ give it back
//!                                              └ all of them wait ──────────▲
//! ```
//! Hundreds of such handlers would otherwise run at once, on the threads that production
//! needs. Handlers that wait for a query or another system need no turn: they leave the thread
//! to others by themselves, and one after another, each waiting for a commit of others, they
//! would hardly get on.
//!
//! A handler that waits for its turn holds its slot. Where production needs that slot, the handler
//! runs at once: a projector has one, and production would wait for a turn of bulk work.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use protean_port::port::BoxFuture;
use tokio::time::Instant;

use crate::bulk_steps::{BulkSteps, Turn};

/// How long handlers run in one slice.
pub(super) const SLICE_TIME: Duration = Duration::from_millis(2);
/// How long a slice waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_millis(20);
/// So many handlers in a row have to compute only before they need turns.
const COMPUTING_HANDLERS: usize = 64;

/// The bulk handlers of a worker that are under way, as a stream of their results.
pub(super) struct BulkHandlers<T> {
    steps: BulkSteps,
    running: FuturesUnordered<BulkHandler<T>>,
    turn: SliceTurn,
    news: Arc<News>,
    waker: Waker,
}

enum SliceTurn {
    None,
    Awaited(BoxFuture<'static, Option<Turn>>),
    Held { _turn: Option<Turn>, until: Instant },
}

/// What the handlers of a worker do.
struct News {
    /// One of them can go on.
    is_there: AtomicBool,
    /// How many in a row have ended without waiting for anything.
    computing: AtomicUsize,
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

/// A handler that says whether it had to wait.
struct BulkHandler<T> {
    handler: BoxFuture<'static, T>,
    has_begun: bool,
    news: Arc<News>,
}

impl<T> Future for BulkHandler<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let polled = self.handler.as_mut().poll(context);
        if !std::mem::replace(&mut self.has_begun, true) {
            match polled {
                Poll::Pending => self.news.computing.store(0, Ordering::Relaxed),
                Poll::Ready(_) => drop(self.news.computing.fetch_add(1, Ordering::Relaxed)),
            }
        }
        polled
    }
}

impl<T> BulkHandlers<T> {
    pub(super) fn new(steps: BulkSteps) -> Self {
        let (is_there, computing) = (AtomicBool::new(false), AtomicUsize::new(0));
        let news = Arc::new(News { is_there, computing, worker: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&news));
        Self { steps, running: FuturesUnordered::new(), turn: SliceTurn::None, news, waker }
    }

    /// Runs a handler from its next slice on.
    pub(super) fn push(&mut self, handler: BoxFuture<'static, T>) {
        let news = Arc::clone(&self.news);
        self.running.push(BulkHandler { handler, has_begun: false, news });
        self.news.is_there.store(true, Ordering::Release);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Production waits for a slot: handlers that await a turn run without one, for a slice.
    pub(super) fn hurry(&mut self) {
        if matches!(self.turn, SliceTurn::Awaited(_)) {
            self.turn = SliceTurn::Held { _turn: None, until: Instant::now() + SLICE_TIME };
        }
    }

    /// True once the slice has taken its time.
    fn is_over(&self) -> bool {
        matches!(&self.turn, SliceTurn::Held { until, .. } if *until <= Instant::now())
    }

    /// True while handlers may run; asks for a turn when they need one.
    fn may_run(&mut self, context: &mut Context<'_>) -> bool {
        if self.news.computing.load(Ordering::Relaxed) < COMPUTING_HANDLERS {
            self.turn = SliceTurn::None;
            return true;
        }
        if matches!(self.turn, SliceTurn::None) {
            let turn = tokio::time::timeout(LONGEST_WAIT, self.steps.turn());
            self.turn = SliceTurn::Awaited(Box::pin(async { turn.await.ok() }));
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
        if !this.may_run(context) {
            return Poll::Pending;
        }
        let (mut polled, until) = (Poll::Pending, Instant::now() + SLICE_TIME);
        while polled.is_pending() && this.news.is_there.swap(false, Ordering::AcqRel) {
            let mut handlers = Context::from_waker(&this.waker);
            polled = Pin::new(&mut this.running).poll_next(&mut handlers);
            // A handler that wakes itself must not keep the worker from everything else.
            if this.is_over() || Instant::now() >= until {
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
    use tokio::time::Instant;

    use super::{BulkHandlers, COMPUTING_HANDLERS, LONGEST_WAIT, SLICE_TIME};
    use crate::bulk_steps::BulkSteps;
    use crate::pacing::Pacing;

    fn steps() -> BulkSteps {
        BulkSteps::of(2, Arc::new(Pacing::none()))
    }

    fn is_free(steps: &BulkSteps) -> bool {
        steps.turn().now_or_never().is_some()
    }

    /// Handlers of which so many have computed only that the next ones need turns.
    async fn computing(steps: &BulkSteps) -> BulkHandlers<usize> {
        let mut handlers = BulkHandlers::new(steps.clone());
        let other = steps.turn().await;
        for number in 0..COMPUTING_HANDLERS {
            handlers.push(Box::pin(ready(number)));
            assert_eq!(handlers.next().await, Some(number), "beside the step of another");
        }
        drop(other);
        handlers
    }

    #[tokio::test]
    async fn a_handler_that_only_computes_runs_in_its_turn() {
        let steps = steps();
        let mut handlers = computing(&steps).await;
        let other = steps.turn().await;
        handlers.push(Box::pin(ready(1)));
        assert!(handlers.next().now_or_never().is_none());
        drop(other);
        assert_eq!(handlers.next().await, Some(1));
        assert_eq!(handlers.next().await, None);
        assert!(is_free(&steps));
    }

    #[tokio::test]
    async fn handlers_that_wait_for_something_else_need_no_turn() {
        let steps = steps();
        let mut handlers = computing(&steps).await;
        let (answer, answered) = oneshot::channel();
        handlers.push(Box::pin(async { answered.await.unwrap() }));
        assert!(handlers.next().now_or_never().is_none());
        assert!(is_free(&steps), "it waits");
        let _other = steps.turn().await;
        answer.send(7).unwrap();
        assert_eq!(handlers.next().await, Some(7), "beside the step of another");
        handlers.push(Box::pin(ready(8)));
        assert_eq!(handlers.next().await, Some(8), "one before it waited");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slice_does_not_wait_for_ever() {
        let steps = steps();
        let mut handlers = computing(&steps).await;
        let _other = steps.turn().await;
        handlers.push(Box::pin(ready(1)));
        let began = Instant::now();
        assert_eq!(handlers.next().await, Some(1));
        assert!(began.elapsed() >= LONGEST_WAIT && began.elapsed() < LONGEST_WAIT * 2);
    }

    #[tokio::test]
    async fn a_handler_whose_slot_production_waits_for_runs_without_a_turn() {
        let steps = steps();
        let mut handlers = computing(&steps).await;
        let other = steps.turn().await;
        handlers.push(Box::pin(ready(1)));
        assert!(handlers.next().now_or_never().is_none());
        handlers.hurry();
        assert_eq!(handlers.next().now_or_never(), Some(Some(1)));
        handlers.push(Box::pin(ready(2)));
        assert_eq!(handlers.next().now_or_never(), Some(Some(2)), "the slice goes on");
        assert!(handlers.next().now_or_never().is_some_and(|next| next.is_none()));
        handlers.push(Box::pin(ready(3)));
        assert!(handlers.next().now_or_never().is_none(), "the next one awaits its turn");
        drop(other);
        assert_eq!(handlers.next().await, Some(3));
    }

    #[tokio::test]
    async fn a_turn_is_not_kept_when_nothing_can_go_on() {
        let steps = steps();
        let mut handlers = computing(&steps).await;
        handlers.push(Box::pin(pending()));
        assert!(handlers.next().now_or_never().is_none());
        // Another look asks for none.
        let other = steps.turn().await;
        assert!(handlers.next().now_or_never().is_none());
        drop(other);
        assert!(is_free(&steps));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slice_ends_though_there_is_more_to_run() {
        let steps = steps();
        let mut handlers = computing(&steps).await;
        (0..3).for_each(|number| handlers.push(Box::pin(ready(number))));
        assert!(handlers.next().await.is_some());
        assert!(!is_free(&steps), "there is more to run");
        tokio::time::advance(SLICE_TIME).await;
        assert!(handlers.next().await.is_some());
        assert!(is_free(&steps), "others have their turn");
        assert!(handlers.next().await.is_some());
    }
}
