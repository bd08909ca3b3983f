//! Fields that hold text, and conditions on them.

use std::marker::PhantomData;

use protean_port::message::{Case, Id, RowCondition, TextPlace};

use super::Field;
use super::condition::Condition;

/// A type whose values are text: `String`, `Id`, and newtypes of these.
#[diagnostic::on_unimplemented(
    message = "a field of the type `{Self}` does not hold text",
    note = "a `String`, an `Id` or a newtype of one is compared with text"
)]
pub trait TextValue: Field + for<'a> From<&'a str> {}

impl TextValue for String {}
impl TextValue for Id {}

/// A field that holds text, perhaps in an `Option`.
#[diagnostic::on_unimplemented(
    message = "a field of the type `{Self}` does not hold text",
    note = "`starts_with`, `ends_with`, `contains` and `ignoring_case` need a `String`, an `Id` \
            or a newtype of one; `has` asks whether a list has an element"
)]
pub trait TextField: Field {}

impl<T: TextValue> TextField for T {}
impl<T: TextValue> TextField for Option<T> {}

/// A text field, compared without regard to the case of ASCII letters.
pub struct IgnoringCase<Owner> {
    column: usize,
    owner: PhantomData<fn(Owner)>,
}

impl<Owner> IgnoringCase<Owner> {
    pub(super) const fn new(column: usize) -> Self {
        Self { column, owner: PhantomData }
    }

    /// Rows whose field equals this text.
    pub fn equals(&self, text: &str) -> Condition<Owner> {
        condition(self.column, TextPlace::Whole, text, Case::IgnoredInAscii)
    }

    /// Rows whose field begins with this text.
    pub fn starts_with(&self, text: &str) -> Condition<Owner> {
        condition(self.column, TextPlace::Start, text, Case::IgnoredInAscii)
    }

    /// Rows whose field ends with this text.
    pub fn ends_with(&self, text: &str) -> Condition<Owner> {
        condition(self.column, TextPlace::End, text, Case::IgnoredInAscii)
    }

    /// Rows whose field contains this text.
    pub fn contains(&self, text: &str) -> Condition<Owner> {
        condition(self.column, TextPlace::Anywhere, text, Case::IgnoredInAscii)
    }
}

/// A condition on a column of text.
pub(super) fn condition<Owner>(
    column: usize,
    place: TextPlace,
    text: &str,
    case: Case,
) -> Condition<Owner> {
    RowCondition::Text { column, place, text: text.into(), case }.into()
}
