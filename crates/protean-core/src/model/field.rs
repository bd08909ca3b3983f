//! Types a field can have, and structs of fields.

use std::sync::Arc;

use protean_port::Violations;
use protean_port::message::{Column, ColumnKind, Date, Id, Index, Timestamp, Value};

use super::rules::Rules;
use super::shape::{Member, Shape};
use super::stamp::Stamp;
use super::states::{States, Transitions};

/// A type that a field of an aggregate, event, command or projection can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a field",
    note = "fields are strings, integers, floats, `Decimal`, `bool`, `Date`, `Timestamp`, `Id`, \
            `#[value_object]` and `#[entity]` types, `Vec` or `BTreeMap<String, _>` of these, `Json`, \
            or an `Option` of any"
)]
pub trait Field: Sized {
    /// How many columns it takes.
    const WIDTH: usize = 1;

    /// True when all of its columns may be `NULL`: an `Option` of it could not be told from `None`.
    const MAY_BE_EMPTY: bool = false;

    /// True when a value may be `null` in JSON: an `Option` of it could not be told from `None`.
    const MAY_BE_NULL: bool = false;

    /// Compiles only when a value that was written is the same when it is read.
    const READS_BACK: () = ();

    /// The form of a value as JSON.
    fn shape() -> Shape {
        Shape::of_type::<Self>()
    }

    /// Its columns, for a field of this name.
    fn columns(name: &str, rules: &Rules) -> Vec<Column>;

    /// Adds what is wrong with the value, under the field's name.
    fn check(&self, rules: &Rules, violations: &mut Violations);

    /// Records its states, if its type restricts transitions.
    fn states(&self, _states: &mut States) {}

    /// Appends its columns to a row.
    fn write(&self, row: &mut Vec<Value>);

    /// Takes its columns from a row.
    ///
    /// # Errors
    /// When a column holds something else; the text is meant for people.
    fn read(values: &mut Values<'_>) -> Result<Self, String>;
}

/// A type with a fixed set of named values; `#[value_object]` on an enum implements it.
pub trait Choice: Sized + Copy {
    /// The names, in the order of the declaration.
    const NAMES: &'static [&'static str];

    /// The name of this value.
    fn name(self) -> &'static str;

    /// The value with this name.
    fn named(name: &str) -> Option<Self>;

    /// The names of the values that may follow this one; without `#[transitions(…)]`, any may.
    fn next(self) -> Option<Transitions> {
        None
    }

    /// True when a field may change from this value to that one.
    fn can_become(self, other: Self) -> bool {
        let is_next = |next: Transitions| next.contains(&other.name());
        self.name() == other.name() || self.next().is_none_or(is_next)
    }
}

/// A struct whose fields have rules.
pub trait Fields {
    /// The rules, in the order of the fields.
    const RULES: &'static [Rules];

    /// The documentation of the struct.
    const DOC: &'static str = "";

    /// What is wrong, for all fields at once.
    fn check(&self) -> Violations;

    /// Checks the value's rules and returns it. For values used outside of messages and aggregates.
    ///
    /// # Errors
    /// The violations, by field.
    fn valid(self) -> protean_port::Result<Self>
    where
        Self: Sized,
    {
        self.check().into_result().map(|()| self)
    }

    /// Records the states of the fields.
    fn states(&self, _states: &mut States) {}

    /// The form of each field as JSON, in the order of the fields.
    fn members() -> Vec<Member>
    where
        Self: Sized,
    {
        let unknown = || Shape::Plain("unknown".to_owned());
        Self::RULES.iter().map(|rules| Member::new(rules.name, unknown(), false)).collect()
    }
}

/// A struct whose fields are columns.
pub trait Columns: Fields + Sized {
    /// The columns, in the order of the fields.
    fn columns() -> Vec<Column>;

    /// The indexes of its table, beside those of the identity and of unique fields.
    fn indexes() -> Vec<Index> {
        Vec::new()
    }

    /// Fills the `created_at` and `updated_at` fields.
    fn stamp(&mut self, _stamp: Stamp<'_>) {}

    /// Whether it has such fields.
    const IS_STAMPED: bool = false;

    /// Appends the columns to a row.
    fn write(&self, row: &mut Vec<Value>);

    /// Takes the columns from a row.
    ///
    /// # Errors
    /// When a column holds something else; the text is meant for people.
    fn read(values: &mut Values<'_>) -> Result<Self, String>;
}

/// The values of a row, taken from left to right.
#[derive(Debug)]
pub struct Values<'a>(&'a [Value]);

impl<'a> Values<'a> {
    /// All of a row.
    pub fn new(row: &'a [Value]) -> Self {
        Self(row)
    }

    /// The next value; `Null` past the end.
    pub fn take(&mut self) -> &'a Value {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                first
            }
            None => &Value::Null,
        }
    }

    /// Passes over the next `width` values when they are all `Null`.
    fn skip_nulls(&mut self, width: usize) -> bool {
        let nulls = self.0.iter().take(width).all(Value::is_null);
        if nulls {
            self.0 = self.0.get(width..).unwrap_or(&[]);
        }
        nulls
    }
}

/// One column of this kind, not nullable.
pub(super) fn column(name: &str, kind: ColumnKind, rules: &Rules) -> Vec<Column> {
    vec![Column {
        name: name.to_owned(),
        kind,
        nullable: false,
        unique: rules.unique,
        default: None,
        renamed_from: Vec::new(),
    }]
}

/// The complaint about a column that holds another type.
pub(super) fn mismatch<T>(wanted: &str, found: &Value) -> Result<T, String> {
    Err(format!("expected {wanted}, found {found:?}"))
}

fn check_text(text: &str, rules: &Rules, violations: &mut Violations) {
    let name = rules.name;
    if (rules.refuses_blank || rules.identifier) && text.trim().is_empty() {
        return violations.add(name, "is required");
    }
    let length = text.chars().count();
    let characters =
        |count: usize| format!("{count} character{}", if count == 1 { "" } else { "s" });
    if let Some(most) = rules.max_length.filter(|most| length > *most) {
        violations.add(name, format!("must have at most {}, has {length}", characters(most)));
    }
    if let Some(fewest) = rules.min_length.filter(|fewest| length < *fewest) {
        violations.add(name, format!("must have at least {}, has {length}", characters(fewest)));
    }
    if !rules.choices.is_empty() && !rules.choices.contains(&text) {
        let choices = rules.choices.join("', '");
        violations.add(name, format!("must be one of '{choices}', is '{text}'"));
    }
}

impl Field for String {
    fn shape() -> Shape {
        Shape::Plain("text".to_owned())
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        column(name, ColumnKind::Text, rules)
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        check_text(self, rules, violations);
    }

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::text(self.as_str()));
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        match values.take() {
            Value::Text(text) => Ok(text.to_string()),
            other => mismatch("text", other),
        }
    }
}

impl Field for Id {
    fn shape() -> Shape {
        Shape::Plain("id".to_owned())
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        column(name, ColumnKind::Text, rules)
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        // An empty identity identifies nothing.
        check_text(self.as_str(), &rules.blank(false), violations);
    }

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Text(Arc::<str>::from(self.clone())));
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        match values.take() {
            Value::Text(text) => Ok(Self::from(Arc::clone(text))),
            other => mismatch("text", other),
        }
    }
}

/// Types that one value holds as it is.
macro_rules! plain {
    ($($type:ty, $kind:ident, $wanted:literal, $check:expr;)*) => {$(
        impl Field for $type {
            fn shape() -> Shape {
                Shape::Plain(stringify!($type).to_lowercase())
            }

            fn columns(name: &str, rules: &Rules) -> Vec<Column> {
                column(name, ColumnKind::$kind, rules)
            }

            fn check(&self, rules: &Rules, violations: &mut Violations) {
                let check: fn(&Self, &Rules, &mut Violations) = $check;
                check(self, rules, violations);
            }

            fn write(&self, row: &mut Vec<Value>) {
                row.push(Value::$kind(*self));
            }

            fn read(values: &mut Values<'_>) -> Result<Self, String> {
                match values.take() {
                    Value::$kind(value) => Ok(*value),
                    other => mismatch($wanted, other),
                }
            }
        }
    )*};
}
pub(super) use plain;

plain! {
    bool, Bool, "true or false", |_, _, _| {};
    Timestamp, Timestamp, "a time", |_, _, _| {};
    Date, Date, "a date", |_, _, _| {};
}

impl<T: Field> Field for Option<T> {
    const WIDTH: usize = T::WIDTH;
    const MAY_BE_EMPTY: bool = true;
    const MAY_BE_NULL: bool = true;
    const READS_BACK: () = {
        assert!(
            !T::MAY_BE_EMPTY,
            "`Some` of a field that may be empty cannot be told from `None` when it is read: take \
             one `Option` away, or give the value object a field that is not optional"
        );
        assert!(
            !T::MAY_BE_NULL,
            "`Some` of the JSON `null` cannot be told from `None` when it is read: remove `Option`, \
             since `Json` can be `null` itself"
        );
    };

    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        let columns = T::columns(name, rules).into_iter();
        columns.map(|column| Column { nullable: true, ..column }).collect()
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        let () = Self::READS_BACK;
        if let Some(value) = self {
            value.check(rules, violations);
        }
    }

    fn states(&self, states: &mut States) {
        if let Some(value) = self {
            value.states(states);
        }
    }

    fn write(&self, row: &mut Vec<Value>) {
        match self {
            Some(value) => value.write(row),
            None => row.extend(std::iter::repeat_n(Value::Null, T::WIDTH)),
        }
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        if values.skip_nulls(T::WIDTH) { Ok(None) } else { T::read(values).map(Some) }
    }
}
