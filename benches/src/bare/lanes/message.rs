//! The messages of the bank: commands, and the event that each leads to.

use std::sync::Arc;

use fidelis::account::{AccountOpened, DepositMade, MakeDeposit, OpenAccount};
use protean::message::{Category, Extensions, Kind, Message, Recorded, Stream, Timestamp};
use protean::model::{Command, Event};
use protean::{Decimal, Id, Priority};
use protean_cli::{Error, Result};
use serde::Serialize;

use crate::{bank, clock};

/// The category of the events.
pub(super) fn events() -> Category {
    Category::of("fidelis", "Account")
}

/// The category of the commands.
pub(super) fn commands() -> Category {
    events().commands()
}

/// A bulk command that opens an account.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn opening(number: u64) -> Result<Recorded> {
    let stream = commands().stream(&Id::new());
    first::<OpenAccount>(&bank::opening(number), stream, 0, Priority::BULK)
}

/// A production command that deposits 1 under its number.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn deposit(account: &Id, number: u64, stream_position: u64) -> Result<Recorded> {
    let command = bank::deposit(account, Some(number.to_string()));
    first(&command, commands().stream(account), stream_position, Priority::NORMAL)
}

fn first<C: Command>(
    command: &C,
    stream: Stream,
    stream_position: u64,
    priority: Priority,
) -> Result<Recorded> {
    let message = Message {
        id: Id::new().into(),
        stream,
        kind: Kind::Command,
        type_name: type_name(C::NAME),
        version: 1,
        priority,
        correlation_id: Id::new().into(),
        causation_id: None,
        time: now(),
        data: json(command)?,
        extensions: Extensions::default(),
    };
    Ok(Recorded { position: 0, stream_position, message })
}

/// The event that a command leads to, at the beginning of its stream.
///
/// # Errors
/// When the command cannot be read.
pub(super) fn effect(command: &Recorded) -> Result<Recorded> {
    let data = &command.message.data;
    match command.message.name() {
        OpenAccount::NAME => {
            let OpenAccount { account_number, holder_name, opening_deposit } =
                serde_json::from_str(data)?;
            let account_id = Id::new();
            let event = AccountOpened {
                account_id: account_id.clone(),
                account_number,
                holder_name,
                opening_deposit,
            };
            next(command, &event, &account_id)
        }
        _ => {
            let begun = clock::now();
            let MakeDeposit { account_id, amount, reference } = serde_json::from_str(data)?;
            let reference = reference.map(|number| format!("{number}@{begun}"));
            next(
                command,
                &DepositMade { account_id: account_id.clone(), amount, reference },
                &account_id,
            )
        }
    }
}

fn next<E: Event>(command: &Recorded, event: &E, account: &Id) -> Result<Recorded> {
    let Message { id, priority, correlation_id, .. } = &command.message;
    let stream = events().stream(account);
    let message = Message {
        id: format!("{stream}-0").into(),
        stream,
        kind: Kind::Event,
        type_name: type_name(E::NAME),
        version: 1,
        priority: *priority,
        correlation_id: Arc::clone(correlation_id),
        causation_id: Some(Arc::clone(id)),
        time: now(),
        data: json(event)?,
        extensions: Extensions::default(),
    };
    Ok(Recorded { position: 0, stream_position: 0, message })
}

/// What an event adds to the summary of an account.
pub(super) struct Addition {
    pub(super) account: Id,
    pub(super) number: String,
    pub(super) holder: String,
    pub(super) amount: Decimal,
    pub(super) deposits: i64,
}

impl Addition {
    /// # Errors
    /// When the event cannot be read.
    pub(super) fn of(event: &Recorded) -> Result<Self> {
        let data = &event.message.data;
        if event.message.name() == AccountOpened::NAME {
            let AccountOpened { account_id, account_number, holder_name, opening_deposit } =
                serde_json::from_str(data)?;
            return Ok(Self {
                account: account_id,
                number: account_number,
                holder: holder_name,
                amount: opening_deposit,
                deposits: 0,
            });
        }
        let DepositMade { account_id, amount, .. } = serde_json::from_str(data)?;
        let (number, holder) = Default::default();
        Ok(Self { account: account_id, number, holder, amount, deposits: 1 })
    }
}

/// The number in the reference of a deposit.
///
/// # Errors
/// When it has none.
pub(super) fn number_of(event: &Recorded) -> Result<u64> {
    let DepositMade { reference, .. } = serde_json::from_str(&event.message.data)?;
    let number = reference.as_deref().and_then(|text| text.split('@').next()?.parse().ok());
    number.ok_or_else(|| Error::failed("a deposit has no number"))
}

fn type_name(name: &str) -> Arc<str> {
    format!("Fidelis.{name}.v1").into()
}

fn json(fields: &impl Serialize) -> Result<Arc<str>> {
    Ok(serde_json::to_string(fields)?.into())
}

fn now() -> Timestamp {
    Timestamp::from_micros(clock::now())
}
