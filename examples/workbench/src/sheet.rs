//! The records of a CSV file, with the lines an editor shows.
//!
//! A record that cannot be read is reported at its first line, and reading goes on
//! with the next line: an unclosed quote costs one record, not the
//! rest of the file.

use std::collections::VecDeque;
use std::io::{self, BufRead};

pub use crate::splitter::Fields;
use crate::splitter::Splitter;

/// The most bytes a record may have; also what one record may take in memory.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// One record.
#[derive(Debug)]
pub struct Record {
    /// The line it begins on, from 1.
    pub line: u64,
    /// How many lines with text it has; one when it cannot be read.
    pub lines: u64,
    /// Its fields, or why it cannot be read.
    pub fields: Result<Fields, String>,
}

/// A CSV file that is read record by record, in bounded memory.
pub struct Sheet<R> {
    input: R,
    /// Lines of records that were given up, to be read again.
    again: VecDeque<RawLine>,
    line: u64,
    bytes: u64,
}

enum RawLine {
    Text(Vec<u8>),
    TooLong,
}

impl<R: BufRead> Sheet<R> {
    /// Reads from the beginning of a file.
    pub fn new(input: R) -> Self {
        Self { input, again: VecDeque::new(), line: 0, bytes: 0 }
    }

    /// How many bytes are read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next record that is not blank; nothing at the end.
    ///
    /// # Errors
    /// When the file cannot be read any further.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        while let Some(line) = self.next_line()? {
            let begin = self.line;
            let (lines, fields) = match line {
                RawLine::TooLong => {
                    (1, Err(format!("is longer than {} KiB", MAX_RECORD_BYTES / 1024)))
                }
                RawLine::Text(text) if text.trim_ascii().is_empty() => continue,
                RawLine::Text(text) => self.fields(&text)?,
            };
            return Ok(Some(Record { line: begin, lines, fields }));
        }
        Ok(None)
    }

    /// The fields of a record that begins with this line, and how many lines with text it has.
    fn fields(&mut self, first: &[u8]) -> io::Result<(u64, Result<Fields, String>)> {
        let mut splitter = Splitter::default();
        let mut more = Vec::new();
        let (mut length, mut lines) = (first.len(), 1);
        let mut ended = splitter.feed(first);
        loop {
            match ended {
                Ok(true) => return Ok((lines, Ok(splitter.into_fields()))),
                Ok(false) => {}
                Err(fault) => return Ok((1, self.go_back(more, fault))),
            }
            match self.next_line()? {
                Some(RawLine::Text(text)) if length + text.len() < MAX_RECORD_BYTES => {
                    length += text.len() + 1;
                    lines += u64::from(!text.trim_ascii().is_empty());
                    ended = splitter.feed(&text);
                    more.push(RawLine::Text(text));
                }
                rest => {
                    more.extend(rest);
                    return Ok((1, self.go_back(more, "a quote is opened and not closed".into())));
                }
            }
        }
    }

    /// Gives up a record, whose lines after the first are read again.
    fn go_back(&mut self, lines: Vec<RawLine>, fault: String) -> Result<Fields, String> {
        self.line -= lines.len() as u64;
        for line in lines.into_iter().rev() {
            self.again.push_front(line);
        }
        Err(fault)
    }

    fn next_line(&mut self) -> io::Result<Option<RawLine>> {
        let line = match self.again.pop_front() {
            Some(line) => Some(line),
            None => self.read_line()?,
        };
        self.line += u64::from(line.is_some());
        Ok(line)
    }

    /// A line without its end. What is too long is skipped without being kept.
    fn read_line(&mut self) -> io::Result<Option<RawLine>> {
        let mut text = Vec::new();
        let mut read = 0;
        loop {
            let ready = self.input.fill_buf()?;
            if ready.is_empty() {
                break;
            }
            let end = ready.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(ready.len(), |end| end + 1);
            if read <= MAX_RECORD_BYTES {
                text.extend_from_slice(&ready[..taken]);
            }
            read += taken;
            self.input.consume(taken);
            if end.is_some() {
                break;
            }
        }
        self.bytes += read as u64;
        Ok((read > 0).then(|| RawLine::new(text)))
    }
}

impl RawLine {
    fn new(mut text: Vec<u8>) -> Self {
        for end in [b'\n', b'\r'] {
            text.pop_if(|last| *last == end);
        }
        if text.len() > MAX_RECORD_BYTES { Self::TooLong } else { Self::Text(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::Sheet;

    /// The line of each record, and its fields or the fault.
    fn records(text: &str) -> Vec<(u64, String)> {
        let mut sheet = Sheet::new(text.as_bytes());
        let mut records = Vec::new();
        while let Some(record) = sheet.next_record().unwrap() {
            let shown = match record.fields {
                Ok(fields) => {
                    let fields = fields.into_iter().map(|field| String::from_utf8(field).unwrap());
                    fields.collect::<Vec<_>>().join("|")
                }
                Err(fault) => fault,
            };
            records.push((record.line, shown));
        }
        records
    }

    #[test]
    fn an_open_quote_costs_its_own_row_only() {
        let found = records("a,b\r\n1,\"x\n2,y\n\n3,\"two\nlines\"\n4,z");
        let expected = [
            (1, "a|b"),
            (2, "a quote is opened and not closed"),
            (3, "2|y"),
            (5, "3|two\nlines"),
            (7, "4|z"),
        ];
        let expected = expected.map(|(line, shown)| (line, (*shown).to_owned()));
        // The quote of line 2 would close in line 5, before text.
        assert_eq!(found[0], expected[0]);
        assert_eq!(found[1].0, 2);
        assert_eq!(found[2..], expected[2..]);
    }
}
