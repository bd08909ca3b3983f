//! The packages of the current cargo workspace.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use protean::config::nearest;
use protean_cli::{Error, Result};
use serde::Deserialize;

/// The part of `cargo metadata` that matters here.
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

/// The part of a message of `cargo build` that names what was built.
#[derive(Deserialize)]
struct Artifact {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

/// Builds the program of a package and returns its path.
///
/// # Errors
/// When there is no workspace, no such package, no program in the package, or the program
/// does not compile; cargo prints compiler errors to stderr.
pub(crate) fn built(name: &str, release: bool) -> Result<PathBuf> {
    let workspace = workspace(name)?;
    let package = workspace.package(name)?;
    package.build(package.program()?, release)
}

/// The packages of the current workspace that have a program.
///
/// # Errors
/// When there is no workspace.
pub(crate) fn with_programs() -> Result<Vec<String>> {
    let with_program = |package: &Package| package.programs().next().is_some();
    let packages = workspace("")?.packages.into_iter();
    Ok(packages.filter(with_program).map(|package| package.name).collect())
}

fn workspace(wanted: &str) -> Result<Workspace> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--no-deps", "--format-version=1"]);
    let output = metadata.output().map_err(|error| {
        let message = format!("'{wanted}' cannot be found: cargo cannot be started: {error}");
        Error::usage(message).advice("give a path to the domain's binary, such as ./fidelis")
    })?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        let message =
            format!("'{wanted}' cannot be found: there is no cargo workspace here\n{}", why.trim());
        let advice = "change to the folder of the workspace, or give a path to the domain's binary";
        return Err(Error::usage(message).advice(advice));
    }
    let mut workspace: Workspace = serde_json::from_slice(&output.stdout)?;
    workspace.packages.retain(|package| package.name != env!("CARGO_PKG_NAME"));
    Ok(workspace)
}

impl Workspace {
    /// The package of this name, or else the package with a program of this name.
    fn package(&self, name: &str) -> Result<&Package> {
        let find = |matches: &dyn Fn(&&Package) -> bool| self.packages.iter().find(matches);
        let by_name = find(&|package| package.name == name);
        let found =
            by_name.or_else(|| find(&|package| package.programs().any(|program| program == name)));
        found.ok_or_else(|| {
            let known: Vec<&str> = self
                .packages
                .iter()
                .filter(|package| package.programs().next().is_some())
                .map(|package| package.name.as_str())
                .collect();
            let advice = match nearest(name, &known) {
                Some(near) => format!("did you mean --domain={near}?"),
                None if known.is_empty() => "give a path to the domain's binary".to_owned(),
                None => format!("the packages with a program are '{}'", known.join("', '")),
            };
            Error::usage(format!("this workspace has no package '{name}'")).advice(advice)
        })
    }
}

impl Package {
    fn programs(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter(|target| target.is_program()).map(|target| target.name.as_str())
    }

    /// The program that `cargo run` would choose, or the one with the name of the package.
    fn program(&self) -> Result<&str> {
        let programs: Vec<&str> = self.programs().collect();
        let same_name = || programs.iter().copied().find(|program| *program == self.name);
        match (self.default_run.as_deref().or_else(same_name), programs.as_slice()) {
            (Some(program), _) => Ok(program),
            (None, [program]) => Ok(program),
            (None, []) => {
                let message = format!("the package '{}' has no program", self.name);
                Err(Error::usage(message).advice("add a src/main.rs that calls protean_cli::run"))
            }
            (None, several) => {
                let (name, several) = (&self.name, several.join("', '"));
                let message = format!("the package '{name}' has several programs: '{several}'");
                Err(Error::usage(message).advice("set default-run in its Cargo.toml"))
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
                .advice("fix the compiler errors above"));
        }
        let lines = String::from_utf8_lossy(&output.stdout);
        let executable = |artifact: Artifact| {
            let target = artifact.target?;
            artifact.executable.filter(|_| target.is_program() && target.name == program)
        };
        let mut artifacts = lines.lines().filter_map(|line| serde_json::from_str(line).ok());
        artifacts
            .find_map(executable)
            .ok_or_else(|| Error::failed(format!("cargo did not report the path of '{program}'")))
    }
}

impl Target {
    fn is_program(&self) -> bool {
        self.kind.iter().any(|kind| kind == "bin")
    }
}

/// The cargo that started this program, or else the one on the `PATH`.
fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or(OsString::from("cargo")));
    cargo.stdin(Stdio::null());
    cargo
}
