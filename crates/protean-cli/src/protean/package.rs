//! Packages of the cargo workspace at hand.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use protean::config::nearest;
use protean_cli::{Error, Result};
use serde::Deserialize;

/// What `cargo metadata` says of a workspace.
#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// What `cargo build` tells of what it has made.
#[derive(Deserialize)]
struct Artifact {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

/// Builds the program of a package and gives its path.
///
/// # Errors
/// When there is no workspace, no such package, no program in it, or it does not
/// compile, which cargo tells on stderr.
pub(crate) fn built(name: &str, release: bool) -> Result<PathBuf> {
    let workspace = workspace(name)?;
    let package = workspace.package(name)?;
    package.build(package.program()?, release)
}

/// The packages of the workspace at hand that have a program.
///
/// # Errors
/// When there is no workspace.
pub(crate) fn with_programs() -> Result<Vec<String>> {
    let packages = workspace("")?.packages.into_iter();
    Ok(packages.filter(|one| one.programs().next().is_some()).map(|one| one.name).collect())
}

fn workspace(wanted: &str) -> Result<Workspace> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--no-deps", "--format-version=1"]);
    let told = format!("'{wanted}' is looked for in a cargo workspace");
    let output = metadata.output().map_err(|error| {
        let told = format!("{told}, but cargo cannot be started: {error}");
        Error::usage(told).advice("give a path to the domain's binary, such as ./fidelis")
    })?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        let told = format!("{told}, and cargo finds none\n{}", why.trim());
        let advice = "change into the workspace, or give a path to the domain's binary";
        return Err(Error::usage(told).advice(advice));
    }
    let mut workspace: Workspace = serde_json::from_slice(&output.stdout)?;
    workspace.packages.retain(|package| package.name != env!("CARGO_PKG_NAME"));
    Ok(workspace)
}

impl Workspace {
    /// The package of this name, else the one with a program of this name.
    fn package(&self, name: &str) -> Result<&Package> {
        let mut packages = self.packages.iter();
        let named = packages.find(|package| package.name == name);
        let mut packages = self.packages.iter();
        let found =
            named.or_else(|| packages.find(|one| one.programs().any(|program| program == name)));
        found.ok_or_else(|| {
            let known = self.packages.iter().filter(|package| package.programs().next().is_some());
            let known: Vec<&str> = known.map(|package| package.name.as_str()).collect();
            let advice = match nearest(name, &known) {
                Some(near) => format!("did you mean --domain={near}?"),
                None if known.is_empty() => "give a path to the domain's binary".to_owned(),
                None => format!("the packages with a program are '{}'", known.join("', '")),
            };
            Error::usage(format!("no package of this workspace is called '{name}'")).advice(advice)
        })
    }
}

impl Package {
    fn programs(&self) -> impl Iterator<Item = &str> {
        let programs = self.targets.iter().filter(|target| target.is_program());
        programs.map(|target| target.name.as_str())
    }

    /// The program that `cargo run` would take, or the one named as the package.
    fn program(&self) -> Result<&str> {
        let programs: Vec<&str> = self.programs().collect();
        let known = |name: &&str| *name == self.name;
        let one = self.default_run.as_deref().or_else(|| programs.iter().copied().find(known));
        match (one, programs.as_slice()) {
            (Some(program), _) => Ok(program),
            (None, [program]) => Ok(program),
            (None, []) => {
                let told = format!("the package '{}' has no program", self.name);
                Err(Error::usage(told).advice("add a src/main.rs that calls protean_cli::run"))
            }
            (None, several) => {
                let (name, several) = (&self.name, several.join("', '"));
                let told = format!("the package '{name}' has several programs: '{several}'");
                Err(Error::usage(told).advice("set default-run in its Cargo.toml"))
            }
        }
    }

    fn build(&self, program: &str, release: bool) -> Result<PathBuf> {
        let mut build = cargo();
        build.args(["build", "--quiet", "--message-format=json-render-diagnostics"]);
        build.arg("--manifest-path").arg(&self.manifest_path).args(["--bin", program]);
        build.args(release.then_some("--release")).stderr(Stdio::inherit());
        let output = build.output()?;
        if !output.status.success() {
            return Err(Error::failed(format!("'{program}' does not compile"))
                .advice("mend what cargo tells above"));
        }
        let lines = String::from_utf8_lossy(&output.stdout);
        let artifacts = lines.lines().filter_map(|line| serde_json::from_str(line).ok());
        let mut made = artifacts.filter_map(|artifact: Artifact| {
            let target = artifact.target?;
            artifact.executable.filter(|_| target.is_program() && target.name == program)
        });
        made.next().ok_or_else(|| Error::failed(format!("cargo does not say where '{program}' is")))
    }
}

impl Target {
    fn is_program(&self) -> bool {
        self.kind.iter().any(|kind| kind == "bin")
    }
}

/// The cargo that runs us, else the one on the `PATH`.
fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or(OsString::from("cargo")));
    cargo.stdin(Stdio::null());
    cargo
}
