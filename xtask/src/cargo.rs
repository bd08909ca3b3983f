//! Calls of cargo, each shown before it runs, and tools that cargo installs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of this workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    cargo
}

/// Shows a command and runs it.
///
/// # Errors
/// When it cannot be started, or fails.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = shown(command);
    println!("== {shown}");
    let status = command.status().map_err(|error| format!("`{shown}` cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})")) }
}

/// The words of a command, as a person would type them.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = [program].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A program that cargo installs, in a version that is known to do what we ask of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    /// The path of the program, which is installed below `target` unless this version is there.
    ///
    /// # Errors
    /// When it cannot be installed.
    pub(crate) fn installed(self) -> Result<PathBuf, String> {
        let Self { name, version } = self;
        let root = workspace().join("target/tools").join(format!("{name}-{version}"));
        let program = root.join("bin").join(name);
        if !program.is_file() {
            let install = ["install", "--quiet", "--locked", "--version", version, name, "--root"];
            run(cargo().args(install).arg(&root))?;
        }
        Ok(program)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{cargo, run, shown};

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let shown = shown(Command::new("/usr/bin/cargo").args(["test", "--workspace"]));
        assert_eq!(shown, "cargo test --workspace");
    }

    #[test]
    fn a_command_that_fails_is_named() {
        let failed = run(cargo().args(["--quiet", "no-such-command"])).unwrap_err();
        assert!(failed.starts_with("`cargo --quiet no-such-command` failed"), "{failed}");
    }
}
