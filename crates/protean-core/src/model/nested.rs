//! Tracks how deep lists, maps and entities are nested while they are checked.

use std::cell::Cell;

use protean_port::Violations;
use protean_port::message::{MAX_DEPTH, too_deep};
use serde::Serialize;

use super::rules::Rules;

thread_local! {
    /// The nesting depth of the value being checked.
    static NESTED: Cell<usize> = const { Cell::new(0) };
    /// The greatest depth since the check of the outermost value began.
    static DEEPEST_SEEN: Cell<usize> = const { Cell::new(0) };
}

/// A value being checked, perhaps inside of others.
struct Nested;

impl Nested {
    /// True while this one holds others, and no other one holds it.
    fn is_outermost() -> bool {
        NESTED.get() == 1
    }

    /// `None` if it is nested too deep to be read back.
    fn enter() -> Option<Self> {
        let nested = NESTED.get();
        (nested < MAX_DEPTH).then(|| {
            NESTED.set(nested + 1);
            DEEPEST_SEEN.set(DEEPEST_SEEN.get().max(nested + 1));
            Self
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() - 1);
    }
}

/// Checks the contents of `whole`, one JSON column, and that it can be read back.
pub(super) fn check(
    whole: &impl Serialize,
    rules: &Rules,
    violations: &mut Violations,
    check_parts: impl FnOnce(&mut Violations),
) {
    let Some(_nested) = Nested::enter() else {
        return violations
            .add(rules.name, format!("is nested deeper than {MAX_DEPTH} lists: flatten it"));
    };
    check_parts(violations);
    // The objects between two lists count as levels too.
    if Nested::is_outermost() && DEEPEST_SEEN.take() > 1 && violations.is_empty() {
        // What cannot be written has other violations.
        let json = serde_json::to_string(whole).unwrap_or_default();
        check_depth(&json, 0, rules, violations);
    }
}

/// Refuses JSON that cannot be read back inside of so many levels.
pub(super) fn check_depth(json: &str, within: usize, rules: &Rules, violations: &mut Violations) {
    if let Some(what) = too_deep(json, within) {
        violations.add(rules.name, what);
    }
}

#[cfg(test)]
mod tests {
    use protean_port::Violations;
    use protean_port::message::Json;
    use serde::{Deserialize, Serialize};

    use super::super::{Element, Field, Rules};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        more: Json,
    }

    impl Element for Note {
        fn check_element(&self) -> Violations {
            checked(&self.more, "more")
        }
    }

    fn checked(field: &impl Field, name: &'static str) -> Violations {
        let mut violations = Violations::new();
        field.check(&Rules::named(name), &mut violations);
        violations
    }

    fn nested(levels: usize) -> Json {
        ("[".repeat(levels) + &"]".repeat(levels)).parse().unwrap()
    }

    #[test]
    fn json_counts_with_all_that_holds_it() {
        assert!(checked(&nested(126), "more").is_empty());
        let text = "is nested 128 levels deep, at most 127 can be read back: flatten it";
        assert_eq!(checked(&nested(127), "more").get("more"), [text]);
        let notes = |levels| vec![Note { more: nested(levels) }];
        assert!(checked(&notes(125), "notes").is_empty());
        let json = serde_json::to_string(&notes(125)).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Note>>(&json).unwrap(), notes(125));
        assert_eq!(checked(&notes(126), "notes").get("notes"), [text]);
        assert_eq!(checked(&notes(127), "notes").get("notes[0].more"), [text]);
        assert!(checked(&nested(1), "more").is_empty(), "what was seen before is forgotten");
    }
}
