//! A query to something that may be slow, made in a task of its own and shared by all who
//! ask.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

/// How old an answer may be before the query is made again.
const MAX_ANSWER_AGE: Duration = Duration::from_secs(1);

/// How long a caller waits for a new answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(800);

/// The last answer to a query. At most one query is under way, however many callers there
/// are, and none while there is no caller.
pub(super) struct CachedProbe<T> {
    wanted: Arc<Notify>,
    seen: watch::Receiver<Option<Seen<T>>>,
}

/// An answer and when it came.
#[derive(Clone)]
pub(super) struct Seen<T> {
    pub(super) what: T,
    at: Instant,
}

impl<T> Seen<T> {
    pub(super) fn now(what: T) -> Self {
        Self { what, at: Instant::now() }
    }

    /// How long ago it came.
    pub(super) fn age(&self) -> Duration {
        self.at.elapsed()
    }
}

impl<T: Clone + Send + Sync + 'static> CachedProbe<T> {
    /// A probe that queries with `ask`, and the task that makes the queries.
    pub(super) fn new<F>(ask: impl Fn() -> F + Send) -> (Self, impl Future<Output = ()> + Send)
    where
        F: Future<Output = T> + Send,
    {
        let (answers, seen) = watch::channel(None);
        let wanted = Arc::new(Notify::new());
        let probe = Self { wanted: Arc::clone(&wanted), seen };
        let asking = async move {
            loop {
                wanted.notified().await;
                if !is_fresh(&answers.borrow()) {
                    let what = ask().await;
                    answers.send_replace(Some(Seen::now(what)));
                }
            }
        };
        (probe, asking)
    }

    /// An answer that is at most a second old.
    ///
    /// # Errors
    /// When no new answer comes in time: with the last answer, if there ever was one.
    pub(super) async fn latest(&self) -> Result<Seen<T>, Option<Seen<T>>> {
        let known = self.seen.borrow().clone();
        if let Some(seen) = known.filter(|seen| seen.age() < MAX_ANSWER_AGE) {
            return Ok(seen);
        }
        self.wanted.notify_one();
        let mut seen = self.seen.clone();
        // The task lives as long as the page, so the sender is never gone.
        let answered = timeout(ANSWER_TIMEOUT, seen.wait_for(is_fresh))
            .await
            .is_ok_and(|answer| answer.is_ok());
        let seen = self.seen.borrow().clone();
        if answered { seen.ok_or(None) } else { Err(seen) }
    }
}

fn is_fresh<T>(seen: &Option<Seen<T>>) -> bool {
    seen.as_ref().is_some_and(|seen| seen.age() < MAX_ANSWER_AGE)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{ANSWER_TIMEOUT, CachedProbe, MAX_ANSWER_AGE};

    /// Answers with how often it was asked, after a while.
    fn counting(takes: Duration) -> (CachedProbe<u32>, Arc<AtomicU32>) {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let (probe, asking) = CachedProbe::new(move || {
            let count = Arc::clone(&count);
            async move {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::time::sleep(takes).await;
                number
            }
        });
        tokio::spawn(asking);
        (probe, asked)
    }

    #[tokio::test(start_paused = true)]
    async fn asks_once_for_many_and_again_when_the_answer_is_old() {
        let (probe, asked) = counting(Duration::from_millis(10));
        let (one, other) = tokio::join!(probe.latest(), probe.latest());
        assert_eq!((one.ok().unwrap().what, other.ok().unwrap().what), (1, 1));
        assert_eq!(probe.latest().await.ok().unwrap().what, 1);
        advance(MAX_ANSWER_AGE).await;
        assert_eq!(probe.latest().await.ok().unwrap().what, 2);
        advance(MAX_ANSWER_AGE * 60).await;
        assert_eq!(asked.load(Ordering::Relaxed), 2, "there is no caller");
    }

    #[tokio::test(start_paused = true)]
    async fn one_query_is_under_way_and_the_old_answer_stays() {
        let (probe, asked) = counting(ANSWER_TIMEOUT * 5 / 2);
        let began = Instant::now();
        assert!(probe.latest().await.is_err_and(|seen| seen.is_none()));
        assert_eq!(began.elapsed(), ANSWER_TIMEOUT);
        assert!(probe.latest().await.is_err());
        assert_eq!(probe.latest().await.ok().unwrap().what, 1);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        advance(MAX_ANSWER_AGE).await;
        let old = probe.latest().await.err().flatten().unwrap();
        assert_eq!((old.what, old.age()), (1, MAX_ANSWER_AGE + ANSWER_TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_that_is_never_answered_holds_up_no_caller() {
        let (probe, asking) = CachedProbe::<u32>::new(pending);
        tokio::spawn(asking);
        for _ in 0..3 {
            let began = Instant::now();
            assert!(probe.latest().await.is_err());
            assert_eq!(began.elapsed(), ANSWER_TIMEOUT);
        }
    }
}
