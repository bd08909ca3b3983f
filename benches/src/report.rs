//! The report of a run: a table for people, one JSON object for programs.

use std::fmt;

use protean_cli::Table;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::sheet::{Row, Sheet, median};

/// A run: its machine and the results of each measure.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) measures: Vec<Sheet>,
}

/// What the figures depend on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    protean: &'static str,
    build: &'static str,
    sqlite: &'static str,
    durability: &'static str,
    kernel: String,
    cores: usize,
    /// Load averages of 1, 5 and 15 minutes, which include everything on the machine.
    load_before: String,
    load_after: String,
}

impl Machine {
    pub(crate) fn describe() -> Self {
        let load = load();
        Self {
            protean: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            sqlite: rusqlite::version(),
            durability: "WAL, synchronous FULL unless a row says NORMAL",
            kernel: first_line("/proc/sys/kernel/osrelease"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_after: load.clone(),
            load_before: load,
        }
    }

    pub(crate) fn update_load(&mut self) {
        self.load_after = load();
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Row", 15)?;
        row.serialize_field("what", &self.what)?;
        row.serialize_field("unit", &self.unit)?;
        row.serialize_field("ours", &median(&self.ours))?;
        row.serialize_field("limit", &median(&self.limit))?;
        row.serialize_field("ratio", &self.ratio())?;
        row.serialize_field("peer", &median(&self.peer))?;
        row.serialize_field("ratio_peer", &self.ratio_peer())?;
        row.serialize_field("target", &self.target.text())?;
        row.serialize_field("met", &self.met())?;
        row.serialize_field("target_peer", &self.target.peer_text())?;
        row.serialize_field("met_peer", &self.met_peer())?;
        row.serialize_field("rounds_ours", &self.ours)?;
        row.serialize_field("rounds_limit", &self.limit)?;
        row.serialize_field("rounds_peer", &self.peer)?;
        row.serialize_field("more", &self.more)?;
        row.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { protean, build, sqlite, durability, kernel, cores, .. } = &self.machine;
        let (before, after) = (&self.machine.load_before, &self.machine.load_after);
        writeln!(f, "Protean {protean} ({build}), SQLite {sqlite}: {durability}")?;
        writeln!(f, "Linux {kernel}, {cores} cores, load {before} before and {after} after")?;
        self.measures.iter().try_for_each(|sheet| write!(f, "\n{sheet}"))
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.about)?;
        let mut table = Table::new()
            .text("What")
            .text("Unit")
            .number("Ours")
            .number("Limit")
            .number("Ratio")
            .text("Target")
            .text("Met")
            .number("Python")
            .number("Ours/Python")
            .text("Target")
            .text("Met")
            .text("Rounds, ours | limit | Python")
            .text("More");
        for row in &self.rows {
            table.row(cells(row));
        }
        writeln!(f, "{table}")?;
        self.notes.iter().try_for_each(|note| writeln!(f, "* {note}"))
    }
}

fn cells(row: &Row) -> [String; 13] {
    let yes = |met: Option<bool>| met.map_or("", |met| if met { "yes" } else { "NO" }).to_owned();
    let more = row.more.iter().map(|(name, value)| format!("{name} {}", figure(*value)));
    [
        row.what.clone(),
        row.unit.to_owned(),
        median(&row.ours).map_or(String::new(), figure),
        median(&row.limit).map_or(String::new(), figure),
        row.ratio().map_or(String::new(), ratio),
        row.target.text(),
        yes(row.met()),
        median(&row.peer).map_or(String::new(), figure),
        row.ratio_peer().map_or(String::new(), ratio),
        row.target.peer_text(),
        yes(row.met_peer()),
        [&row.ours, &row.limit, &row.peer].map(|of| figures(of)).join(" | "),
        more.collect::<Vec<_>>().join(", "),
    ]
}

fn ratio(ratio: f64) -> String {
    format!("{ratio:.2}")
}

fn figures(values: &[f64]) -> String {
    values.iter().copied().map(figure).collect::<Vec<_>>().join(" ")
}

/// About three digits; large numbers without decimals.
fn figure(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn load() -> String {
    first_line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn first_line(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
