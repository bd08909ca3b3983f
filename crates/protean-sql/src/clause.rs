//! Parts of statements.

use protean_port::message::{Column, Table};

use crate::Dialect;

/// The maximum number of conditions in one chain of `AND` or `OR`. SQLite nests chains to the left
/// and allows a depth of 1000, so longer ones are nested evenly.
const MAX_IN_A_ROW: usize = 16;

/// A column in a comparison, qualified with its table, since a bare name could mean an
/// output column.
pub(crate) fn compared<D: Dialect>(table: &Table, column: &Column) -> String {
    format!("\"{}\".\"{}\"{}", table.name, column.name, D::compared_collation(column.kind))
}

/// Joins conditions with an operator.
pub(crate) fn joined(mut parts: Vec<String>, word: &str, of_none: &str) -> String {
    match parts.len() {
        0 => of_none.to_owned(),
        1 => parts.remove(0),
        2..=MAX_IN_A_ROW => format!("({})", parts.join(&format!(" {word} "))),
        many => {
            let rest = parts.split_off(many / 2);
            let halves = [parts, rest].map(|half| joined(half, word, of_none));
            format!("({})", halves.join(&format!(" {word} ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn many_conditions_nest_evenly() {
        let parts = |count: usize| (0..count).map(|part| part.to_string()).collect();
        assert_eq!(joined(parts(3), "OR", "0 = 1"), "(0 OR 1 OR 2)");
        assert!(joined(parts(17), "OR", "0 = 1").starts_with("((0 OR 1 OR "));
        let depth = joined(parts(5000), "OR", "0 = 1").find('0');
        assert!(depth < Some(20), "{depth:?}");
    }
}
