//! Identities of aggregates and messages.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::ids;

/// An identity: opaque, cheap to clone, compared by its text.
///
/// ```
/// # use protean_port::message::Id;
/// let isbn = Id::derived("isbn", "9780439023481");
/// assert_eq!(isbn, Id::derived("isbn", "9780439023481"));
/// assert_ne!(Id::new(), Id::new());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Arc<str>);

impl Id {
    /// A fresh identity: a UUID v7, so that later identities sort after earlier ones. Within a
    /// scope of [`Ids`](super::Ids) it is the next numbered one.
    #[expect(
        clippy::new_without_default,
        reason = "a default identity that differs each time surprises"
    )]
    pub fn new() -> Self {
        ids::next().map_or_else(|| Self::from(Uuid::now_v7()), Self::numbered)
    }

    /// The identity with this number, counted from 1, in a scope of [`Ids`](super::Ids):
    /// `00000000-0000-7000-8000-000000000001`. A fresh identity never equals it.
    pub fn numbered(number: u64) -> Self {
        let (version_7, variant) = (0x7000 << 64, 1 << 63);
        let number = u128::from(number & (u64::MAX >> 2));
        Self::from(Uuid::from_u128(version_7 | variant | number))
    }

    /// The identity derived from `kind` and `name`: a UUID v5 that is the same each time, so that
    /// importing a record again finds what the first import created.
    pub fn derived(kind: &str, name: &str) -> Self {
        let space = Uuid::new_v5(&Uuid::NAMESPACE_OID, kind.as_bytes());
        Self::from(Uuid::new_v5(&space, name.as_bytes()))
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for Id {
    fn from(uuid: Uuid) -> Self {
        Self(Arc::from(&*uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer())))
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self(Arc::from(text))
    }
}

impl From<Arc<str>> for Id {
    fn from(text: Arc<str>) -> Self {
        Self(text)
    }
}

impl From<Id> for Arc<str> {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
