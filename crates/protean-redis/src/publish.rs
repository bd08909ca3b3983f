//! Adds a batch of entries, and then sets its mark.
//!
//! The entries go in one transaction, so that a server that is full takes all of them
//! or none. A step of our own would do it in one round trip, but takes half as much
//! again of the server's time for each entry.

use std::collections::HashMap;
use std::sync::Arc;

use protean_port::Result;
use protean_port::port::{Batch, BrokerMark, EntryId, Publication, Published, Receipt};
use redis::{Pipeline, Value};

use crate::shared::Shared;
use crate::{entry, error};

/// The key of a mark.
pub(crate) fn key(mark: &str) -> String {
    format!("protean:mark:{mark}")
}

/// Publishes; see [`Broker::publish`](protean_port::port::Broker::publish).
pub(crate) async fn publish(shared: &Shared, batch: &Batch, longest: usize) -> Result<Receipt> {
    let entries = &batch.entries;
    let mut published: Vec<_> = entries.iter().map(|entry| refused(entry, longest)).collect();
    loop {
        let open: Vec<usize> = (0..entries.len()).filter(|at| published[*at].is_none()).collect();
        if open.is_empty() {
            break;
        }
        let answers = shared.ask_all(&transaction(entries, &open)).await?;
        let outcomes = outcomes(answers, shared, entries, &open)?;
        open.iter().zip(outcomes).for_each(|(at, outcome)| published[*at] = outcome);
        hold_back(entries, &mut published);
    }
    let published: Vec<_> = published.into_iter().flatten().collect();
    let is_whole = !published.iter().any(|one| matches!(one, Published::Unavailable(_)));
    let before = match &batch.mark {
        Some(mark) => set(shared, mark, is_whole).await?,
        None => None,
    };
    Ok(Receipt { published, before })
}

/// Sets the mark, unless the batch is not whole, and answers what it was.
async fn set(shared: &Shared, mark: &BrokerMark, is_whole: bool) -> Result<Option<Arc<str>>> {
    let mut set = redis::cmd(if is_whole { "SET" } else { "GET" });
    set.arg(key(&mark.name));
    if is_whole {
        set.arg(&*mark.value).arg("GET");
    }
    Ok(entry::text(shared.ask(set).await?).map(Arc::from))
}

fn transaction(entries: &[Publication], open: &[usize]) -> Pipeline {
    let mut transaction = redis::pipe();
    transaction.cmd("MULTI");
    for Publication { stream, data } in open.iter().map(|at| &entries[*at]) {
        transaction.cmd("XADD").arg(&**stream).arg("*").arg(entry::DATA).arg(&**data);
    }
    transaction.cmd("EXEC");
    transaction
}

/// What became of each entry of a transaction; `None` for those that are to be tried
/// again, because it was given up for the sake of others.
fn outcomes(
    mut answers: Vec<Value>,
    shared: &Shared,
    entries: &[Publication],
    open: &[usize],
) -> Result<Vec<Option<Published>>> {
    let unexpected = || shared.unexpected("EXEC");
    let place = &shared.server.place;
    let refusal = match answers.pop().ok_or_else(unexpected)? {
        Value::Array(ids) if ids.len() == open.len() => {
            answers = ids;
            None
        }
        Value::ServerError(refusal) if answers.len() == open.len() + 1 => {
            answers.remove(0);
            Some(refusal)
        }
        _ => return Err(unexpected()),
    };
    let pairs = answers.into_iter().zip(open);
    let outcomes = pairs.map(|(answer, at)| match answer {
        Value::ServerError(refusal) => {
            let (stream, what) = (&entries[*at].stream, error::advice(&error::line(&refusal)));
            let why = format!("Redis at {place}, stream '{stream}': it {what}");
            Some(Published::Unavailable(why))
        }
        _ if refusal.is_some() => None,
        answer => entry::text(answer).map(|id| Published::Accepted(EntryId::new(id))),
    });
    let outcomes: Vec<_> = outcomes.collect();
    match refusal {
        // Nobody is to blame, so it would be given up again and again.
        Some(refusal) if outcomes.iter().all(Option::is_none) => {
            Err(error::answered(&refusal, place))
        }
        None if outcomes.iter().any(Option::is_none) => Err(unexpected()),
        _ => Ok(outcomes),
    }
}

/// Nothing passes an entry of its own stream that was not taken.
pub(crate) fn hold_back(entries: &[Publication], published: &mut [Option<Published>]) {
    let mut failed: HashMap<&str, Published> = HashMap::new();
    for (entry, published) in entries.iter().zip(published) {
        match published {
            Some(Published::Unavailable(_)) => {
                failed.extend(published.clone().map(|why| (&*entry.stream, why)));
            }
            None => *published = failed.get(&*entry.stream).cloned(),
            Some(_) => {}
        }
    }
}

pub(crate) fn refused(entry: &Publication, longest: usize) -> Option<Published> {
    let length = entry.data.len();
    (length > longest).then(|| {
        Published::Refused(format!(
            "the message is {length} bytes long, and Redis takes at most {longest}; \
             raise proto-max-bulk-len there, or send less"
        ))
    })
}

#[cfg(test)]
mod tests {
    use protean_port::port::{EntryId, Publication, Published};

    use super::hold_back;

    #[test]
    fn nothing_passes_an_entry_of_its_own_stream_that_was_not_taken() {
        let entry = |stream: &str| Publication { stream: stream.into(), data: b""[..].into() };
        let entries = ["a", "b", "a", "b", "b"].map(entry);
        let accepted = Some(Published::Accepted(EntryId::new("1-0")));
        let full = Some(Published::Unavailable("full".into()));
        let mut published = [accepted.clone(), None, None, full.clone(), None];
        hold_back(&entries, &mut published);
        assert_eq!(published, [accepted, None, None, full.clone(), full]);
    }
}
