//! Reading a table key by key; a key that no reader asks for is unknown.
//!
//! Every way of asking records what is asked for, and readers ask for all of their keys,
//! whatever the file says. So they are themselves the list of known keys: [`survey`] reads
//! an empty file and returns it.

use std::collections::BTreeMap;
use std::fmt;

use super::document::{Entry, Table, Value, path};
use super::fault::Report;
use super::form::Form;
use crate::nearest::{hint, nearest};

/// How a reader asks for a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    Section,
    /// A table whose keys are the user's own.
    Free,
    Value(Form),
    /// Another name of this key.
    AliasOf(&'static str),
    /// A key without effect: a warning says why.
    Ignored(Unused),
    /// A key for what does not work: an error says so.
    Refused(Unused),
}

/// Why a key has no effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unused {
    /// The value that asks for what happens in any case, and so needs no answer.
    pub(super) unless: Option<Fixed>,
    /// The reason, and what to do instead.
    pub(super) because: &'static str,
}

/// A value that cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fixed {
    Flag(bool),
    Number(f64),
    Text(&'static str),
}

/// A key that a reader knows.
pub(super) struct Key {
    /// Its dotted path; `NAME` stands for a name that the user chooses.
    pub(super) path: String,
    pub(super) asked: Asked,
}

/// A table being read, whether the file has it or not.
pub(super) struct Section<'a> {
    path: String,
    line: Option<usize>,
    table: Option<&'a Table>,
    asked: BTreeMap<&'static str, Asked>,
    /// What to say about a key that is not known, when it is not simply unknown.
    others: Option<&'static str>,
    /// The keys of the tables below, while surveying.
    survey: Option<Vec<Key>>,
    report: &'a mut Report,
}

/// Reads the whole file with `read`, and reports what was left over.
pub(super) fn read_file<T>(
    table: &Table,
    report: &mut Report,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> T {
    let mut root = Section::new(String::new(), report);
    root.table = Some(table);
    let result = read(&mut root);
    root.finish();
    result
}

/// Every key that `read` asks for, in the order of their paths within each section.
pub(super) fn survey<T>(read: impl FnOnce(&mut Section<'_>) -> T) -> Vec<Key> {
    let mut report = Report::new("");
    let mut root = Section::new(String::new(), &mut report);
    root.survey = Some(Vec::new());
    read(&mut root);
    root.finish()
}

impl<'a> Section<'a> {
    fn new(path: String, report: &'a mut Report) -> Self {
        let asked = BTreeMap::new();
        Self { path, line: None, table: None, asked, others: None, survey: None, report }
    }

    /// Reads the table below `key` with `read`, which sees an empty one when there is none.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        self.asked.insert(key, Asked::Section);
        self.below(key, self.entry(key), read)
    }

    /// Like [`section`](Self::section), for a table that may be written as `true` or `false`.
    pub(super) fn switch<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let entry = self.entry(key);
        let entry = entry.filter(|entry| !matches!(entry.value, Value::Table(_) | Value::Unset));
        let Some(entry) = entry else { return self.section(key, read) };
        self.asked.insert(key, Asked::Section);
        let found = entry.value.described();
        entry.refuse(self.report, format!("expected true, false or a table, found {found}"));
        self.absent(read)
    }

    /// Reads each table below `key`, whose names the user chooses.
    pub(super) fn named<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Section<'_>) -> T,
    ) -> BTreeMap<String, T> {
        self.section(key, |outer| {
            if outer.survey.is_some() {
                outer.below("NAME", None, |section| read("NAME", section));
            }
            let table = outer.table.take();
            let one = |(name, entry): (&String, &_)| {
                (name.clone(), outer.below(name, Some(entry), |section| read(name, section)))
            };
            table.into_iter().flatten().map(one).collect()
        })
    }

    /// What `read` makes of a section that the file does not have.
    pub(super) fn absent<T>(&mut self, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        read(&mut Section::new(self.path.clone(), self.report))
    }

    /// The table below `key`, whose keys are the user's own.
    pub(super) fn free(&mut self, key: &'static str) -> Option<&'a Table> {
        self.asked.insert(key, Asked::Free);
        let entry = self.entry(key)?;
        entry.table(self.report)
    }

    /// Says `message` about every key that no reader asks for, instead of "unknown key".
    pub(super) fn others(&mut self, message: &'static str) {
        self.others = Some(message);
    }

    fn below<T>(
        &mut self,
        key: &str,
        entry: Option<&Entry>,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let table = entry.and_then(|entry| entry.table(self.report));
        let path = entry.map_or_else(|| path(&self.path, key), |entry| entry.path.clone());
        let line = entry.map(|entry| entry.line).or(self.line);
        let survey = self.survey.is_some().then(Vec::new);
        let section = Section::new(path, self.report);
        let mut section = Section { line, table, survey, ..section };
        let result = read(&mut section);
        let keys = section.finish();
        if let Some(survey) = &mut self.survey {
            let path = |known: &Key| format!("{key}.{}", known.path);
            survey.extend(keys.into_iter().map(|known| Key { path: path(&known), ..known }));
        }
        result
    }

    /// Reports the keys that were left over; while surveying, returns those asked for.
    fn finish(self) -> Vec<Key> {
        let hinted = |asked: &Asked| !matches!(asked, Asked::Ignored(_) | Asked::Refused(_));
        let known = self.asked.iter().filter(|(_, asked)| hinted(asked));
        let known: Vec<_> = known.map(|(key, _)| *key).collect();
        let unknown = self.table.into_iter().flatten();
        for (key, entry) in unknown.filter(|(key, _)| !self.asked.contains_key(key.as_str())) {
            let message = match self.others {
                Some(others) => format!("{others}{}", near(key, &known)),
                None => format!("unknown key{}", hint(key, &known)),
            };
            entry.refuse(self.report, message);
        }
        let Some(below) = self.survey else { return Vec::new() };
        let own = self.asked.into_iter().map(|(key, asked)| Key { path: key.to_owned(), asked });
        own.chain(below).collect()
    }

    /// A key that has no effect, whatever it says: a warning gives the reason.
    pub(super) fn ignored(&mut self, key: &'static str, because: &'static str) {
        self.unused(key, Asked::Ignored(Unused { unless: None, because }));
    }

    /// A key that has no effect; the value that asks for what happens anyway is accepted.
    pub(super) fn ignored_unless(
        &mut self,
        key: &'static str,
        unless: Fixed,
        because: &'static str,
    ) {
        self.unused(key, Asked::Ignored(Unused { unless: Some(unless), because }));
    }

    /// A key that asks for what does not work, unless it asks for what happens anyway.
    pub(super) fn refused_unless(
        &mut self,
        key: &'static str,
        unless: Fixed,
        because: &'static str,
    ) {
        self.unused(key, Asked::Refused(Unused { unless: Some(unless), because }));
    }

    fn unused(&mut self, key: &'static str, asked: Asked) {
        let entry = self.entry(key);
        match (&asked, entry) {
            (Asked::Ignored(unused), Some(Entry { value, .. })) if !unused.accepts(value) => {
                self.warn(key, format!("has no meaning here, because {}", unused.because));
            }
            (Asked::Refused(unused), Some(Entry { value, .. })) if !unused.accepts(value) => {
                let found = value.described();
                self.refuse(key, format!("{found} is not supported: {}", unused.because));
            }
            _ => {}
        }
        self.asked.insert(key, asked);
    }

    /// The line of the table, when the file has it.
    pub(super) fn line(&self) -> Option<usize> {
        self.table.and(self.line)
    }

    /// The dotted path of the table, as the file writes it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The name of the file.
    pub(super) fn file(&self) -> &str {
        self.report.file()
    }

    /// Reports that `key` conflicts with other keys.
    pub(super) fn conflict(&mut self, key: &str, message: impl Into<String>) {
        let (line, path) = self.place(key);
        self.report.conflict(line, &path, message);
    }

    /// Refuses text with a line break in it: a secret that was pasted or read from a file.
    pub(super) fn one_line(&mut self, key: &str, text: &str) {
        if text.contains(char::is_control) {
            self.conflict(key, "holds a line break or another control character; write one line");
        }
    }

    /// Reports that `key` is missing, unless the file has it.
    pub(super) fn missing(&mut self, key: &str, message: impl Into<String>) {
        if self.entry(key).is_none() {
            self.conflict(key, message);
        }
    }

    /// Warns about `key`.
    pub(super) fn warn(&mut self, key: &str, message: impl Into<String>) {
        let (line, path) = self.place(key);
        self.report.warn(line, &path, message);
    }

    /// Reports a value of `key` that is wrong by itself.
    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        let (line, path) = self.place(key);
        self.report.fault(line, &path, message);
    }

    /// Reports that `key` has another value than `expected`, and gives nothing.
    pub(super) fn mismatch<T>(&mut self, key: &str, expected: &str) -> Option<T> {
        let found = self.described(key);
        self.refuse(key, format!("expected {expected}, found {found}"));
        None
    }

    /// The line and the path of `key`, when the file has it.
    pub(super) fn found(&self, key: &str) -> Option<(Option<usize>, String)> {
        self.entry(key).map(|entry| (Some(entry.line), entry.path.clone()))
    }

    /// Where `key` is, or would be; an empty key is the table itself.
    fn place(&self, key: &str) -> (Option<usize>, String) {
        match self.entry(key) {
            Some(entry) => (Some(entry.line), entry.path.clone()),
            None if key.is_empty() => (self.line, self.path.clone()),
            None => (self.line, path(&self.path, key)),
        }
    }

    /// The value of `key` as `read` understands it; a fault when it does not.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        form: Form,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let entry = self.entry(key).filter(|entry| !matches!(entry.value, Value::Unset));
        let found = entry.and_then(|entry| read(&entry.value));
        if let (Some(Entry { value, .. }), None) = (entry, &found) {
            let near = match (&form, value) {
                (Form::OneOf(words), Value::Text { text, written: None }) => near(text, words),
                _ => String::new(),
            };
            self.refuse(key, format!("expected {form}, found {}{near}", value.described()));
        }
        self.asked.insert(key, Asked::Value(form));
        found
    }

    /// The key under which the file writes a value that has several names.
    pub(super) fn alias(&mut self, keys: &[&'static str]) -> &'static str {
        self.asked.extend(keys.iter().map(|key| (*key, Asked::AliasOf(keys[0]))));
        let there = keys.iter().filter_map(|key| Some((*key, self.entry(key)?)));
        let there: Vec<_> = there.collect();
        let overlaid: Vec<_> = there.iter().filter(|(_, entry)| entry.overlaid).copied().collect();
        let candidates = if overlaid.is_empty() { there } else { overlaid };
        if let [(first, _), (second, _), ..] = candidates[..] {
            self.refuse(second, format!("is another name of '{first}'; keep only one of them"));
        }
        candidates.first().map_or(keys[0], |(key, _)| key)
    }

    /// The value of `key`, for a person.
    pub(super) fn described(&self, key: &str) -> String {
        self.entry(key).map(|entry| entry.value.described()).unwrap_or_default()
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.table.and_then(|table| table.get(key))
    }
}

impl Unused {
    /// Whether the value asks for nothing but what happens in any case.
    fn accepts(&self, value: &Value) -> bool {
        match self.unless {
            _ if matches!(value, Value::Unset) => true,
            Some(Fixed::Flag(flag)) => value.flag() == Some(flag),
            Some(Fixed::Number(number)) => value.number() == Some(number),
            Some(Fixed::Text(text)) => value.text() == Some(text),
            None => false,
        }
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "\"{text}\""),
        }
    }
}

/// `; did you mean 'x'?` when a known name is near.
fn near(found: &str, known: &[&str]) -> String {
    nearest(found, known).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}
