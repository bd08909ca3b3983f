//! How deep lists, maps and entities hold each other, while they are checked.

use std::cell::Cell;

use protean_port::Violations;
use serde::Serialize;

use super::json::{DEEPEST, depth};
use super::rules::Rules;

thread_local! {
    /// How many that hold each other are being checked.
    static NESTED: Cell<usize> = const { Cell::new(0) };
    /// How many have held each other at most since the outermost one was checked.
    static DEEPEST_SEEN: Cell<usize> = const { Cell::new(0) };
}

/// One that is being checked, inside of others perhaps.
struct Nested;

impl Nested {
    /// True while this one holds others, and no other one holds it.
    fn is_outermost() -> bool {
        NESTED.get() == 1
    }

    /// Nothing when it is nested too deep to be read back.
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

/// Checks what `whole`, one column of JSON, holds; and that it can be read back.
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
    // Between two lists there are objects, which nest as well.
    if Nested::is_outermost() && DEEPEST_SEEN.take() > 1 && violations.is_empty() {
        let deep = serde_json::to_string(whole).map_or(0, |json| depth(&json));
        check_depth(deep, rules, violations);
    }
}

/// Refuses what nests too deep to be read back.
pub(super) fn check_depth(deep: usize, rules: &Rules, violations: &mut Violations) {
    if deep > DEEPEST {
        let text =
            format!("is nested {deep} levels deep, at most {DEEPEST} can be read back: flatten it");
        violations.add(rules.name, text);
    }
}
