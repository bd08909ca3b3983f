//! Shows on stderr how far the migration is: a bar on a terminal, a line every
//! few seconds elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use protean_cli::grouped;

use super::backlog::Waiting;

/// How often there is a line when there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(3);

const BAR: &str = "  {bar:30.green/dim} {percent:>3} %  {msg}";

/// How far it is.
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
    last_line: Instant,
    done: u64,
    /// Messages that waited when the import had ended.
    backlog: u64,
}

/// What there is to say about the import.
pub(crate) struct Moment {
    /// Accounts that have been opened.
    pub(crate) done: u64,
    /// All that there will be, as far as is known.
    pub(crate) of: u64,
    pub(crate) waiting: Waiting,
    pub(crate) slowest_deposit: Duration,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::hidden())
            .with_finish(ProgressFinish::AndClear);
        let style = ProgressStyle::with_template(BAR);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let now = Instant::now();
        Self { bar, began: now, last_line: now, done: 0, backlog: 0 }
    }

    /// A step begins.
    pub(crate) fn step(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// The import begins now.
    pub(crate) fn import_begins(&mut self) {
        self.began = Instant::now();
        self.last_line = self.began;
        if std::io::stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Shows a moment of the import.
    pub(crate) fn show(&mut self, moment: &Moment) {
        self.done = self.done.max(moment.done);
        self.bar.set_length(moment.of.max(1));
        self.bar.set_position(self.done);
        self.say(self.line(moment));
    }

    /// Every account is opened; so many events wait.
    pub(crate) fn rest_begins(&mut self, waiting: u64) {
        (self.began, self.backlog) = (Instant::now(), waiting);
        self.bar.set_length(waiting.max(1));
    }

    /// Shows how many events still wait.
    pub(crate) fn show_rest(&mut self, waiting: u64) {
        let handled = self.backlog.saturating_sub(waiting);
        self.bar.set_position(handled);
        let rate = handled as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        self.say(format!("{} events left, {}/s", grouped(waiting), grouped(rate as u64)));
    }

    fn say(&mut self, line: String) {
        if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("  {line}");
        }
        self.bar.set_message(line);
    }

    /// The bar is taken away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, moment: &Moment) -> String {
        let Moment { of, waiting, slowest_deposit, .. } = moment;
        let rate = self.done as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left = match rate {
            rate if rate >= 1.0 => {
                format!("{:.0} s left", of.saturating_sub(self.done) as f64 / rate)
            }
            _ => "? s left".to_owned(),
        };
        format!(
            "{} accounts, {}/s, {left} · waiting: primary {}, backfill {} · slowest deposit {:.1} ms",
            grouped(self.done),
            grouped(rate as u64),
            grouped(waiting.primary),
            grouped(waiting.backfill),
            slowest_deposit.as_secs_f64() * 1000.0,
        )
    }
}
