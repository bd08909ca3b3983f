//! Adds a batch of entries and sets its mark, in one round trip.
//!
//! One transaction adds several entries, so that a full server takes all of them or none; a
//! single entry, which is what production mostly publishes, needs none. The mark is set before
//! it is known whether the server took every entry. When it did not, which is rare, the mark is
//! put back. A script would save that, but costs the server 50 % more time for each entry.

use std::collections::HashMap;
use std::sync::Arc;

use protean_port::Result;
use protean_port::port::{Batch, BrokerMark, EntryId, Publication, Published, Receipt};
use redis::{Pipeline, ServerError, Value};

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
    let (mut unset, mut before) = (batch.mark.as_ref(), None);
    loop {
        let open: Vec<usize> = (0..entries.len()).filter(|at| published[*at].is_none()).collect();
        if open.is_empty() && unset.is_none() {
            break;
        }
        let replies = shared.send_all(&commands(entries, &open, unset)).await;
        let outcomes = replies.and_then(|mut replies| {
            if let Some(mark) = unset.take() {
                before = replies.pop().map(|reply| (mark, reply));
            }
            outcomes(replies, shared, entries, &open)
        });
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(failed) => {
                mark_before(shared, before, false).await.map(drop).unwrap_or_default();
                return Err(failed);
            }
        };
        open.iter().zip(outcomes).for_each(|(at, outcome)| published[*at] = outcome);
        hold_back(entries, &mut published);
    }
    let published: Vec<_> = published.into_iter().flatten().collect();
    let is_whole = !published.iter().any(|one| matches!(one, Published::Unavailable(_)));
    Ok(Receipt { published, before: mark_before(shared, before, is_whole).await? })
}

/// The value that a mark had before it was set, from the reply to that. Puts it back unless the
/// batch `is_whole`.
async fn mark_before(
    shared: &Shared,
    set: Option<(&BrokerMark, Value)>,
    is_whole: bool,
) -> Result<Option<Arc<str>>> {
    let Some((mark, reply)) = set else { return Ok(None) };
    let key = key(&mark.name);
    let before = match reply {
        reply if is_whole => shared.accepted(reply)?,
        // A full server did not take it either.
        Value::ServerError(_) => shared.send(redis::cmd("GET").arg(key).take()).await?,
        before => {
            let put_back = match entry::text(before.clone()) {
                Some(value) => redis::cmd("SET").arg(key).arg(value).take(),
                None => redis::cmd("DEL").arg(key).take(),
            };
            shared.send(put_back).await?;
            before
        }
    };
    Ok(entry::text(before).map(Arc::from))
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

/// Adds the open entries, then sets the mark.
fn commands(entries: &[Publication], open: &[usize], mark: Option<&BrokerMark>) -> Pipeline {
    let mut commands = redis::pipe();
    let is_transaction = open.len() > 1;
    if is_transaction {
        commands.cmd("MULTI");
    }
    for Publication { stream, data } in open.iter().map(|at| &entries[*at]) {
        commands.cmd("XADD").arg(&**stream).arg("*").arg(entry::DATA_FIELD).arg(&**data);
    }
    if is_transaction {
        commands.cmd("EXEC");
    }
    if let Some(mark) = mark {
        commands.cmd("SET").arg(key(&mark.name)).arg(&*mark.value).arg("GET");
    }
    commands
}

/// The outcome for each open entry. `None` marks an entry to send again: Redis discarded the
/// transaction because of another entry.
fn outcomes(
    mut replies: Vec<Value>,
    shared: &Shared,
    entries: &[Publication],
    open: &[usize],
) -> Result<Vec<Option<Published>>> {
    let address = &shared.server.address;
    let discarded = if open.len() > 1 { executed(&mut replies, shared, open.len())? } else { None };
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
        None if outcomes.len() < open.len() || outcomes.iter().any(Option::is_none) => {
            Err(shared.unexpected("XADD"))
        }
        _ => Ok(outcomes),
    }
}

/// Reduces the replies to a transaction to those to its entries. Returns the error if Redis
/// discarded it.
fn executed(
    replies: &mut Vec<Value>,
    shared: &Shared,
    entries: usize,
) -> Result<Option<ServerError>> {
    match replies.pop() {
        Some(Value::Array(ids)) if ids.len() == entries => {
            *replies = ids;
            Ok(None)
        }
        Some(Value::ServerError(error)) if replies.len() == entries + 1 => {
            replies.remove(0);
            Ok(Some(error))
        }
        _ => Err(shared.unexpected("EXEC")),
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
