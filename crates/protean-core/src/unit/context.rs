//! The context of a handler: its way to repositories and to further commands.

use std::sync::Arc;

use jiff::tz::TimeZone;
use protean_port::message::{Date, Id, Metadata, Priority, Recorded, Timestamp, TraceParent};
use protean_port::port::Statement;
use protean_port::{Error, Result};
use serde::de::DeserializeOwned;

use super::issue::Issue;
use super::repository::Repository;
use super::scope::scope_priority;
use super::storage::Storage;
use super::unit::Unit;
use crate::model::{Command, Stored};

/// A handler's way to repositories and to further commands. All that is
/// changed through one context commits together.
#[derive(Clone)]
pub struct Context {
    unit: Arc<Unit>,
    message: Option<Arc<Recorded>>,
}

impl Context {
    pub(crate) fn new(unit: Arc<Unit>, message: Option<Arc<Recorded>>) -> Self {
        Self { unit, message }
    }

    pub(crate) fn unit(&self) -> &Arc<Unit> {
        &self.unit
    }

    /// The repository of `T`.
    pub fn repository<T>(&self) -> Repository<T>
    where
        T: Stored,
        T::Storage: Storage<T>,
    {
        Repository::new(Arc::clone(&self.unit))
    }

    /// Issues a command: it is kept with everything else this unit changes and
    /// handled afterwards, with the priority of the message at hand unless an
    /// enclosing [`processing_priority`](super::processing_priority) says otherwise.
    ///
    /// # Errors
    /// When the command breaks the rules of its fields, or the unit of work has ended: its handler
    /// has returned.
    pub fn process<C: Command>(&self, command: C) -> Result<Id> {
        self.command(command).issue()
    }

    /// A command to be issued with more than [`process`](Self::process) says of it: when it is due,
    /// its priority, its deadline or an idempotency key.
    pub fn command<C: Command>(&self, command: C) -> Issue<'_, C> {
        let priority = scope_priority().unwrap_or(self.unit.cause.priority);
        Issue::new(&self.unit, command, priority)
    }

    /// Runs a SELECT on your own tables and returns the committed rows, each deserialized as `T` by
    /// column name. The commit runs the SELECT again inside its transaction: if the result differs,
    /// the unit is discarded and the handler runs again. It does not see statements that
    /// [`execute`](Self::execute) has yet to run.
    ///
    /// # Errors
    /// If the statement is not a SELECT, the database cannot run it, a row does not fit `T`, or the
    /// unit of work has ended.
    pub async fn fetch<T: DeserializeOwned>(&self, statement: Statement) -> Result<Vec<T>> {
        self.unit.fetch(statement).await
    }

    /// Adds an INSERT, UPDATE or DELETE of your own to the unit. It runs at the commit, after the
    /// unit's other changes; if the database refuses it, the whole unit is discarded.
    ///
    /// # Errors
    /// When the unit of work has ended: its handler has returned.
    pub fn execute(&self, statement: Statement) -> Result {
        self.unit.execute(statement)
    }

    /// The message at hand with its places in the log; `None` for a command
    /// that is processed synchronously, which has no place yet.
    pub fn message(&self) -> Option<&Recorded> {
        self.message.as_deref()
    }

    /// The id shared by everything that came of one cause.
    pub fn correlation_id(&self) -> &str {
        &self.unit.cause.correlation_id
    }

    /// The metadata of the current message, which everything it causes inherits.
    pub fn metadata(&self) -> &Metadata {
        &self.unit.cause.enrichment.metadata
    }

    /// The trace context of the current message.
    pub fn traceparent(&self) -> Option<TraceParent> {
        self.unit.cause.enrichment.traceparent
    }

    /// The priority of the message at hand.
    pub fn priority(&self) -> Priority {
        self.unit.cause.priority
    }

    /// A new identity that is the same on every attempt to handle the current message, so that
    /// other systems can recognise a repeated call. Within a scope of
    /// [`Ids`](protean_port::message::Ids), as in tests, it is the next numbered one.
    ///
    /// # Errors
    /// When the unit of work has ended: its handler has returned.
    pub fn new_id(&self) -> Result<Id> {
        self.unit.new_id()
    }

    /// The present moment, by the domain's clock.
    pub fn now(&self) -> Timestamp {
        self.unit.env.now()
    }

    /// Today in UTC, by the domain's clock.
    pub fn today(&self) -> Date {
        self.now().date()
    }

    /// Today in a time zone such as `Europe/Berlin`, by the domain's clock.
    ///
    /// # Errors
    /// If the time zone is not known.
    pub fn today_in(&self, zone: &str) -> Result<Date> {
        let zone = TimeZone::get(zone).map_err(|error| {
            let unknown =
                format!("'{zone}' is not a known time zone: use a name such as Europe/Berlin");
            Error::misused(unknown).with_source(error)
        })?;
        // The end of the year 9999 is out of range for offsets.
        let now = jiff::Timestamp::from_microsecond(self.now().as_micros());
        let day = now.map_or(Some(Date::MAX), |now| {
            let day = zone.to_datetime(now).date();
            Date::new(day.year(), day.month(), day.day())
        });
        Ok(day.unwrap_or(Date::MIN))
    }
}
