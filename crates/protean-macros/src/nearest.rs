//! Finds the known name closest to a misspelt one.

/// The known name closest to `name`, if it is close enough.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|candidate| (distance(name, candidate), *candidate));
    let (distance, candidate) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + candidate.len() / 3).then_some(candidate)
}

/// The edit distance: how many letters must be added, removed or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, other) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_the_closest_name() {
        let known = ["max_length", "min_length", "max_value", "default"];
        assert_eq!(nearest("max_lenght", &known), Some("max_length"));
        assert_eq!(nearest("defautl", &known), Some("default"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("anything", &[]), None);
    }
}
