//! What a process has begun, and when it did not run: lines in a file of its own,
//! with times of the clock that all processes of a machine share.

use std::fs::{File, read_to_string};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How often a process notes, to itself, that it runs.
const BEAT: Duration = Duration::from_millis(20);
/// A beat that comes so late is recorded: the machine gave the process no time.
const STALL: Duration = Duration::from_millis(80);

/// Time since some moment before any process of the test began.
pub(crate) fn now() -> Duration {
    time_of(ClockId::Monotonic)
}

pub(crate) fn time_of(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap())
}

/// What one line of a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A handler of this group begins with a number, for the first time or once more.
    Began { at: Duration, group: String, number: i64, attempt: u64 },
    /// The process did not run.
    Stalled { from: Duration, to: Duration },
}

/// The record of this process.
#[derive(Clone)]
pub(crate) struct Record(Arc<File>);

impl Record {
    /// A record in this file, which also holds when the process does not run.
    pub(crate) fn in_file(path: &Path) -> Self {
        let file = File::options().create(true).append(true).open(path).unwrap();
        let record = Self(Arc::new(file));
        let beating = record.clone();
        std::thread::spawn(move || {
            let mut last = now();
            loop {
                std::thread::sleep(BEAT);
                let at = now();
                if at - last > STALL {
                    beating.write(&format!("{} stalled {}", at.as_nanos(), last.as_nanos()));
                }
                last = at;
            }
        });
        record
    }

    pub(crate) fn began(&self, group: &str, number: i64, attempt: u64) {
        self.write(&format!("{} began {group} {number} {attempt}", now().as_nanos()));
    }

    /// In one call, so that a process that is killed leaves whole lines.
    fn write(&self, line: &str) {
        (&*self.0).write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// What a process has recorded until now.
pub(crate) fn read(path: &Path) -> Vec<Line> {
    let text = read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(parse).collect()
}

fn parse(line: &str) -> Line {
    let time = |word: &str| Duration::from_nanos(word.parse().unwrap());
    match *line.split_whitespace().collect::<Vec<_>>() {
        [at, "stalled", from] => Line::Stalled { from: time(from), to: time(at) },
        [at, "began", group, number, attempt] => Line::Began {
            at: time(at),
            group: group.to_owned(),
            number: number.parse().unwrap(),
            attempt: attempt.parse().unwrap(),
        },
        _ => panic!("not a line of a record: {line}"),
    }
}
