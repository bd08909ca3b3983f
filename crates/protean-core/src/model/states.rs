//! The states of an instance whose types restrict transitions.

use std::collections::BTreeMap;

use protean_port::Violations;

/// The names of the states that may follow a state.
pub type Transitions = &'static [&'static str];

/// The fields of an instance whose enum has `#[transitions(…)]`, each with its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    path: String,
    found: BTreeMap<String, State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    name: &'static str,
    next: Transitions,
}

impl States {
    /// Records the states of the field with this name; `[7]` is the list element with the id 7.
    pub fn within(&mut self, name: &str, note: impl FnOnce(&mut Self)) {
        let before = self.path.len();
        if before > 0 && !name.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(name);
        note(self);
        self.path.truncate(before);
    }

    /// Records the state of the current field, and the states that may follow it.
    pub fn note(&mut self, name: &'static str, next: Transitions) {
        self.found.insert(self.path.clone(), State { name, next });
    }

    /// The transitions since `before` that are not allowed. A field that did not exist then may
    /// have any state.
    pub fn violations_since(&self, before: &Self) -> Violations {
        let mut violations = Violations::new();
        for (field, now) in &self.found {
            let Some(was) = before.found.get(field) else { continue };
            if was.name == now.name || was.next.contains(&now.name) {
                continue;
            }
            let next = match was.next {
                [] => "it is final".to_owned(),
                names => format!("it may become '{}'", names.join("', '")),
            };
            let what = format!("cannot change from '{}' to '{}': {next}", was.name, now.name);
            violations.add(field, what);
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
                states.within("[7]", |states| {
                    states.within("status", |states| states.note(name, next));
                });
            });
            states
        };
        let (draft, placed) = (states("Draft", &["Placed", "Cancelled"]), states("Placed", &[]));
        assert!(placed.violations_since(&draft).is_empty());
        assert!(draft.violations_since(&draft).is_empty());
        assert!(draft.violations_since(&States::default()).is_empty());
        let wrong = draft.violations_since(&placed).to_string();
        let text = "lines[7].status: cannot change from 'Placed' to 'Draft': it is final";
        assert_eq!(wrong, text);
        let wrong = states("Paid", &[]).violations_since(&draft).to_string();
        assert!(wrong.ends_with("it may become 'Placed', 'Cancelled'"), "{wrong}");
    }
}
