//! Functions that the macros expand to, beside the public traits.

use std::fmt::Display;

use crate::message::{Column, Value};
use crate::model::{
    Aggregate, Apply, Choice, Command, Event, Field, Invariants, Rules, Values, raise_applied,
};
use crate::{Id, Result, Violations};

/// The name of a command of this aggregate. A command of another one does not compile.
pub const fn command_of<A: Aggregate, C: Command<Aggregate = A>>() -> &'static str {
    C::NAME
}

/// The name of an event of this aggregate. An event of another one does not compile.
pub const fn event_of<A: Aggregate, E: Event<Aggregate = A>>() -> &'static str {
    E::NAME
}

/// An event that `A` applies. The bound is on the event, not on the aggregate, so that the
/// compiler names the event that is not applied.
pub trait AppliedBy<A> {
    /// Raises the event.
    ///
    /// # Errors
    /// When the event, or the aggregate before or after it, breaks a rule.
    fn raise(&self, aggregate: &mut A) -> Result;
}

impl<A: Aggregate + Apply<E>, E: Event<Aggregate = A>> AppliedBy<A> for E {
    fn raise(&self, aggregate: &mut A) -> Result {
        raise_applied(aggregate, self)
    }
}

/// Accepts a field of an event that can name a process.
pub fn names_process(_: &impl NamesProcess) {}

/// A value that can name a process.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot name a process",
    note = "use a field of type `Id`, `String` or an integer, or one of these in an `Option`"
)]
pub trait NamesProcess {}

macro_rules! name_processes {
    ($($type:ty),*) => { $(impl NamesProcess for $type {})* };
}

name_processes!(Id, String, i8, i16, i32, i64, u8, u16, u32, u64);

impl<T: NamesProcess> NamesProcess for Option<T> {}

/// Reads one field from a row.
///
/// # Errors
/// When the row holds another type; the message names the field.
pub fn column<T: Field>(name: &str, values: &mut Values<'_>) -> Result<T, String> {
    T::read(values).map_err(|fault| format!("{name}: {fault}"))
}

/// Reads the name of a choice from a row.
///
/// # Errors
/// When the row holds none of the names.
pub fn choice<T: Choice>(values: &mut Values<'_>) -> Result<T, String> {
    let name = <String as Field>::read(values)?;
    T::named(&name)
        .ok_or_else(|| format!("expected one of '{}', found '{name}'", T::NAMES.join("', '")))
}

/// The column of an aggregate's identity.
pub fn identity_column() -> Vec<Column> {
    Id::columns("id", &Rules::named("id"))
}

/// Gives the columns of a field the values of its default.
pub fn set_defaults(columns: &mut [Column], default: &impl Field) {
    let mut values = Vec::new();
    default.write(&mut values);
    for (column, value) in columns.iter_mut().zip(values) {
        column.default = (value != Value::Null).then_some(value);
    }
}

/// The columns of a field, with the names that they had under the field's former names.
pub fn renamed(mut columns: Vec<Column>, name: &str, former: &[impl AsRef<str>]) -> Vec<Column> {
    for column in &mut columns {
        let known: Vec<String> =
            std::iter::once(&column.name).chain(&column.renamed_from).cloned().collect();
        let rest = known.iter().filter_map(|known| known.strip_prefix(name));
        let under =
            |former: &str| rest.clone().map(|rest| format!("{former}{rest}")).collect::<Vec<_>>();
        column.renamed_from.extend(former.iter().flat_map(|former| under(former.as_ref())));
    }
    columns
}

/// The columns of a value object, unique if the field that holds it is.
pub fn unique(mut columns: Vec<Column>, rules: &Rules) -> Vec<Column> {
    for column in &mut columns {
        column.unique |= rules.unique;
    }
    columns
}

/// A type that checks its invariants whenever it is checked.
#[diagnostic::on_unimplemented(
    message = "the invariants of `{Self}` would never be checked",
    label = "not a struct with `#[value_object]` or `#[entity]`",
    note = "write invariants of a `#[value_object]` that is a struct in a block with \
            `#[value_object_impl]`, those of an `#[entity]` in one with `#[entity_impl]`, and those \
            of an aggregate in its `#[aggregate_impl]`; a rule for several fields of a message is an \
            invariant of a value object that holds them"
)]
pub trait ChecksInvariants {}

/// Compiles for a type whose invariants are checked.
pub const fn checks_invariants<T: ChecksInvariants>(_: &T) {}

/// The invariants of a value: this method if its type has some, otherwise that of
/// [`NoInvariants`].
pub struct InvariantsOf<'a, T>(pub &'a T);

impl<T: Invariants> InvariantsOf<'_, T> {
    /// The violations of the invariants.
    pub fn violations(&self) -> Violations {
        self.0.after()
    }
}

/// The default for values without invariants.
pub trait NoInvariants {
    /// No violations.
    fn violations(&self) -> Violations {
        Violations::new()
    }
}

impl<T> NoInvariants for InvariantsOf<'_, T> {}

/// Adds the violations found by a field's `validate` function.
pub fn validated(violations: &mut Violations, field: &str, checked: Result<(), impl Display>) {
    if let Err(reason) = checked {
        violations.add(field, reason.to_string());
    }
}

/// Adds the violations that an invariant found.
pub fn absorb(violations: &mut Violations, checked: Result) {
    let Err(error) = checked else { return };
    match error.violations() {
        Some(found) => violations.merge(found),
        None => violations.add("", error.to_string()),
    }
}
