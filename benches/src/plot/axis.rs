//! The axes: from a value to a share of the axis, and the ticks.

use protean_cli::grouped;

/// The most ticks of a time axis, apart from the one at 0.
const MAX_TICKS: f64 = 10.0;
/// The steps of a time axis, in seconds: of its ticks and of what is summed up in one point.
const STEPS_S: [u32; 13] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];

/// A place on an axis with its text.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    /// From 0 at the beginning of the axis to 1 at its end.
    pub(super) share: f64,
    pub(super) text: String,
}

/// A logarithmic axis of milliseconds, from one power of ten to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LatencyAxis {
    lowest: f64,
    highest: f64,
}

impl LatencyAxis {
    /// The smallest axis with at least two decades that holds all values.
    pub(super) fn over(values_ms: impl Iterator<Item = f64>) -> Self {
        let positive = values_ms.filter(|value| *value > 0.0);
        let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
        positive.map(f64::log10).for_each(|power| {
            (lowest, highest) = (lowest.min(power.floor()), highest.max(power.ceil()));
        });
        let lowest = if lowest.is_finite() { lowest } else { 0.0 };
        Self { lowest, highest: highest.max(lowest + 2.0) }
    }

    /// From 0 at the lower end to 1 at the upper one. What is beyond is at that end.
    pub(super) fn share(self, value_ms: f64) -> f64 {
        let power = value_ms.max(f64::MIN_POSITIVE).log10();
        ((power - self.lowest) / (self.highest - self.lowest)).clamp(0.0, 1.0)
    }

    /// The powers of ten.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let decades = (self.highest - self.lowest) as u32;
        (0..=decades)
            .map(|decade| {
                let share = f64::from(decade) / f64::from(decades);
                Tick { share, text: latency(10.0_f64.powf(self.lowest + f64::from(decade))) }
            })
            .collect()
    }
}

/// A linear axis of seconds that begins at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TimeAxis {
    pub(super) end_s: f64,
}

impl TimeAxis {
    /// From 0 at the beginning to 1 at the end. What is later is at the end.
    pub(super) fn share(self, seconds: f64) -> f64 {
        (seconds / self.end_s).clamp(0.0, 1.0)
    }

    /// The smallest step, in seconds, that divides the axis into at most `parts`.
    pub(super) fn step_s(self, parts: f64) -> f64 {
        let fits = STEPS_S.into_iter().map(f64::from).find(|step| self.end_s / step <= parts);
        fits.unwrap_or_else(|| (self.end_s / parts).ceil())
    }

    /// Ticks at whole seconds or minutes.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let step = self.step_s(MAX_TICKS);
        let text = |at: f64| match step % 60.0 == 0.0 && at > 0.0 {
            true => format!("{} min", at / 60.0),
            false => format!("{at} s"),
        };
        let count = (self.end_s / step) as u32;
        let places = (0..=count).map(|number| f64::from(number) * step);
        places.map(|at| Tick { share: self.share(at), text: text(at) }).collect()
    }
}

/// Milliseconds as text, with their unit.
pub(super) fn latency(ms: f64) -> String {
    match ms {
        _ if ms >= 9_950.0 => format!("{} s", grouped((ms / 1000.0).round() as u64)),
        _ if ms >= 999.5 => format!("{} s", short(ms / 1000.0)),
        _ if ms >= 9.95 => format!("{ms:.0} ms"),
        _ => format!("{} ms", short(ms)),
    }
}

/// With one decimal, or none where it would be zero.
fn short(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::{LatencyAxis, TimeAxis, latency};

    fn texts(ticks: Vec<super::Tick>) -> Vec<String> {
        ticks.into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn the_latency_axis_holds_all_values_and_goes_by_powers_of_ten() {
        let axis = LatencyAxis::over([2.5, 340_000.0, 0.0].into_iter());
        let decades = ["1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1,000 s"];
        assert_eq!(texts(axis.ticks()), decades);
        for (value, share) in [(1.0, 0.0), (1e3, 0.5), (1e6, 1.0), (0.0, 0.0), (1e9, 1.0)] {
            assert!((axis.share(value) - share).abs() < 1e-9, "{value}: {}", axis.share(value));
        }
        let doubled = axis.share(8.0) - axis.share(4.0);
        assert!((doubled - (axis.share(800.0) - axis.share(400.0))).abs() < 1e-9);
    }

    #[test]
    fn the_latency_axis_has_two_decades_at_least() {
        assert_eq!(
            texts(LatencyAxis::over([2.0].into_iter()).ticks()),
            ["1 ms", "10 ms", "100 ms"]
        );
        assert_eq!(texts(LatencyAxis::over([].into_iter()).ticks()), ["1 ms", "10 ms", "100 ms"]);
        let axis = LatencyAxis::over([0.2].into_iter());
        assert_eq!(texts(axis.ticks()), ["0.1 ms", "1 ms", "10 ms"]);
    }

    #[test]
    fn the_time_axis_has_few_ticks_at_round_times() {
        assert_eq!(texts(TimeAxis { end_s: 4.9 }.ticks()), ["0 s", "1 s", "2 s", "3 s", "4 s"]);
        assert_eq!(texts(TimeAxis { end_s: 62.0 }.ticks())[..3], ["0 s", "10 s", "20 s"]);
        assert_eq!(texts(TimeAxis { end_s: 700.0 }.ticks())[..3], ["0 s", "2 min", "4 min"]);
        let axis = TimeAxis { end_s: 50_000.0 };
        assert!(axis.ticks().len() <= 11 && axis.step_s(10.0) == 5000.0);
        assert_eq!((axis.share(25_000.0), axis.share(1e9)), (0.5, 1.0));
    }

    #[test]
    fn latencies_have_two_digits_or_more_and_a_unit() {
        for (ms, text) in [(3.16, "3.2 ms"), (46.2, "46 ms"), (151.0, "151 ms"), (3.0, "3 ms")] {
            assert_eq!(latency(ms), text);
        }
        for (ms, text) in [(1_500.0, "1.5 s"), (61_000.0, "61 s"), (1_000.0, "1 s")] {
            assert_eq!(latency(ms), text);
        }
    }
}
