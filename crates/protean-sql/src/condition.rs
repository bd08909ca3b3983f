//! Composes the condition of a query.

use protean_port::message::{Case, ColumnKind, Operator, RowCondition, Table, TextPlace, Value};

use crate::clause::{compared, joined};
use crate::{Dialect, Select};

const ALWAYS: &str = "1 = 1";
const NEVER: &str = "0 = 1";

impl Select {
    /// A condition as SQL, with its values among the parameters. `NULL` counts as false: `IS NOT
    /// TRUE` negates, and `AND` and `OR` cannot turn `NULL` into true.
    pub(crate) fn composed<D: Dialect>(
        &mut self,
        table: &Table,
        condition: &RowCondition,
    ) -> String {
        match condition {
            RowCondition::All(all) => self.joined::<D>(table, all, "AND", ALWAYS),
            RowCondition::Any(any) => self.joined::<D>(table, any, "OR", NEVER),
            RowCondition::Not(not) => {
                format!("({}) IS NOT TRUE", self.composed::<D>(table, not))
            }
            RowCondition::Compare { column, operator, value } => {
                let column = compared::<D>(table, &table.columns[*column]);
                self.comparison::<D>(&column, *operator, value)
            }
            RowCondition::OneOf { column, values } => self.one_of::<D>(table, *column, values),
            RowCondition::Text { column, place, text, case } => {
                let declared = &table.columns[*column];
                let is_text = matches!(declared.kind, ColumnKind::Text | ColumnKind::Json);
                let column = compared::<D>(table, declared);
                match (is_text, case) {
                    (false, _) => NEVER.to_owned(),
                    (true, Case::Exact) => self.text::<D>(&column, *place, text),
                    (true, Case::IgnoredInAscii) => {
                        self.text::<D>(&D::folded(&column), *place, &text.to_ascii_lowercase())
                    }
                }
            }
            RowCondition::Has { column, element } => {
                let declared = &table.columns[*column];
                if declared.kind != ColumnKind::Json {
                    return NEVER.to_owned();
                }
                let element = self.bind::<D>(&Value::Text(element.clone()));
                D::list_has(&compared::<D>(table, declared), &element)
            }
        }
    }

    /// A comparison of an expression with a value.
    pub(crate) fn comparison<D: Dialect>(
        &mut self,
        column: &str,
        operator: Operator,
        value: &Value,
    ) -> String {
        let sign = match operator {
            // Null is neither less nor greater than anything, so here it is at most equal.
            Operator::Equal | Operator::AtMost | Operator::AtLeast if value.is_null() => {
                return format!("{column} IS NULL");
            }
            Operator::NotEqual if value.is_null() => return format!("{column} IS NOT NULL"),
            Operator::Less | Operator::Greater if value.is_null() => return NEVER.to_owned(),
            Operator::Equal => "=",
            Operator::NotEqual => "IS DISTINCT FROM",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::Greater => ">",
            Operator::AtLeast => ">=",
        };
        format!("{column} {sign} {}", self.bind::<D>(value))
    }

    fn one_of<D: Dialect>(&mut self, table: &Table, column: usize, values: &[Value]) -> String {
        let column = compared::<D>(table, &table.columns[column]);
        let known: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
        let is_known = match (&known[..], D::array(&known)) {
            ([], _) => None,
            ([only], _) => Some(self.comparison::<D>(&column, Operator::Equal, only)),
            (_, Some(array)) => Some(format!("{column} = ANY({})", self.bind::<D>(&array))),
            (several, None) => {
                let several = several.iter().map(|value| self.bind::<D>(value));
                Some(format!("{column} IN ({})", several.collect::<Vec<_>>().join(", ")))
            }
        };
        let is_null = values.iter().any(Value::is_null).then(|| format!("{column} IS NULL"));
        joined(is_known.into_iter().chain(is_null).collect(), "OR", NEVER)
    }

    /// A prefix match as a range, so that an index can serve it.
    fn text<D: Dialect>(&mut self, column: &str, place: TextPlace, text: &str) -> String {
        let value = Value::text(text);
        match place {
            TextPlace::Whole => self.comparison::<D>(column, Operator::Equal, &value),
            _ if text.is_empty() => format!("{column} IS NOT NULL"),
            TextPlace::Start => {
                let from = self.comparison::<D>(column, Operator::AtLeast, &value);
                let end = after_all_with(text)
                    .map(|end| self.comparison::<D>(column, Operator::Less, &Value::text(end)));
                joined(std::iter::once(from).chain(end).collect(), "AND", ALWAYS)
            }
            TextPlace::End => D::ends_with(column, &self.bind::<D>(&value)),
            TextPlace::Anywhere => {
                format!("{}({column}, {}) > 0", D::FIND_TEXT, self.bind::<D>(&value))
            }
        }
    }

    fn joined<D: Dialect>(
        &mut self,
        table: &Table,
        conditions: &[RowCondition],
        word: &str,
        of_none: &str,
    ) -> String {
        let parts = conditions.iter().map(|condition| self.composed::<D>(table, condition));
        joined(parts.collect(), word, of_none)
    }
}

/// The smallest string greater than every string with this prefix, if there is one.
fn after_all_with(start: &str) -> Option<String> {
    let mut letters: Vec<char> = start.chars().collect();
    while let Some(last) = letters.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::after_all_with;

    #[test]
    fn texts_with_a_beginning_end_before_the_next_one() {
        for (start, end) in [
            ("a", Some("b")),
            ("a\u{10FFFF}", Some("b")),
            ("\u{D7FF}", Some("\u{E000}")),
            ("ä", Some("å")),
            ("\u{10FFFF}", None),
            ("", None),
        ] {
            assert_eq!(after_all_with(start).as_deref(), end, "{start:?}");
        }
    }
}
