//! What a table gets that is to take the place of another.

use protean_port::{Error, Result};

/// An index that a person has added to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedIndex {
    /// Its name.
    pub name: String,
    /// The statement that has created it.
    pub statement: String,
}

impl AddedIndex {
    /// The statement that creates the same index under this name on another table, if it is not
    /// there.
    ///
    /// # Errors
    /// When the statement of this one is not understood.
    pub fn on(&self, table: &str, name: &str) -> Result<String> {
        self.rewritten(table, name).ok_or_else(|| {
            Error::misused(format!(
                "the index '{}' cannot be read: drop it, and create it again after the rebuild",
                self.name
            ))
        })
    }

    fn rewritten(&self, table: &str, name: &str) -> Option<String> {
        let words: Vec<&str> = self.statement.split_whitespace().take(2).collect();
        let is_unique = words.get(1).is_some_and(|word| word.eq_ignore_ascii_case("unique"));
        let unique = if is_unique { "UNIQUE " } else { "" };
        // The columns, with the method before them where the database names it.
        let named = self.statement.find(&self.name)? + self.name.len();
        let columns = named + self.statement[named..].find('(')?;
        let method = self.statement[..columns].rfind(" USING ");
        let rest = &self.statement[method.map_or(columns, |at| at + 1)..];
        Some(format!("CREATE {unique}INDEX IF NOT EXISTS \"{name}\" ON \"{table}\" {rest}"))
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
    use super::AddedIndex;

    #[test]
    fn an_added_index_goes_along() {
        for (statement, expected) in [
            (
                "CREATE INDEX by_owner ON balances(owner)",
                "CREATE INDEX IF NOT EXISTS \"new\" ON \"balances__g3\" (owner)",
            ),
            (
                "CREATE UNIQUE INDEX by_owner ON public.balances USING btree (lower(owner)) WHERE (x > 1)",
                "CREATE UNIQUE INDEX IF NOT EXISTS \"new\" ON \"balances__g3\" USING btree (lower(owner)) WHERE (x > 1)",
            ),
        ] {
            let index = AddedIndex { name: "by_owner".into(), statement: statement.into() };
            assert_eq!(index.on("balances__g3", "new").unwrap(), expected);
        }
        let name = "by (odd) owner".to_owned();
        let statement = format!("CREATE INDEX \"{name}\" ON balances(owner)");
        let expected = "CREATE INDEX IF NOT EXISTS \"new\" ON \"b\" (owner)";
        assert_eq!(AddedIndex { name, statement }.on("b", "new").unwrap(), expected);
    }
}
