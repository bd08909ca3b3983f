//! Steps at which a test can end the process. They do nothing without the feature
//! `failpoints`.

/// A step has been reached.
#[cfg(feature = "failpoints")]
pub(crate) fn reached(step: &str) {
    fail::fail_point!(step);
}

/// A step has been reached.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn reached(_: &str) {}
