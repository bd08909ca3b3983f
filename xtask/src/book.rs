//! The book, made with mdBook.

use std::process::Command;

use crate::cargo::{Tool, run, workspace};

const MDBOOK: Tool = Tool { name: "mdbook", version: "0.5.4" };

/// Builds the book in `docs/book`, with these arguments of `mdbook build`.
///
/// # Errors
/// When mdBook cannot be installed, or does not like the book.
pub(crate) fn build(arguments: &[String]) -> Result<(), String> {
    let book = workspace().join("docs/book");
    let mdbook = MDBOOK.installed()?;
    run(Command::new(mdbook).current_dir(workspace()).arg("build").arg(book).args(arguments))
}
