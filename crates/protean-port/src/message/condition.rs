//! Conditions on rows.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::Value;
use super::value_order::compare;

/// A condition on rows. It is either true or false: `Null` is a value like any other, equal only to
/// itself, and neither less nor greater than anything. So, unlike in SQL, `Not` selects exactly the
/// rows that the inner condition does not select.
#[derive(Clone, Debug, PartialEq)]
pub enum RowCondition {
    /// True when all of these are true; every row if there are none.
    All(Vec<Self>),
    /// True when at least one of these is true; no rows if there are none.
    Any(Vec<Self>),
    /// True when this is false.
    Not(Box<Self>),
    /// A column compared with a value.
    Compare {
        /// The index of the column in its table.
        column: usize,
        /// The comparison.
        operator: Operator,
        /// What to compare with.
        value: Value,
    },
    /// A column that equals one of these values.
    OneOf {
        /// The index of the column in its table.
        column: usize,
        /// The values; `Null` may be among them.
        values: Vec<Value>,
    },
    /// Text that contains a given text. False for a column that does not hold text.
    Text {
        /// The index of the column in its table.
        column: usize,
        /// Where it must be.
        place: TextPlace,
        /// What to look for, character for character: there are no wildcards.
        text: Arc<str>,
        /// Whether `a` and `A` are the same.
        case: Case,
    },
    /// A JSON list that has this element.
    Has {
        /// The index of the column in its table.
        column: usize,
        /// The element as JSON. Numbers are equal by their value, everything else by its text.
        element: Arc<str>,
    },
}

/// A comparison of a column with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The column equals the value.
    Equal,
    /// The column differs from the value.
    NotEqual,
    /// The column is less than the value.
    Less,
    /// The column is less than the value, or equal.
    AtMost,
    /// The column is greater than the value.
    Greater,
    /// The column is greater than the value, or equal.
    AtLeast,
}

/// Where one text must be in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPlace {
    /// It is all of it.
    Whole,
    /// It is the beginning.
    Start,
    /// It is the end.
    End,
    /// Anywhere.
    Anywhere,
}

/// Whether letters of different case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Every character counts.
    Exact,
    /// `A` to `Z` are the same as `a` to `z`; all other characters count, in every store.
    IgnoredInAscii,
}

impl Default for RowCondition {
    /// The condition that every row satisfies.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl RowCondition {
    /// A column compared with a value.
    pub fn compare(column: usize, operator: Operator, value: Value) -> Self {
        Self::Compare { column, operator, value }
    }

    /// This, and that as well.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut conditions) => {
                conditions.push(other);
                Self::All(conditions)
            }
            one => Self::All(vec![one, other]),
        }
    }

    /// This, or that, or both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut conditions) => {
                conditions.push(other);
                Self::Any(conditions)
            }
            one => Self::Any(vec![one, other]),
        }
    }

    /// Whether it holds of a row.
    pub fn holds(&self, row: &[Value]) -> bool {
        let of = |column: &usize| row.get(*column).unwrap_or(&Value::Null);
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(row)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(row)),
            Self::Not(condition) => !condition.holds(row),
            Self::Compare { column, operator, value } => operator.holds(of(column), value),
            Self::OneOf { column, values } => {
                values.iter().any(|value| Operator::Equal.holds(of(column), value))
            }
            Self::Text { column, place, text, case } => {
                text_of(of(column)).is_some_and(|found| place.holds(found, text, *case))
            }
            Self::Has { column, element } => {
                text_of(of(column)).is_some_and(|json| list_has(json, element))
            }
        }
    }

    /// The columns that it reads, possibly with repetitions.
    pub fn columns(&self) -> Vec<usize> {
        self.leaves().into_iter().filter_map(Self::column).collect()
    }

    /// The values that it compares with, and the columns that they are compared with.
    pub fn values(&self) -> Vec<(usize, &Value)> {
        self.leaves().into_iter().flat_map(Self::compared_with).collect()
    }

    fn compared_with(&self) -> Vec<(usize, &Value)> {
        match self {
            Self::Compare { column, value, .. } => vec![(*column, value)],
            Self::OneOf { column, values } => values.iter().map(|value| (*column, value)).collect(),
            _ => Vec::new(),
        }
    }

    /// The nesting depth of the condition: 1 for a comparison.
    pub fn depth(&self) -> usize {
        let deepest = |conditions: &[Self]| conditions.iter().map(Self::depth).max().unwrap_or(0);
        match self {
            Self::All(conditions) | Self::Any(conditions) => 1 + deepest(conditions),
            Self::Not(condition) => 1 + condition.depth(),
            _ => 1,
        }
    }

    /// The conditions on single columns.
    fn leaves(&self) -> Vec<&Self> {
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                conditions.iter().flat_map(Self::leaves).collect()
            }
            Self::Not(condition) => condition.leaves(),
            leaf => vec![leaf],
        }
    }

    fn column(&self) -> Option<usize> {
        match self {
            Self::All(_) | Self::Any(_) | Self::Not(_) => None,
            Self::Compare { column, .. }
            | Self::OneOf { column, .. }
            | Self::Text { column, .. }
            | Self::Has { column, .. } => Some(*column),
        }
    }
}

impl Operator {
    fn holds(self, value: &Value, wanted: &Value) -> bool {
        let ordering = compare(value, wanted);
        match self {
            Self::Equal => ordering.is_some_and(std::cmp::Ordering::is_eq),
            Self::NotEqual => !ordering.is_some_and(std::cmp::Ordering::is_eq),
            Self::Less => ordering.is_some_and(std::cmp::Ordering::is_lt),
            Self::AtMost => ordering.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => ordering.is_some_and(std::cmp::Ordering::is_gt),
            Self::AtLeast => ordering.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

impl TextPlace {
    fn holds(self, found: &str, wanted: &str, case: Case) -> bool {
        if case == Case::IgnoredInAscii {
            let folded = [found, wanted].map(str::to_ascii_lowercase);
            return self.holds(&folded[0], &folded[1], Case::Exact);
        }
        match self {
            Self::Whole => found == wanted,
            Self::Start => found.starts_with(wanted),
            Self::End => found.ends_with(wanted),
            Self::Anywhere => found.contains(wanted),
        }
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Json(text) => Some(text),
        _ => None,
    }
}

/// Whether a list in JSON has an element. Numbers are equal by their value, everything else by its
/// text, as it was written; so are numbers of more than 100 characters, and exponents of more than 3
/// digits, which not every database can read.
pub fn list_has(json: &str, element: &str) -> bool {
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(json) else { return false };
    let wanted = Number::parse(element);
    let is_it =
        |found: &str| found == element || (wanted.is_some() && Number::parse(found) == wanted);
    elements.iter().any(|found| is_it(found.get()))
}

/// A number in JSON, exactly: its digits without zeros at either end, times a power of ten.
#[derive(PartialEq, Eq)]
struct Number {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Number {
    fn parse(json: &str) -> Option<Self> {
        let (is_negative, rest) = json.strip_prefix('-').map_or((false, json), |rest| (true, rest));
        if json.len() > 100 || !rest.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let (number, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        if exponent.trim_start_matches(['-', '+']).len() > 3 {
            return None;
        }
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        let zeros = digits.len() - significant.len();
        let exponent =
            exponent.parse::<i64>().ok()? + zeros.cast_signed() as i64 - fraction.len() as i64;
        let digits = significant.trim_start_matches('0').to_owned();
        let is_zero = digits.is_empty();
        Some(Self {
            is_negative: is_negative && !is_zero,
            digits,
            exponent: if is_zero { 0 } else { exponent },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, Operator, RowCondition, TextPlace, list_has};
    use crate::message::Value;

    #[test]
    fn a_condition_holds_or_it_does_not() {
        let equals = |value| RowCondition::compare(0, Operator::Equal, value);
        let not = |condition| RowCondition::Not(Box::new(condition));
        for row in [[Value::Null], [Value::Integer(1)], [Value::Integer(2)]] {
            for condition in [
                equals(Value::Integer(1)),
                RowCondition::compare(0, Operator::Less, Value::Integer(2)),
                RowCondition::OneOf { column: 0, values: vec![Value::Integer(2), Value::Null] },
                RowCondition::default(),
                RowCondition::Any(Vec::new()),
            ] {
                assert_ne!(
                    condition.holds(&row),
                    not(condition.clone()).holds(&row),
                    "{condition:?}"
                );
            }
        }
    }

    #[test]
    fn only_ascii_letters_have_a_case_that_is_ignored() {
        let text = |text: &str, case| RowCondition::Text {
            column: 0,
            place: TextPlace::Whole,
            text: text.into(),
            case,
        };
        assert!(text("ÄpFEL", Case::IgnoredInAscii).holds(&[Value::text("Äpfel")]));
        assert!(!text("äpfel", Case::IgnoredInAscii).holds(&[Value::text("Äpfel")]));
        assert!(!text("ÄpFEL", Case::Exact).holds(&[Value::text("Äpfel")]));
    }

    #[test]
    fn an_element_is_a_whole_one() {
        for (json, element, expected) in [
            (r#"["rust","art"]"#, r#""art""#, true),
            (r#"["start"]"#, r#""art""#, false),
            (r#"["a\"b"]"#, r#""a\"b""#, true),
            (r#"[["art"]]"#, r#""art""#, false),
            ("[1, 23]", "3", false),
            ("[1.50]", "1.5", true),
            ("[\"1.5\"]", "1.5", false),
            ("[-0.0, 1e2]", "0", true),
            ("[-0.0, 1e2]", "100.0", true),
            ("[12e-1]", "1.2E+0", true),
            ("[10]", "1", false),
            ("[0.1]", "1", false),
            ("[-1]", "1", false),
            ("[1e200000]", "1e200000", true),
            ("[1e200000]", "1", false),
            ("[123456789012345678901234567890.0]", "123456789012345678901234567890", true),
            ("[true]", "true", true),
            ("{}", "1", false),
            ("[]", "null", false),
        ] {
            assert_eq!(list_has(json, element), expected, "{element} in {json}");
        }
    }
}
