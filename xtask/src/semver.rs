//! What a change means for those who use the published packages.

use std::process::Command;

use crate::cargo::{Tool, run, workspace};
use crate::published;

const SEMVER_CHECKS: Tool = Tool { name: "cargo-semver-checks", version: "0.51.0" };

/// Compares the public API of every published library with that of `base`, a commit or a tag.
///
/// # Errors
/// When the tool cannot be installed, or the version number promises more than holds.
pub(crate) fn compare_with(base: &str) -> Result<(), String> {
    let program = SEMVER_CHECKS.installed()?;
    let mut checks = Command::new(program);
    checks.current_dir(workspace()).args(["semver-checks", "--baseline-rev", base]);
    for package in published::packages()? {
        checks.args(["--package", &package.name]);
    }
    run(&mut checks)
}
