//! Splits a record at its commas.

/// The fields of a record, as bytes.
pub type Fields = Vec<Vec<u8>>;

/// Cuts a record that comes line by line. A field may stand in double quotes:
/// then it may hold commas, ends of lines and, doubled, quotes.
#[derive(Default)]
pub(super) struct Splitter {
    fields: Fields,
    field: Vec<u8>,
    place: Place,
}

/// Where in a field.
#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Begin,
    Plain,
    Quoted,
    /// After a quote within quotes: the end, or the first of a doubled one.
    Closed,
}

impl Splitter {
    /// Takes one line; true when the record ends with it.
    pub(super) fn feed(&mut self, line: &[u8]) -> Result<bool, String> {
        for byte in line {
            self.place = self.take(*byte)?;
        }
        let open = matches!(self.place, Place::Quoted);
        if open {
            self.field.push(b'\n')
        } else {
            self.end_field()
        }
        Ok(!open)
    }

    /// What was taken.
    pub(super) fn into_fields(self) -> Fields {
        self.fields
    }

    fn take(&mut self, byte: u8) -> Result<Place, String> {
        let place = match (self.place, byte) {
            (Place::Begin | Place::Plain | Place::Closed, b',') => {
                self.end_field();
                return Ok(Place::Begin);
            }
            (Place::Begin, b'"') => return Ok(Place::Quoted),
            (Place::Quoted, b'"') => return Ok(Place::Closed),
            (Place::Begin | Place::Plain, _) => Place::Plain,
            (Place::Quoted, _) | (Place::Closed, b'"') => Place::Quoted,
            (Place::Closed, b' ' | b'\t') => return Ok(Place::Closed),
            (Place::Closed, _) => {
                let rule = "a quote within quotes is written twice";
                return Err(format!("text follows a closing quote; {rule}"));
            }
        };
        self.field.push(byte);
        Ok(place)
    }

    fn end_field(&mut self) {
        self.fields.push(std::mem::take(&mut self.field));
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
            (r#""a,b",c"#, vec!["a,b", "c"]),
            (r#""a ""b""",c"#, vec![r#"a "b""#, "c"]),
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
        assert!(split(&[r#""a"b,c"#]).unwrap_err().contains("closing quote"));
    }
}
