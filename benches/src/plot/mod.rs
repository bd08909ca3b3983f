//! A drawing of latencies over time, as an SVG that follows the light or dark theme.
//!
//! ```text
//! title, legend
//! Panel ─▶ PlacedPanel ─▶ heading, migration, axes, two curves
//! Panel …       └─ the latency axis of all panels; each has a time axis of its own
//! ```

mod axis;
mod panel;

use std::fmt;

use axis::LatencyAxis;
use panel::{LEFT_PX, PANEL_PX, PlacedPanel, WIDTH_PX};

pub(crate) use panel::Panel;

/// The height of the title and the legend.
const HEADER_PX: f64 = 102.0;
const MARGIN_PX: f64 = 18.0;
/// Text, lines and surfaces; the second set of colours is for a dark theme.
const STYLE: &str = "\
svg{--paper:#fff;--ink:#1f2328;--quiet:#59636e;--grid:#d1d9e0;--span:#e9eef4;--p50:#0969da;--p99:#bc4c00}
@media(prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#f0f6fc;--quiet:#9198a1;--grid:#353d47;\
--span:#1b2330;--p50:#58a6ff;--p99:#e8823a}}
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:var(--ink)}
.title{font-size:17px;font-weight:600}.name{font-size:14px;font-weight:600}
.quiet,.tick{fill:var(--quiet)}.tick{font-size:11px}.end{text-anchor:end}.middle{text-anchor:middle}
.paper{fill:var(--paper)}.migration{fill:var(--span)}
.grid{stroke:var(--grid);fill:none}.axis{stroke:var(--quiet);fill:none}
.curve{fill:none;stroke-linejoin:round;stroke-linecap:round}
.p50{stroke:var(--p50);stroke-width:2}.p99{stroke:var(--p99);stroke-width:1.25}
";

/// Several runs below each other, with one latency axis.
pub(crate) struct Plot {
    pub(crate) title: String,
    /// What was measured, and where to read more: two lines.
    pub(crate) about: [String; 2],
    pub(crate) panels: Vec<Panel>,
}

impl Plot {
    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, y) = (LEFT_PX, 86.0);
        let (line, text) = (y - 4.0, |x: f64| left + x + 28.0);
        let entries = [(0.0, "p50", "the median"), (160.0, "p99", "one in a hundred takes longer")];
        for (x, class, meaning) in entries {
            let from = left + x;
            writeln!(f, "<path class=\"curve {class}\" d=\"M{from:.1} {line:.1}h20\"/>")?;
            let x = text(x);
            writeln!(
                f,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"quiet\">{class}, {meaning}</text>"
            )?;
        }
        let (from, top, x) = (left + 440.0, y - 11.0, text(440.0));
        writeln!(
            f,
            "<rect class=\"migration\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"20\" height=\"14\"/>"
        )?;
        writeln!(f, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"quiet\">the migration</text>")
    }
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { title, about, panels } = self;
        let width = LEFT_PX + WIDTH_PX + MARGIN_PX;
        let height = HEADER_PX + PANEL_PX * panels.len() as f64;
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\">"
        )?;
        writeln!(f, "<title>{title}</title>\n<style>\n{STYLE}</style>")?;
        writeln!(f, "<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>")?;
        writeln!(f, "<text class=\"title\" x=\"{LEFT_PX}\" y=\"26\">{title}</text>")?;
        for (line, y) in about.iter().zip([46, 64]) {
            writeln!(f, "<text class=\"quiet\" x=\"{LEFT_PX}\" y=\"{y}\">{line}</text>")?;
        }
        self.legend(f)?;
        let bins = panels.iter().flat_map(Panel::bins);
        let latencies = LatencyAxis::over(bins.flat_map(|bin| [bin.p50_ms, bin.p99_ms]));
        let mut top_px = HEADER_PX;
        for panel in panels {
            write!(f, "{}", PlacedPanel { panel, top_px, latencies })?;
            top_px += PANEL_PX;
        }
        writeln!(f, "</svg>")
    }
}

#[cfg(test)]
mod tests {
    use super::{Panel, Plot};
    use crate::timeline::{Served, Timeline};

    /// Twelve seconds of deposits at ten a second, each as late as `latency_ms` says.
    fn panel(name: &str, latency_ms: fn(f64) -> f64) -> Panel {
        let due = (0..120).map(|number| f64::from(number) / 10.0);
        let served = due.map(|due_s| Served { due_s, latency_ms: latency_ms(due_s) });
        let timeline = Timeline { deposits: served.collect(), migration: 2.0..8.0 };
        Panel { name: name.to_owned(), accounts: 20_000, timeline }
    }

    fn plot(panels: Vec<Panel>) -> String {
        Plot { title: "T".to_owned(), about: ["A", "B"].map(str::to_owned), panels }.to_string()
    }

    /// The points of a curve of one panel.
    fn points(svg: &str, class: &str, panel: usize) -> Vec<[f64; 2]> {
        let start = format!("<path class=\"curve {class}\" d=\"");
        // The first curve of a class is its sample in the legend.
        let path = svg.split(&start).nth(panel + 2).unwrap().split('"').next().unwrap();
        let numbers = |point: &str| -> Option<[f64; 2]> {
            let (x, y) = point.split_once(' ')?;
            Some([x.parse().ok()?, y.parse().ok()?])
        };
        path.split(['M', 'L']).filter_map(numbers).collect()
    }

    #[test]
    fn each_second_is_a_point_and_twice_as_late_is_equally_far_on_every_panel() {
        // Within the ends of the axis, since latencies are known to one part in a thousand.
        let lanes = panel("Lanes on", |due| if (2.0..8.0).contains(&due) { 10.1 } else { 1.01 });
        let off = panel("Lanes off", |due| if (2.0..8.0).contains(&due) { 990.0 } else { 1.01 });
        let svg = plot(vec![lanes, off]);
        let [lanes, off] = [0, 1].map(|at| points(&svg, "p50", at));
        assert_eq!((lanes.len(), off.len()), (12, 12));
        let rise = |of: &[[f64; 2]]| of[0][1] - of[5][1];
        assert!((rise(&lanes) - 50.0).abs() < 0.11, "a decade of three, in 150: {lanes:?}");
        assert!((rise(&off) - 149.6).abs() < 0.11, "{off:?}");
        assert!(lanes.windows(2).all(|pair| pair[0][0] < pair[1][0]), "time goes on: {lanes:?}");
    }

    #[test]
    fn the_migration_is_shaded_from_its_start_to_its_end() {
        let svg = plot(vec![panel("Lanes on", |_| 3.0)]);
        // 2 and 8 of 11.9 seconds, on 776 from 66 on; the first rectangle is in the legend.
        let shaded = svg.split("<rect class=\"migration\" ").nth(2).unwrap();
        assert!(shaded.starts_with("x=\"196.4\" y=\"150.0\" width=\"391.3\" height"), "{shaded}");
    }

    #[test]
    fn a_panel_says_what_it_shows() {
        let svg = plot(vec![panel("Paced", |due| if due < 2.0 { 2.5 } else { 4.0 })]);
        for text in [
            ">Paced<",
            ">20,000 accounts migrated in 6.0 s, 3,333 a second<",
            ">p50 / p99: before 2.5 ms / 2.5 ms · during 4 ms / 4 ms · after 4 ms / 4 ms; a point for each second<",
            ">10 ms<",
            ">10 s<",
            "prefers-color-scheme:dark",
        ] {
            assert!(svg.contains(text), "no {text} in\n{svg}");
        }
    }

    #[test]
    fn where_no_deposit_was_due_the_curve_is_interrupted() {
        let mut gap = panel("Lanes on", |_| 3.0);
        gap.timeline.deposits.retain(|deposit| !(4.0..6.0).contains(&deposit.due_s));
        let svg = plot(vec![gap]);
        let path = svg.split("<path class=\"curve p50\" d=\"").nth(2).unwrap();
        let path = path.split('"').next().unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        let mut alone = panel("Lanes on", |_| 3.0);
        alone.timeline.deposits.truncate(1);
        assert!(plot(vec![alone]).contains("h0\"/>"));
    }
}
