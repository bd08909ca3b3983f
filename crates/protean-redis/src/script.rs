//! The Lua scripts, each of which the server runs as one atomic step.

use redis::{Cmd, Pipeline};

/// A script, called by its hash.
#[derive(Clone, Copy)]
pub(crate) enum Script {
    /// Acknowledges entries and removes those that every group has handled.
    Settle,
    /// Resets the idle time of the entries that a consumer still owns.
    Hold,
    /// Gives up entries that a consumer will not settle.
    Release,
    /// Removes consumers that are gone.
    Leave,
    /// Reads length, lag and pending entries of a group.
    GroupStatus,
    /// Removes a group, and the entries that only it had yet to handle.
    Forget,
}

const SETTLE: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/settle.lua"));
const HOLD: &str = concat!(include_str!("lua/own.lua"), include_str!("lua/hold.lua"));
const RELEASE: &str = concat!(include_str!("lua/own.lua"), include_str!("lua/release.lua"));
const LEAVE: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/leave.lua"));
const GROUP_STATUS: &str =
    concat!(include_str!("lua/groups.lua"), include_str!("lua/group_status.lua"));
const FORGET: &str = concat!(include_str!("lua/groups.lua"), include_str!("lua/forget.lua"));

/// In the order of [`Script`].
const SOURCES: [&str; 6] = [SETTLE, HOLD, RELEASE, LEAVE, GROUP_STATUS, FORGET];

/// All scripts with their hashes.
pub(crate) struct Scripts([redis::Script; 6]);

impl Scripts {
    pub(crate) fn new() -> Self {
        Self(SOURCES.map(redis::Script::new))
    }

    /// The call of a script on one stream; the caller adds the arguments.
    pub(crate) fn call(&self, script: Script, stream: &str) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.0[script as usize].get_hash()).arg(1).arg(stream);
        call
    }

    /// Loads all scripts into the server.
    pub(crate) fn load() -> Pipeline {
        let mut load = redis::pipe();
        for source in SOURCES {
            load.cmd("SCRIPT").arg("LOAD").arg(source);
        }
        load
    }
}
