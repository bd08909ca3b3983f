//! Numbers as fields.

use protean_port::Violations;
use protean_port::message::{Column, ColumnKind, Decimal, Value};

use super::field::{Field, Values, column, mismatch, plain};
use super::rules::{Bound, Rules};
use super::shape::Shape;

const AFTER: &str = " after the decimal point";
const BEFORE: &str = " before the decimal point";

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
    check_digits(*value, rules, violations);
    let exact = |bound| match bound {
        Bound::Integer(number) => Some(Decimal::from(number)),
        Bound::Real(number) => number.to_string().parse().ok(),
    };
    let below = |bound| exact(bound).is_some_and(|bound| *value < bound);
    let above = |bound| exact(bound).is_some_and(|bound| *value > bound);
    check_bounds(value, below, above, rules, violations);
}

/// Zeros at the end of a fraction do not count: 6.50 has one digit after the decimal point.
fn check_digits(value: Decimal, rules: &Rules, violations: &mut Violations) {
    if rules.precision.is_none() && rules.scale.is_none() {
        return;
    }
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let count = |digits: &str| u32::try_from(digits.len()).unwrap_or(u32::MAX);
    let whole = count(whole.trim_start_matches('0'));
    let fraction = count(fraction.trim_end_matches('0'));
    // As in a database, those after the point keep their places whether they are used or not.
    let limits = match (rules.precision, rules.scale) {
        (Some(all), Some(after)) => {
            [(Some(after), fraction, AFTER), (Some(all.saturating_sub(after)), whole, BEFORE)]
        }
        (all, after) => [(after, fraction, AFTER), (all, whole + fraction, "")],
    };
    for (most, has, place) in limits {
        if let Some(most) = most.filter(|most| has > *most) {
            let digits = if most == 1 { "digit" } else { "digits" };
            violations
                .add(rules.name, format!("must have at most {most} {digits}{place}, has {has}"));
        }
    }
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

#[cfg(test)]
mod tests {
    use protean_port::Violations;
    use protean_port::message::Decimal;

    use super::{Field, Rules};

    fn check(rules: Rules, number: &str) -> String {
        let mut violations = Violations::new();
        number.parse::<Decimal>().unwrap().check(&rules, &mut violations);
        violations.get("price").join("; ")
    }

    #[test]
    fn a_number_has_as_many_digits_as_its_field_takes() {
        let price = Rules::named("price").precision(5).scale(2);
        for number in ["0", "999.99", "-999.99", "0.01", "1.500000", "000123.10"] {
            assert_eq!(check(price, number), "", "{number}");
        }
        let after = "must have at most 2 digits after the decimal point, has 3";
        let before = "must have at most 3 digits before the decimal point, has 4";
        assert_eq!(check(price, "0.001"), after);
        assert_eq!(check(price, "-1000"), before);
        assert_eq!(check(price, "1000.125"), format!("{after}; {before}"));
        assert_eq!(check(Rules::named("price").scale(0), "1.0"), "");
        let five = Rules::named("price").precision(5);
        assert_eq!(check(five, "0.12345"), "");
        assert_eq!(check(five, "10.12345"), "must have at most 5 digits, has 7");
        let one = Rules::named("price").precision(1);
        assert_eq!(check(one, "12"), "must have at most 1 digit, has 2");
    }
}
