//! Entries that say where messages are, not what they are.

use serde::{Deserialize, Serialize};

use super::unreadable::Unreadable;
use crate::message::Category;

/// How the JSON of such an entry begins; no envelope does.
const BEGINNING: &[u8] = b"{\"positions\":";
/// The most positions that an entry may name: more than any release writes.
const MAX_POSITIONS: usize = 4096;

/// The JSON of a stream entry that stands for several messages of one category: their places
/// in the log, from which readers fetch them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// Where they are in the log, ascending.
    pub positions: Vec<u64>,
    /// Their category.
    #[serde(rename = "stream_category", with = "category")]
    pub category: Category,
    /// The id of the first, by which a reader notices an entry of another database.
    pub first_id: String,
}

impl Positions {
    /// The most positions that this release writes in an entry.
    pub const MAX_WRITTEN: usize = 256;

    /// Parses an entry; `None` when it is not one of positions.
    ///
    /// # Errors
    /// When it is one, but not as it should be; the error says what was found and expected.
    pub fn read(entry: &[u8]) -> Option<Result<Self, Unreadable>> {
        entry.starts_with(BEGINNING).then(|| {
            let read = serde_json::from_slice::<Self>(entry);
            let positions = read.map_err(|error| Unreadable::new(format!("positions: {error}")))?;
            match positions.positions.len() {
                0 => Err(Unreadable::new("positions: found none, expected at least one")),
                found if found > MAX_POSITIONS => Err(Unreadable::new(format!(
                    "positions: found {found}, expected at most {MAX_POSITIONS}"
                ))),
                _ => Ok(positions),
            }
        })
    }

    /// The entry.
    pub fn to_json(&self) -> String {
        // Numbers and text are always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

mod category {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::message::Category;

    pub(super) fn serialize<S: Serializer>(
        category: &Category,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(category.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Category, D::Error> {
        String::deserialize(deserializer).map(Category::named)
    }
}

#[cfg(test)]
mod tests {
    use super::{Category, MAX_POSITIONS, Positions};

    fn of(positions: Vec<u64>) -> Positions {
        let category = Category::named("fidelis::account");
        Positions { positions, category, first_id: "a-0".into() }
    }

    #[test]
    fn are_read_as_they_are_written() {
        let positions = of(vec![7, 9, u64::MAX]);
        let json = positions.to_json();
        assert_eq!(
            json,
            r#"{"positions":[7,9,18446744073709551615],"stream_category":"fidelis::account","first_id":"a-0"}"#
        );
        assert_eq!(Positions::read(json.as_bytes()), Some(Ok(positions)));
    }

    #[test]
    fn an_entry_of_another_form_is_none_and_a_damaged_one_says_why() {
        for entry in [r#"{"data":{},"metadata":{}}"#, "", "positions"] {
            assert_eq!(Positions::read(entry.as_bytes()), None, "{entry}");
        }
        let many = of(vec![1; MAX_POSITIONS + 1]).to_json();
        for (entry, says) in [
            (r#"{"positions":[],"stream_category":"c","first_id":""}"#, "expected at least one"),
            (r#"{"positions":[-1],"stream_category":"c","first_id":""}"#, "invalid value"),
            (r#"{"positions":[1]}"#, "stream_category"),
            (r#"{"positions":["#, "EOF"),
            (&many, "expected at most 4096"),
        ] {
            let error = Positions::read(entry.as_bytes()).unwrap().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
