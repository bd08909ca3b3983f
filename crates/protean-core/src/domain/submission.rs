//! What is taken in by the thousand: commands with their idempotency keys, and what is left out.

use std::sync::Arc;

use protean_port::Error;

use crate::model::Command;
use crate::unit::Key;

/// A command with its idempotency key and a reference of the caller's.
#[derive(Clone, Debug)]
pub struct Submission<C> {
    pub(super) command: C,
    pub(super) key: Option<Key>,
    pub(super) reference: u64,
}

impl<C> Submission<C> {
    /// A command without an idempotency key.
    pub fn new(command: C) -> Self {
        Self { command, key: None, reference: 0 }
    }

    /// With this idempotency key: of the commands of one type with the same key
    /// only the first is taken in. It holds until the command is handled, and then for
    /// `idempotency.ttl`.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(Key::expiring(key));
        self
    }

    /// The same, with a key that holds for ever: an import that is repeated adds nothing, however
    /// late. Each key takes about a hundred bytes in the database.
    #[must_use]
    pub fn permanent_idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(Key::permanent(key));
        self
    }

    /// A number of the caller's, such as a line of its file, that comes back when
    /// the command is rejected; 0 without it.
    #[must_use]
    pub fn reference(mut self, reference: u64) -> Self {
        self.reference = reference;
        self
    }
}

/// What [`Domain::process_all`](super::domain::Domain::process_all) takes: commands, or [`Submission`]s of them.
pub trait Submit {
    /// The type of the command.
    type Command: Command;

    /// The command with its idempotency key and reference.
    fn submission(self) -> Submission<Self::Command>;
}

impl<C: Command> Submit for C {
    type Command = C;

    fn submission(self) -> Submission<C> {
        Submission::new(self)
    }
}

impl<C: Command> Submit for Submission<C> {
    type Command = C;

    fn submission(self) -> Self {
        self
    }
}

/// A command that was not taken in.
#[derive(Debug)]
pub struct Rejection {
    /// The number that the caller gave it with [`Submission::reference`].
    pub reference: u64,
    /// Which rule it breaks, or how it differs from the one that came before with its key.
    pub error: Error,
    /// True when it differs from the one that came before with its key.
    pub is_differing: bool,
}
