//! Types for the identity of an instance.

use protean_port::message::Id;

/// A type whose values can identify instances.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an identifier",
    note = "use `Id`, `String`, or a `#[value_object]` that is a newtype of one of them"
)]
pub trait Identity {
    /// The text of the identity.
    fn text(&self) -> &str;

    /// The value as an identity.
    fn id(&self) -> Id {
        Id::from(self.text())
    }
}

impl Identity for Id {
    fn text(&self) -> &str {
        self.as_str()
    }

    fn id(&self) -> Id {
        self.clone()
    }
}

impl Identity for String {
    fn text(&self) -> &str {
        self
    }
}
