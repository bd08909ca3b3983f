//! The oldest version of Rust that the packages promise to compile with.

use std::process::Command;

use crate::cargo::{run, workspace};

/// Compiles everything with the oldest version, unless the one at hand is that version: then every
/// build does.
///
/// # Errors
/// When it is not installed, or something does not compile with it.
pub(crate) fn check() -> Result<(), String> {
    let minimum = env!("CARGO_PKG_RUST_VERSION");
    if is(minimum, &version_at_hand()?) {
        println!(
            "This is Rust {minimum}, the oldest version that is promised: every build tries it."
        );
        return Ok(());
    }
    let mut check = Command::new("rustup");
    check.current_dir(workspace()).args(["run", minimum, "cargo", "check", "--workspace"]);
    check.args(["--all-targets", "--target-dir", "target/minimum"]);
    // They name the toolchain that runs this.
    check.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    run(&mut check).map_err(|error| {
        format!("{error}; if Rust {minimum} is missing, run `rustup toolchain install {minimum}`")
    })
}

/// What `rustc --version` says: `rustc 1.95.0 (59807616e 2026-04-14)`.
fn version_at_hand() -> Result<String, String> {
    let output = Command::new("rustc").current_dir(workspace()).arg("--version").output();
    let output = output.map_err(|error| format!("rustc cannot be run: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a version is a patch release of this one.
fn is(minimum: &str, version: &str) -> bool {
    let number = version.split(' ').nth(1).unwrap_or_default();
    number == minimum || number.starts_with(&format!("{minimum}."))
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn a_patch_release_is_the_same_version_and_no_other_is() {
        assert!(is("1.95", "rustc 1.95.2 (59807616e 2026-04-14)\n"));
        assert!(!is("1.95", "rustc 1.96.0 (59807616e 2026-05-28)\n"));
        assert!(!is("1.9", "rustc 1.95.0 (59807616e 2026-04-14)\n"));
    }
}
