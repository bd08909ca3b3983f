//! What a projector does while its projection is rebuilt: it keeps the rows of the successor, and
//! nothing else.

use std::sync::Arc;

use protean_port::message::Table;
use protean_port::port::{Changes, RowState, StoreView, TableSwap};

/// The bits of a row's version that count its changes; those above are its generation. So no unit
/// that rests on a row of another generation finds the version that it expects.
const CHANGE_BITS: u32 = 40;

/// The store as the projectors see it that fill the successor: as the table.
pub(super) struct SuccessorView {
    table: String,
    successor: Arc<Table>,
    /// The version before the first one of a row.
    base: u64,
}

impl SuccessorView {
    pub(super) fn of(swap: &TableSwap) -> Self {
        Self {
            table: swap.table.name.clone(),
            successor: Arc::new(swap.successor()),
            base: swap.number() << CHANGE_BITS,
        }
    }

    fn rewrite(&self, unit: &mut Changes) {
        for write in unit.rows.iter_mut().filter(|write| write.table.name == self.table) {
            write.table = Arc::clone(&self.successor);
            write.version += self.base;
            write.expected = write.expected.map(|version| version + self.base);
        }
        if let Some(otherwise) = &mut unit.otherwise {
            self.rewrite(otherwise);
        }
    }
}

impl StoreView for SuccessorView {
    fn table(&self, table: &Table) -> Option<Table> {
        (table.name == self.table).then(|| (*self.successor).clone())
    }

    fn row(&self, table: &Table, row: RowState) -> RowState {
        match table.name == self.table {
            true => RowState {
                version: row.version.map(|version| version.saturating_sub(self.base)),
                ..row
            },
            false => row,
        }
    }

    fn units(&self, mut units: Arc<[Changes]>) -> Arc<[Changes]> {
        Arc::make_mut(&mut units).iter_mut().for_each(|unit| self.rewrite(unit));
        units
    }
}

/// Why the effects of a handler cannot be had once more; none when they are rows of this table.
pub(crate) fn unrepeatable(changes: &Changes, table: &str) -> Option<String> {
    if let Some(append) = changes.appends.first() {
        let name = append.message.name();
        return Some(format!(
            "the projector sends or raises {name}, which a rebuild would do again: move that to an \
             event handler"
        ));
    }
    if !changes.statements.is_empty() {
        return Some(
            "the projector writes SQL of its own, of which a rebuild does not know what it changes: \
             write through the repository"
                .to_owned(),
        );
    }
    let other = changes.rows.iter().find(|write| write.table.name != table)?;
    Some(format!(
        "the projector also writes '{}', which is not rebuilt: give it a projector of its own",
        other.table.name
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protean_port::message::{Column, ColumnKind, Lane, Row, Table, Value};
    use protean_port::port::{
        Changes, RowChange, RowState, RowWrite, Statement, StoreView, TableSwap,
    };

    use super::{CHANGE_BITS, SuccessorView, unrepeatable};

    fn table(name: &str) -> Table {
        let id = Column {
            name: "id".into(),
            kind: ColumnKind::Text,
            nullable: false,
            unique: true,
            default: None,
            renamed_from: Vec::new(),
        };
        Table { name: name.into(), key: 0, columns: vec![id], indexes: Vec::new() }
    }

    fn put(of: &str, expected: Option<u64>) -> Changes {
        let version = expected.map_or(0, |version| version + 1);
        let row = Row::from([Value::Text("1".into())]);
        let (table, change) = (Arc::new(table(of)), RowChange::Put(row));
        let write = RowWrite { table, key: "1".into(), expected, version, change };
        Changes { rows: vec![write], ..Changes::new(Lane::Backfill) }
    }

    #[test]
    fn rows_are_those_of_the_successor_in_versions_of_its_own() {
        let swap = TableSwap::to_generation(table("balances"), 3, &[("b.B", "b.B#2")]);
        let view = SuccessorView::of(&swap);
        let base = 3 << CHANGE_BITS;
        let otherwise = Some(Box::new(put("balances", None)));
        let units =
            Arc::from([Changes { otherwise, ..put("balances", Some(4)) }, put("x", Some(4))]);
        let units = view.units(units);
        let [own, other] = &*units else { panic!("two units") };
        let write = &own.rows[0];
        assert_eq!(write.table.name, "balances__g3");
        assert_eq!((write.expected, write.version), (Some(base + 4), base + 5));
        assert_eq!(own.otherwise.as_ref().unwrap().rows[0].version, base);
        assert_eq!(other.rows[0].version, 5);
        let state = RowState { row: None, version: Some(base + 5) };
        assert_eq!(view.row(&table("balances"), state).version, Some(5));
        assert_eq!(view.table(&table("balances")).unwrap().name, "balances__g3");
        assert_eq!(view.table(&table("x")), None);
    }

    #[test]
    fn a_projector_may_only_keep_its_rows() {
        assert_eq!(unrepeatable(&put("balances", None), "balances"), None);
        let other = unrepeatable(&put("x", None), "balances").unwrap();
        assert!(other.contains("'x'"), "{other}");
        let statements = vec![Statement { sql: "DELETE FROM x".into(), parameters: Vec::new() }];
        let own_sql = Changes { statements, ..Changes::default() };
        assert!(unrepeatable(&own_sql, "balances").unwrap().contains("SQL"));
    }
}
