//! Tables of plain columns.

use std::fmt::{self, Display};

use comfy_table::{CellAlignment, presets};

use crate::escape;

/// A table of plain columns: a header and one line for each row. Cells are
/// [escaped](escape).
///
/// ```
/// # use protean_cli::Table;
/// let mut table = Table::new().text("Stream").number("Lag");
/// table.row(["fidelis::account", "0"]);
/// table.row(["fidelis::account:backfill", "450K"]);
/// assert_eq!(table.to_string(), "\
/// Stream                      Lag
/// fidelis::account              0
/// fidelis::account:backfill  450K");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Column {
    title: String,
    alignment: CellAlignment,
}

impl Table {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a left-aligned column.
    #[must_use]
    pub fn text(self, title: &str) -> Self {
        self.column(title, CellAlignment::Left)
    }

    /// Adds a right-aligned column.
    #[must_use]
    pub fn number(self, title: &str) -> Self {
        self.column(title, CellAlignment::Right)
    }

    fn column(mut self, title: &str, alignment: CellAlignment) -> Self {
        self.columns.push(Column { title: escape(title), alignment });
        self
    }

    /// Adds a row with one cell for each column.
    pub fn row<C: Display>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(|cell| escape(&cell.to_string())).collect());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut drawn = comfy_table::Table::new();
        drawn.load_style(presets::NOTHING);
        drawn.set_header(self.columns.iter().map(|column| &column.title));
        for row in &self.rows {
            drawn.add_row(row);
        }
        for (index, column) in self.columns.iter().enumerate() {
            let last = index + 1 == self.columns.len();
            if let Some(drawn) = drawn.column_mut(index) {
                drawn.set_padding((0, if last { 0 } else { 2 }));
                drawn.set_cell_alignment(column.alignment);
            }
        }
        f.write_str(&drawn.trim_fmt())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn a_cell_escapes_control_characters() {
        let mut table = Table::new().text("Handler");
        table.row(["a\u{1b}[2J\u{202e}\nb"]);
        assert_eq!(table.to_string(), "Handler\na\\u{1b}[2J\\u{202e}\\nb");
    }

    #[test]
    fn lines_do_not_end_in_spaces() {
        let mut table = Table::new().text("A").text("Status");
        table.row(["x", "ok"]);
        assert!(table.to_string().lines().all(|line| line.trim_end() == line));
    }
}
