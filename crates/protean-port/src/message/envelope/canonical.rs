//! JSON as Python prints it with sorted keys and no spaces.

use std::cmp::Ordering;

use super::unreadable::Unreadable;
use super::{number, text};
use crate::message::nesting::MAX_DEPTH;

/// JSON in the form of Python's `json.dumps(json.loads(text), sort_keys=True,
/// separators=(",", ":"))`: ASCII, keys sorted by code point, the last of equal keys,
/// integers digit for digit, other numbers as `repr`.
///
/// # Errors
/// When the text is not JSON, or is nested too deeply.
pub(super) fn canonical(json: &str) -> Result<Vec<u8>, Unreadable> {
    let out = Vec::with_capacity(json.len() + json.len() / 8);
    let (members, moved) = (Vec::new(), Vec::new());
    let mut printer = Printer { json, at: 0, out, depth: 0, members, moved };
    printer.value()?;
    match printer.peek() {
        None => Ok(printer.out),
        Some(_) => Err(printer.unexpected("the end")),
    }
}

/// Parses and prints in one pass.
struct Printer<'a> {
    json: &'a str,
    at: usize,
    out: Vec<u8>,
    depth: usize,
    /// The members of the open objects, the innermost last.
    members: Vec<Member>,
    /// The text of an object before its members are sorted.
    moved: Vec<u8>,
}

/// The place of a member in the output, beginning with its quoted name.
#[derive(Clone, Copy)]
struct Member {
    start: usize,
    name_end: usize,
    end: usize,
}

impl Printer<'_> {
    fn value(&mut self) -> Result<(), Unreadable> {
        self.space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => self.text()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        }
        self.space();
        Ok(())
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
        if self.depth == MAX_DEPTH {
            return Err(Unreadable::new(format!(
                "the data nests deeper than {MAX_DEPTH} objects and lists at byte {}; \
                 send flatter data",
                self.at
            )));
        }
        self.depth += 1;
        self.copy(1);
        self.space();
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self) -> Result<(), Unreadable> {
        let first = self.members.len();
        if self.peek() != Some(b'}') {
            loop {
                self.member()?;
                match self.peek() {
                    Some(b',') => self.copy(1),
                    Some(b'}') => break,
                    _ => return Err(self.unexpected("',' or '}'")),
                }
                self.space();
            }
        }
        self.sort(first);
        self.copy(1);
        Ok(())
    }

    fn member(&mut self) -> Result<(), Unreadable> {
        let start = self.out.len();
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a name in quotes"));
        }
        self.text()?;
        let name_end = self.out.len();
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("':'"));
        }
        self.copy(1);
        self.value()?;
        self.members.push(Member { start, name_end, end: self.out.len() });
        Ok(())
    }

    fn list(&mut self) -> Result<(), Unreadable> {
        if self.peek() != Some(b']') {
            loop {
                self.value()?;
                match self.peek() {
                    Some(b',') => self.copy(1),
                    Some(b']') => break,
                    _ => return Err(self.unexpected("',' or ']'")),
                }
            }
        }
        self.copy(1);
        Ok(())
    }

    fn text(&mut self) -> Result<(), Unreadable> {
        match text::print(self.json, self.at, &mut self.out) {
            Ok(end) => self.at = end,
            Err(at) => {
                self.at = at;
                return Err(self.unexpected("the rest of a text"));
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Unreadable> {
        match number::print(&self.json.as_bytes()[self.at..], &mut self.out) {
            Some(length) => self.at += length,
            None => return Err(self.unexpected("a number")),
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), Unreadable> {
        let rest = &self.json.as_bytes()[self.at..];
        let words = [&b"null"[..], b"true", b"false"];
        match words.into_iter().find(|word| rest.starts_with(word)) {
            Some(word) => self.copy(word.len()),
            None => return Err(self.unexpected("a value")),
        }
        Ok(())
    }

    /// Sorts the members of the innermost object, which begin at index `first`.
    fn sort(&mut self, first: usize) {
        let out = &self.out;
        let in_order = |pair: &[Member]| by_name(out, &pair[0], &pair[1]) == Ordering::Less;
        if let Some(begin) = self.members.get(first).map(|member| member.start)
            && !self.members[first..].windows(2).all(in_order)
        {
            self.members[first..].sort_by(|a, b| by_name(out, a, b));
            self.moved.clear();
            self.moved.extend_from_slice(&self.out[begin..]);
            self.rewrite(first, begin);
        }
        self.members.truncate(first);
    }

    /// Writes the sorted members, beginning at `begin`.
    fn rewrite(&mut self, first: usize, begin: usize) {
        self.out.truncate(begin);
        let members = &self.members[first..];
        for (at, member) in members.iter().enumerate() {
            let name = |member: &Member| &self.moved[member.start - begin..member.name_end - begin];
            // The sort is stable, and the last of equal names wins.
            if members.get(at + 1).is_some_and(|next| name(next) == name(member)) {
                continue;
            }
            if self.out.len() > begin {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&self.moved[member.start - begin..member.end - begin]);
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn copy(&mut self, bytes: usize) {
        let end = self.at + bytes;
        self.out.extend_from_slice(&self.json.as_bytes()[self.at..end]);
        self.at = end;
    }

    fn unexpected(&self, expected: &str) -> Unreadable {
        let found = self
            .json
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
            .map_or_else(|| "the end".to_owned(), |found| format!("{found:?}"));
        Unreadable::new(format!(
            "the data is not JSON: found {found} at byte {}, expected {expected}",
            self.at
        ))
    }
}

/// Compares the names of two printed members by code point.
fn by_name(out: &[u8], a: &Member, b: &Member) -> Ordering {
    let [a, b] = [a, b].map(|member| &out[member.start + 1..member.name_end - 1]);
    if a.contains(&b'\\') || b.contains(&b'\\') {
        text::code_points(a).cmp(text::code_points(b))
    } else {
        a.cmp(b)
    }
}
