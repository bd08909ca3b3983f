//! A question to something that may be slow, asked apart from those who want to know.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

/// How old an answer may be before the question is asked again.
const FRESH: Duration = Duration::from_secs(1);

/// How long somebody who wants to know waits for a new answer.
const PATIENCE: Duration = Duration::from_millis(800);

/// What is known of something. At most one question is on its way, however
/// many want to know, and none while nobody does.
pub(super) struct CachedProbe<T> {
    wanted: Arc<Notify>,
    seen: watch::Receiver<Option<Seen<T>>>,
}

/// An answer.
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
    /// What is known by asking in this way, and the task that asks.
    pub(super) fn new<F>(ask: impl Fn() -> F + Send) -> (Self, impl Future<Output = ()> + Send)
    where
        F: Future<Output = T> + Send,
    {
        let (tell, seen) = watch::channel(None);
        let wanted = Arc::new(Notify::new());
        let look = Self { wanted: Arc::clone(&wanted), seen };
        let asking = async move {
            loop {
                wanted.notified().await;
                if !is_fresh(&tell.borrow()) {
                    let what = ask().await;
                    tell.send_replace(Some(Seen::now(what)));
                }
            }
        };
        (look, asking)
    }

    /// An answer that is at most a second old.
    ///
    /// # Errors
    /// The last answer, if there ever was one, when no new one comes in time.
    pub(super) async fn latest(&self) -> Result<Seen<T>, Option<Seen<T>>> {
        let known = self.seen.borrow().clone();
        if let Some(seen) = known.filter(|seen| seen.age() < FRESH) {
            return Ok(seen);
        }
        self.wanted.notify_one();
        let mut seen = self.seen.clone();
        // Whoever asks lives as long as the page.
        let answered =
            timeout(PATIENCE, seen.wait_for(is_fresh)).await.is_ok_and(|told| told.is_ok());
        let seen = self.seen.borrow().clone();
        if answered { seen.ok_or(None) } else { Err(seen) }
    }
}

fn is_fresh<T>(seen: &Option<Seen<T>>) -> bool {
    seen.as_ref().is_some_and(|seen| seen.age() < FRESH)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{CachedProbe, FRESH, PATIENCE};

    /// Answers with how often it was asked, after a while.
    fn counting(takes: Duration) -> (CachedProbe<u32>, Arc<AtomicU32>) {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let (look, asking) = CachedProbe::new(move || {
            let count = Arc::clone(&count);
            async move {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::time::sleep(takes).await;
                number
            }
        });
        tokio::spawn(asking);
        (look, asked)
    }

    #[tokio::test(start_paused = true)]
    async fn asks_once_for_many_and_again_when_the_answer_is_old() {
        let (look, asked) = counting(Duration::from_millis(10));
        let (one, other) = tokio::join!(look.latest(), look.latest());
        assert_eq!((one.ok().unwrap().what, other.ok().unwrap().what), (1, 1));
        assert_eq!(look.latest().await.ok().unwrap().what, 1);
        advance(FRESH).await;
        assert_eq!(look.latest().await.ok().unwrap().what, 2);
        advance(FRESH * 60).await;
        assert_eq!(asked.load(Ordering::Relaxed), 2, "nobody wants to know");
    }

    #[tokio::test(start_paused = true)]
    async fn one_question_is_on_its_way_and_the_old_answer_stays() {
        let (look, asked) = counting(PATIENCE * 5 / 2);
        let began = Instant::now();
        assert!(look.latest().await.is_err_and(|seen| seen.is_none()));
        assert_eq!(began.elapsed(), PATIENCE);
        assert!(look.latest().await.is_err());
        assert_eq!(look.latest().await.ok().unwrap().what, 1);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        advance(FRESH).await;
        let old = look.latest().await.err().flatten().unwrap();
        assert_eq!((old.what, old.age()), (1, FRESH + PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_never_answered_keeps_nobody() {
        let (look, asking) = CachedProbe::<u32>::new(pending);
        tokio::spawn(asking);
        for _ in 0..3 {
            let began = Instant::now();
            assert!(look.latest().await.is_err());
            assert_eq!(began.elapsed(), PATIENCE);
        }
    }
}
