//! The report printed at the end.

use std::fmt;
use std::time::Duration;

use protean_cli::{Table, grouped};
use serde::Serialize;
use workbench::latency::Percentiles;
use workbench::restarts::Restarts;

use super::verdict::{Sent, Verdict};
use crate::commands::trial::money::money;

/// The outcome.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Accounts that were sent and accepted.
    accounts: u64,
    deposits: u64,
    kills: usize,
    /// From the start of a process until its first event was in the log.
    restart_p50_ms: Option<f64>,
    restart_max_ms: Option<f64>,
    /// From the moment a customer was to come until the deposit was in the log.
    deposit_p50_ms: Option<f64>,
    deposit_p99_ms: Option<f64>,
    deposit_max_ms: Option<f64>,
    /// What the last server needed until nothing waited.
    drain_seconds: f64,
    /// The most memory a process of the last server had.
    server_peak_rss_mib: Option<f64>,
    #[serde(flatten)]
    verdict: Verdict,
    passed: bool,
}

/// What the report is drawn from.
pub(crate) struct Findings<'a> {
    pub(crate) sent: Sent<'a>,
    pub(crate) verdict: Verdict,
    pub(crate) restarts: Restarts,
    pub(crate) drain: Duration,
    pub(crate) server_peak_rss_mib: Option<f64>,
}

impl Report {
    pub(crate) fn draw(findings: Findings<'_>) -> Self {
        let Findings { sent, verdict, restarts, drain, server_peak_rss_mib } = findings;
        let (kills, restart) = (restarts.kills, restarts.times.percentiles());
        let deposit = sent.paid_in.during.percentiles();
        let of = |latency: Option<Percentiles>, which: fn(Percentiles) -> f64| latency.map(which);
        Self {
            accounts: sent.accounts,
            deposits: sent.paid_in.accepted,
            kills,
            restart_p50_ms: of(restart, |of| of.p50_ms),
            restart_max_ms: of(restart, |of| of.max_ms),
            deposit_p50_ms: of(deposit, |of| of.p50_ms),
            deposit_p99_ms: of(deposit, |of| of.p99_ms),
            deposit_max_ms: of(deposit, |of| of.max_ms),
            drain_seconds: (drain.as_secs_f64() * 1000.0).round() / 1000.0,
            server_peak_rss_mib,
            passed: verdict.passes(),
            verdict,
        }
    }

    /// True when the bank has survived.
    pub(crate) fn passed(&self) -> bool {
        self.passed
    }

    fn endured(&self) -> Table {
        let mut table = Table::new().text("Endured").number("");
        for (what, number) in [
            ("accounts at BULK", grouped(self.accounts)),
            ("deposits", grouped(self.deposits)),
            ("processes killed", grouped(self.kills as u64)),
            ("until one handled again, p50", shown(self.restart_p50_ms)),
            ("until one handled again, slowest", shown(self.restart_max_ms)),
            ("deposits, p50", shown(self.deposit_p50_ms)),
            ("deposits, p99", shown(self.deposit_p99_ms)),
            ("deposits, slowest", shown(self.deposit_max_ms)),
            ("until the last one was done", format!("{:.2} s", self.drain_seconds)),
            ("memory of the last one, at most", memory(self.server_peak_rss_mib)),
        ] {
            table.row([what.to_owned(), number]);
        }
        table
    }

    fn found(&self) -> Table {
        let mut table = Table::new().text("Found").number("");
        for (what, number) in [
            ("lost", self.verdict.lost),
            ("there twice", self.verdict.duplicated),
            ("deposits out of order", self.verdict.out_of_order),
            ("accounts with gaps", self.verdict.broken_streams),
            ("summaries unlike the log", self.verdict.stale_summaries),
            ("dead letters", self.verdict.dead_letters),
        ] {
            table.row([what.to_owned(), grouped(number)]);
        }
        table
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n{}", self.endured(), self.found())?;
        let Verdict { total_in_log, total_in_summaries, total_expected, .. } = self.verdict;
        let [logged, summed, expected] =
            [total_in_log, total_in_summaries, total_expected].map(money);
        writeln!(f, "\nMoney in the bank")?;
        writeln!(f, "  {logged} by the log, {summed} by the summaries, {expected} sent\n")?;
        let mut table = Table::new().text("Verdict").text("");
        for (what, holds) in self.verdict.points() {
            table.row([what, if holds { "yes" } else { "NO" }]);
        }
        write!(f, "{table}")
    }
}

fn memory(mebibytes: Option<f64>) -> String {
    mebibytes.map_or("-".into(), |value| format!("{value:.0} MiB"))
}

fn shown(milliseconds: Option<f64>) -> String {
    milliseconds.map_or("-".into(), |value| format!("{value:.0} ms"))
}
