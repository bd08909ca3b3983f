//! What a table gets that is to take the place of another.

use protean_port::port::TableSwap;

/// An index that a person has added to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedIndex {
    /// Its name.
    pub name: String,
    /// The statement that has created it.
    pub statement: String,
}

impl AddedIndex {
    /// The name of the same index on the successor.
    pub fn successor_name(&self, swap: &TableSwap) -> String {
        format!("{}{}", without_generation(&self.name), swap.suffix())
    }

    /// The statement that creates the same index on the successor, if it is not there; none for
    /// a statement that is not understood.
    pub fn for_successor(&self, swap: &TableSwap) -> Option<String> {
        let (name, successor) = (self.successor_name(swap), &swap.successor);
        let words: Vec<&str> = self.statement.split_whitespace().take(2).collect();
        let is_unique = words.get(1).is_some_and(|word| word.eq_ignore_ascii_case("unique"));
        let unique = if is_unique { "UNIQUE " } else { "" };
        // The columns, with the method before them where the database names it.
        let columns = self.statement.find('(')?;
        let method = self.statement[..columns].rfind(" USING ");
        let rest = &self.statement[method.map_or(columns, |at| at + 1)..];
        Some(format!("CREATE {unique}INDEX IF NOT EXISTS \"{name}\" ON \"{successor}\" {rest}"))
    }
}

/// The name of an index without the generation of its table.
pub fn without_generation(name: &str) -> &str {
    match name.rsplit_once("__g") {
        Some((base, number))
            if !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) =>
        {
            base
        }
        _ => name,
    }
}

/// The statement that deletes some rows of a table.
pub fn delete_some(table: &str, key: &str, rows: usize) -> String {
    format!(
        "DELETE FROM \"{table}\" WHERE \"{key}\" IN (SELECT \"{key}\" FROM \"{table}\" LIMIT {rows})"
    )
}

/// The statement that gives a table another name.
pub fn rename_table(table: &str, to: &str) -> String {
    format!("ALTER TABLE \"{table}\" RENAME TO \"{to}\"")
}

#[cfg(test)]
mod tests {
    use protean_port::message::{Column, ColumnKind, Table};
    use protean_port::port::TableSwap;

    use super::AddedIndex;

    fn swap() -> TableSwap {
        let id = Column {
            name: "id".into(),
            kind: ColumnKind::Text,
            nullable: false,
            unique: true,
            default: None,
            renamed_from: Vec::new(),
        };
        let table = Table { name: "balances".into(), key: 0, columns: vec![id] };
        TableSwap::to_generation(table, 3, &[])
    }

    #[test]
    fn an_added_index_goes_along() {
        for (name, statement, expected) in [
            (
                "by_owner",
                "CREATE INDEX by_owner ON balances(owner)",
                "CREATE INDEX IF NOT EXISTS \"by_owner__g3\" ON \"balances__g3\" (owner)",
            ),
            (
                "by_owner__g2",
                "CREATE UNIQUE INDEX by_owner__g2 ON public.balances USING btree (lower(owner)) WHERE (x > 1)",
                "CREATE UNIQUE INDEX IF NOT EXISTS \"by_owner__g3\" ON \"balances__g3\" USING btree (lower(owner)) WHERE (x > 1)",
            ),
        ] {
            let index = AddedIndex { name: name.into(), statement: statement.into() };
            assert_eq!(index.for_successor(&swap()).as_deref(), Some(expected));
        }
    }
}
