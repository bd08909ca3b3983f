//! An invented export of another bank, the same in every run.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use workbench::names::name;
use workbench::random::Random;

/// Chapter 19 of the book this bank comes from.
const SEED: u64 = 19;
/// One row in this many is wrong in some way.
const FAULTY_EVERY: u64 = 200;

/// Writes an export with this many rows: `number,name,balance`. About one row
/// in two hundred is one that a bank cannot take over.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, rows: u64) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write_to(&mut out, rows)?;
    out.flush()
}

fn write_to(out: &mut impl Write, rows: u64) -> io::Result<()> {
    let mut random = Random::new(SEED);
    writeln!(out, "number,name,balance")?;
    for row in 0..rows {
        let line = good_row(row, &mut random);
        match row % FAULTY_EVERY {
            137 => writeln!(out, "{}", faulty(&line, row / FAULTY_EVERY))?,
            _ => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

/// The parts of a row.
struct ExportRow {
    number: String,
    name: String,
    cents: u64,
}

impl std::fmt::Display for ExportRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, name, cents } = self;
        let (whole, part) = (cents / 100, cents % 100);
        if name.contains(',') {
            write!(f, "{number},\"{name}\",{whole}.{part:02}")
        } else {
            write!(f, "{number},{name},{whole}.{part:02}")
        }
    }
}

fn good_row(row: u64, random: &mut Random) -> ExportRow {
    let name = name(random);
    // Most people have little, a few have a lot.
    let most = [20_000, 500_000, 500_000, 10_000_000][(random.number() % 4) as usize];
    ExportRow { number: number(row), name, cents: random.below(most) }
}

fn number(row: u64) -> String {
    format!("MIGR-{:08}", row + 1)
}

/// A row spoilt in the way of this turn; each way comes up in time.
fn faulty(line: &ExportRow, turn: u64) -> String {
    let ExportRow { number: own, name, .. } = line;
    let name = name.replace(',', "");
    match turn % 10 {
        0 => format!("{own},  ,250.00"),
        1 => format!("{own},{name},n/a"),
        2 => format!("{own},{name},-75.20"),
        3 => format!("{},{name},100.00", number(turn)),
        4 => format!("{own},{name}"),
        5 => format!("{own},{name},12.345"),
        6 => format!("{own},{},10.00", "Maximiliana ".repeat(9).trim_end()),
        7 => format!("{own}-OLD-BRANCH-0042,{name},10.00"),
        8 => format!(",{name},10.00"),
        _ => format!("{own},{name},\"1,250.00\""),
    }
}

#[cfg(test)]
mod tests {
    use super::write_to;

    fn export(rows: u64) -> String {
        let mut out = Vec::new();
        write_to(&mut out, rows).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn is_the_same_each_time() {
        assert_eq!(export(5000), export(5000));
    }

    #[test]
    fn a_longer_export_begins_like_a_shorter_one() {
        assert!(export(3000).starts_with(&export(1000)));
    }

    #[test]
    fn has_a_header_and_the_rows_asked_for() {
        let text = export(1000);
        assert!(text.starts_with("number,name,balance\nMIGR-00000001,"));
        assert_eq!(text.lines().count(), 1001);
    }

    #[test]
    fn has_names_of_many_scripts() {
        let text = export(1000);
        let scripts = ['α', 'и', '王', '김', 'ا', 'श', '\u{301}'];
        assert!(scripts.iter().all(|letter| text.contains(*letter)));
    }
}
