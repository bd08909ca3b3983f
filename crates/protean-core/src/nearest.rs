//! The name a person most likely meant.

/// Longer names are not compared: comparing takes time, and nobody types them.
const MAX_BYTES: usize = 64;

/// `; did you mean 'x'?` when a known name is near, else `; known: 'x' and 'y'`.
pub fn hint(found: &str, known: &[&str]) -> String {
    match nearest(found, known) {
        Some(name) => format!("; did you mean '{name}'?"),
        None if known.is_empty() => String::new(),
        None => format!("; known: {}", listed(known, "and")),
    }
}

/// `'a', 'b' or 'c'`.
pub(crate) fn listed(names: &[&str], last: &str) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.split_last() {
        Some((end, [])) => end.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
        None => String::new(),
    }
}

/// The known name with the fewest edits from `found`, if at most a third of it differs.
pub fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let found = found.to_lowercase();
    let tolerated = (found.chars().count() / 3).max(1);
    known
        .iter()
        .filter(|name| found.len() <= MAX_BYTES && name.len() <= MAX_BYTES)
        .map(|name| (distance(&found, &name.to_lowercase()), *name))
        .filter(|(edits, _)| *edits <= tolerated)
        .min()
        .map(|(_, name)| name)
}

/// The number of characters to insert, delete or replace to turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, hint, nearest};

    #[test]
    fn counts_single_edits() {
        assert_eq!(distance("treshold", "threshold"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn finds_the_nearest_name_whatever_its_case() {
        assert_eq!(nearest("TRESHOLD", &["enabled", "threshold"]), Some("threshold"));
        assert_eq!(nearest("colour", &["enabled", "threshold"]), None);
    }

    #[test]
    fn lists_the_names_when_none_is_near() {
        assert_eq!(hint("colour", &["a1", "b2", "c3"]), "; known: 'a1', 'b2' and 'c3'");
        assert_eq!(hint("colour", &[]), "");
    }
}
