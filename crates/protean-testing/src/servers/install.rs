//! Finds the program of a server, or installs the system's package of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where packages put programs that are in nobody's `PATH`.
const FOLDERS: [&str; 4] =
    ["/usr/lib/postgresql", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

/// Keeps the package from starting a server of its own.
const NO_CLUSTER: &str = "mkdir -p /etc/postgresql-common && \
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf";

/// The program `name`, from the system's package `package` when it is missing.
///
/// # Panics
/// When it is missing and cannot be installed, with what to do.
pub(crate) fn program(name: &str, package: &str) -> PathBuf {
    find(name).unwrap_or_else(|| {
        install(name, package);
        find(name).unwrap_or_else(|| missing(name, package, "the package does not hold it"))
    })
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(FOLDERS.iter().flat_map(|folder| versions(Path::new(folder))));
    folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The folder, and before it the `bin` of each version below, the newest first.
fn versions(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((version(&entry.path())?, entry.path()))).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    let found = found.into_iter().map(|(_, path)| path.join("bin"));
    found.chain([folder.to_owned()]).collect()
}

/// Installs the package, one process of tests at a time.
fn install(name: &str, package: &str) {
    let lock = std::env::temp_dir().join("protean-install.lock");
    let lock = File::options().create(true).truncate(false).write(true).open(lock);
    let locked = lock.and_then(|file| file.lock().map(|()| file));
    // Without the lock another process may install it at once, which apt-get refuses by itself.
    let _held = locked.ok();
    if find(name).is_some() {
        return;
    }
    let before = if package == "postgresql" { NO_CLUSTER } else { "true" };
    let steps = format!(
        "{before} && export DEBIAN_FRONTEND=noninteractive && \
         (apt-get install -y --no-install-recommends {package} || \
          (apt-get update && apt-get install -y --no-install-recommends {package}))"
    );
    let attempt = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).args(["sh", "-c", &steps]).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !attempt("env", &[]) && !attempt("sudo", &["-n"]) {
        missing(name, package, "it could not be installed with apt-get");
    }
}

fn missing(name: &str, package: &str, why: &str) -> ! {
    panic!("these tests need the program '{name}', and {why}: install the package '{package}'")
}
