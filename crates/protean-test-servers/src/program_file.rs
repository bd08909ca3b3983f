//! Programs that a test writes and then runs.
//!
//! A process of their own writes them. A test that wrote one itself would have it open for
//! writing; whatever another test starts at that moment inherits that until it becomes its
//! program, and meanwhile the system runs nothing from the file ("text file busy").

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Copies a program.
///
/// # Panics
/// When it cannot be read or written.
pub fn copy_program(from: impl AsRef<OsStr>, to: &Path) {
    write_by(Command::new("cp").arg(from).arg(to));
}

/// Writes a shell script that can be run.
///
/// # Panics
/// When it cannot be written.
pub fn write_script(to: &Path, text: &str) {
    let print = "printf '#!/bin/sh\n%s\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
    write_by(Command::new("sh").args(["-c", print]).arg(to).arg(text));
}

fn write_by(writer: &mut Command) {
    let written = writer.status().expect("a system has `cp` and `sh`");
    assert!(written.success(), "{writer:?}: {written}");
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{copy_program, write_script};

    #[test]
    fn a_program_runs_at_once_while_others_are_started() {
        let folder = tempfile::tempdir().unwrap();
        let (copy, script) = (folder.path().join("copy"), folder.path().join("script"));
        let others = std::thread::spawn(|| {
            for _ in 0..300 {
                assert!(Command::new("true").status().unwrap().success());
            }
        });
        while !others.is_finished() {
            copy_program("/bin/sh", &copy);
            let ran = Command::new(&copy).args(["-c", "exit 4"]).status().unwrap();
            assert_eq!(ran.code(), Some(4));
            write_script(&script, "exit 5");
            assert_eq!(Command::new(&script).status().unwrap().code(), Some(5));
        }
        others.join().unwrap();
    }
}
