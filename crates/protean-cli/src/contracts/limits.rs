//! The limits of a field as keywords of JSON Schema.

use protean::model::{Bound, Rules};
use serde_json::{Map, Value, json};

/// Text that is not only spaces.
const NOT_BLANK: &str = "\\S";

/// The keywords of a schema.
pub(super) type Keywords = Map<String, Value>;

/// The limits of a text.
pub(super) fn of_text(rules: &Rules, keywords: &mut Keywords) {
    length(rules, "Length", keywords);
    if rules.refuses_blank || rules.identifier {
        keywords.insert("pattern".into(), NOT_BLANK.into());
    }
    if !rules.choices.is_empty() {
        keywords.insert("enum".into(), rules.choices.into());
    }
}

/// The limits of an identity, which is never blank.
pub(super) fn of_id(rules: &Rules, keywords: &mut Keywords) {
    of_text(&rules.blank(false), keywords);
}

/// The fewest and most characters, elements or entries: `Length`, `Items` or `Properties`.
pub(super) fn length(rules: &Rules, of: &str, keywords: &mut Keywords) {
    for (limit, name) in [(rules.min_length, "min"), (rules.max_length, "max")] {
        keywords.extend(limit.map(|limit| (format!("{name}{of}"), limit.into())));
    }
}

/// The least and the greatest number.
pub(super) fn of_number(rules: &Rules, keywords: &mut Keywords) {
    for (bound, name) in [(rules.min_value, "minimum"), (rules.max_value, "maximum")] {
        keywords.extend(bound.map(|bound| (name.to_owned(), number(bound))));
    }
}

/// The digits of a decimal number, which JSON Schema has no keywords for, and its bounds. They
/// hold for a number that is written as a string as well.
pub(super) fn of_decimal(rules: &Rules, keywords: &mut Keywords) {
    of_number(rules, keywords);
    for (digits, name) in [(rules.precision, "x-precision"), (rules.scale, "x-scale")] {
        keywords.extend(digits.map(|digits| (name.to_owned(), digits.into())));
    }
}

/// The bounds of a whole number, within those of its type.
pub(super) fn of_integer(kind: &str, rules: &Rules, keywords: &mut Keywords) {
    let (least, greatest) = match kind {
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        // A greater one is refused: databases and other programs could not keep it.
        "u64" => (0, i64::MAX),
        _ => (i64::MIN, i64::MAX),
    };
    let of_type = Rules::named("").min_value(Bound::Integer(least));
    let of_type = of_type.max_value(Bound::Integer(greatest));
    of_decimal(&stricter(&of_type, rules), keywords);
}

/// The limits of a newtype, and of the field that holds it.
pub(super) fn stricter(inner: &Rules, outer: &Rules) -> Rules {
    let mut both = *outer;
    both.max_length = least(inner.max_length, outer.max_length);
    both.min_length = inner.min_length.max(outer.min_length);
    both.refuses_blank |= inner.refuses_blank;
    both.precision = least(inner.precision, outer.precision);
    both.scale = least(inner.scale, outer.scale);
    let is_less = |one: &Bound, other: &Bound| real(*one) < real(*other);
    both.min_value = pick(inner.min_value, outer.min_value, |one, other| is_less(other, one));
    both.max_value = pick(inner.max_value, outer.max_value, is_less);
    if outer.choices.is_empty() {
        both.choices = inner.choices;
    }
    both
}

fn least<T: Ord + Copy>(one: Option<T>, other: Option<T>) -> Option<T> {
    pick(one, other, |one, other| one < other)
}

/// The first of two limits when it is the stricter one.
fn pick<T: Copy>(
    one: Option<T>,
    other: Option<T>,
    is_stricter: impl Fn(&T, &T) -> bool,
) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if is_stricter(&one, &other) { one } else { other }),
        (one, other) => one.or(other),
    }
}

fn number(bound: Bound) -> Value {
    match bound {
        Bound::Integer(number) => number.into(),
        Bound::Real(number) => json!(number),
    }
}

#[expect(clippy::cast_precision_loss, reason = "bounds are compared, and written exactly")]
fn real(bound: Bound) -> f64 {
    match bound {
        Bound::Integer(number) => number as f64,
        Bound::Real(number) => number,
    }
}
