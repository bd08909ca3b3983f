//! The file that is imported.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use workbench::sheet::Sheet;

use super::columns::{Columns, Fault};
use crate::book::AddBook;

/// A catalog with its header read.
pub struct Catalog<R> {
    sheet: Sheet<R>,
    columns: Columns,
    name: String,
    length: u64,
    ended: bool,
}

/// A row below the header.
pub(super) struct CatalogRow {
    /// The line it begins on, from 1.
    pub(super) line: u64,
    /// The command that adds its book, or why there is none.
    pub(super) command: Result<AddBook, Fault>,
}

/// Why an import does not start or go on.
#[derive(Debug)]
pub enum ImportError {
    /// The file cannot be imported; the message begins with its name.
    File(String),
    /// The domain does not accept the books.
    Domain(protean::Error),
}

impl Catalog<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened, or [`read`](Catalog::read) finds no header.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let name = path.to_string_lossy();
        let opened = || -> io::Result<(File, u64)> {
            let file = File::open(path)?;
            let about = file.metadata()?;
            if about.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
            }
            Ok((file, about.len()))
        };
        let (file, length) =
            opened().map_err(|error| about(&name, &format!("cannot be read: {error}")))?;
        let catalog = Catalog::read(&name, BufReader::with_capacity(1 << 16, file))?;
        Ok(Self { length, ..catalog })
    }
}

impl<R: BufRead> Catalog<R> {
    /// Reads the header of a catalog by this name.
    ///
    /// # Errors
    /// When the catalog is empty, not UTF-8, or without a column that is needed.
    pub fn read(name: &str, mut input: R) -> Result<Self, ImportError> {
        let at_fault = |message: &str| about(name, message);
        let unreadable = |error: io::Error| about(name, &format!("cannot be read: {error}"));
        let begin = input.fill_buf().map_err(unreadable)?;
        if begin.starts_with(&[0xff, 0xfe]) || begin.starts_with(&[0xfe, 0xff]) {
            return Err(at_fault("is UTF-16: save it as UTF-8"));
        }
        if begin.starts_with(b"\xef\xbb\xbf") {
            input.consume(3);
        }
        let mut sheet = Sheet::new(input);
        let header = sheet.next_record().map_err(unreadable)?;
        let header =
            header.ok_or_else(|| at_fault("is empty: expected title,author,isbn,price"))?;
        let columns = header.fields.and_then(|header| Columns::new(&header));
        let columns =
            columns.map_err(|message| at_fault(&format!("line {}: {message}", header.line)))?;
        Ok(Self { sheet, columns, name: name.to_owned(), length: 0, ended: false })
    }

    /// Bytes in the whole file; 0 when unknown.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Columns that mean nothing here.
    pub fn ignored(&self) -> &[String] {
        &self.columns.ignored
    }

    pub(super) fn bytes(&self) -> u64 {
        self.sheet.bytes()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.ended
    }

    /// The next row; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<CatalogRow>, ImportError> {
        let record = self.sheet.next_record().map_err(|error| {
            about(
                &self.name,
                &format!("cannot be read further; what was queued stays queued: {error}"),
            )
        })?;
        self.ended = record.is_none();
        Ok(record.map(|record| {
            let fields = record.fields.map_err(Fault::Record);
            let command = fields.and_then(|fields| self.columns.command(&fields));
            CatalogRow { line: record.line, command }
        }))
    }
}

fn about(name: &str, message: &str) -> ImportError {
    ImportError::File(format!("{name}: {message}"))
}

impl From<protean::Error> for ImportError {
    fn from(error: protean::Error) -> Self {
        Self::Domain(error)
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(message) => f.write_str(message),
            Self::Domain(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_) => None,
            Self::Domain(error) => std::error::Error::source(error),
        }
    }
}
