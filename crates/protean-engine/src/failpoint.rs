//! Steps at which a test can end the process. Without the feature `failpoints` they do
//! nothing.

/// Marks a step that a test may name.
#[cfg(feature = "failpoints")]
pub(crate) fn reached(step: &str) {
    fail::fail_point!(step);
}

/// Marks a step that a test may name.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn reached(_: &str) {}
