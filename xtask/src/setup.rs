//! What the tests need from outside: it is looked for, and what is missing is installed.

use std::fs::File;
use std::path::Path;

use protean_test_servers::{Chromium, POSTGRESQL, Python, REDIS};

use crate::system::{Manager, Package, shell};

/// Sets up what is missing, and says each command before it runs.
pub(crate) fn run() -> Result<(), String> {
    let packages = missing()?;
    if !packages.is_empty() {
        install(&packages)?;
    }
    if std::env::var_os(Python::VARIABLE).is_none() {
        set_up_protean_for_python(&Python::home())?;
    }
    let python = Python::with_protean()?;
    set_up_telemetry(&python, &Python::telemetry_home())
}

/// The packages without which some tests cannot run; an error when a variable names what does
/// not hold what it should.
fn missing() -> Result<Vec<Package>, String> {
    let mut missing = Vec::new();
    for (programs, package) in [(&POSTGRESQL, Package::PostgreSql), (&REDIS, Package::Redis)] {
        match programs.folder() {
            Err(wrong) if wrong.is_named() => return Err(wrong.to_string()),
            Err(_) => missing.push(package),
            Ok(_) => {}
        }
    }
    if std::env::var_os(Python::VARIABLE).is_none() && Python::plain().is_err() {
        missing.push(Package::Python);
    }
    match Chromium::of_this_machine() {
        Err(wrong) if Chromium::named().is_some() => return Err(wrong),
        Err(_) => missing.push(Package::Chromium),
        Ok(_) => {}
    }
    Ok(missing)
}

fn install(packages: &[Package]) -> Result<(), String> {
    let names = packages.iter().map(Package::to_string).collect::<Vec<_>>().join(", ");
    println!("The tests need what is not installed here: {names}.");
    let Some(manager) = Manager::of_this_machine() else {
        return Err(by_hand(&names, &[]));
    };
    let commands = manager.commands(packages);
    let Some(rights) = manager.rights() else { return Err(by_hand(&names, &commands)) };
    for command in &commands {
        let command = format!("{rights}{command}");
        println!("== {command}");
        shell(&command).map_err(|error| format!("{error}\n{}", by_hand(&names, &commands)))?;
    }
    let still = missing()?;
    let names = still.iter().map(Package::to_string).collect::<Vec<_>>().join(", ");
    if still.is_empty() { Ok(()) } else { Err(by_hand(&names, &commands)) }
}

/// What a person has to do.
fn by_hand(names: &str, commands: &[String]) -> String {
    let how = match commands {
        [] => "with the package manager of this system".to_owned(),
        commands => format!("as root, for instance with\n\n    {}\n", commands.join("\n    ")),
    };
    format!(
        "Install {names} {how}\nand run this again. Programs that are installed already are found \
         when {} and {} name their folders, {} a Python that has Protean, and {} the program \
         of Chromium or Chrome.",
        POSTGRESQL.variable,
        REDIS.variable,
        Python::VARIABLE,
        Chromium::VARIABLE,
    )
}

/// Makes an environment with Protean for Python in this folder, unless it is there.
fn set_up_protean_for_python(home: &Path) -> Result<(), String> {
    let pip = format!("'{}/bin/python' {PIP_INSTALL}", home.display());
    let mut commands = vec![format!("python3 -m venv '{}'", home.display())];
    commands.extend(Python::PACKAGES.iter().map(|call| format!("{pip} '{}'", call.join("' '"))));
    make(home, "The tests compare with Protean for Python", &commands)
}

/// Puts what traces services in Python in this folder, unless it is there.
fn set_up_telemetry(python: &Python, home: &Path) -> Result<(), String> {
    let program = python.command().get_program().display().to_string();
    let packages = Python::TELEMETRY.join("' '");
    let install = format!("'{program}' {PIP_INSTALL} --target '{}' '{packages}'", home.display());
    make(home, "The tests follow traces through Python with OpenTelemetry", &[install])
}

const PIP_INSTALL: &str = "-m pip install --quiet --disable-pip-version-check";

/// Makes this folder with these commands, unless it is whole.
fn make(home: &Path, why: &str, commands: &[String]) -> Result<(), String> {
    // Runs that begin together make it one after the other.
    let lock = home.with_extension("lock");
    let locked = std::fs::create_dir_all(home.parent().unwrap_or(home))
        .and_then(|()| File::create(&lock))
        .and_then(|file| file.lock().map(|()| file));
    let _held = locked.map_err(|error| format!("{} cannot be written: {error}", lock.display()))?;
    let whole = home.join("whole");
    if whole.exists() {
        return Ok(());
    }
    println!("{why}, from PyPI, in {}.", home.display());
    // One that was begun and not completed.
    let _ = std::fs::remove_dir_all(home);
    for command in commands {
        println!("== {command}");
        shell(command)?;
    }
    File::create(&whole)
        .map_err(|error| format!("{} cannot be written: {error}", whole.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::by_hand;

    #[test]
    fn what_cannot_be_installed_is_named_with_every_way_to_it() {
        let text = by_hand("Redis", &["apt-get install redis-server".to_owned()]);
        let parts = [
            "Install Redis",
            "apt-get install redis-server",
            "PROTEAN_REDIS_BIN",
            "PROTEAN_PYTHON",
            "PROTEAN_CHROMIUM",
        ];
        for part in parts {
            assert!(text.contains(part), "{text}");
        }
    }
}
