//! Numbers as fields.

use protean_port::Violations;
use protean_port::message::{Column, ColumnKind, Decimal, Value};

use super::field::{Field, Values, column, mismatch, plain};
use super::rules::{Bound, Rules};
use super::shape::Shape;

/// Adds the complaint when `value` is on the wrong side of a bound.
fn check_bounds(
    value: &impl std::fmt::Display,
    below: impl Fn(Bound) -> bool,
    above: impl Fn(Bound) -> bool,
    rules: &Rules,
    violations: &mut Violations,
) {
    if let Some(bound) = rules.min_value.filter(|bound| below(*bound)) {
        violations.add(rules.name, format!("must be at least {bound}, is {value}"));
    }
    if let Some(bound) = rules.max_value.filter(|bound| above(*bound)) {
        violations.add(rules.name, format!("must be at most {bound}, is {value}"));
    }
}

fn check_real(value: &f64, rules: &Rules, violations: &mut Violations) {
    let real = |bound| match bound {
        #[expect(clippy::cast_precision_loss, reason = "a bound for an f64 is compared as one")]
        Bound::Integer(number) => number as f64,
        Bound::Real(number) => number,
    };
    if !value.is_finite() {
        return violations.add(rules.name, format!("must be a finite number, is {value}"));
    }
    let (below, above) = (|bound| *value < real(bound), |bound| *value > real(bound));
    check_bounds(value, below, above, rules, violations);
}

fn check_decimal(value: &Decimal, rules: &Rules, violations: &mut Violations) {
    if !value.is_exact() {
        return violations
            .add(rules.name, "needs more digits than a decimal number holds, which is 28");
    }
    let exact = |bound| match bound {
        Bound::Integer(number) => Some(Decimal::from(number)),
        Bound::Real(number) => number.to_string().parse().ok(),
    };
    let below = |bound| exact(bound).is_some_and(|bound| *value < bound);
    let above = |bound| exact(bound).is_some_and(|bound| *value > bound);
    check_bounds(value, below, above, rules, violations);
}

fn check_integer(value: i64, rules: &Rules, violations: &mut Violations) {
    check_decimal(&Decimal::from(value), rules, violations);
}

plain! {
    f64, Real, "a number", check_real;
    Decimal, Decimal, "a decimal number", check_decimal;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn shape() -> Shape {
                Shape::Plain(stringify!($type).to_owned())
            }

            fn columns(name: &str, rules: &Rules) -> Vec<Column> {
                column(name, ColumnKind::Integer, rules)
            }

            fn check(&self, rules: &Rules, violations: &mut Violations) {
                match i64::try_from(*self) {
                    Ok(value) => check_integer(value, rules, violations),
                    Err(_) => violations
                        .add(rules.name, format!("must be at most {}, is {self}", i64::MAX)),
                }
            }

            fn write(&self, row: &mut Vec<Value>) {
                row.push(Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX)));
            }

            fn read(values: &mut Values<'_>) -> Result<Self, String> {
                match values.take() {
                    Value::Integer(value) => Self::try_from(*value)
                        .map_err(|_| format!("{value} does not fit {}", stringify!($type))),
                    other => mismatch("a whole number", other),
                }
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, u8, u16, u32, u64);
