//! Reading a table key by key; what nobody asked for is unknown.

use std::collections::BTreeMap;

use super::choice::Choice;
use super::document::{Entry, Table, Value, path};
use super::report::Report;
use crate::nearest::{hint, listed, nearest};

/// How a key was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Value,
    Section,
    /// Known to Protean 0.18, without meaning here.
    Obsolete,
}

/// A table being read, there or not.
pub(super) struct Section<'a> {
    path: String,
    line: Option<usize>,
    table: Option<&'a Table>,
    asked: BTreeMap<&'static str, Asked>,
    report: &'a mut Report,
}

impl<'a> Section<'a> {
    /// Reads the whole file with `read`, then reports what was left over.
    pub(super) fn root<T>(
        table: &'a Table,
        report: &'a mut Report,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> (T, BTreeMap<&'static str, Asked>) {
        let asked = BTreeMap::new();
        let mut root =
            Section { path: String::new(), line: None, table: Some(table), asked, report };
        let result = read(&mut root);
        root.report_leftovers();
        (result, root.asked)
    }

    /// Reads the table below `key` with `read`, which sees an empty one when there is none.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        self.asked.insert(key, Asked::Section);
        let table = self.table;
        self.below(key, table.and_then(|table| table.get(key)), read)
    }

    /// Like [`section`](Self::section), for a table that may be written as `true` or `false`.
    pub(super) fn switch<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let entry = self.table.and_then(|table| table.get(key));
        let entry = entry.filter(|entry| !matches!(entry.value, Value::Table(_) | Value::Unset));
        let Some(entry) = entry else { return self.section(key, read) };
        self.asked.insert(key, Asked::Section);
        let found = entry.value.described();
        self.report.fault_at(entry, format!("expected true, false or a table, found {found}"));
        self.absent(read)
    }

    /// Reads each table below `key`, whose names are free.
    pub(super) fn named<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Section<'_>) -> T,
    ) -> BTreeMap<String, T> {
        self.section(key, |outer| {
            let table = outer.table.take();
            let one = |(name, entry): (&String, &_)| {
                (name.clone(), outer.below(name, Some(entry), |section| read(name, section)))
            };
            table.into_iter().flatten().map(one).collect()
        })
    }

    /// Reads what a section says that is not there.
    pub(super) fn absent<T>(&mut self, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        self.below("", None, read)
    }

    /// The table below `key`, in which any key is welcome.
    pub(super) fn free(&mut self, key: &'static str) -> Option<&'a Table> {
        self.asked.insert(key, Asked::Section);
        let entry = self.table.and_then(|table| table.get(key))?;
        self.as_table(entry)
    }

    fn below<T>(
        &mut self,
        key: &str,
        entry: Option<&Entry>,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let table = entry.and_then(|entry| self.as_table(entry));
        let path = entry.map_or_else(|| path(&self.path, key), |entry| entry.path.clone());
        let line = entry.map(|entry| entry.line).or(self.line);
        let asked = BTreeMap::new();
        let mut section = Section { path, line, table, asked, report: &mut *self.report };
        let result = read(&mut section);
        section.report_leftovers();
        result
    }

    fn as_table<'e>(&mut self, entry: &'e Entry) -> Option<&'e Table> {
        match &entry.value {
            Value::Table(table) => return Some(table),
            Value::Unset => {}
            other => {
                let message = format!("expected a table, found {}", other.described());
                self.report.fault_at(entry, message);
            }
        }
        None
    }

    /// Keys of Protean 0.18 that mean nothing here: a warning for each that is there.
    pub(super) fn obsolete(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.asked.insert(key, Asked::Obsolete);
            if let Some(entry) = self.table.and_then(|table| table.get(*key)) {
                let message = "has no meaning here and is ignored; remove it";
                self.report.warn(Some(entry.line), &entry.path, message);
            }
        }
    }

    /// The line of the table, when it is there.
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

    /// Reports that `key` does not go with other keys.
    pub(super) fn conflict(&mut self, key: &str, message: impl Into<String>) {
        let (line, path) = self.place(key);
        self.report.conflict(line, &path, message);
    }

    /// Reports that `key` is not there, unless it is.
    pub(super) fn missing(&mut self, key: &str, message: impl Into<String>) {
        if self.table.is_none_or(|table| !table.contains_key(key)) {
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

    /// Where `key` stands, or would stand; an empty key is the table itself.
    fn place(&self, key: &str) -> (Option<usize>, String) {
        match self.table.and_then(|table| table.get(key)) {
            Some(entry) => (Some(entry.line), entry.path.clone()),
            None if key.is_empty() => (self.line, self.path.clone()),
            None => (self.line, path(&self.path, key)),
        }
    }

    /// The value of `key` as `convert` understands it; a fault says what was expected.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        convert: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.asked.insert(key, Asked::Value);
        let entry = self.table.and_then(|table| table.get(key))?;
        if matches!(entry.value, Value::Unset) {
            return None;
        }
        let converted = convert(&entry.value);
        converted.map_err(|message| self.report.fault_at(entry, message)).ok()
    }

    /// The key under which the file writes a value that has several names.
    pub(super) fn alias(&mut self, keys: &[&'static str]) -> &'static str {
        self.asked.extend(keys.iter().map(|key| (*key, Asked::Value)));
        let entry = |key: &str| self.table.and_then(|table| table.get(key));
        let there: Vec<_> = keys.iter().copied().filter(|key| entry(key).is_some()).collect();
        let over = |key: &&&str| entry(key).is_some_and(|entry| entry.overlaid);
        let overlaid: Vec<_> = there.iter().filter(over).copied().collect();
        let candidates = if overlaid.is_empty() { there } else { overlaid };
        if let [first, second, ..] = candidates[..] {
            self.refuse(second, format!("says the same as '{first}'; keep one of them"));
        }
        candidates.first().copied().unwrap_or(keys[0])
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.value(key, |value| match value {
            Value::Text { text, .. } if text.trim().is_empty() => {
                Err("is empty; write a text or remove the key".into())
            }
            Value::Text { text, .. } => Ok(text.clone()),
            other => Err(format!("expected a text in quotes, found {}", other.described())),
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.value(key, |value| match (value, value.filled_in()) {
            (Value::Boolean(flag), _) => Ok(*flag),
            (_, Some("true")) => Ok(true),
            (_, Some("false")) => Ok(false),
            (other, _) => Err(format!("expected true or false, found {}", other.described())),
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Choice>(&mut self, key: &'static str) -> Option<T> {
        self.value(key, |value| {
            let chosen = match value {
                Value::Text { text, .. } => T::named(text),
                _ => None,
            };
            chosen.ok_or_else(|| not_one_of(value, &T::names()))
        })
    }

    /// A name that must be one of `known`; `what` it names is told when it is not.
    pub(super) fn name_of(
        &mut self,
        key: &'static str,
        what: &str,
        known: &[&str],
    ) -> Option<String> {
        let name = self.text(key)?;
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        let found = self.described(key);
        self.conflict(
            key,
            format!("expected the name of a {what}, found {found}{}", hint(&name, known)),
        );
        None
    }

    /// Names that must each be one of `known`.
    pub(super) fn names_of(
        &mut self,
        key: &'static str,
        what: &str,
        known: &[&str],
    ) -> Vec<String> {
        let names = self.value(key, as_texts).unwrap_or_default();
        for name in names.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let (hint, found) = (hint(&name.0, known), &name.1);
            self.conflict(key, format!("expected names of a {what}, found {found}{hint}"));
        }
        names.into_iter().map(|(name, _)| name).collect()
    }

    fn described(&self, key: &str) -> String {
        let entry = self.table.and_then(|table| table.get(key));
        entry.map(|entry| entry.value.described()).unwrap_or_default()
    }

    fn report_leftovers(&mut self) {
        let known =
            |(key, asked): (&&'static str, &Asked)| (*asked != Asked::Obsolete).then_some(*key);
        let known: Vec<_> = self.asked.iter().filter_map(known).collect();
        for (key, entry) in self.table.into_iter().flatten() {
            if !self.asked.contains_key(key.as_str()) {
                self.report.fault_at(entry, format!("unknown key{}", hint(key, &known)));
            }
        }
    }
}

/// Each text of an array, with its description.
fn as_texts(value: &Value) -> Result<Vec<(String, String)>, String> {
    let Value::Array(items) = value else {
        return Err(format!("expected an array of texts, found {}", value.described()));
    };
    let text = |item: &Value| match item {
        Value::Text { text, .. } => Ok((text.clone(), item.described())),
        other => Err(format!("expected an array of texts, found {} in it", other.described())),
    };
    items.iter().filter(|item| !matches!(item, Value::Unset)).map(text).collect()
}

fn not_one_of(value: &Value, names: &[&str]) -> String {
    let near = match value {
        Value::Text { text, written: None } => nearest(text, names),
        _ => None,
    };
    let near = near.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default();
    format!("expected {}, found {}{near}", listed(names, "or"), value.described())
}
