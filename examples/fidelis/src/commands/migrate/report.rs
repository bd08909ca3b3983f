//! The report printed at the end.

use std::fmt;
use std::time::Duration;

use protean::Decimal;
use protean_cli::{Table, escape, grouped};
use serde::Serialize;
use workbench::backlog::Waiting;
use workbench::observer::Imported;

use super::register::Register;
use super::rejections::Rejected;
use super::verdict::Verdict;
use crate::commands::trial::deposits::PaidIn;
use crate::commands::trial::money::money;

/// How many rejected rows are shown to people.
const SHOWN_ROWS: usize = 20;

/// The outcome of a migration.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Rows of the export.
    accounts: u64,
    migrated: u64,
    rejected: u64,
    lost: u64,
    duplicated: u64,
    /// Of those migrated, there before this run.
    already_there: u64,
    /// Until the last command was handled.
    commands_per_second: f64,
    import_seconds: f64,
    /// Until the last event of theirs was handled as well.
    accounts_per_second: f64,
    migration_seconds: f64,
    deposits: u64,
    /// Accepted, and not in the log half a minute later.
    deposits_lost: u64,
    idle_samples: u64,
    idle_p50_ms: Option<f64>,
    idle_p99_ms: Option<f64>,
    idle_max_ms: Option<f64>,
    during_samples: u64,
    during_p50_ms: Option<f64>,
    during_p99_ms: Option<f64>,
    during_max_ms: Option<f64>,
    primary_lag: u64,
    backfill_lag: u64,
    server_peak_rss_mib: Option<f64>,
    accounting_closes: bool,
    rows_add_up: bool,
    every_line_read: bool,
    total_matches: bool,
    total_expected: Decimal,
    total_in_log: Decimal,
    total_in_summaries: Decimal,
    rejections: Vec<Rejected>,
    passed: bool,
}

/// What the report is drawn from.
pub(crate) struct Findings {
    pub(crate) register: Register,
    pub(crate) verdict: Verdict,
    pub(crate) paid_in: PaidIn,
    pub(crate) waiting: Waiting,
    pub(crate) imported: Imported,
    pub(crate) server_peak_rss_mib: Option<f64>,
}

impl Report {
    pub(crate) fn draw(findings: Findings) -> Self {
        let Findings { register, verdict, paid_in, waiting, imported, server_peak_rss_mib } =
            findings;
        let idle = paid_in.idle.percentiles();
        let during = paid_in.during.percentiles();
        let (accounts, rejected) = (register.rows, register.rejected.count());
        let found = &verdict.found;
        let rows_add_up = accounts == found.migrated + rejected + found.lost;
        let every_line_read = register.lines.read == register.lines.in_file;
        let Imported { rows: opened, commands_time, all_time } = imported;
        Self {
            accounts,
            migrated: found.migrated,
            rejected,
            lost: found.lost,
            duplicated: found.duplicated,
            already_there: found.before,
            commands_per_second: per_second(opened, commands_time),
            import_seconds: seconds(commands_time),
            accounts_per_second: per_second(opened, all_time),
            migration_seconds: seconds(all_time),
            deposits: paid_in.accepted,
            deposits_lost: paid_in.unanswered,
            idle_samples: paid_in.idle.count(),
            idle_p50_ms: idle.map(|idle| idle.p50_ms),
            idle_p99_ms: idle.map(|idle| idle.p99_ms),
            idle_max_ms: idle.map(|idle| idle.max_ms),
            during_samples: paid_in.during.count(),
            during_p50_ms: during.map(|during| during.p50_ms),
            during_p99_ms: during.map(|during| during.p99_ms),
            during_max_ms: during.map(|during| during.max_ms),
            primary_lag: waiting.primary,
            backfill_lag: waiting.backfill,
            server_peak_rss_mib,
            accounting_closes: verdict.accounting_closes,
            total_matches: verdict.total_matches(),
            total_expected: verdict.expected,
            total_in_log: verdict.logged,
            total_in_summaries: verdict.summed,
            passed: verdict.passes() && rows_add_up && every_line_read && paid_in.unanswered == 0,
            rows_add_up,
            every_line_read,
            rejections: register.rejected.into_first(),
        }
    }

    /// True when nothing is lost, nothing there twice, and every cent accounted for.
    pub(crate) fn passed(&self) -> bool {
        self.passed
    }

    fn latencies(&self) -> Table {
        let mut table = Table::new().text("Deposits").number("made");
        for title in ["p50", "p99", "slowest"] {
            table = table.number(title);
        }
        let idle = [self.idle_p50_ms, self.idle_p99_ms, self.idle_max_ms].map(shown);
        let during = [self.during_p50_ms, self.during_p99_ms, self.during_max_ms].map(shown);
        for (phase, samples, [p50, p99, max]) in [
            ("before the import", self.idle_samples, idle),
            ("during the import", self.during_samples, during),
        ] {
            table.row([phase.to_owned(), grouped(samples), p50, p99, max]);
        }
        table
    }

    fn accounts(&self) -> Table {
        let mut table = Table::new().text("Accounts").number("");
        for (what, number) in [
            ("in the export", self.accounts),
            ("migrated", self.migrated),
            ("  of them there before", self.already_there),
            ("rejected", self.rejected),
            ("lost", self.lost),
            ("there twice", self.duplicated),
        ] {
            table.row([what.to_owned(), grouped(number)]);
        }
        table.row(["commands a second".to_owned(), grouped(self.commands_per_second as u64)]);
        let all = grouped(self.accounts_per_second as u64);
        table.row(["a second, to the last row".to_owned(), all]);
        table.row(["lag, primary".to_owned(), grouped(self.primary_lag)]);
        table.row(["lag, backfill".to_owned(), grouped(self.backfill_lag)]);
        let memory = self.server_peak_rss_mib.map_or("unknown".into(), |mib| format!("{mib:.1}"));
        table.row(["server memory, MiB".to_owned(), memory]);
        table
    }

    fn verdict(&self) -> Table {
        let mut table = Table::new().text("Verdict").text("");
        for (what, holds) in [
            ("nothing lost", self.lost == 0),
            ("nothing twice", self.duplicated == 0),
            ("every line read", self.every_line_read),
            ("every row accounted for", self.rows_add_up),
            ("every deposit handled", self.deposits_lost == 0),
            ("total to the cent", self.total_matches),
            ("accounting adds up", self.accounting_closes),
        ] {
            table.row([what, if holds { "yes" } else { "NO" }]);
        }
        table
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.idle_samples + self.during_samples > 0 {
            writeln!(f, "{}\n", self.latencies())?;
            writeln!(
                f,
                "  From the moment a customer was to come until the deposit was in the log."
            )?;
            writeln!(
                f,
                "  These moments are fixed beforehand: a stall counts for all it delays.\n"
            )?;
        }
        writeln!(f, "{}\n", self.accounts())?;
        if !self.rejections.is_empty() {
            writeln!(f, "Rejected rows")?;
        }
        for Rejected { line, reason } in self.rejections.iter().take(SHOWN_ROWS) {
            writeln!(f, "  line {line}: {}", escape(reason))?;
        }
        if let Some(more) = self.rejected.checked_sub(SHOWN_ROWS as u64).filter(|more| *more > 0) {
            writeln!(f, "  … and {} more", grouped(more))?;
        }
        let [logged, summed, expected] =
            [self.total_in_log, self.total_in_summaries, self.total_expected].map(money);
        writeln!(f, "\nMoney in the bank")?;
        writeln!(f, "  {logged} by the log, {summed} by the summaries, {expected} expected\n")?;
        write!(f, "{}", self.verdict())
    }
}

fn per_second(accounts: u64, time: Duration) -> f64 {
    (accounts as f64 / time.as_secs_f64().max(0.001)).round()
}

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

fn shown(milliseconds: Option<f64>) -> String {
    milliseconds.map_or("-".into(), |value| format!("{value:.2} ms"))
}
