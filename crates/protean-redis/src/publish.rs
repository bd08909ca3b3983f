//! Adds a batch of entries in one step.

use std::sync::Arc;

use protean_core::Result;
use protean_core::port::{Batch, EntryId, Published, Receipt};
use redis::{Cmd, Value};

use crate::entry;
use crate::error;
use crate::script::Step;
use crate::shared::Shared;

/// The key of a mark.
pub(crate) fn key(mark: &str) -> String {
    format!("protean:mark:{mark}")
}

/// Publishes what the server takes at all; see [`Broker::publish`](protean_core::port::Broker::publish).
pub(crate) async fn publish(shared: &Shared, batch: &Batch, longest: usize) -> Result<Receipt> {
    let answer = shared.ask(step(shared, batch, longest)).await?;
    let unexpected = || shared.unexpected("XADD");
    let answer = entry::array(answer).ok_or_else(unexpected)?;
    let [before, answers] = <[Value; 2]>::try_from(answer).map_err(|_| unexpected())?;
    let mut answers = entry::array(answers).ok_or_else(unexpected)?.into_iter();
    let published = batch.entries.iter().map(|entry| {
        if entry.data.len() > longest {
            return Some(refused(entry.data.len(), longest));
        }
        outcome(answers.next()?, &entry.stream, &shared.server.place)
    });
    let published: Option<Vec<_>> = published.collect();
    let before = entry::text(before).map(Arc::from);
    Ok(Receipt { published: published.ok_or_else(unexpected)?, before })
}

fn step(shared: &Shared, batch: &Batch, longest: usize) -> Cmd {
    let mut call = shared.steps.anywhere(Step::Publish);
    match &batch.mark {
        Some(mark) => call.arg(key(&mark.name)).arg(&*mark.value),
        None => call.arg("").arg(""),
    };
    for entry in batch.entries.iter().filter(|entry| entry.data.len() <= longest) {
        call.arg(&*entry.stream).arg(&*entry.data);
    }
    call
}

fn outcome(answer: Value, stream: &str, place: &str) -> Option<Published> {
    if let Value::Array(refusal) = answer {
        let report = entry::text(refusal.into_iter().next()?)?;
        let what = error::advice(&report);
        return Some(Published::Unavailable(format!(
            "Redis at {place}, stream '{stream}': {what}"
        )));
    }
    Some(Published::Accepted(EntryId::new(entry::text(answer)?)))
}

fn refused(length: usize, longest: usize) -> Published {
    Published::Refused(format!(
        "the message is {length} bytes long, and Redis takes at most {longest}; \
         raise proto-max-bulk-len there, or send less"
    ))
}
