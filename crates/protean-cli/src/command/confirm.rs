//! Asks a person before something goes that does not come back.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::{App, Error, Result, escape};

/// Asks on the terminal; the answer has to be `word`.
///
/// # Errors
/// When the answer is another, or nobody is there to ask.
pub(super) fn ask(app: &App, question: &str, word: &str) -> Result<()> {
    let refused = |message: &str| Err(Error::usage(message).advice("add --yes to do it unasked"));
    if app.json() || !io::stdin().is_terminal() {
        return refused("nothing is removed without being asked, and nobody is here to ask");
    }
    let mut asked = io::stderr();
    write!(asked, "{}\nType '{}' to go on: ", escape(question), escape(word))?;
    asked.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == word {
        Ok(())
    } else {
        refused("nothing is removed: the answer was another")
    }
}
