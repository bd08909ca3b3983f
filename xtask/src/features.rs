//! Each published package, compiled with each of its features alone, and with none.
//!
//! The tests compile everything together, where one package's features hide what another has
//! forgotten to ask for.

use crate::cargo::{cargo, run};
use crate::published::{self, Package};

/// Compiles each choice of features of each package.
///
/// # Errors
/// When one does not compile.
pub(crate) fn check() -> Result<(), String> {
    for package in published::packages()? {
        for choice in choices(&package) {
            run(cargo().args(["check", "--quiet", "--package", &package.name]).args(choice))?;
        }
    }
    Ok(())
}

/// The arguments of cargo for no feature, and for each alone.
fn choices(package: &Package) -> Vec<Vec<String>> {
    let none = "--no-default-features".to_owned();
    // What a feature names and nothing else needs no build of its own: `default = ["sqlite"]`.
    let features = package.features.keys().filter(|feature| *feature != "default");
    let alone = features.map(|feature| vec![none.clone(), "--features".into(), feature.clone()]);
    [vec![none.clone()]].into_iter().chain(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::choices;
    use crate::published::packages;

    #[test]
    fn each_feature_is_built_alone_and_none_is_built() {
        let packages = packages().unwrap();
        let facade = packages.iter().find(|package| package.name == "protean-rs").unwrap();
        let choices: Vec<_> = choices(facade).iter().map(|words| words.join(" ")).collect();
        let alone = |feature| format!("--no-default-features --features {feature}");
        let features = ["chrono", "jiff", "postgres", "redis", "sqlite"].map(alone);
        assert_eq!(choices[0], "--no-default-features");
        assert_eq!(choices[1..], features);
    }
}
