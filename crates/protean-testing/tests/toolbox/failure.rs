//! Catches a failure, with its place.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// The failure of this thread, while one is being caught.
    static CAUGHT: RefCell<Option<Vec<Failure>>> = const { RefCell::new(None) };
}

/// A test that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) text: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// How `test` fails; it must.
#[track_caller]
pub(crate) fn failure<T>(test: impl FnOnce() -> T) -> Failure {
    listen();
    CAUGHT.set(Some(Vec::new()));
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(test())));
    let caught = CAUGHT.take().unwrap_or_default();
    assert!(outcome.is_err(), "it did not fail");
    caught.into_iter().next_back().unwrap()
}

/// Fails unless `test` fails here, in this file, between these lines of it, and
/// tells all of this.
#[track_caller]
pub(crate) fn fails<T>(test: impl FnOnce() -> T, parts: &[&str]) {
    let caller = std::panic::Location::caller();
    let Failure { text, file, line } = failure(test);
    for part in parts {
        assert!(text.contains(part), "no '{part}' in:\n{text}");
    }
    let near = caller.line()..=caller.line() + 8;
    let place = format!("{file}:{line}");
    assert!(file == caller.file() && near.contains(&line), "failed at {place}:\n{text}");
}

/// Catches what the thread tells that asked for it, and leaves the others alone.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let text = panic.payload_as_str().unwrap_or_default().to_owned();
            let place = panic.location().map(|at| (at.file().to_owned(), at.line()));
            let (file, line) = place.unwrap_or_default();
            let caught = CAUGHT.with_borrow_mut(|caught| {
                caught.as_mut().map(|caught| caught.push(Failure { text, file, line })).is_some()
            });
            if !caught {
                before(panic);
            }
        }));
    });
}
