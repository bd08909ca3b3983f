//! The published packages, as the registry would get them.

use crate::cargo::{cargo, run};
use crate::published;

/// Packs every published package and builds each from what is packed, against the others.
///
/// # Errors
/// When one cannot be packed, or does not compile by itself.
pub(crate) fn pack(arguments: &[String]) -> Result<(), String> {
    let mut pack = cargo();
    pack.args(["package", "--quiet"]).args(arguments);
    for package in published::packages()? {
        pack.args(["--package", &package.name]);
    }
    run(&mut pack)
}
