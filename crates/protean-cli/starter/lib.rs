//! Tasks: an aggregate, its commands and events, and who handles them.

pub mod task;

use protean::DomainBuilder;

use task::{Task, TaskCommandHandler};

/// The domain, as `domain.toml` sets it up.
pub fn domain() -> DomainBuilder {
    protean::domain("{name}")
        .config(include_str!("../domain.toml"))
        .aggregate::<Task>()
        .register(TaskCommandHandler)
}
