//! What has changed between two documents, and whom it breaks.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, MessageKind};
use super::comparison::{Difference, Effect, compare};
use super::document::{Contract, Document};

/// What has changed from the first document to the second, message by message.
pub(crate) fn diff(old: &Document, new: &Document) -> Vec<Change> {
    let mut changes = messages(MessageKind::Event, &old.events, &new.events);
    changes.extend(messages(MessageKind::Command, &old.commands, &new.commands));
    changes
}

fn messages(
    kind: MessageKind,
    old: &BTreeMap<String, Contract>,
    new: &BTreeMap<String, Contract>,
) -> Vec<Change> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changes = names.into_iter().flat_map(|name| {
        let mut changes = Changes { kind, message: name, found: Vec::new() };
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => changes.of_contract(old, new),
            (Some(_), None) => changes.breaking("is gone"),
            (None, _) => changes.harmless("is new"),
        }
        changes.found
    });
    changes.collect()
}

/// The changes of one message.
struct Changes<'a> {
    kind: MessageKind,
    message: &'a str,
    found: Vec<Change>,
}

impl Changes<'_> {
    fn of_contract(&mut self, old: &Contract, new: &Contract) {
        if old.stem() != new.stem() {
            self.breaking(format!("has the type {} instead of {}", new.stem(), old.stem()));
        }
        if let (Some(was), Some(is)) = (&old.stream, &new.stream)
            && was != is
        {
            self.breaking(format!("is in the stream {is} instead of {was}"));
        }
        self.of_version(old.version, new.version);
        // A command of an earlier version is brought into the present form.
        let is_upcast = self.kind == MessageKind::Command && new.version > old.version;
        for Difference { path, what, effect } in compare(&old.schema, &new.schema) {
            let is_breaking = breaks(self.kind, effect) && !is_upcast;
            self.add(path, what, is_breaking);
        }
    }

    fn of_version(&mut self, old: u32, new: u32) {
        let versions = format!("has version {new} instead of {old}");
        match self.kind {
            _ if old == new => {}
            MessageKind::Event if new > old => {
                self.breaking(format!("{versions}, which readers of version {old} refuse"));
            }
            MessageKind::Command if new > old => {
                self.harmless(format!("{versions}; version {old} is still accepted"));
            }
            _ => self.breaking(versions),
        }
    }

    fn breaking(&mut self, what: impl Into<String>) {
        self.add(String::new(), what.into(), true);
    }

    fn harmless(&mut self, what: impl Into<String>) {
        self.add(String::new(), what.into(), false);
    }

    fn add(&mut self, field: String, what: String, is_breaking: bool) {
        let (kind, message) = (self.kind, self.message.to_owned());
        self.found.push(Change { kind, message, field, what, is_breaking });
    }
}

/// True when the others have to change something.
fn breaks(kind: MessageKind, effect: Effect) -> bool {
    match kind {
        MessageKind::Event => matches!(effect, Effect::Wider | Effect::Other | Effect::Gone),
        MessageKind::Command => matches!(effect, Effect::Narrower | Effect::Other),
    }
}
