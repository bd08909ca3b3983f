//! The one form of a JSON text: no spaces, objects sorted by name, numbers as they were written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// A value in a JSON text.
pub(super) enum Node<'t> {
    /// A string, a number or a word, as it is to be written.
    Plain(Cow<'t, str>),
    List(Vec<Self>),
    Object(BTreeMap<Cow<'t, str>, Self>),
}

impl<'t> Node<'t> {
    /// The value of a text that is known to be JSON. It is read once, whatever is nested in it.
    pub(super) fn of(json: &'t RawValue) -> Self {
        Scanner(json.get()).value()
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Plain(text) => out.push_str(text),
            Self::List(values) => {
                out.push('[');
                for (at, value) in values.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    value.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    out.push_str(&Value::from(&**name).to_string());
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl From<Node<'_>> for Value {
    fn from(node: Node<'_>) -> Self {
        match node {
            Node::Plain(text) => serde_json::from_str(&text).unwrap_or_default(),
            Node::List(values) => values.into_iter().map(Self::from).collect(),
            Node::Object(members) => {
                let member = |(name, value): (Cow<'_, str>, _)| (name.into_owned(), value);
                members.into_iter().map(member).collect()
            }
        }
    }
}

/// The rest of a text that is known to be JSON.
struct Scanner<'t>(&'t str);

impl<'t> Scanner<'t> {
    fn value(&mut self) -> Node<'t> {
        match self.peek() {
            Some(b'{') => Node::Object(self.members()),
            Some(b'[') => {
                let mut values = Vec::new();
                while self.goes_on(b']') {
                    values.push(self.value());
                }
                Node::List(values)
            }
            Some(b'"') => Node::Plain(match self.string() {
                text if text.contains('\\') => Value::from(&*decoded(text)).to_string().into(),
                text => text.into(),
            }),
            _ => {
                let ends = |c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace();
                Node::Plain(self.take(self.0.find(ends).unwrap_or(self.0.len())).into())
            }
        }
    }

    fn members(&mut self) -> BTreeMap<Cow<'t, str>, Node<'t>> {
        let mut members = BTreeMap::new();
        while self.goes_on(b'}') {
            self.peek();
            let name = decoded(self.string());
            self.peek();
            self.take(":".len());
            members.insert(name, self.value());
        }
        members
    }

    /// Passes the bracket or comma before a further element; false past the end.
    fn goes_on(&mut self, end: u8) -> bool {
        let is_end = self.peek().is_none_or(|next| next == end);
        self.take(1.min(self.0.len()));
        // An empty object or list ends right after it has begun.
        if !is_end && self.peek() == Some(end) {
            self.take(1);
            return false;
        }
        !is_end
    }

    /// The next byte that is not a space.
    fn peek(&mut self) -> Option<u8> {
        self.0 = self.0.trim_ascii_start();
        self.0.bytes().next()
    }

    /// The string that begins here, with its quotes.
    fn string(&mut self) -> &'t str {
        let mut escaped = false;
        let end = self.0.bytes().skip(1).position(|byte| {
            let is_end = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            is_end
        });
        self.take(end.map_or(self.0.len(), |end| end + 2))
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        taken
    }
}

/// The text that a string in quotes stands for.
fn decoded(quoted: &str) -> Cow<'_, str> {
    if quoted.contains('\\') {
        return serde_json::from_str::<String>(quoted).unwrap_or_default().into();
    }
    quoted.trim_matches('"').into()
}
