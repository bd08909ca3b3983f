//! Typed conditions of queries.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Not;

use protean_port::message::RowCondition;

/// A condition on rows of `Owner`. Build conditions from fields, and combine them with
/// [`and`](Self::and), [`or`](Self::or) and `!`:
///
/// ```text
/// Book::STOCK.above(0).and(Book::AUTHOR.equals("Austen").or(!Book::GENRE.is_null()))
/// ```
pub struct Condition<Owner> {
    pub(crate) of_row: RowCondition,
    owner: PhantomData<fn(Owner)>,
}

impl<Owner> Condition<Owner> {
    /// True when both conditions are true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.of_row.and(other.of_row).into()
    }

    /// True when at least one of the two conditions is true.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.of_row.or(other.of_row).into()
    }

    /// True when all of these are true; every row if there are none.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        RowCondition::All(conditions.into_iter().map(|one| one.of_row).collect()).into()
    }

    /// True when at least one of these is true; no rows if there are none.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        RowCondition::Any(conditions.into_iter().map(|one| one.of_row).collect()).into()
    }
}

impl<Owner> Not for Condition<Owner> {
    type Output = Self;

    fn not(self) -> Self {
        RowCondition::Not(Box::new(self.of_row)).into()
    }
}

impl<Owner> From<RowCondition> for Condition<Owner> {
    fn from(of_row: RowCondition) -> Self {
        Self { of_row, owner: PhantomData }
    }
}

impl<Owner> Clone for Condition<Owner> {
    fn clone(&self) -> Self {
        self.of_row.clone().into()
    }
}

impl<Owner> fmt::Debug for Condition<Owner> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of_row.fmt(f)
    }
}
