//! Events of other domains.

use protean_port::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::Fields;
use super::upcast::MessageData;

/// An event of another domain, with the fields that this program needs of it. A
/// [subscriber](crate::handling::Receive) takes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event of another domain",
    note = "declare it with `#[external_event(name = \"Bank.AccountOpened\")]`; a method that takes \
            entries of any form is marked `#[handle]`"
)]
pub trait ExternalEvent: Fields + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type as it is in the stream, without the version: `Bank.AccountOpened`.
    const NAME: &'static str;

    /// The version that has this form. One of a newer version is refused.
    const VERSION: u32 = 1;

    /// Brings the fields of an earlier version into this form.
    ///
    /// # Errors
    /// When the fields are not those of that version: the event cannot be read.
    fn upcast(_data: &mut MessageData, _from: u32) -> Result {
        Ok(())
    }
}
