//! The records of a CSV file, with the lines an editor shows.
//!
//! A record that cannot be read is reported at its first line, and reading goes on
//! with the next line: an unclosed quote costs one record, not the
//! rest of the file.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::splitter::{Fields, Splitter};

/// The most bytes a record may have; also what one record may take in memory.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// One record.
pub(super) struct Record {
    /// The line it begins on, from 1.
    pub(super) line: u64,
    /// Its fields, or why it cannot be read.
    pub(super) fields: Result<Fields, String>,
}

/// A CSV file that is read record by record, in bounded memory.
pub(super) struct Sheet<R> {
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
    pub(super) fn new(input: R) -> Self {
        Self { input, again: VecDeque::new(), line: 0, bytes: 0 }
    }

    /// How many bytes are read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next record that is not blank; nothing at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        while let Some(line) = self.next_line()? {
            let begin = self.line;
            let fields = match line {
                RawLine::TooLong => Err(format!("is longer than {} KiB", MAX_RECORD_BYTES / 1024)),
                RawLine::Text(text) if text.trim_ascii().is_empty() => continue,
                RawLine::Text(text) => self.fields(&text)?,
            };
            return Ok(Some(Record { line: begin, fields }));
        }
        Ok(None)
    }

    /// The fields of a record that begins with this line.
    fn fields(&mut self, first: &[u8]) -> io::Result<Result<Fields, String>> {
        let mut splitter = Splitter::default();
        let mut more = Vec::new();
        let mut length = first.len();
        let mut ended = splitter.feed(first);
        loop {
            match ended {
                Ok(true) => return Ok(Ok(splitter.into_fields())),
                Ok(false) => {}
                Err(fault) => return Ok(self.go_back(more, fault)),
            }
            match self.next_line()? {
                Some(RawLine::Text(text)) if length + text.len() < MAX_RECORD_BYTES => {
                    length += text.len() + 1;
                    ended = splitter.feed(&text);
                    more.push(RawLine::Text(text));
                }
                rest => {
                    more.extend(rest);
                    return Ok(self.go_back(more, "a quote is opened and not closed".into()));
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
