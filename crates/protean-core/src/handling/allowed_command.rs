//! Which commands plain programs may enqueue.

use std::marker::PhantomData;

use super::handle::Register;
use super::intake_command::IntakeCommand;
use super::registry::Registry;
use crate::model::Command;

/// Allows the command `C` in the intake, once registered.
pub struct AllowedCommand<C>(PhantomData<fn(C)>);

impl<C: Command> AllowedCommand<C> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: Command> Register for AllowedCommand<C> {
    fn register(self, registry: &mut Registry) {
        registry.intake.push(IntakeCommand::of::<C>());
    }
}
