//! Typed names of fields, for queries and for reading their limits.

use std::marker::PhantomData;

use protean_port::message::{Decimal, Direction, Filter, Operator, Value};

use super::{Field, Rules};

/// A field of `Owner` with the type `T`: `Book::AUTHOR`.
///
/// It reads the field's limits (`Book::AUTHOR.rules.max_length`) and builds
/// conditions for queries (`Book::AUTHOR.equals("Ursula K. Le Guin")`).
pub struct Attribute<Owner, T> {
    /// The rules of the field, as declared.
    pub rules: Rules,
    column: usize,
    types: PhantomData<fn(Owner) -> T>,
}

/// A condition on rows of `Owner`.
pub struct Condition<Owner> {
    pub(crate) filter: Filter,
    owner: PhantomData<fn(Owner)>,
}

/// A column of `Owner` to sort by, and which way.
pub struct Sort<Owner> {
    pub(crate) by: (usize, Direction),
    owner: PhantomData<fn(Owner)>,
}

/// A value that a field of the type `T` can be compared with.
pub trait Comparable<T> {
    /// The value as a field of that type.
    fn into_field(self) -> T;
}

impl<Owner, T: Field> Attribute<Owner, T> {
    /// The field that starts at this column and has these options.
    pub const fn new(column: usize, rules: Rules) -> Self {
        Self { rules, column, types: PhantomData }
    }

    /// Rows whose field has this value.
    pub fn equals(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.condition(Operator::Equal, &value.into_field())
    }

    /// Rows whose field has another value, or none.
    pub fn differs_from(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.condition(Operator::NotEqual, &value.into_field())
    }

    /// Rows whose field is smaller.
    pub fn below(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.condition(Operator::Less, &value.into_field())
    }

    /// A smaller value or the same.
    pub fn at_most(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.condition(Operator::AtMost, &value.into_field())
    }

    /// Rows whose field is greater.
    pub fn above(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.condition(Operator::Greater, &value.into_field())
    }

    /// A greater value or the same.
    pub fn at_least(&self, value: impl Comparable<T>) -> Condition<Owner> {
        self.condition(Operator::AtLeast, &value.into_field())
    }

    /// Text that holds this text somewhere.
    pub fn contains(&self, text: &str) -> Condition<Owner> {
        self.filter(Operator::Contains, Value::text(text))
    }

    /// Sorts from the smallest value to the greatest.
    pub fn ascending(&self) -> Sort<Owner> {
        Sort { by: (self.column, Direction::Ascending), owner: PhantomData }
    }

    /// Sorts from the greatest value to the smallest.
    pub fn descending(&self) -> Sort<Owner> {
        Sort { by: (self.column, Direction::Descending), owner: PhantomData }
    }

    /// A value of several columns has no order and no single column to compare.
    const ONE_COLUMN: () = assert!(T::WIDTH == 1, "compare a field of the value object instead");

    fn condition(&self, operator: Operator, value: &T) -> Condition<Owner> {
        let () = Self::ONE_COLUMN;
        let mut row = Vec::with_capacity(T::WIDTH);
        value.write(&mut row);
        self.filter(operator, row.swap_remove(0))
    }

    fn filter(&self, operator: Operator, value: Value) -> Condition<Owner> {
        let filter = Filter { column: self.column, operator, value };
        Condition { filter, owner: PhantomData }
    }
}

impl<T: Field> Comparable<T> for T {
    fn into_field(self) -> T {
        self
    }
}

impl<T: Field> Comparable<Option<T>> for T {
    fn into_field(self) -> Option<T> {
        Some(self)
    }
}

impl Comparable<String> for &str {
    fn into_field(self) -> String {
        self.to_owned()
    }
}

impl Comparable<Option<String>> for &str {
    fn into_field(self) -> Option<String> {
        Some(self.to_owned())
    }
}

impl Comparable<Decimal> for i64 {
    fn into_field(self) -> Decimal {
        self.into()
    }
}
