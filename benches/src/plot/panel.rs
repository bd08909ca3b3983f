//! One run of a plot: its heading and its two curves over time.

use std::fmt;

use protean_cli::grouped;

use super::axis::{LatencyAxis, TimeAxis, latency};
use crate::timeline::{Bin, Part, Timeline};

/// The size of the area with the curves, and its place.
pub(super) const LEFT_PX: f64 = 66.0;
pub(super) const WIDTH_PX: f64 = 776.0;
const TOP_PX: f64 = 48.0;
const HEIGHT_PX: f64 = 150.0;
/// The height of a panel with its heading and the text below the axis.
pub(super) const PANEL_PX: f64 = TOP_PX + HEIGHT_PX + 40.0;
/// The most points of a curve.
const MAX_POINTS: f64 = 240.0;

/// One run, as it is drawn.
pub(crate) struct Panel {
    /// What is special about it, such as `Lanes on`.
    pub(crate) name: String,
    /// How many accounts its migration has moved.
    pub(crate) accounts: u64,
    pub(crate) timeline: Timeline,
}

/// A panel at its place, with the latency axis that it shares with the others.
pub(super) struct PlacedPanel<'a> {
    pub(super) panel: &'a Panel,
    pub(super) top_px: f64,
    pub(super) latencies: LatencyAxis,
}

impl Panel {
    /// The points of both curves.
    pub(super) fn bins(&self) -> Vec<Bin> {
        self.timeline.bins(self.step_s())
    }

    fn step_s(&self) -> f64 {
        self.time().step_s(MAX_POINTS)
    }

    fn time(&self) -> TimeAxis {
        TimeAxis { end_s: self.timeline.end_s() }
    }

    /// What was migrated, and how fast.
    fn migrated(&self) -> String {
        let seconds = self.timeline.migration.end - self.timeline.migration.start;
        format!(
            "{} accounts migrated in {}, {} a second",
            grouped(self.accounts),
            length(seconds),
            grouped((self.accounts as f64 / seconds).round() as u64),
        )
    }

    /// The percentiles of each part that has deposits, and what a point of a curve stands for.
    fn percentiles(&self) -> String {
        let parts = Part::ALL.iter().filter_map(|part| {
            let found = self.timeline.latencies(*part);
            let (p50, p99) = (latency(found.millis(0.5)), latency(found.millis(0.99)));
            (found.count() > 0).then(|| format!("{} {p50} / {p99}", part.name()))
        });
        let parts = parts.collect::<Vec<_>>().join(" · ");
        let each = match self.step_s() {
            1.0 => "second".to_owned(),
            step => format!("{step} seconds"),
        };
        format!("p50 / p99: {parts}; a point for each {each}")
    }
}

impl PlacedPanel<'_> {
    fn x(&self, seconds: f64) -> f64 {
        LEFT_PX + WIDTH_PX * self.panel.time().share(seconds)
    }

    fn y(&self, share: f64) -> f64 {
        self.top_px + TOP_PX + HEIGHT_PX * (1.0 - share)
    }

    fn heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { panel, top_px, .. } = self;
        let (first, second) = (top_px + 18.0, top_px + 36.0);
        let (name, migrated, percentiles) = (&panel.name, panel.migrated(), panel.percentiles());
        writeln!(
            f,
            "<text x=\"{LEFT_PX}\" y=\"{first:.1}\"><tspan class=\"name\">{name}</tspan>\
             <tspan dx=\"10\" class=\"quiet\">{migrated}</tspan></text>"
        )?;
        writeln!(f, "<text x=\"{LEFT_PX}\" y=\"{second:.1}\" class=\"quiet\">{percentiles}</text>")
    }

    fn axes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = (LEFT_PX, LEFT_PX + WIDTH_PX);
        for tick in self.latencies.ticks() {
            let y = self.y(tick.share);
            writeln!(f, "<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>")?;
            let (x, y, text) = (left - 8.0, y + 4.0, tick.text);
            writeln!(f, "<text class=\"tick end\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>")?;
        }
        let bottom = self.y(0.0);
        for tick in self.panel.time().ticks() {
            let x = left + WIDTH_PX * tick.share;
            writeln!(f, "<path class=\"axis\" d=\"M{x:.1} {bottom:.1}v5\"/>")?;
            let (y, text) = (bottom + 19.0, tick.text);
            writeln!(f, "<text class=\"tick middle\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>")?;
        }
        writeln!(f, "<path class=\"axis\" d=\"M{left:.1} {bottom:.1}H{right:.1}\"/>")
    }

    fn migration(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = &self.panel.timeline.migration;
        let (x, y) = (self.x(span.start), self.y(1.0));
        let width = self.x(span.end) - x;
        writeln!(
            f,
            "<rect class=\"migration\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{HEIGHT_PX}\"/>"
        )
    }

    /// A curve, interrupted where no deposit was due.
    fn curve(
        &self,
        f: &mut fmt::Formatter<'_>,
        class: &str,
        value_ms: fn(&Bin) -> f64,
    ) -> fmt::Result {
        let (step, end) = (self.panel.step_s(), self.panel.timeline.end_s());
        let mut path = String::new();
        for stretch in self.panel.bins().chunk_by(|one, next| one.step + 1 == next.step) {
            for (number, bin) in stretch.iter().enumerate() {
                let begin = bin.step as f64 * step;
                let x = self.x(f64::midpoint(begin, (begin + step).min(end)));
                let y = self.y(self.latencies.share(value_ms(bin)));
                path += &format!("{}{x:.1} {y:.1}", if number == 0 { "M" } else { "L" });
            }
            if stretch.len() == 1 {
                // With round ends, a line without length is a dot.
                path += "h0";
            }
        }
        writeln!(f, "<path class=\"curve {class}\" d=\"{path}\"/>")
    }
}

impl fmt::Display for PlacedPanel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heading(f)?;
        self.migration(f)?;
        self.axes(f)?;
        self.curve(f, "p99", |bin| bin.p99_ms)?;
        self.curve(f, "p50", |bin| bin.p50_ms)
    }
}

/// A length of time as text.
fn length(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..120 => format!("{whole} s"),
        _ => format!("{} min {} s", grouped(whole / 60), whole % 60),
    }
}
