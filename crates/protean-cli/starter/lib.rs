//! Tasks: an aggregate with its commands, events and command handler.

pub mod task;

use protean::DomainBuilder;

use task::{Task, TaskCommandHandler};

/// The domain, configured by `domain.toml`.
pub fn domain() -> DomainBuilder {
    protean::domain("{name}")
        .config(include_str!("../domain.toml"))
        .aggregate::<Task>()
        .register(TaskCommandHandler)
}
