//! Steps that run on the server, each whole.

use redis::{Cmd, Pipeline, Script};

/// A step, called by its hash.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Adds entries and sets a mark.
    Publish,
    /// Acknowledges entries and removes those that every group is through with.
    Settle,
    /// Shows that a consumer still has its entries.
    Hold,
    /// Forgets consumers that are gone.
    Leave,
    /// Tells where a group stands.
    Standing,
    /// Removes a group and what waited for it alone.
    Forget,
}

const PUBLISH: &str = include_str!("lua/publish.lua");
const SETTLE: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/settle.lua"));
const HOLD: &str = include_str!("lua/hold.lua");
const LEAVE: &str = include_str!("lua/leave.lua");
const STANDING: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/standing.lua"));
const FORGET: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/forget.lua"));

/// In the order of [`Step`].
const TEXTS: [&str; 6] = [PUBLISH, SETTLE, HOLD, LEAVE, STANDING, FORGET];

/// The steps with their hashes.
pub(crate) struct Steps([Script; 6]);

impl Steps {
    pub(crate) fn new() -> Self {
        Self(TEXTS.map(Script::new))
    }

    /// The call of a step on one stream; its arguments are still to be added.
    pub(crate) fn on(&self, step: Step, stream: &str) -> Cmd {
        let mut call = self.call(step);
        call.arg(1).arg(stream);
        call
    }

    /// The call of a step that names its streams among its arguments.
    pub(crate) fn anywhere(&self, step: Step) -> Cmd {
        let mut call = self.call(step);
        call.arg(0);
        call
    }

    /// What makes all of them known to the server.
    pub(crate) fn load() -> Pipeline {
        let mut load = redis::pipe();
        for text in TEXTS {
            load.cmd("SCRIPT").arg("LOAD").arg(text);
        }
        load
    }

    fn call(&self, step: Step) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.0[step as usize].get_hash());
        call
    }
}
