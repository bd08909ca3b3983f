//! Pages of the reference that tests write.

use std::fs;
use std::path::Path;

/// A page of the reference, and what writes it.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// The path of the page below the workspace.
    pub page: &'static str,
    /// The arguments of `cargo test` that run the test of the page.
    pub test: &'static str,
}

impl Reference {
    /// Compares the page with what the test has made of the code. If `WRITE_REFERENCE` is set, the
    /// page is written first.
    ///
    /// # Panics
    /// When they differ, with the command that writes the page and the first line that it lacks.
    #[track_caller]
    pub fn assert_is(self, made: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(self.page);
        if std::env::var_os("WRITE_REFERENCE").is_some() {
            fs::write(&file, made).unwrap_or_else(|error| panic!("{}: {error}", self.page));
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        if let Some(fault) = self.fault(&found, made) {
            panic!("{fault}");
        }
    }

    fn fault(self, found: &str, made: &str) -> Option<String> {
        if found == made {
            return None;
        }
        let Self { page, test } = self;
        let lacks = made.lines().find(|line| !found.lines().any(|found| found == *line));
        let lacks = lacks.map_or("it has a line too many".to_owned(), |line| {
            format!("it does not have this line:\n  {line}")
        });
        let command = format!("WRITE_REFERENCE=1 cargo test {test}");
        Some(format!(
            "{page} is out of date: run\n  {command}\nand look at the difference: {lacks}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn a_page_out_of_date_is_named_with_the_line_that_it_lacks_and_the_command() {
        let reference = Reference { page: "a/page.md", test: "-p some" };
        assert_eq!(reference.fault("a\nb\n", "a\nb\n"), None);
        let fault = reference.fault("a\nb\n", "a\nnew\nb\n").unwrap();
        for part in ["a/page.md", "WRITE_REFERENCE=1 cargo test -p some", "line:\n  new"] {
            assert!(fault.contains(part), "{fault}");
        }
        let fault = reference.fault("a\nb\n", "a\n").unwrap();
        assert!(fault.ends_with("a line too many"), "{fault}");
    }
}
