//! The processes of process managers, as their rows hold them.

use protean_core::domain::{Domain, LIFECYCLE_COLUMNS};
use protean_port::Result;
use protean_port::message::{Category, Table, Value};
use protean_port::port::{Operator, RowCondition, RowQuery};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// A process manager of a domain.
#[derive(Clone, Copy, Debug)]
pub struct Manager<'a> {
    /// Its name.
    pub name: &'static str,
    /// The category of its processes' streams.
    pub category: &'a Category,
    table: &'a Table,
}

/// One process.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessState {
    /// The process manager.
    pub manager: &'static str,
    /// Its identity.
    pub id: String,
    /// True once it is complete.
    pub complete: bool,
    /// The priority that it began with.
    pub priority: i64,
    /// The timers that it has set and that have not come.
    pub timers: Vec<String>,
    /// Its fields by name.
    pub state: Map<String, Json>,
}

/// A page of processes.
#[derive(Clone, Debug)]
pub struct ProcessPage {
    /// The processes, by identity.
    pub processes: Vec<ProcessState>,
    /// True when there are further ones.
    pub is_cut: bool,
}

/// The process managers of a domain, in the order of declaration.
pub fn process_managers(domain: &Domain) -> Vec<Manager<'_>> {
    let declared = domain.catalog().aggregates().filter(|known| known.is_process);
    let manager = declared.filter_map(|known| {
        Some(Manager { name: known.name, category: known.category, table: known.table? })
    });
    manager.collect()
}

impl Manager<'_> {
    /// Its processes that are under way, or those that are complete: at most `limit`, after the one
    /// with this identity.
    ///
    /// # Errors
    /// When the store cannot be opened or read.
    pub async fn processes(
        &self,
        domain: &Domain,
        complete: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ProcessPage> {
        let [_, column, _] = LIFECYCLE_COLUMNS;
        let at = self.table.columns.iter().position(|known| known.name == column);
        let Some(at) = at else {
            return Ok(ProcessPage { processes: Vec::new(), is_cut: false });
        };
        let query = RowQuery {
            condition: RowCondition::compare(at, Operator::Equal, Value::Bool(complete)),
            after: after.map(|id| vec![Value::text(id)]),
            limit: Some(limit + 1),
            ..RowQuery::default()
        };
        let mut rows = domain.store().await?.query(self.table, &query).await?;
        let is_cut = rows.len() > limit;
        rows.truncate(limit);
        let rows = rows.iter().filter_map(|state| state.row.as_ref());
        Ok(ProcessPage { processes: rows.map(|row| self.read(row)).collect(), is_cut })
    }

    /// The process with this identity.
    ///
    /// # Errors
    /// When the store cannot be opened or read.
    pub async fn process(&self, domain: &Domain, id: &str) -> Result<Option<ProcessState>> {
        let state = domain.store().await?.row(self.table, id).await?;
        Ok(state.row.map(|row| self.read(&row)))
    }

    fn read(&self, row: &[Value]) -> ProcessState {
        let columns = self.table.columns.iter().zip(row);
        let mut state: Map<String, Json> =
            columns.map(|(column, value)| (column.name.clone(), value_json(value))).collect();
        let mut take = |name: &str| state.remove(name).unwrap_or_default();
        let id = take("id").as_str().unwrap_or_default().to_owned();
        let [priority, complete, timers] = LIFECYCLE_COLUMNS.map(&mut take);
        let priority = priority.as_i64().unwrap_or_default();
        let complete = complete.as_bool().unwrap_or_default();
        let timers = timers.as_object().into_iter().flat_map(Map::keys).cloned().collect();
        ProcessState { manager: self.name, id, complete, priority, timers, state }
    }
}

/// A column's value as JSON.
pub fn value_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Decimal(number) => number.to_string().into(),
        Value::Text(text) => (**text).into(),
        Value::Timestamp(moment) => moment.to_string().into(),
        Value::Date(day) => day.to_string().into(),
        Value::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| (**text).into()),
    }
}
