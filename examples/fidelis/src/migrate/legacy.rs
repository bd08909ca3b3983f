//! Reads the export of another bank: rows become commands, or a reason why not.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};
use fidelis::account::OpenAccount;
use protean::Decimal;
use protean::model::Fields;

use protean_cli::Error;

const COLUMNS: [&str; 3] = ["number", "name", "balance"];
/// More than this in one account is a mistake in the export.
const MAX_BALANCE: i64 = 1_000_000_000_000;

/// An export, read row by row.
pub(crate) struct Legacy {
    path: String,
    reader: Reader<File>,
    /// Where number, name and balance stand.
    places: [usize; 3],
    record: ByteRecord,
    /// Where the file ends, when its last line has no end of its own.
    open_end: Option<u64>,
}

/// One row.
pub(crate) struct LegacyRow {
    /// Its line in the file, from 1.
    pub(crate) line: u64,
    /// The command it becomes, or why it cannot become one.
    pub(crate) account: Result<OpenAccount, String>,
}

impl Legacy {
    /// Opens an export and finds its columns, in whatever order they stand.
    ///
    /// # Errors
    /// When there is no file, or none with a header that names the columns.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let fault = |what: String| Error::failed(format!("{shown}: {what}"));
        if path.is_dir() {
            return Err(fault("is a folder: name the CSV file in it".into()));
        }
        let unreadable = |error: io::Error| fault(format!("cannot be read: {error}"));
        let mut file = File::open(path).map_err(unreadable)?;
        let open_end = open_end(&mut file).map_err(unreadable)?;
        // A '\r' before it is trimmed from the last field; the reader's own way
        // of taking both as one loses count of the lines.
        let lines = Terminator::Any(b'\n');
        let mut reader = ReaderBuilder::new().flexible(true).terminator(lines).from_reader(file);
        let header = reader.byte_headers().map_err(|error| fault(reason(&error)))?;
        let places = places(header).map_err(fault)?;
        Ok(Self { path: shown, reader, places, record: ByteRecord::new(), open_end })
    }

    /// The next row; nothing at the end.
    ///
    /// # Errors
    /// When the file cannot be read any further.
    pub(crate) fn next_row(&mut self) -> Result<Option<LegacyRow>, Error> {
        loop {
            let more = self.reader.read_byte_record(&mut self.record).map_err(|error| {
                Error::failed(format!("{}: cannot be read further: {}", self.path, reason(&error)))
            })?;
            if !more {
                return Ok(None);
            }
            if !self.record.as_slice().trim_ascii().is_empty() || self.record.len() > 1 {
                return Ok(Some(LegacyRow { line: self.line(), account: self.account() }));
            }
        }
    }

    /// The line in which the row begins. The reader itself would name the
    /// empty lines before it.
    fn line(&self) -> u64 {
        let end = self.reader.position();
        let within = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        let last = if self.open_end == Some(end.byte()) { end.line() } else { end.line() - 1 };
        last.saturating_sub(within)
    }

    fn account(&self) -> Result<OpenAccount, String> {
        let [account_number, holder_name, balance] = [self.text(0)?, self.text(1)?, self.text(2)?];
        let opening_deposit = money(balance).map_err(|fault| format!("balance: {fault}"))?;
        let command = OpenAccount {
            account_number: account_number.to_owned(),
            holder_name: holder_name.to_owned(),
            opening_deposit,
        };
        // The model's own checks are not repeated here.
        command.check().into_result().map_err(|error| in_columns(&error.to_string()))?;
        Ok(command)
    }

    fn text(&self, column: usize) -> Result<&str, String> {
        let (place, name) = (self.places[column], COLUMNS[column]);
        let bytes = self.record.get(place).ok_or_else(|| {
            format!("{name}: is missing, the row has {} of its fields", self.record.len())
        })?;
        std::str::from_utf8(bytes)
            .map(str::trim)
            .map_err(|_| format!("{name}: is not UTF-8 text ({})", String::from_utf8_lossy(bytes)))
    }
}

/// Where a file ends that does not end with a line break.
fn open_end(file: &mut File) -> io::Result<Option<u64>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    file.rewind()?;
    Ok((last != *b"\n").then_some(length))
}

/// Where the columns stand in the header.
fn places(header: &ByteRecord) -> Result<[usize; 3], String> {
    if header.is_empty() || header.iter().all(|name| name.trim_ascii().is_empty()) {
        return Err(format!("is empty: expected a header '{}' and rows", COLUMNS.join(",")));
    }
    let found: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).trim().to_lowercase()).collect();
    if found.iter().any(|name| name.contains(['\0', char::REPLACEMENT_CHARACTER])) {
        return Err("is not UTF-8 text: save the export as CSV in UTF-8".into());
    }
    let place = |name: &str| found.iter().position(|column| column == name);
    let missing: Vec<&str> = COLUMNS.into_iter().filter(|name| place(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(COLUMNS.map(|name| place(name).unwrap_or_default()));
    }
    Err(format!(
        "line 1 must name the columns '{}' in any order; '{}' is not among '{}'",
        COLUMNS.join(","),
        missing.join(","),
        found.join(",")
    ))
}

/// An amount to the cent.
fn money(text: &str) -> Result<Decimal, String> {
    if text.is_empty() {
        return Err("is required".into());
    }
    let plain = text.chars().all(|letter| letter.is_ascii_digit() || "+-.".contains(letter));
    let amount = if plain { text.parse::<Decimal>().ok() } else { None };
    let amount =
        amount.ok_or_else(|| format!("'{text}' is not an amount: write it like 1250.00"))?;
    if amount.round(2) != amount {
        return Err(format!("'{text}' has more than two digits after the point"));
    }
    if amount > MAX_BALANCE {
        return Err(format!("'{text}' is more than any account holds"));
    }
    Ok(amount)
}

/// The fields of the command as the export calls them.
fn in_columns(message: &str) -> String {
    [("account_number", "number"), ("holder_name", "name"), ("opening_deposit", "balance")]
        .into_iter()
        .fold(message.to_owned(), |message, (field, column)| message.replace(field, column))
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "ends in the middle of a row".into()
        }
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[path = "legacy_tests.rs"]
mod tests;
