//! Lists of events and commands, as tests write them.

use std::fmt;
use std::marker::PhantomData;

use protean_core::model::{Aggregate, Command, Event, Raised};
use protean_port::message::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Events of the aggregate `A`.
pub struct EventsOf<A>(PhantomData<A>);

/// Events of any aggregate.
pub struct AnyEvents;

/// Commands of any aggregate.
pub struct AnyCommands;

/// Messages in order: an array or a `Vec` of one type, a tuple of several types (at most
/// eight), or `()` for none. Types that are compared need `PartialEq`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of messages",
    note = "write `[DepositMade {{ … }}]` for one type, a tuple like \
            `(AccountOpened {{ … }}, DepositMade {{ … }})` for several, `()` for none"
)]
pub trait Messages<Kind> {
    /// The messages one by one.
    fn expected(self) -> Vec<ExpectedMessage>;
}

/// A message that a test expects.
pub struct ExpectedMessage {
    name: &'static str,
    version: u32,
    data: String,
    is: Box<dyn Fn(&str) -> bool>,
}

impl ExpectedMessage {
    /// An event.
    pub fn event<E: Event + PartialEq>(event: E) -> Self {
        Self::new(E::NAME, E::VERSION, event)
    }

    /// A command.
    pub fn command<C: Command + PartialEq>(command: C) -> Self {
        Self::new(C::NAME, C::VERSION, command)
    }

    fn new<M>(name: &'static str, version: u32, message: M) -> Self
    where
        M: Serialize + DeserializeOwned + PartialEq + 'static,
    {
        let json = serde_json::to_string(&message);
        let data = json.unwrap_or_else(|error| format!("is not JSON: {error}"));
        let is =
            move |data: &str| serde_json::from_str(data).is_ok_and(|found: M| found == message);
        Self { name, version, data, is: Box::new(is) }
    }

    pub(crate) fn into_raised(self) -> Raised {
        Raised { name: self.name, version: self.version, is_published: false, data: self.data }
    }

    /// Whether a message that came about is this one.
    pub(crate) fn is(&self, found: &Found<'_>) -> bool {
        (self.name, self.version) == (found.name, found.version) && (self.is)(found.data)
    }
}

impl fmt::Display for ExpectedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, data, .. } = self;
        Found { name, version: *version, data }.fmt(f)
    }
}

/// A message that came about.
pub(crate) struct Found<'a> {
    name: &'a str,
    version: u32,
    data: &'a str,
}

impl<'a> From<&'a Raised> for Found<'a> {
    fn from(raised: &'a Raised) -> Self {
        Self { name: raised.name, version: raised.version, data: &raised.data }
    }
}

impl<'a> From<&'a Message> for Found<'a> {
    fn from(message: &'a Message) -> Self {
        Self { name: message.name(), version: message.version, data: &message.data }
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, data } = self;
        match version {
            1 => write!(f, "{name} {data}"),
            _ => write!(f, "{name} v{version} {data}"),
        }
    }
}

macro_rules! tuples {
    ($($letter:ident)*) => {
        impl<Owner, $($letter,)*> Messages<EventsOf<Owner>> for ($($letter,)*)
        where
            Owner: Aggregate,
            $($letter: Event<Aggregate = Owner> + PartialEq,)*
        {
            #[allow(non_snake_case)]
            fn expected(self) -> Vec<ExpectedMessage> {
                let ($($letter,)*) = self;
                vec![$(ExpectedMessage::event($letter)),*]
            }
        }
        tuples!(AnyEvents, Event, event, $($letter)*);
        tuples!(AnyCommands, Command, command, $($letter)*);
    };
    ($kind:ty, $message:ident, $constructor:ident, $($letter:ident)*) => {
        impl<$($letter: $message + PartialEq,)*> Messages<$kind> for ($($letter,)*) {
            #[allow(non_snake_case)]
            fn expected(self) -> Vec<ExpectedMessage> {
                let ($($letter,)*) = self;
                vec![$(ExpectedMessage::$constructor($letter)),*]
            }
        }
    };
}
tuples!();
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

macro_rules! sequence {
    ($message:ident => $list:ty $(, $size:ident)?) => {
        impl<Owner, $message $(, const $size: usize)?> Messages<EventsOf<Owner>> for $list
        where
            Owner: Aggregate,
            $message: Event<Aggregate = Owner> + PartialEq,
        {
            fn expected(self) -> Vec<ExpectedMessage> {
                self.into_iter().map(ExpectedMessage::event).collect()
            }
        }

        impl<$message: Event + PartialEq $(, const $size: usize)?> Messages<AnyEvents> for $list {
            fn expected(self) -> Vec<ExpectedMessage> {
                self.into_iter().map(ExpectedMessage::event).collect()
            }
        }

        impl<$message: Command + PartialEq $(, const $size: usize)?> Messages<AnyCommands> for $list {
            fn expected(self) -> Vec<ExpectedMessage> {
                self.into_iter().map(ExpectedMessage::command).collect()
            }
        }
    };
}
sequence!(M => [M; N], N);
sequence!(M => Vec<M>);
