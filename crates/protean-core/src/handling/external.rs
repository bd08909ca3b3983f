//! Events of other domains, as a stream brings them.

use protean_port::message::{Envelope, Kind, type_name};
use protean_port::{Error, Result};

use crate::catalog::too_new;
use crate::model::{Data, ExternalEvent, MessageData};

/// Reads an entry of a stream as an event; `None` when it is another message.
///
/// # Errors
/// When the entry is not a message, or the event is of a newer version, lacks a field, or breaks
/// a rule of one.
pub(super) fn read<E: ExternalEvent>(entry: &str) -> Result<Option<E>> {
    let message = Envelope::read(entry.as_bytes()).map_err(|unreadable| {
        Error::failed(format!("the entry is not an event of a domain: {unreadable}"))
    })?;
    let (name, version) = match type_name::split_version(&message.type_name) {
        Some(split) => split,
        None => (&*message.type_name, message.version),
    };
    if name != E::NAME || message.kind != Kind::Event {
        return Ok(None);
    }
    if version > E::VERSION {
        return Err(Error::failed(too_new(E::NAME, version, E::VERSION)));
    }
    let event = match version == E::VERSION {
        true => present(message.data.get())?,
        false => present(&upcast::<E>(message.data.get(), version)?)?,
    };
    Ok(Some(event))
}

/// Fields that the type does not have are the other domain's business.
fn present<E: ExternalEvent>(json: &str) -> Result<E> {
    let event = Data::lenient(json).read::<E>(E::NAME)?;
    event.check().into_result().map(|()| event)
}

fn upcast<E: ExternalEvent>(json: &str, from: u32) -> Result<String> {
    let failed = |error| {
        let text = format!("version {from} of {} cannot be read as {}", E::NAME, E::VERSION);
        Error::failed(text).with_source(error)
    };
    let not_json = |error: serde_json::Error| failed(Error::failed(error.to_string()));
    let mut data: MessageData = serde_json::from_str(json).map_err(not_json)?;
    E::upcast(&mut data, from).map_err(failed)?;
    serde_json::to_string(&data).map_err(not_json)
}

#[cfg(test)]
#[path = "external_tests.rs"]
mod tests;
