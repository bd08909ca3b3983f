//! Converts values to columns and back.
//!
//! PostgreSQL's text cannot contain NUL. So each of the four lowest characters is written
//! as three, the first of which appears nowhere else: the bytes still sort as the text
//! does, and a search still finds every part. All other text stays as it is.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::str::FromStr;
use std::sync::Arc;

use bytes::BytesMut;
use protean_port::message::{ColumnKind, Date, Timestamp, Value};
use protean_sql::unsigned;
use tokio_postgres::Row;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::connection::Parameter;
use crate::error::Fault;

const ESCAPE_CODES: [&str; 4] =
    ["\u{1}\u{2}\u{2}", "\u{1}\u{2}\u{3}", "\u{1}\u{3}\u{2}", "\u{1}\u{3}\u{3}"];

/// A text as columns store it.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte > 3) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match ESCAPE_CODES.get(letter as usize) {
            Some(code) => escaped.push_str(code),
            None => escaped.push(letter),
        }
    }
    Cow::Owned(escaped)
}

/// The text that a column stores.
pub(crate) fn unescaped(held: &str) -> Cow<'_, str> {
    if !held.contains('\u{1}') {
        return Cow::Borrowed(held);
    }
    let (mut text, mut rest) = (String::with_capacity(held.len()), held);
    while let Some(letter) = rest.chars().next() {
        match ESCAPE_CODES.iter().zip('\0'..).find(|(code, _)| rest.starts_with(**code)) {
            Some((code, meant)) => {
                text.push(meant);
                rest = &rest[code.len()..];
            }
            None => {
                text.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    Cow::Owned(text)
}

/// A text as a parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

/// A text of its own as a parameter of a statement.
#[derive(Debug)]
pub(crate) struct OwnedText(pub(crate) String);

impl ToSql for OwnedText {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        Text(&self.0).to_sql(kind, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(escaped(self.0).as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value as a parameter of a statement, in the server's text format.
#[derive(Debug)]
pub(crate) struct Bound<'a>(pub(crate) &'a Value);

impl<'a> Bound<'a> {
    /// Values as parameters, once [`parameters`] has borrowed them.
    pub(crate) fn all(values: &'a [Value]) -> Vec<Self> {
        values.iter().map(Bound).collect()
    }
}

/// Parameters as a statement takes them.
pub(crate) fn parameters<'a>(bound: &'a [Bound<'a>]) -> Vec<Parameter<'a>> {
    bound.iter().map(|value| value as Parameter<'a>).collect()
}

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let Some(words) = words(self.0) else { return Ok(IsNull::Yes) };
        out.extend_from_slice(words.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// A value in the server's text format; nothing for null.
pub(crate) fn words(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) | Value::Json(text) => Some(escaped(text)),
        _ => plain_words(value),
    }
}

/// A value in the server's text format, with text as it is.
pub(crate) fn plain_words(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Integer(number) => Cow::Owned(number.to_string()),
        Value::Real(number) if number.is_infinite() => {
            Cow::Borrowed(if *number > 0.0 { "Infinity" } else { "-Infinity" })
        }
        Value::Real(number) => Cow::Owned(format!("{number:e}")),
        Value::Decimal(number) => Cow::Owned(number.to_string()),
        Value::Text(text) | Value::Json(text) => Cow::Borrowed(text),
        Value::Timestamp(moment) => Cow::Owned(moment.as_micros().to_string()),
        Value::Date(day) => Cow::Owned(day.to_string()),
    })
}

/// The value in a column that was selected as the dialect says.
pub(crate) fn read(row: &Row, index: usize, kind: ColumnKind) -> Result<Value, Fault> {
    let value = match kind {
        ColumnKind::Bool => row.try_get::<_, Option<bool>>(index)?.map(Value::Bool),
        ColumnKind::Integer => row.try_get::<_, Option<i64>>(index)?.map(Value::Integer),
        ColumnKind::Real => row.try_get::<_, Option<f64>>(index)?.map(Value::Real),
        ColumnKind::Timestamp => {
            let micros = row.try_get::<_, Option<i64>>(index)?;
            micros.map(|micros| Value::Timestamp(Timestamp::from_micros(micros)))
        }
        ColumnKind::Text => text_or_null(row, index)?.map(|text| Value::Text(text.into())),
        ColumnKind::Json => text_or_null(row, index)?.map(|text| Value::Json(text.into())),
        ColumnKind::Decimal => parsed(row, index)?.map(Value::Decimal),
        ColumnKind::Date => parsed::<Date>(row, index)?.map(Value::Date),
    };
    Ok(value.unwrap_or(Value::Null))
}

fn parsed<T: FromStr<Err = String>>(row: &Row, index: usize) -> Result<Option<T>, Fault> {
    let text = row.try_get::<_, Option<&str>>(index)?;
    text.map(str::parse).transpose().map_err(Fault::Unreadable)
}

/// The text in a column.
pub(crate) fn text(row: &Row, index: usize) -> Result<Cow<'_, str>, Fault> {
    Ok(unescaped(row.try_get(index)?))
}

/// The text in a column that may be empty.
pub(crate) fn text_or_null(row: &Row, index: usize) -> Result<Option<Cow<'_, str>>, Fault> {
    Ok(row.try_get::<_, Option<&str>>(index)?.map(unescaped))
}

/// The text in a column, as a shared one.
pub(crate) fn shared(row: &Row, index: usize) -> Result<Arc<str>, Fault> {
    Ok(Arc::from(&*text(row, index)?))
}

/// The position or count in a column.
pub(crate) fn number(row: &Row, index: usize) -> Result<u64, Fault> {
    Ok(unsigned(row.try_get(index)?))
}

#[cfg(test)]
mod tests {
    use super::{escaped, unescaped};

    const TEXTS: [&str; 12] = [
        "",
        "a",
        "\0",
        "a\0",
        "\u{1}",
        "\u{1}\u{2}\u{2}",
        "\u{2}",
        "\u{3}\0\u{3}",
        "\u{4}",
        "\0\u{10ffff}",
        "\0\0x",
        "ä\u{1}",
    ];

    #[test]
    fn every_text_comes_back_and_holds_no_nul() {
        for text in TEXTS {
            assert!(!escaped(text).contains('\0'));
            assert_eq!(unescaped(&escaped(text)), text);
        }
        assert_eq!(unescaped("\u{1}x"), "\u{1}x", "text of other programs stays as it is");
    }

    #[test]
    fn escaped_texts_sort_and_contain_as_before() {
        for (one, other) in
            TEXTS.iter().flat_map(|one| TEXTS.iter().map(move |other| (*one, *other)))
        {
            assert_eq!(escaped(one).cmp(&escaped(other)), one.cmp(other), "{one:?} {other:?}");
            assert_eq!(
                escaped(one).contains(&*escaped(other)),
                one.contains(other),
                "{one:?} {other:?}"
            );
        }
    }
}
