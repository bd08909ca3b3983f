//! The states of an instance whose types restrict transitions.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use protean_port::Violations;

/// The names of the states that may follow a state.
pub type Transitions = &'static [&'static str];

/// The fields of an instance whose enum has `#[transitions(…)]`, each with its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// The current field as violations name it: `lines[0].status`.
    field: String,
    /// The same by the identities of entities, to find its earlier state: `lines[7].status`.
    key: String,
    found: BTreeMap<String, State>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    field: String,
    name: &'static str,
    next: Transitions,
}

impl States {
    /// Records the states of the field with this name.
    pub fn within(&mut self, name: &str, note: impl FnOnce(&mut Self)) {
        let (field, key) = (self.field.len(), self.key.len());
        for path in [&mut self.field, &mut self.key] {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
        }
        note(self);
        self.field.truncate(field);
        self.key.truncate(key);
    }

    /// Records the states of the element at this place of a list or a map.
    pub fn element(&mut self, place: impl Display, note: impl FnOnce(&mut Self)) {
        let before = self.field.len();
        // Writing to a string does not fail.
        let _ = write!(self.field, "[{place}]");
        note(self);
        self.field.truncate(before);
    }

    /// Records the states of what has this identity, wherever it is.
    pub fn identified(&mut self, id: &str, note: impl FnOnce(&mut Self)) {
        let before = self.key.len();
        let _ = write!(self.key, "[{id}]");
        note(self);
        self.key.truncate(before);
    }

    /// Records the state of the current field, and the states that may follow it.
    pub fn note(&mut self, name: &'static str, next: Transitions) {
        let state = State { field: self.field.clone(), name, next };
        self.found.insert(self.key.clone(), state);
    }

    /// The transitions since `before` that are not allowed. A field that did not exist then may
    /// have any state.
    pub fn violations_since(&self, before: &Self) -> Violations {
        let mut violations = Violations::new();
        for (key, now) in &self.found {
            let Some(was) = before.found.get(key) else { continue };
            if was.name == now.name || was.next.contains(&now.name) {
                continue;
            }
            let next = match was.next {
                [] => "it is final".to_owned(),
                names => format!("it may become '{}'", names.join("', '")),
            };
            let what = format!("cannot change from '{}' to '{}': {next}", was.name, now.name);
            violations.add(&now.field, what);
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use super::States;

    #[test]
    fn a_change_that_is_not_allowed_names_the_field_and_both_states() {
        let states = |name, next| {
            let mut states = States::default();
            states.within("lines", |states| {
                states.element(2, |states| {
                    states.identified("7", |states| {
                        states.within("status", |states| states.note(name, next));
                    });
                });
            });
            states
        };
        let (draft, placed) = (states("Draft", &["Placed", "Cancelled"]), states("Placed", &[]));
        assert!(placed.violations_since(&draft).is_empty());
        assert!(draft.violations_since(&draft).is_empty());
        assert!(draft.violations_since(&States::default()).is_empty());
        let wrong = draft.violations_since(&placed).to_string();
        let text = "lines[2].status: cannot change from 'Placed' to 'Draft': it is final";
        assert_eq!(wrong, text);
        let wrong = states("Paid", &[]).violations_since(&draft).to_string();
        assert!(wrong.ends_with("it may become 'Placed', 'Cancelled'"), "{wrong}");
    }
}
