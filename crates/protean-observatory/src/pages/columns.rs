//! The head of a table.

use maud::{Markup, html};

/// A column, by its name.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    /// Its values are numbers, to the right.
    Number(&'static str),
    /// Its name is for screen readers alone.
    Unseen(&'static str),
}

/// The row that names the columns.
pub(crate) fn head(columns: &[Column]) -> Markup {
    html! {
        thead {
            tr {
                @for column in columns {
                    @match column {
                        Column::Text(name) => th scope="col" { (name) },
                        Column::Number(name) => th.number scope="col" { (name) },
                        Column::Unseen(name) => th scope="col" { span.unseen { (name) } },
                    }
                }
            }
        }
    }
}
