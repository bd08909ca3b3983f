//! The outcome of an import, row by row.

use std::fmt;

use protean::Violations;
use protean_cli::grouped;
use serde::Serialize;

use super::columns::Fault;

/// The outcome of each row of a file: it is imported, already present, differing or rejected.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// All rows below the header.
    pub rows: u64,
    /// Rows whose books are queued.
    pub imported: u64,
    /// Rows whose books were there or on their way before, or stand in the
    /// file a second time.
    pub already_present: u64,
    /// Rows whose books are there with other fields, which stay as they are.
    pub differing: Vec<Rejected>,
    /// Rows that are not a book, in the order of their lines.
    pub rejected: Vec<Rejected>,
}

/// A row that was left out.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The line it begins on, from 1.
    pub line: u64,
    /// The field at fault, several separated by commas; `None` when the row as a
    /// whole cannot be read.
    pub field: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl Rejected {
    pub(super) fn new(line: u64, fault: Fault) -> Self {
        match fault {
            Fault::Record(reason) => Self { line, field: None, reason },
            Fault::Fields(violations) => Self::broken(line, &violations),
        }
    }

    pub(super) fn broken(line: u64, violations: &Violations) -> Self {
        let fields: Vec<&str> = violations.iter().map(|(field, _)| field).collect();
        let reason = match fields.as_slice() {
            [field] => violations.get(field).join(", "),
            _ => violations.to_string(),
        };
        Self { line, field: Some(fields.join(", ")), reason }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.field {
            // Several fields stand in the reason with what is wrong with each.
            Some(field) if !field.contains(',') => write!(f, "{field} {}", self.reason),
            _ => f.write_str(&self.reason),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, imported, already_present, differing, rejected } = self;
        let rows = grouped(*rows);
        writeln!(f, "{rows} rows read")?;
        writeln!(f, "  {} imported with priority BULK", grouped(*imported))?;
        writeln!(f, "  {} already present", grouped(*already_present))?;
        if !differing.is_empty() {
            writeln!(
                f,
                "  {} differ from the book that is there",
                grouped(differing.len() as u64)
            )?;
            differing.iter().try_for_each(|row| writeln!(f, "    {row}"))?;
        }
        write!(f, "  {} rejected", grouped(rejected.len() as u64))?;
        rejected.iter().try_for_each(|rejected| write!(f, "\n    {rejected}"))
    }
}
