//! Tracks how deep lists, maps and entities are nested while they are checked.

use std::cell::Cell;

use protean_port::Violations;
use serde::Serialize;

use super::json::{DEEPEST, depth};
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
        (nested < DEEPEST).then(|| {
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
            .add(rules.name, format!("is nested deeper than {DEEPEST} lists: flatten it"));
    };
    check_parts(violations);
    // The objects between two lists count as levels too.
    if Nested::is_outermost() && DEEPEST_SEEN.take() > 1 && violations.is_empty() {
        let deep = serde_json::to_string(whole).map_or(0, |json| depth(&json));
        check_depth(deep, rules, violations);
    }
}

/// Refuses a value that is nested too deep to be read back.
pub(super) fn check_depth(deep: usize, rules: &Rules, violations: &mut Violations) {
    if deep > DEEPEST {
        let text =
            format!("is nested {deep} levels deep, at most {DEEPEST} can be read back: flatten it");
        violations.add(rules.name, text);
    }
}
