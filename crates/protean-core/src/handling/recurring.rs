//! Recurring commands.

use std::str::FromStr;

use croner::Cron;
use jiff::tz::TimeZone;
use protean_port::message::{Extensions, Priority};

use super::handle::Register;
use super::recurring_command::{MakeMessage, Missed, RecurringCommand, Times};
use super::registry::Registry;
use crate::catalog::guarded;
use crate::model::Command;
use crate::unit::command_message;

/// A command that recurs. It is registered like a handler:
///
/// ```
/// # use protean_core::domain::{Missed, Recurring};
/// # use protean_core::model::Command;
/// # fn report<StockReport: Command>(stock_report: fn() -> StockReport) {
/// let every_morning = Recurring::new("stock-report", "0 6 * * MON-FRI", stock_report)
///     .in_zone("Europe/Berlin")
///     .missed(Missed::Skip);
/// # let _ = every_morning;
/// # }
/// ```
pub struct Recurring<F> {
    name: &'static str,
    pattern: &'static str,
    zone: &'static str,
    priority: Priority,
    missed: Missed,
    make: F,
}

impl<F> Recurring<F> {
    /// A command that `make` returns, at the times of a cron pattern in UTC: minute, hour, day of
    /// the month, month, day of the week. A pattern with six fields begins with the second. The
    /// database knows the command by `name`.
    pub fn new(name: &'static str, pattern: &'static str, make: F) -> Self {
        let (zone, priority, missed) = ("UTC", Priority::NORMAL, Missed::Once);
        Self { name, pattern, zone, priority, missed, make }
    }

    /// Reads the pattern in this time zone, such as `Europe/Berlin`. A time of day that the clocks
    /// skip runs when they change; one that they repeat runs the first time.
    pub fn in_zone(self, zone: &'static str) -> Self {
        Self { zone, ..self }
    }

    /// Sets the priority of the command.
    pub fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// Sets what happens to the times that were missed while no server ran.
    pub fn missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }
}

impl<C, F> Register for Recurring<F>
where
    C: Command,
    F: Fn() -> C + Send + Sync + 'static,
{
    fn register(self, registry: &mut Registry) {
        let Self { name, pattern, zone, priority, missed, make } = self;
        let cron = Cron::from_str(pattern).map_err(|error| {
            registry.faults.push(format!(
                "the recurring command '{name}' has the cron pattern '{pattern}', which is not valid \
                 ({error}): write minute, hour, day of the month, month and day of the week, such as \
                 '0 6 * * MON'"
            ));
        });
        let zone = TimeZone::get(zone).map_err(|_| {
            registry.faults.push(format!(
                "the recurring command '{name}' has the time zone '{zone}', which is not known: \
                 write one such as 'Europe/Berlin'"
            ));
        });
        if registry.recurring.iter().any(|known| known.name == name) {
            registry.faults.push(format!("two recurring commands are called '{name}': rename one"));
        }
        let (Ok(cron), Ok(zone)) = (cron, zone) else { return };
        let make: MakeMessage = Box::new(move |env, id, cause| {
            guarded(|| {
                let command = make();
                command.check().into_result()?;
                command_message(env, id, &command, cause, Extensions::default())
            })
        });
        let times = Times { cron, zone };
        registry.recurring.push(RecurringCommand { name, times, priority, missed, make });
    }
}
