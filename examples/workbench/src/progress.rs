//! Shows on stderr how far an import is: a bar on a terminal, a line every
//! few seconds elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use protean_cli::grouped;

use crate::backlog::Waiting;

/// How often there is a line when there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(3);

const BAR: &str = "  {bar:30.green/dim} {percent:>3} %  {msg}";

/// How far it is.
pub struct Progress {
    words: Words,
    bar: ProgressBar,
    began: Instant,
    last_line: Instant,
    done: u64,
    /// Messages that waited when the import had ended.
    backlog: u64,
}

/// What rows and visits are called, in the plural and in the singular.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Words {
    pub rows: &'static str,
    pub visit: &'static str,
}

/// What there is to say about the import.
pub struct Moment {
    /// Rows that have been handled.
    pub done: u64,
    /// All that there will be, as far as is known.
    pub of: u64,
    /// What waits to be handled.
    pub waiting: Waiting,
    /// Since the last moment.
    pub slowest_visit: Duration,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new(words: Words) -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::hidden())
            .with_finish(ProgressFinish::AndClear);
        let style = ProgressStyle::with_template(BAR);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let now = Instant::now();
        Self { words, bar, began: now, last_line: now, done: 0, backlog: 0 }
    }

    /// A step begins.
    pub fn step(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// The import begins now.
    pub fn import_begins(&mut self) {
        self.began = Instant::now();
        self.last_line = self.began;
        if std::io::stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Shows a moment of the import.
    pub fn show(&mut self, moment: &Moment) {
        self.done = self.done.max(moment.done);
        self.bar.set_length(moment.of.max(1));
        self.bar.set_position(self.done);
        self.say(self.line(moment));
    }

    /// Every command is handled; so many events wait.
    pub fn rest_begins(&mut self, waiting: u64) {
        (self.began, self.backlog) = (Instant::now(), waiting);
        self.bar.set_length(waiting.max(1));
    }

    /// Shows how many events still wait.
    pub fn show_rest(&mut self, waiting: u64) {
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
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, moment: &Moment) -> String {
        let Moment { of, waiting, slowest_visit, .. } = moment;
        let rate = self.done as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left = match rate {
            rate if rate >= 1.0 => {
                format!("{:.0} s left", of.saturating_sub(self.done) as f64 / rate)
            }
            _ => "? s left".to_owned(),
        };
        format!(
            "{} {}, {}/s, {left} · waiting: primary {}, backfill {} · slowest {} {:.1} ms",
            grouped(self.done),
            self.words.rows,
            grouped(rate as u64),
            grouped(waiting.primary),
            grouped(waiting.backfill),
            self.words.visit,
            slowest_visit.as_secs_f64() * 1000.0,
        )
    }
}
