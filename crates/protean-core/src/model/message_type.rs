//! A message type as a value: what it is called, and how its data is read.

use std::any::TypeId;

use protean_port::Result;
use serde::de::DeserializeOwned;

use super::data::Data;
use super::field::Fields;
use super::members::members;
use super::shape::Member;

/// An event or a command as a program knows it, without its Rust type.
#[derive(Clone, Copy, Debug)]
pub struct MessageType {
    /// The name in message types.
    pub name: &'static str,
    /// The version of its form.
    pub version: u32,
    /// It goes to other systems.
    pub is_published: bool,
    /// The documentation of the type.
    pub doc: &'static str,
    id: TypeId,
    read: fn(Data<'_>, &str) -> Result,
    members: fn() -> Vec<Member>,
}

impl MessageType {
    /// A message that is read as `T`.
    pub(super) const fn of<T>(name: &'static str, version: u32) -> Self
    where
        T: Fields + DeserializeOwned + 'static,
    {
        let read = |data: Data<'_>, name: &str| data.read::<T>(name).map(drop);
        Self {
            name,
            version,
            is_published: false,
            doc: T::DOC,
            id: TypeId::of::<T>(),
            read,
            members: members::<T>,
        }
    }

    /// A message by this name whose data is read in a way of its own, as `T`.
    pub(crate) const fn other<T: 'static>(
        (name, version): (&'static str, u32),
        read: fn(Data<'_>, &str) -> Result,
    ) -> Self {
        Self {
            name,
            version,
            is_published: false,
            doc: "",
            id: TypeId::of::<T>(),
            read,
            members: Vec::new,
        }
    }

    pub(super) const fn published(mut self, is_published: bool) -> Self {
        self.is_published = is_published;
        self
    }

    /// The form of each of its fields as JSON.
    pub fn members(&self) -> Vec<Member> {
        (self.members)()
    }

    /// Reads data of the present version, and drops what it gives.
    ///
    /// # Errors
    /// When the data does not have the form of the type.
    pub fn read(&self, data: Data<'_>) -> Result {
        (self.read)(data, self.name)
    }
}

impl PartialEq for MessageType {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.name, self.version) == (other.id, other.name, other.version)
    }
}
