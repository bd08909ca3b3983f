//! The data of a message, masked unless the reader asks to reveal it.

use serde_json::Value;

/// Stands for a value.
pub(crate) const MASK: &str = "••••••";

/// The data of a message, as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// The names of its fields: what they hold is not part of the page.
    Fields(Vec<String>),
    /// It is not an object.
    Hidden,
    /// All of it.
    Revealed(String),
}

impl Payload {
    /// The data with its values masked.
    pub(crate) fn masked(data: &str) -> Self {
        match serde_json::from_str(data) {
            Ok(Value::Object(fields)) => Self::Fields(fields.keys().cloned().collect()),
            _ => Self::Hidden,
        }
    }

    /// The data as it is; on indented lines when it is JSON.
    pub(crate) fn revealed(data: &str) -> Self {
        // Through `Value`, digits beyond 64 bits would be lost.
        let is_json = serde_json::from_str::<&serde_json::value::RawValue>(data).is_ok();
        Self::Revealed(if is_json { indented(data) } else { data.to_owned() })
    }
}

/// JSON on indented lines, letter for letter.
fn indented(json: &str) -> String {
    let (mut shown, mut depth, mut in_text, mut escaped) = (String::new(), 0_usize, false, false);
    let mut letters = json.chars().filter(|letter| !letter.is_control()).peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            shown.push(letter);
            in_text = escaped || letter != '"';
            escaped = letter == '\\' && !escaped;
            continue;
        }
        match letter {
            ' ' => {}
            '{' | '[' => {
                while letters.peek() == Some(&' ') {
                    letters.next();
                }
                shown.push(letter);
                if matches!(letters.peek(), Some('}' | ']')) {
                    shown.extend(letters.next());
                } else {
                    depth += 1;
                    line(&mut shown, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut shown, depth);
                shown.push(letter);
            }
            ',' => {
                shown.push(letter);
                line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            _ => {
                in_text = letter == '"';
                shown.push(letter);
            }
        }
    }
    shown
}

fn line(shown: &mut String, depth: usize) {
    shown.push('\n');
    shown.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::Payload;

    #[test]
    fn masked_data_holds_names_and_no_value() {
        let data = r#"{"holder": "Eve", "pin": 1234, "tags": {"secret": ["x"]}, "gone": null}"#;
        let expected = ["gone", "holder", "pin", "tags"].map(str::to_owned).to_vec();
        let Payload::Fields(mut names) = Payload::masked(data) else { panic!("no fields") };
        names.sort();
        assert_eq!(names, expected);
        for other in ["[1, 2]", "\"Eve\"", "not JSON", ""] {
            assert_eq!(Payload::masked(other), Payload::Hidden);
        }
    }

    #[test]
    fn revealed_data_keeps_every_letter() {
        let data =
            r#"{"a":[],"b":{"c":"x, {\"y\": 1}","d":[1,2.50]},"n":123456789012345678901234567890}"#;
        let expected = r#"{
  "a": [],
  "b": {
    "c": "x, {\"y\": 1}",
    "d": [
      1,
      2.50
    ]
  },
  "n": 123456789012345678901234567890
}"#;
        assert_eq!(Payload::revealed(data), Payload::Revealed(expected.to_owned()));
        assert_eq!(
            Payload::revealed("{\"a\": \"\\\\\"}"),
            Payload::Revealed("{\n  \"a\": \"\\\\\"\n}".into())
        );
        assert_eq!(Payload::revealed("not { JSON"), Payload::Revealed("not { JSON".to_owned()));
    }
}
