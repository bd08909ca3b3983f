//! Types for the identity of an instance.

use protean_port::message::Id;

/// A type whose values can identify instances.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an identifier",
    note = "use `Id`, `String`, or a `#[value_object]` that is a newtype of one of them"
)]
pub trait Identity {
    /// The value as an identity.
    fn id(&self) -> Id;
}

impl Identity for Id {
    fn id(&self) -> Id {
        self.clone()
    }
}

impl Identity for String {
    fn id(&self) -> Id {
        Id::from(self.as_str())
    }
}
