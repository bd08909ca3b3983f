//! Which types of the program read which messages of the log.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use protean_port::message::{Category, Message};
use protean_port::{Error, Result};

use super::upcast::{UpcastChains, too_new};
use crate::model::{Data, MessageType};

/// The types that read the messages of each category, by the names of the messages. Handlers
/// may read one message as different types.
#[derive(Debug, Default)]
pub(crate) struct Readers(BTreeMap<Category, BTreeMap<&'static str, Vec<MessageType>>>);

impl Readers {
    /// Enters a type that reads messages of a category; a second time changes nothing.
    pub(crate) fn add(&mut self, category: &Category, message: MessageType) {
        let types = self.0.entry(category.clone()).or_default().entry(message.name).or_default();
        if !types.contains(&message) {
            types.push(message);
        }
    }

    /// The types that read messages of a category.
    pub(crate) fn of<'r>(
        &'r self,
        category: &Category,
    ) -> impl Iterator<Item = &'r MessageType> + use<'r> {
        self.0.get(category).into_iter().flat_map(|messages| messages.values().flatten())
    }

    /// The newest version of each message by category and name.
    pub(crate) fn newest(&self) -> impl Iterator<Item = (&Category, &'static str, u32)> {
        let messages = self.0.iter().flat_map(|(category, messages)| {
            messages.iter().map(move |(name, types)| (category, *name, types))
        });
        messages.filter_map(|(category, name, types)| {
            Some((category, name, types.iter().map(|known| known.version).max()?))
        })
    }

    /// Whether each type that reads this message can; `None` when there is no such type.
    pub(super) fn read(
        &self,
        message: &Message,
        chains: &UpcastChains,
        lenient: bool,
    ) -> Option<Result> {
        let category = message.stream.category();
        let name = message.name();
        let types = self.0.get(category)?.get(name)?;
        let chain = chains.get(category).and_then(|chains| chains.get(name));
        let read = |known: &MessageType| {
            if message.version > known.version {
                return Err(Error::failed(too_new(name, message.version, known.version)));
            }
            match chain.filter(|_| message.version < known.version) {
                Some(chain) => {
                    let present = chain.upcast(&message.data, message.version)?;
                    known.read(Data::of(&present, lenient))
                }
                None => known.read(Data::of(&message.data, lenient)),
            }
        };
        Some(types.iter().try_for_each(|known| guarded(|| read(known))))
    }
}

/// The program's own code may panic, such as an upcaster: that is a fault of this message, and
/// no reason to leave the others unread.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(Error::failed("the code of the program panics: see the panic's own message"))
    })
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_type_that_panics_is_a_fault_of_its_message() {
        let read = guarded::<()>(|| panic!("no such year"));
        assert!(read.unwrap_err().to_string().contains("panics"));
    }
}
