//! What followed from a command or an event.

use std::fmt::Debug;
use std::time::Duration;

use protean_core::catalog::Layout;
use protean_core::domain::{Storage, inject_entry, inject_event};
use protean_core::model::{Command, Event, ExternalEvent, Projection, Stored};
use protean_port::message::{Id, Kind, Message};
use protean_port::{Error, Result};

use crate::TestDomain;
use crate::difference::difference;
use crate::log;
use crate::messages::{AnyCommands, AnyEvents, ExpectedMessage, Found, Messages};
use crate::refusal::{describe, not_rejected, succeeded};
use crate::waiting::Waiting;

/// What followed from a command or an event: events and commands in the order
/// of the log, rows, a failure.
///
/// When something failed, [`then_error`](Self::then_error) or
/// [`then_rejected`](Self::then_rejected) comes before everything else.
pub struct Reaction<'d, T> {
    test: &'d TestDomain,
    outcome: Result<T>,
    expected_to_fail: bool,
    messages: Vec<Message>,
}

impl TestDomain {
    /// This command is handled. It takes the next numbered identity, and what
    /// its handler makes those after that.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[track_caller]
    #[must_use = "nothing is checked before `then…`"]
    pub fn when<C: Command>(&self, command: C) -> Reaction<'_, C::Output> {
        self.reaction(|| self.process(command))
    }

    /// This event happens to an instance.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[track_caller]
    #[must_use = "nothing is checked before `then…`"]
    pub fn when_event<E: Event + PartialEq>(
        &self,
        id: impl Into<Id>,
        event: E,
    ) -> Reaction<'_, ()> {
        self.reaction(|| {
            self.happen::<E::Aggregate>(&id.into(), vec![ExpectedMessage::event(event)])
        })
    }

    /// This JSON comes in a broker's stream.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[track_caller]
    #[must_use = "nothing is checked before `then…`"]
    pub fn when_received(&self, stream: &str, payload: &str) -> Reaction<'_, ()> {
        let inject_entry = || inject_entry(self.domain(), stream, payload);
        self.reaction(|| self.numbered(inject_entry()))
    }

    /// This event of another domain comes in a broker's stream.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[track_caller]
    #[must_use = "nothing is checked before `then…`"]
    pub fn when_published<E: ExternalEvent>(&self, stream: &str, event: E) -> Reaction<'_, ()> {
        let inject_event = || inject_event(self.domain(), stream, &event);
        self.reaction(|| self.numbered(inject_event()))
    }

    /// Moves the clock by this much, like [`advance`](Self::advance). The reaction includes
    /// scheduled commands that came due.
    ///
    /// # Panics
    /// When the log cannot be read, or a handler fails.
    #[track_caller]
    #[must_use = "nothing is checked before `then…`"]
    pub fn when_passed(&self, time: Duration) -> Reaction<'_, ()> {
        let before = self.log_end();
        self.advance(time);
        Reaction::new(self, Ok(()), self.log_after(before))
    }

    #[track_caller]
    fn reaction<T>(&self, act: impl FnOnce() -> Result<T>) -> Reaction<'_, T> {
        let before = self.log_end();
        let outcome = act();
        let mut messages = self.log_after(before);
        // The first one is the message that the reaction is to.
        messages.drain(..messages.len().min(1));
        Reaction::new(self, outcome, messages)
    }

    #[track_caller]
    fn log_end(&self) -> u64 {
        let log = succeeded("the log", self.run(log::after(self.domain(), 0)));
        log.last().map_or(0, |last| last.position)
    }

    #[track_caller]
    fn log_after(&self, position: u64) -> Vec<Message> {
        let log = succeeded("the log", self.run(log::after(self.domain(), position)));
        log.into_iter().map(|recorded| recorded.message).collect()
    }
}

impl<'d, T> Reaction<'d, T> {
    pub(crate) fn new(test: &'d TestDomain, outcome: Result<T>, messages: Vec<Message>) -> Self {
        Self { test, outcome, expected_to_fail: false, messages }
    }

    /// These events followed, and no others, of whichever aggregates.
    ///
    /// # Panics
    /// When others followed, or something failed.
    #[track_caller]
    pub fn then(self, events: impl Messages<AnyEvents>) -> Self {
        self.compare(Kind::Event, &events.expected())
    }

    /// Events of these names followed, and no others.
    ///
    /// # Panics
    /// When others followed, or something failed.
    #[track_caller]
    pub fn then_named<const N: usize>(self, names: [&str; N]) -> Self {
        self.succeeded();
        let found: Vec<&str> = self.of(Kind::Event).map(Message::name).collect();
        if let Some(difference) = difference(&names, &found, |one, other| one == other) {
            panic!("other events followed {difference}");
        }
        self
    }

    /// No event followed.
    ///
    /// # Panics
    /// When one did, or something failed.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then(())
    }

    /// Handlers issued these commands, and no others.
    ///
    /// # Panics
    /// When they issued others, or something failed.
    #[track_caller]
    pub fn then_commands(self, commands: impl Messages<AnyCommands>) -> Self {
        self.compare(Kind::Command, &commands.expected())
    }

    /// Asserts that this timer of the process is set and due after this time from now.
    ///
    /// # Panics
    /// If it is not set, is due at another time, or something failed.
    #[track_caller]
    pub fn then_timer<E: Event + PartialEq>(
        self,
        process: impl Into<Id>,
        timer: E,
        delay: Duration,
    ) -> Self {
        self.succeeded();
        let expected = ExpectedMessage::event(timer);
        Waiting::timer::<E>(self.test, &process.into()).require(&expected, delay);
        self
    }

    /// Asserts that the process has no timer of this type.
    ///
    /// # Panics
    /// If it has one, or something failed.
    #[track_caller]
    pub fn then_no_timer<E: Event>(self, process: impl Into<Id>) -> Self {
        self.succeeded();
        Waiting::timer::<E>(self.test, &process.into()).require_none();
        self
    }

    /// Asserts that this command is scheduled and due after this time from now.
    ///
    /// # Panics
    /// When it is not scheduled, is due at another time, or something failed.
    #[track_caller]
    pub fn then_scheduled<C: Command + PartialEq>(self, command: C, delay: Duration) -> Self {
        self.succeeded();
        Waiting::commands(self.test).require(&ExpectedMessage::command(command), delay);
        self
    }

    /// The projection has this row.
    ///
    /// # Panics
    /// When the row with this identity is another one or is missing, or
    /// something failed.
    #[track_caller]
    pub fn then_row<P: Projection + PartialEq + Debug>(self, row: P) -> Self {
        let found = self.find::<P>(&row.key());
        if found != row {
            let [expected, found] = [row, found].map(|row| format!("{row:#?}"));
            let [expected, found]: [Vec<&str>; 2] =
                [&expected, &found].map(|text| text.lines().collect());
            let difference = difference(&expected, &found, |one, other| one == other);
            panic!("the row differs {}", difference.unwrap_or_default());
        }
        self
    }

    /// The projection has no row of this identity.
    ///
    /// # Panics
    /// When it has one, or something failed.
    #[track_caller]
    pub fn then_no_row<P: Projection + Debug>(self, id: impl Into<Id>) -> Self {
        self.succeeded();
        if let Some(row) = self.look::<P>(&id.into()) {
            panic!("expected no row, found {row:#?}");
        }
        self
    }

    /// The aggregate or row of this identity is as `check` wants it.
    ///
    /// # Panics
    /// When `check` does, there is none, or something failed.
    #[track_caller]
    pub fn then_state<K: Stored<Storage: Storage<K>>>(
        self,
        id: impl Into<Id>,
        check: impl FnOnce(&K),
    ) -> Self {
        check(&self.find(&id.into()));
        self
    }

    /// It was refused, and `field` is at fault.
    ///
    /// # Panics
    /// When it went well, or failed for another reason.
    #[track_caller]
    pub fn then_rejected(mut self, field: &str) -> Self {
        if let Some(fault) = not_rejected(self.error(), field) {
            panic!("{fault}");
        }
        self.expected_to_fail = true;
        self
    }

    /// It failed with this error. With [`Error::committed`] the command was
    /// handled, and a handler of what followed failed.
    ///
    /// # Panics
    /// When `check` does, or it went well.
    #[track_caller]
    pub fn then_error(mut self, check: impl FnOnce(&Error)) -> Self {
        check(self.error());
        self.expected_to_fail = true;
        self
    }

    /// What the handler of the command answered.
    ///
    /// # Panics
    /// When it failed.
    #[track_caller]
    pub fn answer(self) -> T {
        succeeded("the command", self.outcome)
    }

    #[track_caller]
    fn compare(self, kind: Kind, expected: &[ExpectedMessage]) -> Self {
        self.succeeded();
        let found: Vec<Found<'_>> = self.of(kind).map(Found::from).collect();
        if let Some(difference) = difference(expected, &found, |one, other| one.is(other)) {
            let what = if kind == Kind::Event { "events" } else { "commands" };
            panic!("other {what} followed {difference}");
        }
        self
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |message| message.kind == kind)
    }

    #[track_caller]
    fn find<K: Stored<Storage: Storage<K>>>(&self, id: &Id) -> K {
        self.succeeded();
        match self.look::<K>(id) {
            Some(kept) => kept,
            None => panic!("{} '{id}' does not exist", <K::Storage as Layout<K>>::name()),
        }
    }

    #[track_caller]
    fn look<K: Stored<Storage: Storage<K>>>(&self, id: &Id) -> Option<K> {
        let name = <K::Storage as Layout<K>>::name();
        let look = async { self.test.domain().repository::<K>().await?.find(id).await };
        succeeded(name, self.test.run(look))
    }

    #[track_caller]
    fn succeeded(&self) {
        if let Err(error) = &self.outcome
            && !self.expected_to_fail
        {
            panic!("the command or event failed: {}", describe(error));
        }
    }

    #[track_caller]
    fn error(&self) -> &Error {
        match &self.outcome {
            Err(error) => error,
            Ok(_) => {
                let found: Vec<_> =
                    self.messages.iter().map(|one| Found::from(one).to_string()).collect();
                panic!("expected a failure, but this followed: [{}]", found.join(", "))
            }
        }
    }
}
