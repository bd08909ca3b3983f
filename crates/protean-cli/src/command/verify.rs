//! `verify`: the account of every committed message.

use protean_engine::{Account, Report};

use super::database::warned;
use super::forget::warn_of_orphans;
use crate::{App, Reply, Result, Table, grouped};

pub(super) const AFTER_HELP: &str = "\
For each group, committed = handled + ignored + expired + purged + parked + dead
+ on the way. Each term is counted by the transactions that settle messages; none
is computed as the rest. 'Duplicate' counts copies that came again after they were
handled, and is no part of the sum. At rest nothing is on the way.";

pub(super) async fn run(app: &App) -> Result {
    let domain = app.domain()?;
    let report = protean_engine::verify(&domain).await?;
    let faults = faults(&report);
    let text = text(&report);
    let reply = faults.into_iter().fold(Reply::new(report, text), Reply::failed);
    app.reply(warn_of_orphans(warned(reply, &domain), &domain).await?)
}

fn text(report: &Report) -> String {
    let table = table(&report.groups);
    let on_the_way = report.groups.iter().map(|group| group.on_the_way).sum();
    let account = if report.closes { "The account closes" } else { "The account does not close" };
    match on_the_way {
        0 => format!("{table}\n\n{account}; at rest."),
        waiting => format!("{table}\n\n{account}; in motion, {} on the way.", grouped(waiting)),
    }
}

fn table(groups: &[Account]) -> Table {
    let titles =
        ["Committed", "Handled", "Ignored", "Expired", "Purged", "Parked", "Dead", "On the way"];
    let table = titles.into_iter().fold(Table::new().text("Group"), Table::number);
    let mut table = table.text("Account").number("Duplicate");
    for group in groups {
        let terms = [
            group.committed,
            group.handled,
            group.ignored,
            group.expired,
            group.purged,
            group.parked,
            group.dead,
            group.on_the_way,
        ];
        let closes = if group.closes { "closes" } else { "does not close" };
        let mut cells = vec![group.group.to_string()];
        cells.extend(terms.map(grouped));
        cells.extend([closes.to_owned(), grouped(group.duplicate)]);
        table.row(cells);
    }
    table
}

fn faults(report: &Report) -> Vec<String> {
    let open = report.groups.iter().filter(|group| !group.closes).map(open);
    let broken = report
        .broken_streams
        .iter()
        .map(|stream| format!("the stream {stream} has gaps: its positions are not 0, 1, 2, …"));
    open.chain(broken).collect()
}

/// An account that does not close, with all its terms and what to make of it.
fn open(account: &Account) -> String {
    let terms = [
        ("handled", account.handled),
        ("ignored", account.ignored),
        ("expired", account.expired),
        ("purged", account.purged),
        ("parked", account.parked),
        ("dead", account.dead),
        ("on the way", account.on_the_way),
    ];
    let accounted: u64 = terms.iter().map(|(_, count)| count).sum();
    let terms = terms.map(|(name, count)| format!("{} {name}", grouped(count))).join(" + ");
    let committed = account.committed;
    let difference = grouped(accounted.abs_diff(committed));
    let meaning = if accounted < committed {
        format!("-{difference}: messages that no term counts, so they may never be handled")
    } else {
        format!("+{difference}: messages counted twice, or not in the log any more")
    };
    format!(
        "{} does not close: {} committed, {} accounted for ({terms}), {meaning}; keep a copy of \
         the database and look for what changed it beside the program, such as a backup put \
         back in part or a row edited by hand",
        account.group,
        grouped(committed),
        grouped(accounted),
    )
}

#[cfg(test)]
mod tests {
    use protean_engine::{Account, Report};

    use super::{faults, text};

    fn report(on_the_way: u64, closes: bool, broken_streams: Vec<String>) -> Report {
        let account = Account {
            group: "fidelis.AccountSummaryProjector".into(),
            handler: "AccountSummaryProjector".into(),
            category: "fidelis::account".into(),
            committed: 2_000,
            handled: 1_000,
            ignored: 0,
            expired: 0,
            purged: 0,
            parked: 0,
            dead: 0,
            on_the_way,
            duplicate: 0,
            closes,
        };
        Report { closes, at_rest: on_the_way == 0, groups: vec![account], broken_streams }
    }

    #[test]
    fn motion_is_told_with_its_bound() {
        let text = text(&report(1_000, true, Vec::new()));
        assert!(text.ends_with("The account closes; in motion, 1,000 on the way."), "{text}");
    }

    #[test]
    fn what_does_not_close_is_told_with_every_term_and_its_sign() {
        let report = report(999, false, vec!["fidelis::account-7".into()]);
        let faults = faults(&report);
        let first = "fidelis.AccountSummaryProjector does not close: 2,000 committed, 1,999 \
                     accounted for (1,000 handled + 0 ignored + 0 expired + 0 purged + 0 parked \
                     + 0 dead + 999 on the way), -1: messages that no term counts";
        assert!(faults[0].starts_with(first), "{}", faults[0]);
        assert!(faults[1].contains("fidelis::account-7"));
    }

    #[test]
    fn what_is_counted_twice_is_too_much() {
        let faults = faults(&report(1_002, false, Vec::new()));
        assert!(faults[0].contains("2,002 accounted for"), "{}", faults[0]);
        assert!(faults[0].contains(", +2: messages counted twice"), "{}", faults[0]);
    }
}
