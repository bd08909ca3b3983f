//! Any PostgreSQL table: its rows are read, and written again as one array per column.

use protean_cli::Result;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

/// Logged tables only: claims and the like do not survive a crash.
const TABLES: &str = "SELECT relname::text FROM pg_class
 WHERE relkind = 'r' AND relpersistence = 'p'
   AND relnamespace = current_schema()::text::regnamespace ORDER BY relname";
const COLUMNS: &str = "SELECT a.attname::text, format_type(a.atttypid, NULL),
       coalesce(a.attnum = ANY (i.indkey), false)
  FROM pg_attribute a
  LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
 WHERE a.attrelid = quote_ident($1)::regclass AND a.attnum > 0
   AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum";
/// The table whose rows never change.
const LOG_TABLE: &str = "messages";

pub(super) struct Table {
    name: String,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: String,
    is_key: bool,
}

/// Values of one column.
pub(super) enum Cells {
    Numbers(Vec<Option<i64>>),
    /// All other types, as text.
    Texts(Vec<Option<String>>),
}

impl Table {
    /// All tables of the schema.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub(super) async fn all(client: &Client) -> Result<Vec<Self>> {
        let mut tables = Vec::new();
        for row in client.query(TABLES, &[]).await? {
            let name: String = row.try_get(0)?;
            let columns = client.query(COLUMNS, &[&name]).await?;
            let column =
                |row: &Row| Column { name: row.get(0), kind: row.get(1), is_key: row.get(2) };
            tables.push(Self { columns: columns.iter().map(column).collect(), name });
        }
        Ok(tables)
    }

    /// The rows written by transactions not older than `since`. The first column is the
    /// number of the transaction.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(super) async fn rows(&self, client: &Client, since: i64) -> Result<Vec<Row>> {
        let values = self.columns.iter().map(|Column { name, kind, .. }| match &**kind {
            "bigint" => format!("\"{name}\""),
            _ => format!("\"{name}\"::text"),
        });
        let columns: Vec<_> = std::iter::once("xmin::text::bigint".into()).chain(values).collect();
        let (columns, name) = (columns.join(", "), &self.name);
        let select = format!(
            "SELECT {columns} FROM \"{name}\" WHERE xmin::text::bigint >= $1 ORDER BY 1, ctid"
        );
        Ok(client.query(&select, &[&since]).await?)
    }

    /// Empty cells for each column.
    pub(super) fn columns(&self) -> impl Iterator<Item = Cells> {
        self.columns.iter().map(|column| match &*column.kind {
            "bigint" => Cells::Numbers(Vec::new()),
            _ => Cells::Texts(Vec::new()),
        })
    }

    /// A statement that inserts one array per column and updates rows with the same key.
    pub(super) fn insert(&self) -> String {
        let each = |of: &dyn Fn((usize, &Column)) -> String| {
            self.columns.iter().enumerate().map(of).collect::<Vec<_>>().join(", ")
        };
        let names = each(&|(_, column)| format!("\"{}\"", column.name));
        let values = each(&|(at, column)| format!("u.c{at}::{}", column.kind));
        let aliases = each(&|(at, _)| format!("c{at}"));
        let arrays = each(&|(at, column)| match &*column.kind {
            "bigint" => format!("${}::bigint[]", at + 1),
            _ => format!("${}::text[]", at + 1),
        });
        let (name, conflict) = (&self.name, self.conflict());
        format!(
            "INSERT INTO \"{name}\" ({names}) OVERRIDING SYSTEM VALUE SELECT {values} \
             FROM unnest({arrays}) AS u ({aliases}) {conflict}"
        )
    }

    fn conflict(&self) -> String {
        let quoted = |column: &Column| format!("\"{}\"", column.name);
        let keys: Vec<_> = self.columns.iter().filter(|c| c.is_key).map(quoted).collect();
        if keys.is_empty() || self.name == LOG_TABLE {
            return String::new();
        }
        let others: Vec<_> = self
            .columns
            .iter()
            .filter(|c| !c.is_key)
            .map(quoted)
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        match others.is_empty() {
            true => "ON CONFLICT DO NOTHING".into(),
            false => {
                format!("ON CONFLICT ({}) DO UPDATE SET {}", keys.join(", "), others.join(", "))
            }
        }
    }
}

impl Cells {
    /// Appends the value of a row.
    pub(super) fn push(&mut self, row: &Row, at: usize) {
        match self {
            Self::Numbers(numbers) => numbers.push(row.get(at)),
            Self::Texts(texts) => texts.push(row.get(at)),
        }
    }

    pub(super) fn as_array(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Numbers(numbers) => numbers,
            Self::Texts(texts) => texts,
        }
    }
}
