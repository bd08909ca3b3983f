//! Typed names of fields, for queries and for reading their limits.

use std::marker::PhantomData;

use protean_port::message::{Case, Operator, RowCondition, SortKey, TextPlace, Value};

use super::condition::Condition;
use super::text_field::{IgnoringCase, TextField, condition as text_condition};
use super::{Comparable, Element, Field, Rules};

/// A field of `Owner` with the type `T`: `Book::AUTHOR`.
///
/// It reads the field's limits (`Book::AUTHOR.rules.max_length`), builds conditions for queries
/// (`Book::AUTHOR.equals("Ursula K. Le Guin")`), and leads to the fields of a value object
/// (`Order::ADDRESS.field(Address::CITY)`).
///
/// A field without a value equals only `None`, and is neither less nor greater than anything. On
/// every store a condition is either true or false for a row, so `!condition` selects exactly
/// the other rows.
pub struct Attribute<Owner, T> {
    /// The rules of the field, as declared.
    pub rules: Rules,
    column: usize,
    types: PhantomData<fn(Owner) -> T>,
}

/// A column of `Owner` to sort by, and which way.
pub struct Sort<Owner> {
    pub(crate) by: SortKey,
    owner: PhantomData<fn(Owner)>,
}

/// A field that holds a value object `V`, perhaps in an `Option`.
#[diagnostic::on_unimplemented(
    message = "a field of the type `{Self}` has no fields of `{V}`",
    note = "name a field of the value object that it holds: `Order::ADDRESS.field(Address::CITY)`"
)]
pub trait Holds<V> {}

impl<V: Field> Holds<V> for V {}
impl<V: Field> Holds<V> for Option<V> {}

/// A field that holds a list, perhaps in an `Option`.
#[diagnostic::on_unimplemented(
    message = "a field of the type `{Self}` is not a list",
    note = "`has` asks whether a `Vec` has an element; `contains` looks for a part of a text"
)]
pub trait ListField {
    /// The type of the elements.
    type Element: Element;
}

impl<E: Element> ListField for Vec<E> {
    type Element = E;
}

impl<E: Element> ListField for Option<Vec<E>> {
    type Element = E;
}

impl<Owner, T: Field> Attribute<Owner, T> {
    /// The field that starts at this column and has these options.
    pub const fn new(column: usize, rules: Rules) -> Self {
        Self { rules, column, types: PhantomData }
    }

    /// A field of the value object in this field: `Order::ADDRESS.field(Address::CITY)`. If this
    /// field is `None`, so is the inner one.
    pub const fn field<V, P: Field>(&self, part: Attribute<V, P>) -> Attribute<Owner, P>
    where
        T: Holds<V>,
    {
        Attribute::new(self.column + part.column, part.rules)
    }

    /// Rows whose field has this value.
    pub fn equals(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.compare(Operator::Equal, value)
    }

    /// Rows whose field has another value, or none.
    pub fn differs_from(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.compare(Operator::NotEqual, value)
    }

    /// Rows whose field is smaller.
    pub fn below(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.compare(Operator::Less, value)
    }

    /// A smaller value or the same.
    pub fn at_most(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.compare(Operator::AtMost, value)
    }

    /// Rows whose field is greater.
    pub fn above(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.compare(Operator::Greater, value)
    }

    /// A greater value or the same.
    pub fn at_least(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.compare(Operator::AtLeast, value)
    }

    /// Rows whose field has one of these values; no rows if the list is empty.
    pub fn one_of<V: Comparable<T>>(
        &self,
        values: impl IntoIterator<Item = V>,
    ) -> Condition<Owner> {
        let values = values.into_iter().map(Self::value).collect();
        RowCondition::OneOf { column: self.column, values }.into()
    }

    /// Rows whose field has no value.
    pub fn is_null(&self) -> Condition<Owner> {
        let () = Self::ONE_COLUMN;
        RowCondition::compare(self.column, Operator::Equal, Value::Null).into()
    }

    /// Rows whose field begins with this text.
    pub fn starts_with(&self, text: &str) -> Condition<Owner>
    where
        T: TextField,
    {
        text_condition(self.column, TextPlace::Start, text, Case::Exact)
    }

    /// Rows whose field ends with this text.
    pub fn ends_with(&self, text: &str) -> Condition<Owner>
    where
        T: TextField,
    {
        text_condition(self.column, TextPlace::End, text, Case::Exact)
    }

    /// Rows whose field contains this text.
    pub fn contains(&self, text: &str) -> Condition<Owner>
    where
        T: TextField,
    {
        text_condition(self.column, TextPlace::Anywhere, text, Case::Exact)
    }

    /// Conditions that ignore the case of ASCII letters, and only of these, on every store. They
    /// read every row: no index helps.
    pub const fn ignoring_case(&self) -> IgnoringCase<Owner>
    where
        T: TextField,
    {
        IgnoringCase::new(self.column)
    }

    /// Rows whose list has this element. Reads every row: no index helps.
    pub fn has(&self, element: impl Comparable<T::Element>) -> Condition<Owner>
    where
        T: ListField,
    {
        // No list contains NaN or null.
        let element = serde_json::to_string(&element.into_field());
        let element = element.unwrap_or_else(|_| "null".to_owned()).into();
        RowCondition::Has { column: self.column, element }.into()
    }

    /// Sorts in ascending order, rows without a value first.
    pub const fn ascending(&self) -> Sort<Owner> {
        let () = Self::ONE_COLUMN;
        Sort { by: SortKey::ascending(self.column), owner: PhantomData }
    }

    /// Sorts in descending order, rows without a value last.
    pub const fn descending(&self) -> Sort<Owner> {
        let () = Self::ONE_COLUMN;
        Sort { by: SortKey::descending(self.column), owner: PhantomData }
    }

    /// Fails to compile for a field of several columns, which has no order and cannot be compared.
    const ONE_COLUMN: () = assert!(
        T::WIDTH == 1,
        "this field holds a value object of several fields: name one of them with `.field(…)`"
    );

    fn compare(&self, operator: Operator, value: impl Comparable<T>) -> Condition<Owner> {
        RowCondition::compare(self.column, operator, Self::value(value)).into()
    }

    /// A value as its column holds it.
    fn value(value: impl Comparable<T>) -> Value {
        let () = Self::ONE_COLUMN;
        let mut row = Vec::with_capacity(T::WIDTH);
        value.into_field().write(&mut row);
        row.swap_remove(0)
    }
}

impl<Owner> Sort<Owner> {
    /// The column and the direction.
    #[doc(hidden)]
    pub const fn key(&self) -> SortKey {
        self.by
    }
}
