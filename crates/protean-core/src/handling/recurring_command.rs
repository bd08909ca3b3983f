//! When recurring commands run, and their messages.

use croner::Cron;
use jiff::tz::TimeZone;
use protean_port::Result;
use protean_port::message::{Id, Message, Priority, Timestamp};

use crate::unit::{Enrichment, Env, MessageContext};

/// How to handle the times that passed while no server ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// The command runs once for all of them.
    #[default]
    Once,
    /// It runs once for each.
    Each,
    /// It does not run, unless it is less than a minute late.
    Skip,
}

/// Makes the message of this id.
pub(super) type MakeMessage =
    Box<dyn Fn(&Env, &Id, &MessageContext) -> Result<Message> + Send + Sync>;

/// A recurring command of a domain.
pub(crate) struct RecurringCommand {
    pub(crate) name: &'static str,
    pub(crate) times: Times,
    pub(super) priority: Priority,
    pub(crate) missed: Missed,
    pub(super) make: MakeMessage,
}

impl RecurringCommand {
    /// The command for one of its times: the same message whichever process makes it.
    ///
    /// # Errors
    /// When the command breaks the rules of its fields, or its aggregate is not registered.
    pub(crate) fn message(&self, env: &Env, key: &str, due: Timestamp) -> Result<Message> {
        let id = Id::derived(key, &due.as_micros().to_string());
        let cause = MessageContext {
            priority: self.priority,
            correlation_id: id.clone().into(),
            causation_id: None,
            seed: None,
            time: None,
            enrichment: Enrichment::by(&env.enrichers),
        };
        (self.make)(env, &id, &cause)
    }
}

/// The times of a cron pattern in a zone.
pub(crate) struct Times {
    pub(super) cron: Cron,
    pub(super) zone: TimeZone,
}

impl Times {
    /// The first one after a moment; none when there is none any more.
    pub(crate) fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = jiff::Timestamp::from_microsecond(moment.as_micros()).ok()?;
        let next =
            self.cron.find_next_occurrence(&moment.to_zoned(self.zone.clone()), false).ok()?;
        Some(Timestamp::from_micros(next.timestamp().as_microsecond()))
    }

    /// True for a moment that is one of them.
    pub(crate) fn has(&self, moment: Timestamp) -> bool {
        let before = Timestamp::from_micros(moment.as_micros() - 1);
        self.after(before) == Some(moment)
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use croner::Cron;
    use jiff::tz::TimeZone;
    use protean_port::message::Timestamp;

    use super::Times;

    fn times(pattern: &str, from: &str, count: usize) -> Vec<String> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let times = Times { cron: Cron::from_str(pattern).unwrap(), zone };
        let mut moment: Timestamp = from.parse().unwrap();
        let mut found = Vec::new();
        for _ in 0..count {
            moment = times.after(moment).unwrap();
            assert!(times.has(moment), "{moment}");
            found.push(moment.to_string()[..16].to_owned());
        }
        found
    }

    #[test]
    fn a_time_of_day_follows_the_zone() {
        let found = times("0 6 * * *", "2026-03-28T00:00:00+00:00", 3);
        assert_eq!(found, ["2026-03-28T05:00", "2026-03-29T04:00", "2026-03-30T04:00"]);
    }

    #[test]
    fn a_time_that_the_clocks_leave_out_comes_when_they_are_set() {
        let found = times("30 2 * * *", "2026-03-28T00:00:00+00:00", 3);
        assert_eq!(found, ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]);
    }

    #[test]
    fn a_time_that_the_clocks_repeat_comes_the_first_time() {
        let found = times("30 2 * * *", "2026-10-24T12:00:00+00:00", 2);
        assert_eq!(found, ["2026-10-25T00:30", "2026-10-26T01:30"]);
    }

    #[test]
    fn steps_run_through_a_change_of_the_clocks() {
        let found = times("*/30 * * * *", "2026-03-29T00:00:00+00:00", 3);
        assert_eq!(found, ["2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30"]);
        let found = times("*/30 * * * *", "2026-10-25T00:00:00+00:00", 4);
        let expected =
            ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_hour_runs_through_a_change_of_the_clocks() {
        let found = times("30 * * * *", "2026-03-28T23:45:00+00:00", 3);
        assert_eq!(found, ["2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"]);
        let found = times("30 * * * *", "2026-10-24T23:45:00+00:00", 3);
        assert_eq!(found, ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"]);
    }

    #[test]
    fn a_pattern_may_have_seconds() {
        let found = times("*/20 * * * * *", "2026-10-25T00:00:00+00:00", 3);
        assert_eq!(found, ["2026-10-25T00:00", "2026-10-25T00:00", "2026-10-25T00:01"]);
    }
}
