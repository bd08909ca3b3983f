//! The file as it is written: every key with its path and line, every value with its type.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::fault::Report;
use super::redact::shown;

/// The keys of one table.
pub(super) type Table = BTreeMap<String, Entry>;

/// A key with its value.
#[derive(Clone)]
pub(super) struct Entry {
    /// The dotted path as the file writes it, its environment included.
    pub(super) path: String,
    /// The line of the key, counted from 1.
    pub(super) line: usize,
    /// True when it comes from the section of the environment, not from the base.
    pub(super) overlaid: bool,
    pub(super) value: Value,
}

/// A value with its TOML type.
#[derive(Clone)]
pub(super) enum Value {
    /// A string, and how the file wrote it when variables were filled in.
    Text {
        text: String,
        written: Option<String>,
    },
    Integer(i64),
    /// An integer that does not fit 64 bits.
    Oversized,
    Float(f64),
    Boolean(bool),
    Moment(Datetime),
    Array(Vec<Value>),
    Table(Table),
    /// A string whose variable is not set; readers see no value.
    Unset,
}

/// Parses the text; `None` when it is not TOML, with every reason in the report.
pub(super) fn parse(text: &str, report: &mut Report) -> Option<Table> {
    let lines = Lines::of(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let start = error.span().map_or(0, |span| span.start);
        let (line, column) = lines.position(start);
        report.syntax(line, column, error.message());
    }
    errors.is_empty().then(|| lines.table(root.get_ref(), ""))
}

/// The path of `key` below `parent`; a key that needs quotes gets them.
pub(super) fn path(parent: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let dot = if parent.is_empty() { "" } else { "." };
    if !key.is_empty() && key.chars().all(bare) {
        format!("{parent}{dot}{key}")
    } else {
        format!("{parent}{dot}\"{}\"", shown(key))
    }
}

impl Entry {
    /// Reports that this entry is wrong by itself.
    pub(super) fn refuse(&self, report: &mut Report, message: impl Into<String>) {
        report.fault(Some(self.line), &self.path, message);
    }

    /// The table it holds; a fault when it holds something else.
    pub(super) fn table(&self, report: &mut Report) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => return Some(table),
            Value::Unset => {}
            other => self.refuse(report, format!("expected a table, found {}", other.described())),
        }
        None
    }
}

impl Value {
    /// The value in words, without what a variable held.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Text { written: Some(written), .. } => {
                format!("'{}' with the values of its variables", shown(written))
            }
            Self::Text { text, .. } => format!("the string '{}'", shown(text)),
            Self::Integer(number) => number.to_string(),
            Self::Oversized => "a number that does not fit 64 bits".into(),
            Self::Float(number) => format!("{number:?}"),
            Self::Boolean(flag) => flag.to_string(),
            Self::Moment(_) => "a date or time".into(),
            Self::Array(_) => "an array".into(),
            Self::Table(_) => "a table".into(),
            Self::Unset => "nothing".into(),
        }
    }

    /// The text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The flag; a text that variables filled in may stand for one.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Boolean(flag) => Some(*flag),
            _ => self.filled_in()?.parse().ok(),
        }
    }

    /// The whole number; a text that variables filled in may stand for one.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => self.filled_in()?.parse().ok(),
        }
    }

    /// The number; a text that variables filled in may stand for one.
    pub(super) fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
            _ => self.filled_in()?.parse().ok()?,
        };
        number.is_finite().then_some(number)
    }

    /// Each text of an array of nothing else, with its description.
    pub(super) fn texts(&self) -> Option<Vec<(String, String)>> {
        let Self::Array(items) = self else { return None };
        let items = items.iter().filter(|item| !matches!(item, Self::Unset));
        items.map(|item| Some((item.text()?.to_owned(), item.described()))).collect()
    }

    fn filled_in(&self) -> Option<&str> {
        match self {
            Self::Text { text, written: Some(_) } => Some(text.trim()),
            _ => None,
        }
    }
}

/// Where each line of a text starts.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// Line and column of an offset, counted from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    fn table(&self, table: &DeTable<'_>, parent: &str) -> Table {
        let entry = |(key, value): (&_, &_)| self.entry(key, value, parent);
        table.iter().map(entry).collect()
    }

    fn entry(
        &self,
        key: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        parent: &str,
    ) -> (String, Entry) {
        let path = path(parent, key.get_ref());
        let (line, _) = self.position(key.span().start);
        let value = self.value(value.get_ref(), &path);
        (key.get_ref().to_string(), Entry { path, line, overlaid: false, value })
    }

    fn value(&self, value: &DeValue<'_>, path: &str) -> Value {
        match value {
            DeValue::String(text) => Value::Text { text: text.to_string(), written: None },
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .map_or(Value::Oversized, Value::Integer),
            DeValue::Float(digits) => {
                digits.as_str().parse().map_or(Value::Oversized, Value::Float)
            }
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Datetime(moment) => Value::Moment(*moment),
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| self.value(item.get_ref(), path)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table, path)),
        }
    }
}
