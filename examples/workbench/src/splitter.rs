//! Splits a record at its commas.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

/// The fields of a record, as bytes.
pub type Fields = Vec<Vec<u8>>;

/// Cuts a record that comes line by line. A field may stand in double quotes: then it may hold
/// commas, ends of lines and, doubled, quotes.
///
/// `csv_core` knows what a quote means, and reads on whatever comes. Here text after a closing quote
/// is a fault, and blanks there do not count.
pub(super) struct Splitter {
    reader: Reader,
    /// The text of all fields, without the commas and quotes around them.
    text: Vec<u8>,
    /// Where each field ends in the text.
    ends: Vec<usize>,
    place: Place,
}

/// Where in a field, as far as quotes go.
#[derive(PartialEq)]
enum Place {
    Begin,
    Within,
    /// After a quote within quotes: the end, or the first of a doubled one.
    Closed,
}

impl Default for Splitter {
    fn default() -> Self {
        let reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        Self { reader, text: Vec::new(), ends: Vec::new(), place: Place::Begin }
    }
}

impl Splitter {
    /// Takes one line; true when the record ends with it.
    pub(super) fn feed(&mut self, line: &[u8]) -> Result<bool, String> {
        if line.contains(&b'"') {
            line.iter().try_for_each(|byte| self.take(*byte))?;
        } else {
            self.read(line);
        }
        Ok(self.read(b"\n"))
    }

    /// What was taken.
    pub(super) fn into_fields(self) -> Fields {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| self.text[begin..*end].to_vec()).collect()
    }

    fn take(&mut self, byte: u8) -> Result<(), String> {
        match byte {
            b' ' | b'\t' if self.place == Place::Closed => return Ok(()),
            b',' | b'"' => {}
            _ if self.place == Place::Closed => {
                let rule = "a quote within quotes is written twice";
                return Err(format!("text follows a closing quote; {rule}"));
            }
            _ => {}
        }
        let (length, fields) = (self.text.len(), self.ends.len());
        self.read(&[byte]);
        let is_silent = self.text.len() == length;
        self.place = match self.place {
            _ if self.ends.len() > fields => Place::Begin,
            Place::Within | Place::Closed if byte == b'"' && is_silent => Place::Closed,
            _ => Place::Within,
        };
        Ok(())
    }

    /// Reads some bytes; true when the record ends with them.
    fn read(&mut self, bytes: &[u8]) -> bool {
        // No bytes would be the end of the file.
        if bytes.is_empty() {
            return false;
        }
        let (length, fields) = (self.text.len(), self.ends.len());
        // Room for all that can come of them.
        self.text.resize(length + bytes.len(), 0);
        self.ends.resize(fields + bytes.len() + 1, 0);
        let (result, _, wrote, ended) =
            self.reader.read_record(bytes, &mut self.text[length..], &mut self.ends[fields..]);
        self.text.truncate(length + wrote);
        self.ends.truncate(fields + ended);
        result == ReadRecordResult::Record
    }
}

#[cfg(test)]
mod tests {
    use super::Splitter;

    fn split(lines: &[&str]) -> Result<Option<Vec<String>>, String> {
        let mut splitter = Splitter::default();
        let mut ended = false;
        for line in lines {
            ended = splitter.feed(line.as_bytes())?;
        }
        let fields = splitter.into_fields().into_iter();
        Ok(ended.then(|| fields.map(|field| String::from_utf8(field).unwrap()).collect()))
    }

    #[test]
    fn cuts_at_commas_outside_of_quotes() {
        for (line, fields) in [
            ("a,b", vec!["a", "b"]),
            ("a,,", vec!["a", "", ""]),
            ("a\rb,c", vec!["a\rb", "c"]),
            (r#""a,b",c"#, vec!["a,b", "c"]),
            (r#""a ""b""",c"#, vec![r#"a "b""#, "c"]),
            ("\"\"\"\",c", vec!["\"", "c"]),
            ("\"\",\"\",c", vec!["", "", "c"]),
            (r#"a 5" disk,c"#, vec![r#"a 5" disk"#, "c"]),
            (r#""a" ,c"#, vec!["a", "c"]),
        ] {
            assert_eq!(split(&[line]).unwrap().unwrap(), fields, "{line}");
        }
    }

    #[test]
    fn a_quoted_field_goes_over_lines() {
        assert_eq!(split(&["\"a", "", "b\",c"]).unwrap().unwrap(), ["a\n\nb", "c"]);
        assert_eq!(split(&["\"a", "b"]).unwrap(), None);
    }

    #[test]
    fn refuses_text_after_a_closing_quote() {
        for line in [r#""a"b,c"#, r#""a" b,c"#] {
            assert!(split(&[line]).unwrap_err().contains("closing quote"), "{line}");
        }
    }
}
