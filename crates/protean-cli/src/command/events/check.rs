//! `events check`: reads everything that is stored with the types of this program.

use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use protean::Domain;
use protean_engine::{EventsCheck, FaultKind, check_events};

use crate::{App, Reply, Result, Table, grouped};

pub(super) const AFTER_HELP: &str = "\
Reads every message in the log, every scheduled message and every snapshot as handlers and replays
would, without running any handler. Exit code 1 if one cannot be read; the first of each kind is
named. Run it with a new version before you deploy it. It reads only what is stored when it starts.

  Fine               this program can read it
  Faulty             it cannot
  Obsolete           it cannot, and never has to: settled commands and entries of other
                     systems, fact events without a handler, and snapshots in another
                     form, which are replaced by replaying the events
  Of other programs  it belongs to another program in the same database";

/// The end of the text when something is faulty.
const WHAT_TO_DO: &str = "\
This program cannot read all of them. Give a changed event or command its next version and
an upcaster from the one before. Register an event that nothing takes any more with
`.event::<…>()`.";

pub(super) async fn run(app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let found = checked(&domain, app).await?;
    let text = text(&found);
    let faults = faults(&found);
    let reply = faults.into_iter().fold(Reply::new(found, text), Reply::failed);
    app.reply(reply.about(&domain))
}

/// Reads everything, and shows how far it is.
pub(in crate::command) async fn checked(domain: &Domain, app: &App) -> Result<EventsCheck> {
    let mut progress = Progress::new(app.json());
    let found = check_events(domain, |read, last| progress.show(read, last)).await;
    progress.end();
    Ok(found?)
}

pub(in crate::command) fn text(found: &EventsCheck) -> String {
    let (messages, snapshots) = (&found.messages, &found.snapshots);
    let mut table = Table::new()
        .text("Stored")
        .number("Fine")
        .number("Faulty")
        .number("Obsolete")
        .number("Of other programs");
    let mut row = |name: &str, counts: [Option<u64>; 4]| {
        let counts = counts.map(|count| count.map_or_else(|| "-".to_owned(), grouped));
        table.row([name.to_owned()].into_iter().chain(counts));
    };
    let counts = [messages.fine, messages.faulty, messages.obsolete, messages.of_other_programs];
    row("Messages", counts.map(Some));
    let scheduled = &found.scheduled;
    let (fine, faulty) = (Some(scheduled.fine), Some(scheduled.faulty));
    row("Scheduled", [fine, faulty, None, Some(scheduled.of_other_programs)]);
    let (fine, obsolete) = (Some(snapshots.fine), Some(snapshots.obsolete));
    row("Snapshots", [fine, None, obsolete, Some(snapshots.of_other_programs)]);
    let waiting = format!(
        "{} parked messages and {} dead letters are among the messages.",
        grouped(messages.parked),
        grouped(messages.dead)
    );
    let end = if found.passes { "This program can read all of them." } else { WHAT_TO_DO };
    format!("{table}\n\n{waiting}\n{end}")
}

/// A message for each kind of fault.
pub(in crate::command) fn faults(found: &EventsCheck) -> Vec<String> {
    let mut faults: Vec<String> = found.faults.iter().map(fault).collect();
    if found.further_faults > 0 {
        faults.push(format!(
            "{} more of further kinds: correct these first",
            grouped(found.further_faults)
        ));
    }
    faults
}

fn fault(kind: &FaultKind) -> String {
    let FaultKind { what, type_name, reason, count, stream, message_id, position } = kind;
    let first = match position {
        Some(position) => format!("{message_id} at position {position} in {stream}"),
        None => format!("{message_id} for {stream}"),
    };
    let which = match count {
        1 => format!("1 {what}, {first}"),
        _ => format!("{} {what}s, the first {first}", grouped(*count)),
    };
    format!("{type_name}: {reason} ({which})")
}

/// Says on stderr how far the reading is: a line that changes on a terminal, and elsewhere a
/// line now and then, so that nobody takes a long run for one that hangs.
struct Progress {
    is_terminal: bool,
    interval: Duration,
    shown: Instant,
    has_line: bool,
}

impl Progress {
    fn new(json: bool) -> Self {
        let is_terminal = !json && io::stderr().is_terminal();
        let interval = Duration::from_millis(if is_terminal { 200 } else { 30_000 });
        Self { is_terminal, interval, shown: Instant::now(), has_line: false }
    }

    fn show(&mut self, read: u64, last: u64) {
        if self.shown.elapsed() < self.interval {
            return;
        }
        self.shown = Instant::now();
        self.has_line = self.is_terminal;
        let (start, end) = if self.is_terminal { ("\r", "") } else { ("", "\n") };
        let (read, last) = (grouped(read), grouped(last));
        // A closed stderr does not stop the work.
        let _ = write!(io::stderr(), "{start}read up to position {read} of {last}{end}");
    }

    fn end(&self) {
        if self.has_line {
            let _ = writeln!(io::stderr());
        }
    }
}
