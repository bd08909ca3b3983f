//! This machine's package manager, and what it calls the things that tests need.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What tests need from the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Package {
    PostgreSql,
    Redis,
    Python,
    Chromium,
}

/// How a system installs packages, and their names there.
#[derive(Debug)]
pub(crate) struct Manager {
    program: &'static str,
    /// Commands before the first installation.
    prepare: &'static [&'static str],
    install: &'static str,
    as_root: bool,
    postgresql: &'static str,
    redis: &'static str,
    python: &'static str,
    chromium: &'static str,
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        prepare: &[NO_CLUSTER, "apt-get update"],
        install: "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends",
        as_root: true,
        postgresql: "postgresql",
        redis: "redis-server",
        python: "python3 python3-venv",
        chromium: "chromium",
    },
    Manager {
        program: "dnf",
        prepare: &[],
        install: "dnf install -y",
        as_root: true,
        postgresql: "postgresql-server",
        redis: "redis",
        python: "python3",
        chromium: "chromium",
    },
    Manager {
        program: "zypper",
        prepare: &[],
        install: "zypper --non-interactive install",
        as_root: true,
        postgresql: "postgresql-server",
        redis: "redis",
        python: "python311",
        chromium: "chromium",
    },
    Manager {
        program: "pacman",
        prepare: &[],
        install: "pacman -S --noconfirm --needed",
        as_root: true,
        postgresql: "postgresql",
        redis: "redis",
        python: "python",
        chromium: "chromium",
    },
    Manager {
        program: "apk",
        prepare: &[],
        install: "apk add",
        as_root: true,
        postgresql: "postgresql",
        redis: "redis",
        python: "python3",
        chromium: "chromium",
    },
    Manager {
        program: "pkg",
        prepare: &[],
        install: "pkg install -y",
        as_root: true,
        postgresql: "postgresql17-server",
        redis: "redis",
        python: "python3",
        chromium: "chromium",
    },
    Manager {
        program: "brew",
        prepare: &[],
        install: "brew install",
        as_root: false,
        postgresql: "postgresql@17",
        redis: "redis",
        python: "python@3",
        chromium: "google-chrome",
    },
];

/// Keeps Debian's package from making a cluster and starting it, where nobody has said otherwise.
const NO_CLUSTER: &str = "sh -c 'mkdir -p /etc/postgresql-common && cd /etc/postgresql-common && \
    { [ -e createcluster.conf ] || echo create_main_cluster = false > createcluster.conf; }'";

impl Package {
    /// What people call it.
    fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Python => "Python 3.11 or later with venv",
            Self::Chromium => "Chromium",
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Manager {
    /// The one of this machine.
    pub(crate) fn of_this_machine() -> Option<&'static Self> {
        MANAGERS.iter().find(|manager| is_in_path(manager.program))
    }

    /// The commands that install these packages, as a person would type them.
    pub(crate) fn commands(&self, packages: &[Package]) -> Vec<String> {
        let names: Vec<_> = packages.iter().map(|package| self.name_of(*package)).collect();
        let prepare = self.prepare.iter().map(|command| (*command).to_owned());
        let prepare = prepare
            .filter(|command| command != NO_CLUSTER || packages.contains(&Package::PostgreSql));
        prepare.chain([format!("{} {}", self.install, names.join(" "))]).collect()
    }

    fn name_of(&self, package: Package) -> &'static str {
        match package {
            Package::PostgreSql => self.postgresql,
            Package::Redis => self.redis,
            Package::Python => self.python,
            Package::Chromium => self.chromium,
        }
    }

    /// What precedes a command so that it may install; nothing when it may not.
    pub(crate) fn rights(&self) -> Option<&'static str> {
        match () {
            () if !self.as_root || is_root() => Some(""),
            () if !is_in_path("sudo") => None,
            () if std::io::IsTerminal::is_terminal(&std::io::stdin()) => Some("sudo "),
            () => Some("sudo -n "),
        }
    }
}

/// Runs a command of a shell; its output is for the person who asked.
pub(crate) fn shell(command: &str) -> Result<(), String> {
    let status = Command::new("sh").args(["-c", command]).stdin(Stdio::inherit()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{command}` failed ({status})")),
        Err(error) => Err(format!("`{command}` cannot be run: {error}")),
    }
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: std::path::PathBuf| is_file(&folder.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::{MANAGERS, Package};

    #[test]
    fn every_manager_installs_all_that_is_missing_at_once() {
        for manager in MANAGERS {
            let commands = manager.commands(&[Package::Redis, Package::Python, Package::Chromium]);
            let last = commands.last().unwrap();
            for name in [manager.redis, manager.python, manager.chromium] {
                assert!(last.contains(name), "{last}");
            }
            assert!(!commands.concat().contains("createcluster"), "{commands:?}");
        }
    }

    #[test]
    fn a_cluster_that_nobody_asked_for_is_not_made() {
        let commands = MANAGERS[0].commands(&[Package::PostgreSql]);
        assert!(commands[0].contains("create_main_cluster = false"), "{commands:?}");
        assert!(commands[2].ends_with(" postgresql"), "{commands:?}");
    }
}
