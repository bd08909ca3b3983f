//! The packages of this workspace that are published.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cargo::cargo;

/// A published package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its features, each with what it enables.
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// Where it may be published; `None` when that is not limited.
    publish: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The published packages, in the order of their names.
///
/// # Errors
/// When cargo does not understand the workspace.
pub(crate) fn packages() -> Result<Vec<Package>, String> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--no-deps", "--format-version=1"]);
    let output = metadata.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata: Result<Metadata, _> = serde_json::from_slice(&output.stdout);
    let Metadata { mut packages } = metadata.map_err(|error| error.to_string())?;
    packages.retain(|package| package.publish.as_ref().is_none_or(|places| !places.is_empty()));
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::packages;

    #[test]
    fn what_is_never_published_is_left_out() {
        let names: Vec<_> = packages().unwrap().into_iter().map(|package| package.name).collect();
        assert!(names.contains(&"protean-rs".to_owned()), "{names:?}");
        assert!(names.contains(&"protean-cli".to_owned()), "{names:?}");
        for internal in ["xtask", "fidelis", "protean-benches", "protean-test-servers"] {
            assert!(!names.contains(&internal.to_owned()), "{names:?}");
        }
    }
}
