//! Parcels: three versions of one program. Each is put in the place of the one before while that works.
//! Each is the whole program as it was, so most of it is there three times.
//!
//! * [`v1`]: a parcel is sent; somebody is written to, and there is a summary of each
//! * [`v2`]: the event has another name in the code, and a country; so has the handler that writes
//! * [`v3`]: a parcel is delivered, which the summary tells, with the country; the handler has its new
//!   name in the database as well

#[expect(missing_docs, reason = "the fields are those of the story")]
pub mod v1;
#[expect(missing_docs, reason = "the fields are those of the story")]
pub mod v2;
#[expect(missing_docs, reason = "the fields are those of the story")]
pub mod v3;

use std::fs::File;
use std::io::Write;

/// The settings of every version.
pub const SETTINGS: &str = include_str!("../domain.toml");
/// Names the file in which every run of a handler is written down.
pub const RUNS: &str = "PARCELS_RUNS";

/// Writes down, where this is asked for, that a handler runs: whatever becomes of its transaction.
fn note_run(handler: &str, what: &str) {
    let Some(path) = std::env::var_os(RUNS) else { return };
    let line = format!("{} {handler} {what}\n", std::process::id());
    let noted = File::options().create(true).append(true).open(path);
    noted.and_then(|mut file| file.write_all(line.as_bytes())).expect("the run can be noted");
}
