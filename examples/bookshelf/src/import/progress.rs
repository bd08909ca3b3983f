//! How far an import has come.

use std::io::{IsTerminal, Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use protean_cli::grouped;

/// How many rows a line without a terminal stands for.
const LINE_EVERY: u64 = 10_000;

/// Shows on stderr how far an import has come: a bar on a terminal, else a
/// line every 10,000 rows.
pub struct Progress {
    bar: Option<ProgressBar>,
    shown_rows: u64,
}

impl Progress {
    /// For a file of this many bytes; 0 when unknown.
    pub fn new(bytes: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(bytes));
        Self { bar, shown_rows: 0 }
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self { bar: Some(ProgressBar::hidden()), shown_rows: 0 }
    }

    pub(super) fn show(&mut self, bytes: u64, rows: u64) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(bytes);
                bar.set_message(format!("{} books", grouped(rows)));
            }
            None if rows / LINE_EVERY > self.shown_rows / LINE_EVERY => {
                let full = rows / LINE_EVERY * LINE_EVERY;
                // A closed stderr must not end the import.
                let _ = writeln!(std::io::stderr(), "Progress: {} books read", grouped(full));
                self.shown_rows = rows;
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    /// Leaves the terminal to what is printed next.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(bytes: u64) -> ProgressBar {
    let (bar, form) = match bytes {
        0 => (ProgressBar::new_spinner(), "{spinner} {msg}"),
        bytes => (ProgressBar::new(bytes), "{bar:30} {percent:>3} %  {msg}  {eta} left"),
    };
    match ProgressStyle::with_template(form) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
