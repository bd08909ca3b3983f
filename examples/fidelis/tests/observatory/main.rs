//! The observatory of the bank in a real browser: what a person sees, does and cannot do.
//!
//! * [`place`]: a bank with an observatory, and a browser in front of it
//! * [`agreement`]: every page shows what the command line says
//! * [`live`]: during a migration, after a restart, in a hidden tab
//! * [`repair`]: a dead letter is revealed and replayed by clicking, and the log says by whom
//! * [`hostile`]: names and reasons that try to be more than text
//! * [`hands`]: with the keyboard alone, and on a phone
//! * [`access`]: requests that are refused
//! * [`viewers`]: what viewers cost the database
//! * [`pictures`]: what the guide shows

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod access;
mod agreement;
#[expect(dead_code, reason = "the tests of the bank need more of it")]
#[path = "../it/bank.rs"]
mod bank;
mod broken;
mod hands;
mod hostile;
mod live;
mod pictures;
mod place;
mod repair;
mod viewers;
