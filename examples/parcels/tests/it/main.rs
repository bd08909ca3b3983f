//! The versions of the program are rolled out one after the other, by real processes under load.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod office;
mod rollout;
