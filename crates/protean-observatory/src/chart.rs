//! Lines over time, as SVG. Pure: colours and strokes are the stylesheet's.

use std::time::Duration;

use maud::{Markup, html};

use crate::history::{MAX_GAP, Point, SPAN};
use crate::text::number;

/// The size of the drawing, which the page stretches.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

/// A line of the chart.
pub(crate) struct Line {
    /// The class that gives it its look: `p50`, `p99`, `rate`, `backlog`.
    pub(crate) class: &'static str,
    pub(crate) name: &'static str,
    pub(crate) value: fn(&Point) -> Option<f64>,
}

/// A level that the lines are compared with.
pub(crate) struct Level {
    /// `idle` or `target`.
    pub(crate) class: &'static str,
    pub(crate) name: &'static str,
    pub(crate) value: Option<f64>,
}

/// Draws lines over the last minutes. `id` names the chart on its page, `unit` follows a number.
pub(crate) fn chart(
    id: &'static str,
    unit: &str,
    points: &[Point],
    lines: &[Line],
    levels: &[Level],
) -> Markup {
    let top = scale(points, lines, levels);
    let now = points.last().map_or(Duration::ZERO, |last| last.at);
    let y = |value: f64| HEIGHT - value / top * HEIGHT;
    html! {
        figure.chart id=(id) {
            figcaption.legend {
                @for line in lines { (key(line.class, line.name)) }
                @for level in levels { @if level.value.is_some() { (key(level.class, level.name)) } }
            }
            div.plot {
                span.top { (number(top)) (unit) }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-label=(spoken(points, lines, unit)) {
                    @for part in [0.25, 0.5, 0.75] {
                        line.grid x1="0" x2=(WIDTH) y1=(HEIGHT * part) y2=(HEIGHT * part) {}
                    }
                    @for level in levels {
                        @if let Some(value) = level.value {
                            line.line.(level.class) x1="0" x2=(WIDTH) y1=(short(y(value)))
                                y2=(short(y(value))) {}
                        }
                    }
                    @for line in lines {
                        path.line.(line.class) d=(path(points, line.value, now, &y)) {}
                    }
                }
                span.bottom { "0" }
            }
            div.times { span { "5 min ago" } span { "now" } }
        }
    }
}

/// A sample of a line beside its name.
fn key(class: &str, name: &str) -> Markup {
    html! {
        span.key {
            svg.sample viewBox="0 0 24 8" aria-hidden="true" {
                line.line.(class) x1="0" x2="24" y1="4" y2="4" {}
            }
            (name)
        }
    }
}

/// A path through the points that have a value, broken where values are missing.
fn path(
    points: &[Point],
    value: fn(&Point) -> Option<f64>,
    now: Duration,
    y: &impl Fn(f64) -> f64,
) -> String {
    let mut path = String::new();
    let mut last: Option<Duration> = None;
    for point in points {
        let Some(value) = value(point) else {
            last = None;
            continue;
        };
        let ago = now.saturating_sub(point.at).as_secs_f64() / SPAN.as_secs_f64();
        let is_joined = last.is_some_and(|last| point.at.saturating_sub(last) <= MAX_GAP);
        let (step, x, y) = (if is_joined { 'L' } else { 'M' }, WIDTH * (1.0 - ago), y(value));
        path.push_str(&format!("{step}{} {}", short(x), short(y)));
        if !is_joined {
            // A single point is a dot.
            path.push_str("h0.1");
        }
        last = Some(point.at);
    }
    path
}

/// A round number above everything that is drawn.
fn scale(points: &[Point], lines: &[Line], levels: &[Level]) -> f64 {
    let drawn = points.iter().flat_map(|point| lines.iter().filter_map(|line| (line.value)(point)));
    let highest = drawn.chain(levels.iter().filter_map(|level| level.value)).fold(0.0, f64::max);
    if highest <= 0.0 {
        return 1.0;
    }
    let size = 10_f64.powf(highest.log10().floor());
    let steps = [1.2, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0];
    steps.map(|step| step * size).into_iter().find(|top| *top >= highest).unwrap_or(highest)
}

/// The last value of each line, for screen readers.
fn spoken(points: &[Point], lines: &[Line], unit: &str) -> String {
    let last = points.last();
    let values = lines.iter().map(|line| match last.and_then(line.value) {
        Some(value) => format!("{} {}{unit}", line.name, number(value)),
        None => format!("{} unknown", line.name),
    });
    values.collect::<Vec<_>>().join(", ")
}

/// Two decimals are less than a pixel.
fn short(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Level, Line, chart, path, scale};
    use crate::history::Point;

    fn point(second: u64, p50: Option<f64>) -> Point {
        Point { at: Duration::from_secs(second), p50, ..Point::default() }
    }

    const P50: Line = Line { class: "p50", name: "p50", value: |point| point.p50 };

    #[test]
    fn a_line_breaks_where_nothing_is_known() {
        let points = [
            point(0, Some(1.0)),
            point(1, Some(2.0)),
            point(2, None),
            point(3, Some(4.0)),
            point(60, Some(1.0)),
        ];
        let drawn = path(&points, P50.value, Duration::from_secs(300), &|value| value);
        assert_eq!(drawn.matches('M').count(), 3, "{drawn}");
        assert!(drawn.starts_with("M0.00 1.00h0.1L2.00 2.00M6.00 4.00"), "{drawn}");
    }

    #[test]
    fn the_scale_is_a_round_number_above_everything() {
        let of = |value, level| {
            let levels = [Level { class: "idle", name: "idle", value: level }];
            scale(&[point(0, value)], &[P50], &levels)
        };
        assert_eq!(of(None, None), 1.0);
        assert_eq!(of(Some(0.0), None), 1.0);
        assert_eq!(of(Some(37.0), None), 40.0);
        assert_eq!(of(Some(37.0), Some(73.0)), 80.0);
        assert_eq!(of(Some(100.0), None), 120.0);
    }

    #[test]
    fn an_unknown_level_is_not_drawn() {
        let levels = [Level { class: "target", name: "target", value: None }];
        let drawn = chart("c", " ms", &[point(0, Some(1.0))], &[P50], &levels).into_string();
        assert!(!drawn.contains("target") && drawn.contains("p50 1 ms"), "{drawn}");
    }
}
