//! `contracts`: what other systems rely on, and whether a change breaks them.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::contracts::{Change, Document, MessageKind, diff};
use crate::{App, Error, Reply, Result, grouped};

/// The exit code when a change breaks others.
const BREAKS: u8 = 3;

const EXPORT_HELP: &str = "\
The document has a JSON Schema (draft 2020-12) for each published event and each command, in
its current version. The same program always writes the same document: commit it, or keep it
with each release, and compare the next one with 'contracts diff'.";

const DIFF_HELP: &str = "\
An event breaks its readers if it may contain what they do not expect: a field was removed, became
optional or changed its type, a choice was added, a limit was widened, or the version was raised. A
command breaks its senders if it refuses what they send: a required field was added, a choice was
removed, or a limit was narrowed. A command with a higher version still accepts the earlier ones.

Exit codes:
  0  nothing breaks
  2  a file cannot be read, or wrong usage
  3  something breaks";

/// What other systems rely on.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Writes a JSON Schema for each published event and each command
    #[command(after_help = EXPORT_HELP)]
    Export(Export),
    /// Compares two documents of 'contracts export'; exit code 3 if a change breaks others
    #[command(after_help = DIFF_HELP)]
    Diff(Diff),
}

/// Where the document goes.
#[derive(Args)]
pub(crate) struct Export {
    /// Writes to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The documents to compare.
#[derive(Args)]
pub(crate) struct Diff {
    /// The document of the last release
    old: PathBuf,
    /// The document of the next release
    new: PathBuf,
}

pub(super) fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::Export(options) => export(options, app),
        Command::Diff(options) => compare(options, app),
    }
}

fn export(options: &Export, app: &App) -> Result {
    let document = Document::of(&app.domain()?);
    let text = document.text()?;
    let Some(file) = &options.output else { return app.reply(Reply::new(document, text)) };
    let path = file.display();
    fs::write(file, text + "\n")
        .map_err(|error| Error::failed(format!("{path} cannot be written")).caused_by(&error))?;
    let (events, commands) = (document.events.len(), document.commands.len());
    let data = json!({"file": path.to_string(), "events": events, "commands": commands});
    let counts = format!("{} and {}", counted(events, "event"), counted(commands, "command"));
    app.reply(Reply::new(data, format!("{path} has the contracts of {counts}.")))
}

fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

fn compare(options: &Diff, app: &App) -> Result {
    let changes = Changes(diff(&read(&options.old)?, &read(&options.new)?));
    let is_breaking = changes.0.iter().any(|change| change.is_breaking);
    let reply = Reply::new(json!({"breaks": is_breaking, "changes": changes.0}), &changes);
    app.reply(if is_breaking { reply.failed_with(BREAKS) } else { reply })
}

fn read(path: &Path) -> Result<Document> {
    let path_text = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Error::usage(format!("{path_text} cannot be read")).caused_by(&error))?;
    Document::parse(&text).map_err(|why| why.within(format!("{path_text} cannot be compared")))
}

/// Changes, those that break others first.
struct Changes(Vec<Change>);

impl Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("Nothing has changed.");
        }
        let kinds = [MessageKind::Event, MessageKind::Command];
        let breaking = kinds.map(|kind| {
            let broken = self.0.iter().filter(|change| change.is_breaking && change.kind == kind);
            (format!("Breaks {}:", kind.others()), broken.collect::<Vec<&Change>>())
        });
        let compatible = self.0.iter().filter(|change| !change.is_breaking).collect();
        let parts = breaking.into_iter().chain([("Breaks nobody:".to_owned(), compatible)]);
        let parts = parts.filter(|(_, changes)| !changes.is_empty()).map(|(title, changes)| {
            let lines = changes.iter().map(|change| format!("\n  {change}"));
            title + &lines.collect::<String>()
        });
        f.write_str(&parts.collect::<Vec<String>>().join("\n\n"))
    }
}
