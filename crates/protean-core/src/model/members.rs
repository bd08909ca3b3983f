//! The fields of a struct under the names that serde gives them.

use serde::Deserializer;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Error as _, Visitor};

use super::field::Fields;
use super::shape::{Member, Shape};

impl Shape {
    /// An object with the fields of `T`.
    pub fn object<T: Fields + DeserializeOwned>() -> Self {
        Self::Object { type_path: std::any::type_name::<T>(), doc: T::DOC, members: members::<T> }
    }
}

/// The fields of `T` under the names that serde gives them.
pub(super) fn members<T: Fields + DeserializeOwned>() -> Vec<Member> {
    let mut members = T::members();
    match serde_names::<T>() {
        Some(names) if names.len() == members.len() => {
            for (member, name) in members.iter_mut().zip(names) {
                (*name).clone_into(&mut member.name);
            }
        }
        // Nothing says which field has which names, but a change of any of them shows.
        Some(names) => {
            members.push(Member::new("(names)", Shape::Plain(names.join(", ")), false));
        }
        None => members.push(Member::new("(form)", Shape::Plain("its own".to_owned()), false)),
    }
    members
}

/// The names that the derived `Deserialize` of a struct asks for; none when it asks for
/// anything but a struct.
fn serde_names<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut names = None;
    // It always fails, once it knows what is asked for.
    let _ = T::deserialize(Asked(&mut names));
    names
}

/// Notes the names of the fields that are asked for, and has none of them.
struct Asked<'n>(&'n mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = Some(fields);
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
