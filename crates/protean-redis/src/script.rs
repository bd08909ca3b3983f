//! Steps that run on the server, each whole.

use redis::{Cmd, Pipeline, Script};

/// A step, called by its hash.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Acknowledges entries and removes those that every group is through with.
    Settle,
    /// Shows that a consumer still has its entries.
    Hold,
    /// Gives back what a consumer will not settle.
    Release,
    /// Forgets consumers that are gone.
    Leave,
    /// Tells where a group stands.
    GroupStatus,
    /// Removes a group and what waited for it alone.
    Forget,
}

const SETTLE: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/settle.lua"));
const HOLD: &str = concat!(include_str!("lua/own.lua"), include_str!("lua/hold.lua"));
const RELEASE: &str = concat!(include_str!("lua/own.lua"), include_str!("lua/release.lua"));
const LEAVE: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/leave.lua"));
const STANDING: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/standing.lua"));
const FORGET: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/forget.lua"));

/// In the order of [`Step`].
const TEXTS: [&str; 6] = [SETTLE, HOLD, RELEASE, LEAVE, STANDING, FORGET];

/// The steps with their hashes.
pub(crate) struct Steps([Script; 6]);

impl Steps {
    pub(crate) fn new() -> Self {
        Self(TEXTS.map(Script::new))
    }

    /// The call of a step on one stream; its arguments are still to be added.
    pub(crate) fn on(&self, step: Step, stream: &str) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.0[step as usize].get_hash()).arg(1).arg(stream);
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
}
