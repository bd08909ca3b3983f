//! `db diff` and `db migrate`: how the tables differ from what the program declares, and the change
//! of what can be changed without a person.

use std::fmt::{self, Display};

use clap::Args;
use protean::config::DatabaseKind;
use protean::port::{ManualChange, SchemaDifference};
use protean::{Domain, difference, migrate, require_database};
use serde_json::{Value, json};

use crate::{App, Reply, Result};

/// What `db migrate` does.
#[derive(Args)]
pub(crate) struct Options {
    /// Prints the statements without running them
    #[arg(long)]
    dry_run: bool,
}

/// Prints the difference.
pub(super) async fn diff(domain: &Domain, app: &App) -> Result {
    let Some(difference) = looked_at(domain).await? else { return nothing_to_compare(app) };
    let reply = Reply::new(data(&difference), Difference(&difference));
    app.reply(difference.manual.iter().map(fault).fold(reply, Reply::failed))
}

/// Changes the tables, or prints how.
pub(super) async fn run(options: &Options, domain: &Domain, app: &App) -> Result {
    let Some(difference) = looked_at(domain).await? else { return nothing_to_compare(app) };
    if !difference.manual.is_empty() {
        let text = "Nothing was changed: some differences have to be resolved by hand. 'db diff' prints statements.";
        let reply = Reply::new(json!({"statements": [], "ran": false}), text);
        return app.reply(difference.manual.iter().map(fault).fold(reply, Reply::failed));
    }
    let statements = &difference.automatic;
    let data = json!({"statements": statements, "ran": !options.dry_run});
    if options.dry_run {
        return app.reply(Reply::new(data, script(statements)));
    }
    migrate(domain).await?;
    let text = match statements.len() {
        0 => "The tables were as declared.".to_owned(),
        _ => format!("{}\n\nThe tables are as declared now.", script(statements)),
    };
    app.reply(Reply::new(data, text))
}

/// The difference; `None` for a database in memory.
async fn looked_at(domain: &Domain) -> Result<Option<SchemaDifference>> {
    if domain.config().database.provider == DatabaseKind::Memory {
        return Ok(None);
    }
    require_database(domain).await?;
    Ok(Some(difference(domain).await?))
}

fn nothing_to_compare(app: &App) -> Result {
    let text = "The memory database is empty at the start of every process, so its tables never \
                differ from the program.";
    app.reply(Reply::new(data(&SchemaDifference::default()), text))
}

fn data(difference: &SchemaDifference) -> Value {
    let manual = difference.manual.iter().map(|ManualChange { table, column, why, statements, .. }| {
        json!({"table": table, "column": column, "why": why, "statements": statements})
    });
    json!({"automatic": difference.automatic, "manual": manual.collect::<Vec<_>>()})
}

fn fault(change: &ManualChange) -> String {
    format!("the {} of the table '{}': {}", change.subject(), change.table, change.why)
}

/// A difference as a script, in which everything else is a comment.
struct Difference<'a>(&'a SchemaDifference);

impl Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SchemaDifference { automatic, manual } = self.0;
        let runs = "-- 'db migrate' runs these, and so does the next start of the program";
        let automatic_script = script(automatic);
        match (automatic.is_empty(), manual.is_empty()) {
            (true, true) => return f.write_str("The tables are as declared."),
            (false, true) => return write!(f, "{runs}:\n{automatic_script}"),
            (true, false) => {}
            // They are planned again once the rest is done, so they are not part of the script.
            (false, false) => {
                let commented = automatic_script.replace('\n', "\n-- ");
                write!(f, "{runs}, once the rest is done:\n-- {commented}\n\n")?;
            }
        }
        f.write_str(
            "-- Run these by hand; the program will not start until then. Look at each, then run them\n\
             -- with `psql -v ON_ERROR_STOP=1` or `sqlite3 -bail`.\nBEGIN;",
        )?;
        for change in manual {
            write!(f, "\n-- {}:\n{}", fault(change), script(&change.statements))?;
        }
        f.write_str("\nCOMMIT;")
    }
}

/// Statements, each with its end, and comments as they are.
fn script(lines: &[String]) -> String {
    let end = |line: &String| if line.starts_with("--") { "" } else { ";" };
    lines.iter().map(|line| format!("{line}{}", end(line))).collect::<Vec<_>>().join("\n")
}
