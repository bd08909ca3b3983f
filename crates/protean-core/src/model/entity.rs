//! Entities inside an aggregate, found by their identity.

use protean_port::message::Id;
use protean_port::{Error, Result, Violations};

use super::list::Element;

/// An object with an identity inside an aggregate; `#[entity]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "declare it with `#[entity]` and give it a field `id: Id`"
)]
pub trait Entity: Element {
    /// The name of its type, for messages.
    const NAME: &'static str;

    /// The identity.
    fn identity(&self) -> Id;
}

/// Entities in a list, by their identity.
///
/// ```
/// # use protean_core::model::{Children, Element, Entity};
/// # use protean_port::message::Id;
/// # #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// # struct Line { id: Id, quantity: u32 }
/// # impl Element for Line {}
/// # impl Entity for Line {
/// #     const NAME: &'static str = "Line";
/// #     fn identity(&self) -> Id { self.id.clone() }
/// # }
/// # fn main() -> protean_port::Result {
/// let mut lines = Vec::new();
/// lines.add_child(Line { id: "1".into(), quantity: 2 })?;
/// lines.child_mut(&"1".into())?.quantity += 1;
/// assert_eq!(lines.remove_child(&"1".into())?.quantity, 3);
/// assert!(lines.child(&"1".into()).unwrap_err().is_not_found());
/// # Ok(())
/// # }
/// ```
pub trait Children<T> {
    /// Adds an entity at the end.
    ///
    /// # Errors
    /// A violation if the list already has an entity with this identity.
    fn add_child(&mut self, child: T) -> Result;

    /// The entity with this identity.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when there is none.
    fn child(&self, id: &Id) -> Result<&T>;

    /// The entity with this identity, to change it.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when there is none.
    fn child_mut(&mut self, id: &Id) -> Result<&mut T>;

    /// Removes the entity with this identity and returns it.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when there is none.
    fn remove_child(&mut self, id: &Id) -> Result<T>;
}

impl<T: Entity> Children<T> for Vec<T> {
    fn add_child(&mut self, child: T) -> Result {
        let id = child.identity();
        if self.child(&id).is_ok() {
            let taken = format!("'{id}' is already taken by another {}", T::NAME);
            return Err(Error::invalid(Violations::of("id", taken)));
        }
        self.push(child);
        Ok(())
    }

    fn child(&self, id: &Id) -> Result<&T> {
        place(self, id).map(|place| &self[place])
    }

    fn child_mut(&mut self, id: &Id) -> Result<&mut T> {
        place(self, id).map(|place| &mut self[place])
    }

    fn remove_child(&mut self, id: &Id) -> Result<T> {
        place(self, id).map(|place| self.remove(place))
    }
}

fn place<T: Entity>(children: &[T], id: &Id) -> Result<usize> {
    let place = children.iter().position(|child| child.identity() == *id);
    place.ok_or_else(|| Error::not_found(T::NAME, id.as_str()))
}
