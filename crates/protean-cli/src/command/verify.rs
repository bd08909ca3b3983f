//! `verify`: accounts for every committed message.

use protean::port::ScheduleAccount;
use protean_engine::{Account, Report};

use super::forget::warn_of_vanished;
use crate::{App, Reply, Result, Table, grouped};

pub(super) const AFTER_HELP: &str = "\
For each group, committed = handled + ignored + expired + purged + parked + dead
+ on the way. The transactions that settle messages count each of these numbers; none
is derived from the others. 'Duplicate' counts copies that arrived after the message
was handled, and is not part of the sum. At rest, nothing is on the way, and nothing
that is parked waits for another attempt.

For the schedule, scheduled = moved + replaced + cancelled + waiting.";

pub(super) async fn run(app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let report = protean_engine::verify(&domain).await?;
    let (faults, text) = (faults(&report), text(&report));
    let vanished = report.vanished.clone();
    let reply = faults.into_iter().fold(Reply::new(report, text), Reply::failed);
    app.reply(warn_of_vanished(reply.about(&domain), &vanished))
}

fn text(report: &Report) -> String {
    let table = table(&report.groups);
    let account = if report.closes { "The account adds up" } else { "The account does not add up" };
    let schedule = schedule(&report.schedule);
    let state = if report.at_rest { "at rest".to_owned() } else { in_motion(&report.groups) };
    format!("{table}\n\n{schedule}{account}; {state}.")
}

fn in_motion(groups: &[Account]) -> String {
    let on_the_way = grouped(groups.iter().map(|group| group.on_the_way).sum());
    let parked = grouped(groups.iter().map(|group| group.parked).sum());
    format!("in motion, {on_the_way} on the way and {parked} parked")
}

/// The account of scheduled messages; empty if there never were any.
fn schedule(account: &ScheduleAccount) -> String {
    match account.scheduled {
        0 => String::new(),
        _ => format!("Schedule: {}\n\n", terms(account)),
    }
}

fn terms(account: &ScheduleAccount) -> String {
    let ScheduleAccount { scheduled, replaced, moved, cancelled, waiting } = *account;
    let [scheduled, replaced, moved, cancelled, waiting] =
        [scheduled, replaced, moved, cancelled, waiting].map(grouped);
    format!(
        "{scheduled} scheduled = {moved} moved into the log + {replaced} replaced + {cancelled} \
         cancelled + {waiting} waiting"
    )
}

fn table(groups: &[Account]) -> Table {
    let titles =
        ["Committed", "Handled", "Ignored", "Expired", "Purged", "Parked", "Dead", "On the way"];
    let table = titles.into_iter().fold(Table::new().text("Group"), Table::number);
    let mut table = table.text("Account").number("Duplicate");
    for group in groups {
        let counts = [
            group.committed,
            group.handled,
            group.ignored,
            group.expired,
            group.purged,
            group.parked,
            group.dead,
            group.on_the_way,
        ];
        let closes = if group.closes { "adds up" } else { "does not add up" };
        let mut cells = vec![group.group.to_string()];
        cells.extend(counts.map(grouped));
        cells.extend([closes.to_owned(), grouped(group.duplicate)]);
        table.row(cells);
    }
    table
}

fn faults(report: &Report) -> Vec<String> {
    let unbalanced = report.groups.iter().filter(|group| !group.closes).map(unbalanced);
    let broken = report.broken_streams.iter().map(|stream| {
        format!(
            "the stream {stream} has gaps: its positions are not 0, 1, 2, …; restore the \
             database from a backup"
        )
    });
    let unfinished = report.vanished.iter().filter(|group| group.unfinished > 0);
    let unfinished = unfinished.map(ToString::to_string);
    let miscounted = report.miscounted_categories.iter().map(|category| {
        format!(
            "the log does not hold as many messages of {category} as were counted when they came \
             in; restore the database from a backup"
        )
    });
    let schedule = (!report.schedule.closes()).then(|| {
        format!(
            "the schedule should hold {} messages, but: {}; restore the database from a backup, or \
             check whether someone edited \"protean.scheduled\" by hand",
            report.schedule.expected(),
            terms(&report.schedule)
        )
    });
    unbalanced.chain(unfinished).chain(broken).chain(miscounted).chain(schedule).collect()
}

/// The message for an account that does not add up: its counts, and what to do.
fn unbalanced(account: &Account) -> String {
    let counts = [
        ("handled", account.handled),
        ("ignored", account.ignored),
        ("expired", account.expired),
        ("purged", account.purged),
        ("parked", account.parked),
        ("dead", account.dead),
        ("on the way", account.on_the_way),
    ];
    let accounted: u64 = counts.iter().map(|(_, count)| count).sum();
    let sum = counts.map(|(name, count)| format!("{} {name}", grouped(count))).join(" + ");
    let committed = account.committed;
    let difference = grouped(accounted.abs_diff(committed));
    let meaning = if accounted < committed {
        format!("-{difference}: messages that are not counted, so they may never be handled")
    } else {
        format!("+{difference}: messages counted twice, or missing from the log")
    };
    format!(
        "{} does not add up: {} committed, {} accounted for ({sum}), {meaning}; keep a copy of \
         the database and look for changes made outside the program, such as a partly restored \
         backup or a row edited by hand",
        account.group,
        grouped(committed),
        grouped(accounted),
    )
}

#[cfg(test)]
mod tests {
    use protean::port::ScheduleAccount;
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
        let (groups, vanished) = (vec![account], Vec::new());
        let (at_rest, miscounted_categories) = (on_the_way == 0, Vec::new());
        let schedule = ScheduleAccount::default();
        Report {
            closes,
            at_rest,
            groups,
            vanished,
            broken_streams,
            miscounted_categories,
            schedule,
        }
    }

    #[test]
    fn a_schedule_that_lacks_a_message_is_reported() {
        let mut report = report(0, true, Vec::new());
        let terms = [("scheduled", 7), ("moved", 3), ("replaced", 1), ("waiting", 3)];
        report.schedule = ScheduleAccount::of(terms);
        assert_eq!(faults(&report), [""; 0]);
        assert!(text(&report).contains("7 scheduled = 3 moved into the log + 1 replaced"));
        report.schedule.waiting = 2;
        assert!(faults(&report)[0].contains("should hold 3 messages"), "{}", faults(&report)[0]);
    }

    #[test]
    fn text_shows_how_many_messages_are_on_the_way() {
        let text = text(&report(1_000, true, Vec::new()));
        assert!(
            text.ends_with("The account adds up; in motion, 1,000 on the way and 0 parked."),
            "{text}"
        );
    }

    #[test]
    fn an_open_account_is_reported_with_every_count_and_the_difference() {
        let report = report(999, false, vec!["fidelis::account-7".into()]);
        let faults = faults(&report);
        let first = "fidelis.AccountSummaryProjector does not add up: 2,000 committed, 1,999 \
                     accounted for (1,000 handled + 0 ignored + 0 expired + 0 purged + 0 parked \
                     + 0 dead + 999 on the way), -1: messages that are not counted";
        assert!(faults[0].starts_with(first), "{}", faults[0]);
        assert!(faults[1].contains("fidelis::account-7"));
    }

    #[test]
    fn messages_counted_twice_are_reported() {
        let faults = faults(&report(1_002, false, Vec::new()));
        assert!(faults[0].contains("2,002 accounted for"), "{}", faults[0]);
        assert!(faults[0].contains(", +2: messages counted twice"), "{}", faults[0]);
    }
}
