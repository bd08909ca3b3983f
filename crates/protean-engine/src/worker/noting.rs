//! A worker notes what it is about to handle. Only the handlers concerned wait for that.

use std::future::Future;

use futures_util::FutureExt;
use protean_port::Result;
use protean_port::message::Lane;
use tracing::warn;

use super::{Event, Worker};
use crate::worker::in_flight::Note;
use crate::worker::runner::Ran;

impl Worker {
    /// Runs a handler once its message is noted: if it ends the process, the next one finds it.
    pub(super) fn run_once(
        &mut self,
        lane: Lane,
        noted: impl Future<Output = ()> + Send + 'static,
        running: impl Future<Output = Ran> + Send + 'static,
    ) {
        let running = async move { Event::Ran(Box::new(running.await)) };
        match lane {
            Lane::Primary => self.under_way.push(Box::pin(async move {
                noted.await;
                running.await
            })),
            Lane::Backfill => {
                let mut noted = Box::pin(noted);
                if (&mut noted).now_or_never().is_some() {
                    return self.bulk_handlers.push(Box::pin(running));
                }
                self.under_way.push(Box::pin(async move {
                    noted.await;
                    Event::BulkNoted(Box::pin(running))
                }));
            }
        }
    }

    /// Notes what has begun, unless a note is being written.
    pub(super) fn start_note(&mut self) {
        if let Some(Note { number, written }) = self.in_flight.note() {
            self.under_way
                .push(Box::pin(written.map(move |written| Event::Noted(number, written))));
        }
    }

    /// A note has ended. What waits for it runs even when it failed.
    pub(super) fn noted(&mut self, number: u64, written: Result) {
        let Err(error) = self.in_flight.note_ended(number, written) else { return };
        let (handler, error) = (&self.runner.group.handler, format_args!("{error:#}"));
        if self.stopping {
            warn!(
                %handler, error,
                "cannot clear the record of messages in flight, they may be suspects after a restart"
            );
        } else {
            warn!(%handler, error, "cannot record the messages in flight");
        }
    }
}
