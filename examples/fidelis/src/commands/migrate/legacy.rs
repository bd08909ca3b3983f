//! Reads the export of another bank: rows become commands, or a reason why not.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use fidelis::account::OpenAccount;
use protean::Decimal;
use protean::model::Fields as _;
use protean_cli::Error;
use workbench::sheet::{Fields, Sheet};

const COLUMNS: [&str; 3] = ["number", "name", "balance"];
/// More than this in one account is a mistake in the export.
const MAX_BALANCE: i64 = 1_000_000_000_000;

/// An export, read row by row.
pub(crate) struct Legacy {
    path: String,
    sheet: Sheet<BufReader<File>>,
    places: Places,
    lines: Lines,
}

/// Lines with text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    /// In the file, counted without its reader.
    pub(crate) in_file: u64,
    /// In the rows that were read, good or bad, and in the header.
    pub(crate) read: u64,
}

/// Where number, name and balance stand, among how many columns.
struct Places {
    columns: [usize; 3],
    count: usize,
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
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        if file.fill_buf().map_err(unreadable)?.starts_with(b"\xef\xbb\xbf") {
            file.consume(3);
        }
        let mut sheet = Sheet::new(file);
        let header = sheet.next_record().map_err(unreadable)?;
        let empty =
            || fault(format!("is empty: expected a header '{}' and rows", COLUMNS.join(",")));
        let header = header.ok_or_else(empty)?;
        let places = header.fields.and_then(|fields| places(&fields));
        let places = places.map_err(|what| fault(format!("line {}: {what}", header.line)))?;
        let in_file = lines_in(path).map_err(unreadable)?;
        let lines = Lines { in_file, read: header.lines };
        Ok(Self { path: shown, sheet, places, lines })
    }

    /// How much of the file was read so far.
    pub(crate) fn lines(&self) -> Lines {
        self.lines
    }

    /// The next row; nothing at the end.
    ///
    /// # Errors
    /// When the file cannot be read any further.
    pub(crate) fn next_row(&mut self) -> Result<Option<LegacyRow>, Error> {
        let record = self.sheet.next_record().map_err(|error| {
            Error::failed(format!("{}: cannot be read further: {error}", self.path))
        })?;
        self.lines.read += record.as_ref().map_or(0, |record| record.lines);
        Ok(record.map(|record| {
            let account = record.fields.and_then(|fields| self.places.account(&fields));
            LegacyRow { line: record.line, account }
        }))
    }
}

impl Places {
    fn account(&self, row: &Fields) -> Result<OpenAccount, String> {
        if row.len() != self.count {
            return Err(format!("has {} columns, the header has {}", row.len(), self.count));
        }
        let [number, name, balance] = [0, 1, 2].map(|column| self.text(row, column));
        let (account_number, holder_name, balance) = (number?, name?, balance?);
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

    /// The text of a field in one line.
    fn text<'r>(&self, row: &'r Fields, column: usize) -> Result<&'r str, String> {
        let (bytes, name) = (&row[self.columns[column]], COLUMNS[column]);
        let text = std::str::from_utf8(bytes).map_err(|_| {
            format!("{name}: is not UTF-8 text ({})", String::from_utf8_lossy(bytes))
        })?;
        match text.contains('\n') {
            true => Err(format!("{name}: goes over several lines: is a quote missing?")),
            false => Ok(text.trim()),
        }
    }
}

/// How many lines of a file have text.
fn lines_in(path: &Path) -> io::Result<u64> {
    let (mut file, mut lines) = (BufReader::new(File::open(path)?), 0);
    let mut has_text = false;
    loop {
        let ready = file.fill_buf()?;
        if ready.is_empty() {
            return Ok(lines + u64::from(has_text));
        }
        for byte in ready {
            if *byte == b'\n' {
                lines += u64::from(std::mem::take(&mut has_text));
            } else {
                has_text |= !byte.is_ascii_whitespace();
            }
        }
        let length = ready.len();
        file.consume(length);
    }
}

/// Where the columns stand in the header.
fn places(header: &Fields) -> Result<Places, String> {
    let found: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).trim().to_lowercase()).collect();
    if found.iter().any(|name| name.contains(['\0', char::REPLACEMENT_CHARACTER])) {
        return Err("is not UTF-8 text: save the export as CSV in UTF-8".into());
    }
    let count = |name: &str| found.iter().filter(|column| *column == name).count();
    let missing: Vec<&str> = COLUMNS.into_iter().filter(|name| count(name) == 0).collect();
    if !missing.is_empty() {
        return Err(format!(
            "must name the columns '{}' in any order; '{}' is not among '{}'",
            COLUMNS.join(","),
            missing.join(","),
            found.join(",")
        ));
    }
    if let Some(twice) = COLUMNS.iter().find(|name| count(name) > 1) {
        return Err(format!("names the column '{twice}' twice: remove one"));
    }
    let place = |name| found.iter().position(|column| column == name).unwrap_or_default();
    let columns = COLUMNS.map(place);
    Ok(Places { columns, count: found.len() })
}

/// An amount to the cent.
fn money(text: &str) -> Result<Decimal, String> {
    if text.is_empty() {
        return Err("is required".into());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let amount = (is_digits(whole) && is_digits(part)).then(|| text.parse::<Decimal>().ok());
    let amount = amount
        .flatten()
        .ok_or_else(|| format!("'{text}' is not an amount: write it like 1250.00"))?;
    // Three zeros may be thousands.
    if part.len() > 2 {
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

#[cfg(test)]
#[path = "legacy_tests.rs"]
mod tests;
