//! Asks for confirmation before something irreversible.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;

use crate::{App, Error, Result, escape};

/// The option of every command that asks for confirmation.
#[derive(Args)]
pub(crate) struct Consent {
    /// Skips the confirmation
    #[arg(long)]
    pub(super) yes: bool,
}

impl Consent {
    /// Asks on the terminal, unless the option says yes. The user confirms by typing `word`.
    ///
    /// # Errors
    /// When the user types anything else, or there is no terminal.
    pub(super) fn ask(&self, app: &App, question: &str, word: &str) -> Result<()> {
        if self.yes { Ok(()) } else { confirm(app, question, word) }
    }
}

fn confirm(app: &App, question: &str, word: &str) -> Result<()> {
    let refused =
        |message: &str| Err(Error::usage(message).advice("add --yes to skip the confirmation"));
    if app.json() || !io::stdin().is_terminal() {
        return refused("nothing was changed: there is no terminal to confirm on");
    }
    let mut terminal = io::stderr();
    write!(terminal, "{}\nType '{}' to continue: ", escape(question), escape(word))?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == word {
        Ok(())
    } else {
        refused("nothing was changed: the answer did not match")
    }
}
