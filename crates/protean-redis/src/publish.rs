//! Adds a batch of entries, then sets its mark.
//!
//! One transaction adds the entries, so that a full server takes all of them or none.
//! A script would save a round trip, but costs the server 50 % more time for each entry.

use std::collections::HashMap;
use std::sync::Arc;

use protean_port::Result;
use protean_port::port::{Batch, BrokerMark, EntryId, Publication, Published, Receipt};
use redis::{Pipeline, Value};

use crate::shared::Shared;
use crate::{entry, error};

/// The Redis key of a mark.
pub(crate) fn key(mark: &str) -> String {
    format!("protean:mark:{mark}")
}

/// Publishes; see [`Broker::publish`](protean_port::port::Broker::publish).
pub(crate) async fn publish(shared: &Shared, batch: &Batch, max_bytes: usize) -> Result<Receipt> {
    let entries = &batch.entries;
    let mut published: Vec<_> = entries.iter().map(|entry| refusal(entry, max_bytes)).collect();
    loop {
        let open: Vec<usize> = (0..entries.len()).filter(|at| published[*at].is_none()).collect();
        if open.is_empty() {
            break;
        }
        let replies = shared.send_all(&transaction(entries, &open)).await?;
        let outcomes = outcomes(replies, shared, entries, &open)?;
        open.iter().zip(outcomes).for_each(|(at, outcome)| published[*at] = outcome);
        hold_back(entries, &mut published);
    }
    let published: Vec<_> = published.into_iter().flatten().collect();
    let is_whole = !published.iter().any(|one| matches!(one, Published::Unavailable(_)));
    let before = match &batch.mark {
        Some(mark) => set_mark(shared, mark, is_whole).await?,
        None => None,
    };
    Ok(Receipt { published, before })
}

/// Sets the mark if the whole batch was published, and returns its former value.
async fn set_mark(shared: &Shared, mark: &BrokerMark, is_whole: bool) -> Result<Option<Arc<str>>> {
    let mut set = redis::cmd(if is_whole { "SET" } else { "GET" });
    set.arg(key(&mark.name));
    if is_whole {
        set.arg(&*mark.value).arg("GET");
    }
    Ok(entry::text(shared.send(set).await?).map(Arc::from))
}

/// Sets a mark unless it is set; see [`Broker::claim_mark`](protean_port::port::Broker::claim_mark).
pub(crate) async fn claim_mark(shared: &Shared, mark: &BrokerMark) -> Result<Arc<str>> {
    let key = key(&mark.name);
    let mut claim = redis::pipe();
    // One transaction, since only a later version of Redis answers the old value as well.
    claim.cmd("MULTI");
    claim.cmd("SET").arg(&key).arg(&*mark.value).arg("NX");
    claim.cmd("GET").arg(&key).cmd("EXEC");
    let unexpected = || shared.unexpected("EXEC");
    let reply = shared.send_all(&claim).await?.pop().ok_or_else(unexpected)?;
    let values = entry::array(shared.accepted(reply)?).ok_or_else(unexpected)?;
    let value = values.into_iter().nth(1).and_then(entry::text).ok_or_else(unexpected)?;
    Ok(value.into())
}

fn transaction(entries: &[Publication], open: &[usize]) -> Pipeline {
    let mut transaction = redis::pipe();
    transaction.cmd("MULTI");
    for Publication { stream, data } in open.iter().map(|at| &entries[*at]) {
        transaction.cmd("XADD").arg(&**stream).arg("*").arg(entry::DATA_FIELD).arg(&**data);
    }
    transaction.cmd("EXEC");
    transaction
}

/// The outcome for each entry of a transaction. `None` marks an entry to send again: Redis
/// discarded the transaction because of another entry.
fn outcomes(
    mut replies: Vec<Value>,
    shared: &Shared,
    entries: &[Publication],
    open: &[usize],
) -> Result<Vec<Option<Published>>> {
    let unexpected = || shared.unexpected("EXEC");
    let address = &shared.server.address;
    let discarded = match replies.pop().ok_or_else(unexpected)? {
        Value::Array(ids) if ids.len() == open.len() => {
            replies = ids;
            None
        }
        Value::ServerError(error) if replies.len() == open.len() + 1 => {
            replies.remove(0);
            Some(error)
        }
        _ => return Err(unexpected()),
    };
    let outcome = |(reply, at): (Value, &usize)| match reply {
        Value::ServerError(error) => {
            let advice = error::advice(&error::report_line(&error));
            let why = format!("stream '{}': Redis at {address} {advice}", entries[*at].stream);
            Some(Published::Unavailable(why))
        }
        _ if discarded.is_some() => None,
        reply => entry::text(reply).map(|id| Published::Accepted(EntryId::new(id))),
    };
    let outcomes: Vec<_> = replies.into_iter().zip(open).map(outcome).collect();
    match discarded {
        // No entry is at fault, so Redis would discard the next transaction as well.
        Some(error) if outcomes.iter().all(Option::is_none) => {
            Err(error::from_reply(&error, address))
        }
        None if outcomes.iter().any(Option::is_none) => Err(unexpected()),
        _ => Ok(outcomes),
    }
}

/// Holds back every entry that follows an unpublished one of the same stream, to keep order.
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

/// Why an entry can never be published: it is larger than the server accepts.
pub(crate) fn refusal(entry: &Publication, max_bytes: usize) -> Option<Published> {
    let length = entry.data.len();
    (length > max_bytes).then(|| {
        Published::Refused(format!(
            "the message has {length} bytes, but Redis accepts at most {max_bytes}; \
             raise proto-max-bulk-len on the server, or send smaller messages"
        ))
    })
}

#[cfg(test)]
mod tests {
    use protean_port::port::{EntryId, Publication, Published};

    use super::hold_back;

    #[test]
    fn an_unpublished_entry_holds_back_later_ones_of_its_stream() {
        let entry = |stream: &str| Publication { stream: stream.into(), data: b""[..].into() };
        let entries = ["a", "b", "a", "b", "b"].map(entry);
        let accepted = Some(Published::Accepted(EntryId::new("1-0")));
        let full = Some(Published::Unavailable("full".into()));
        let mut published = [accepted.clone(), None, None, full.clone(), None];
        hold_back(&entries, &mut published);
        assert_eq!(published, [accepted, None, None, full.clone(), full]);
    }
}
