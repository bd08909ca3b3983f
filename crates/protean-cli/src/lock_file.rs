//! `events.lock`: the form of every message as it was last agreed on. Pure.
//!
//! ```toml
//! [events.Account.DepositMade.v2]
//! "amount" = "decimal"
//! "reference" = "text, optional"
//! ```
//!
//! A section stands for a version of a message, or for the state in an aggregate's snapshots;
//! versions that the program no longer has stay, since the log has them.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

use crate::{Error, Result};

/// The beginning of the file.
const HEADER: &str = "\
# The schema of every stored message, written by `events lock`. Commit it: `check` compares the
# program with it, and fails when a schema has changed without a new version.
";

/// The fields of each section, with the kind of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockFile(pub(crate) BTreeMap<Section, Fields>);

/// How a kind ends when the field may be missing.
pub(crate) const OPTIONAL: &str = ", optional";

/// How a kind ends when the field has a default.
pub(crate) const DEFAULT: &str = ", default";

/// A field by its path, such as `lines[].item`, and what it is: `text, optional`.
pub(crate) type Fields = BTreeMap<String, String>;

/// A form with a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Section {
    /// `events`, `commands` or `states`, the aggregate, and the name of a message.
    pub(crate) path: Vec<String>,
    pub(crate) version: u32,
}

/// What a program has otherwise than the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// A form has changed and its version has not.
    Changed { section: Section, field: String, old: Option<String>, new: Option<String> },
    /// The program has no such form, nor a newer version.
    Gone(Section),
    /// Something new that reads everything that is stored.
    Unlocked(Section),
}

impl Section {
    const STATES: &'static str = "states";

    pub(crate) fn message(kind: &str, aggregate: &str, name: &str, version: u32) -> Self {
        Self { path: [kind, aggregate, name].map(str::to_owned).into(), version }
    }

    pub(crate) fn state(aggregate: &str, version: u32) -> Self {
        Self { path: [Self::STATES, aggregate].map(str::to_owned).into(), version }
    }

    fn is_state(&self) -> bool {
        self.path.first().is_some_and(|kind| kind == Self::STATES)
    }
}

/// `event Account.DepositMade v2`.
impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, names) = self.path.split_first().ok_or(fmt::Error)?;
        write!(f, "{} {} v{}", kind.trim_end_matches('s'), names.join("."), self.version)
    }
}

impl Difference {
    /// True when what is stored may not be read, or may be read as something else.
    pub(crate) fn is_fault(&self) -> bool {
        !matches!(self, Self::Unlocked(_))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { section, field, old, new } => {
                let [old, new] = [old, new].map(|kind| kind.as_deref().unwrap_or("nothing"));
                write!(
                    f,
                    "{section}: '{field}' was {old} and is {new}: give it the next version, and an \
                     upcaster from this one"
                )
            }
            Self::Gone(section) => {
                write!(f, "{section}: the program no longer has it, and the log may")
            }
            Self::Unlocked(section) => {
                write!(f, "{section} is not in the file as it is: run 'events lock'")
            }
        }
    }
}

impl LockFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is not such a file.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let root: Table = text
            .parse()
            .map_err(|error: toml::de::Error| Error::failed("it is not TOML").caused_by(&error))?;
        let mut sections = BTreeMap::new();
        collect(&mut Vec::new(), &root, &mut sections)?;
        Ok(Self(sections))
    }

    /// What this program, whose forms these are, has otherwise than `self`. `lenient` programs
    /// pass over fields that they do not know.
    pub(crate) fn compare(&self, program: &Self, lenient: bool) -> Vec<Difference> {
        let mut found: Vec<Difference> = self
            .0
            .iter()
            .flat_map(|(section, old)| match program.0.get(section) {
                Some(new) => changes(section, old, new, lenient),
                None if program.has_newer(section) || section.is_state() => Vec::new(),
                None => vec![Difference::Gone(section.clone())],
            })
            .collect();
        let unlocked = program.0.keys().filter(|section| !self.0.contains_key(section));
        found.extend(unlocked.cloned().map(Difference::Unlocked));
        found
    }

    fn has_newer(&self, section: &Section) -> bool {
        self.0.keys().any(|known| known.path == section.path && known.version > section.version)
    }

    /// The file for a program: its own forms, and the earlier versions that `self` has.
    pub(crate) fn renewed(&self, program: &Self) -> Self {
        let earlier = self.0.iter().filter(|(section, _)| !section.is_state());
        let earlier = earlier.filter(|(section, _)| program.has_newer(section));
        let earlier = earlier.map(|(section, fields)| (section.clone(), fields.clone()));
        Self(earlier.chain(program.0.clone()).collect())
    }
}

/// How a form differs from the one with the same version in the file.
fn changes(section: &Section, before: &Fields, now: &Fields, lenient: bool) -> Vec<Difference> {
    let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    let mut found = Vec::new();
    let mut is_extended = false;
    for name in names {
        let (old, new) = (before.get(name), now.get(name));
        if old == new {
            continue;
        }
        // Snapshots that the program would not write in the same way are ignored.
        let gains_default =
            old.map(|old| format!("{old}{DEFAULT}")).is_some_and(|known| Some(&known) == new);
        let is_harmless = section.is_state()
            || gains_default
            || lenient && old.is_none() && may_be_missing(name, before, now);
        if is_harmless {
            is_extended = true;
        } else {
            found.push(Difference::Changed {
                section: section.clone(),
                field: name.clone(),
                old: old.cloned(),
                new: new.cloned(),
            });
        }
    }
    if is_extended && found.is_empty() {
        found.push(Difference::Unlocked(section.clone()));
    }
    found
}

/// True when messages without a new field can be read: it may be missing, or is a part of a
/// new one that may.
fn may_be_missing(name: &str, before: &Fields, now: &Fields) -> bool {
    let ends = name.match_indices(['.', '[']).map(|(end, _)| end).chain([name.len()]);
    let mut new = ends.filter_map(|end| {
        let part = name.get(..end)?;
        now.get(part).filter(|_| !before.contains_key(part))
    });
    new.any(|kind| kind.ends_with(OPTIONAL) || kind.ends_with(DEFAULT))
}

/// Adds the sections below a table of the file.
fn collect(
    path: &mut Vec<String>,
    table: &Table,
    sections: &mut BTreeMap<Section, Fields>,
) -> Result<()> {
    for (key, value) in table {
        let Value::Table(below) = value else {
            return Err(Error::failed(format!("'{key}' stands outside of a version")));
        };
        let depth = if path.first().is_some_and(|kind| kind == Section::STATES) { 2 } else { 3 };
        if path.len() < depth {
            path.push(key.clone());
            collect(path, below, sections)?;
            path.pop();
            continue;
        }
        let version = key.strip_prefix('v').and_then(|version| version.parse().ok());
        let version = version
            .ok_or_else(|| Error::failed(format!("'{key}' is not a version, such as 'v1'")))?;
        sections.insert(Section { path: path.clone(), version }, fields(below)?);
    }
    Ok(())
}

fn fields(table: &Table) -> Result<Fields> {
    let field = |(name, kind): (&String, &Value)| match kind {
        Value::String(kind) => Ok((name.clone(), kind.clone())),
        _ => Err(Error::failed(format!("what the field '{name}' is must be a text"))),
    };
    table.iter().map(field).collect()
}

/// The text of the file.
impl fmt::Display for LockFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        for (Section { path, version }, fields) in &self.0 {
            let path: Vec<String> = path.iter().map(|name| key(name)).collect();
            writeln!(f, "\n[{}.v{version}]", path.join("."))?;
            for (name, kind) in fields {
                writeln!(f, "{} = {}", key(name), quoted(kind))?;
            }
        }
        Ok(())
    }
}

/// A name as TOML takes it.
fn key(name: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A text in quotes, which TOML writes as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Difference, Fields, LockFile, Section};

    fn fields(fields: &[(&str, &str)]) -> Fields {
        fields.iter().map(|(name, kind)| ((*name).into(), (*kind).into())).collect()
    }

    fn event(version: u32, form: &[(&str, &str)]) -> (Section, Fields) {
        (Section::message("events", "Account", "DepositMade", version), fields(form))
    }

    fn state(form: &[(&str, &str)]) -> (Section, Fields) {
        (Section::state("Account", 1), fields(form))
    }

    fn file<const N: usize>(sections: [(Section, Fields); N]) -> LockFile {
        LockFile(sections.into())
    }

    /// The differences as a user reads them.
    fn compared(before: &LockFile, now: &LockFile, lenient: bool) -> Vec<String> {
        before.compare(now, lenient).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let odd = Section::message("commands", "Odd \"name\"", "Do.It", 11);
        let form = [("amount", "decimal"), ("lines[].item", "one of 'a', \"b\"")];
        let written = file([
            event(1, &form),
            event(2, &[]),
            (odd, fields(&[("x\ny", "text")])),
            state(&form),
        ]);
        let text = written.to_string();
        assert!(
            text.contains("\n[events.Account.DepositMade.v1]\namount = \"decimal\"\n"),
            "{text}"
        );
        assert_eq!(LockFile::parse(&text).unwrap(), written);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for (text, why) in [
            ("x = [", "not TOML"),
            ("x = 1", "'x' stands outside"),
            ("[events.A.B.first]", "'first' is not a version"),
            ("[events.A.B.v1]\nx = 1", "'x' is must be a text"),
        ] {
            let error = LockFile::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_changed_form_needs_a_new_version() {
        let before = file([event(1, &[("amount", "decimal"), ("note", "text")])]);
        let now = file([event(1, &[("amount", "i64"), ("unit", "text, optional")])]);
        let start = "event Account.DepositMade v1: ";
        let expected = [
            format!("{start}'amount' was decimal and is i64: "),
            format!("{start}'note' was text and is nothing: "),
            format!("{start}'unit' was nothing and is text, optional: "),
        ];
        let found = compared(&before, &now, false);
        assert!(
            found.len() == 3 && found.iter().zip(&expected).all(|(f, e)| f.starts_with(e)),
            "{found:?}"
        );
        let newer = file([event(2, &[("amount", "i64")])]);
        assert_eq!(before.compare(&newer, false), [Difference::Unlocked(event(2, &[]).0)]);
    }

    #[test]
    fn programs_that_pass_over_unknown_fields_may_add_optional_ones() {
        let before = file([event(1, &[("amount", "decimal")])]);
        let nested = [
            ("amount", "decimal"),
            ("from", "object, optional"),
            ("from.city", "text"),
            ("tags", "list, default"),
            ("tags[]", "text"),
        ];
        let now = file([event(1, &nested)]);
        assert_eq!(before.compare(&now, true), [Difference::Unlocked(event(1, &[]).0)]);
        let required =
            file([event(1, &[("amount", "decimal"), ("from", "object"), ("from.city", "text")])]);
        assert_eq!(before.compare(&required, true).iter().filter(|one| one.is_fault()).count(), 2);
    }

    #[test]
    fn a_form_that_is_gone_is_a_fault() {
        let before = file([event(2, &[])]);
        for now in [file([]), file([event(1, &[])])] {
            let found = before.compare(&now, false);
            assert!(found.contains(&Difference::Gone(event(2, &[]).0)), "{found:?}");
        }
    }

    #[test]
    fn a_field_that_gains_a_default_is_read_as_before() {
        let before = file([event(1, &[("amount", "decimal")])]);
        let now = file([event(1, &[("amount", "decimal, default")])]);
        assert_eq!(before.compare(&now, false), [Difference::Unlocked(event(1, &[]).0)]);
        assert!(now.compare(&before, false)[0].is_fault(), "what has none cannot be read any more");
    }

    #[test]
    fn a_state_changes_freely() {
        let before =
            file([state(&[("balance", "decimal"), ("lines", "list"), ("lines[].item", "text")])]);
        let column = file([state(&[("lines", "list"), ("lines[].item", "text")])]);
        assert_eq!(before.compare(&column, false), [Difference::Unlocked(state(&[]).0)]);
        let element =
            file([state(&[("balance", "decimal"), ("lines", "list"), ("lines[].name", "text")])]);
        assert_eq!(before.compare(&element, false), [Difference::Unlocked(state(&[]).0)]);
        assert!(before.compare(&file([]), false).is_empty(), "nothing reads such snapshots");
    }

    #[test]
    fn earlier_versions_of_messages_stay_in_the_file() {
        let before = file([event(1, &[("amount", "decimal")]), state(&[])]);
        let now = file([event(2, &[("amount", "i64")])]);
        let renewed = before.renewed(&now);
        assert_eq!(
            renewed,
            file([event(1, &[("amount", "decimal")]), event(2, &[("amount", "i64")])])
        );
        assert!(renewed.compare(&now, false).is_empty());
    }
}
