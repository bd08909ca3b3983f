//! Identifies queries, so that a cursor serves only its own.

use protean_port::message::{
    Case, ColumnKind, Direction, Id, Operator, RowCondition, RowQuery, Table, TextPlace,
};
use serde_json::{Value as Json, json};

use super::value_text::text;

/// Identifies a query by its conditions and its order. Columns count by their names and kinds, so a
/// later release with other columns beside them still serves its cursors.
pub(super) fn fingerprint(table: &Table, query: &RowQuery) -> String {
    let keys = query.sort_keys(table).into_iter().map(|key| {
        let direction = match key.direction {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        };
        json!([column(table, key.column), direction])
    });
    let about = json!([condition(table, &query.condition), keys.collect::<Vec<_>>()]);
    Id::derived(&table.name, &about.to_string()).as_str().split('-').take(3).collect()
}

fn condition(table: &Table, of_row: &RowCondition) -> Json {
    let each = |conditions: &[RowCondition]| -> Vec<Json> {
        conditions.iter().map(|one| condition(table, one)).collect()
    };
    match of_row {
        RowCondition::All(conditions) => json!(["all", each(conditions)]),
        RowCondition::Any(conditions) => json!(["any", each(conditions)]),
        RowCondition::Not(inner) => json!(["not", condition(table, inner)]),
        RowCondition::Compare { column: of, operator, value } => {
            json!([column(table, *of), comparison(*operator), text(value)])
        }
        RowCondition::OneOf { column: of, values } => {
            let values: Vec<_> = values.iter().map(text).collect();
            json!([column(table, *of), "one of", values])
        }
        RowCondition::Text { column: of, place, text, case } => {
            json!([column(table, *of), self::place(*place), **text, *case == Case::Exact])
        }
        RowCondition::Has { column: of, element } => json!([column(table, *of), "has", **element]),
    }
}

fn column(table: &Table, index: usize) -> Json {
    let Some(column) = table.columns.get(index) else { return Json::Null };
    let kind = match column.kind {
        ColumnKind::Bool => "bool",
        ColumnKind::Integer => "integer",
        ColumnKind::Real => "real",
        ColumnKind::Decimal => "decimal",
        ColumnKind::Text => "text",
        ColumnKind::Timestamp => "timestamp",
        ColumnKind::Date => "date",
        ColumnKind::Json => "json",
    };
    json!([column.name, kind])
}

fn comparison(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "<>",
        Operator::Less => "<",
        Operator::AtMost => "<=",
        Operator::Greater => ">",
        Operator::AtLeast => ">=",
    }
}

fn place(place: TextPlace) -> &'static str {
    match place {
        TextPlace::Whole => "is",
        TextPlace::Start => "starts with",
        TextPlace::End => "ends with",
        TextPlace::Anywhere => "contains",
    }
}

#[cfg(test)]
mod tests {
    use protean_port::message::{
        Case, Column, ColumnKind, Operator, RowCondition, RowQuery, SortKey, Table, TextPlace,
        Value,
    };

    use super::fingerprint;

    /// Books with these columns, the first of which is the key.
    fn books(columns: &[(&str, ColumnKind)]) -> Table {
        let column = |(name, kind): &(&str, ColumnKind)| Column {
            name: (*name).to_owned(),
            kind: *kind,
            nullable: false,
            unique: false,
            default: None,
            renamed_from: Vec::new(),
        };
        let columns = columns.iter().map(column).collect();
        Table { name: "books".into(), key: 0, columns, indexes: Vec::new() }
    }

    /// By the stock, of those of an author; the numbers of the columns are given.
    fn query(author: usize, stock: usize) -> RowQuery {
        let is = RowCondition::compare(author, Operator::Equal, Value::text("Austen"));
        let (place, case) = (TextPlace::Start, Case::Exact);
        let text = RowCondition::Text { column: author, place, text: "A".into(), case };
        let several =
            RowCondition::OneOf { column: stock, values: vec![Value::Integer(1), Value::Null] };
        let has = RowCondition::Has { column: author, element: "1".into() };
        let condition = is.and(RowCondition::Not(Box::new(text.or(several)))).and(has);
        RowQuery { condition, order: vec![SortKey::descending(stock)], ..RowQuery::default() }
    }

    #[test]
    fn is_of_names_and_kinds_wherever_the_columns_are() {
        let (id, author) = (("id", ColumnKind::Text), ("author", ColumnKind::Text));
        let stock = ("stock", ColumnKind::Integer);
        let before = fingerprint(&books(&[id, author, stock]), &query(1, 2));
        // Cursors that clients hold keep this form.
        assert_eq!(before, "4fcff93b3d7e53c7");
        let title = ("title", ColumnKind::Text);
        assert_eq!(fingerprint(&books(&[id, stock, title, author]), &query(3, 1)), before);
        // The same numbers are other columns, or columns of another kind.
        assert_ne!(fingerprint(&books(&[id, title, stock]), &query(1, 2)), before);
        let real = ("stock", ColumnKind::Real);
        assert_ne!(fingerprint(&books(&[id, author, real]), &query(1, 2)), before);
    }
}
