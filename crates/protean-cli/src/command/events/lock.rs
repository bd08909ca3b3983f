//! `events lock`: writes down the form of every message, and what `check` says of the file.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use protean::Domain;
use serde::Serialize;

use crate::forms::lock_file;
use crate::lock_file::{Difference, LockFile};
use crate::{App, Error, Reply, Result, grouped};

pub(super) const AFTER_HELP: &str = "\
Commit the file. 'check' compares the program with it and fails when a schema has changed
without a new version; 'check --lock FILE', for a build server, also fails when the file or
a schema in it is missing. The schemas of earlier versions stay in the file.

Nothing is written while a locked schema has changed or is gone: give it a new version. If
nothing with that schema is stored anywhere, delete its section from the file and run this
again.";

/// The name of the file.
const FILE: &str = "events.lock";

/// Where the file is.
#[derive(Args)]
pub(crate) struct Options {
    /// The file to write; default: 'events.lock' beside the file of --config, or in the
    /// current folder
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) async fn run(options: &Options, app: &App) -> Result {
    let domain = app.domain()?;
    let path = options.file.clone().unwrap_or_else(|| usual(app));
    let (old, program) = (read(&path)?.unwrap_or_default(), lock_file(domain.catalog()));
    let file = path.display();
    let forms = program.0.len();
    let faults: Vec<String> = faults(&old.compare(&program, is_lenient(&domain))).collect();
    let data = |is_written| Written { file: file.to_string(), forms, is_written };
    if !faults.is_empty() {
        let text = format!(
            "{file} is unchanged: locked schemas have changed or are gone. If nothing with such a schema \
             is stored\nanywhere, delete its section from the file and run this again."
        );
        return app.reply(faults.into_iter().fold(Reply::new(data(false), text), Reply::failed));
    }
    let new = old.renewed(&program);
    let is_written = new != old || !path.exists();
    if is_written {
        fs::write(&path, new.to_string()).map_err(|error| {
            Error::failed(format!("{file} cannot be written")).caused_by(&error)
        })?;
    }
    let what = if is_written { "holds" } else { "already holds" };
    let text = format!("{file} {what} {} schemas of messages and states.", grouped(forms as u64));
    app.reply(Reply::new(data(is_written), text))
}

#[derive(Serialize)]
struct Written {
    file: String,
    forms: usize,
    #[serde(rename = "written")]
    is_written: bool,
}

/// What `check` says of the file.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::command) struct Compared {
    /// The file; none when there is none and none is asked for.
    pub(in crate::command) file: Option<String>,
    pub(in crate::command) faults: Vec<String>,
    /// What is to be locked.
    pub(in crate::command) unlocked: Vec<String>,
}

/// Compares the program with the file that is asked for, which must hold all of its forms, or
/// with the usual one if there is one.
pub(in crate::command) fn compared(
    domain: &Domain,
    app: &App,
    asked: Option<&Path>,
) -> Result<Compared> {
    let path = asked.map_or_else(|| usual(app), Path::to_owned);
    let file = Some(path.display().to_string());
    let Some(locked) = read(&path)? else {
        let missing =
            format!("{0} is missing: run 'events lock --file {0}' and commit it", path.display());
        return Ok(match asked {
            Some(_) => Compared { file, faults: vec![missing], unlocked: Vec::new() },
            None => Compared::default(),
        });
    };
    let found = locked.compare(&lock_file(domain.catalog()), is_lenient(domain));
    let unlocked = found.iter().filter(|one| !one.is_fault()).map(ToString::to_string).collect();
    let (mut faults, mut unlocked) = (faults(&found).collect::<Vec<_>>(), unlocked);
    if asked.is_some() {
        faults.append(&mut unlocked);
    }
    Ok(Compared { file, faults, unlocked })
}

fn faults(found: &[Difference]) -> impl Iterator<Item = String> {
    found.iter().filter(|one| one.is_fault()).map(ToString::to_string)
}

fn is_lenient(domain: &Domain) -> bool {
    domain.config().lenient_deserialization
}

fn usual(app: &App) -> PathBuf {
    let folder = app.config_file().and_then(Path::parent);
    folder.map_or_else(|| PathBuf::from(FILE), |folder| folder.join(FILE))
}

/// What the file holds; `None` when there is no such file.
fn read(path: &Path) -> Result<Option<LockFile>> {
    let unreadable = || format!("{} cannot be read", path.display());
    match fs::read_to_string(path) {
        Ok(text) => match LockFile::parse(&text) {
            Ok(locked) => Ok(Some(locked)),
            Err(why) => Err(why.within(unreadable())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::failed(unreadable()).caused_by(&error)),
    }
}
