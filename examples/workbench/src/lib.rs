//! Puts a domain to the test, for the showcases and the benchmarks. It knows none of their words.
//!
//! ```text
//! visitors, at a fixed rate ─▶ domain ─▶ log ◀─ child: the server, as an operator starts it
//!      └─▶ latency                        └─▶ history, backlog, accounting
//! ```
//!
//! * [`visitors`] come whatever became of those before; [`latency`] is how long each waited
//! * [`child`], [`place`] and [`folder`]: a server as a process, its database, and where both are
//! * [`restarts`] kills servers, [`observer`] watches an import with [`progress`] on the terminal
//! * [`history`] reads the log; [`backlog`] and [`accounting`] say whether all of it is handled
//! * [`sheet`] reads CSV; [`names`] and [`random`] make things up, the same each time
//! * [`client`] posts JSON; [`outages`] asks again; [`interrupt`] ends on Ctrl-C

pub mod accounting;
pub mod backlog;
pub mod child;
pub mod client;
pub mod folder;
pub mod gauge;
pub mod history;
pub mod interrupt;
pub mod latency;
pub mod names;
pub mod observer;
pub mod outages;
pub mod place;
pub mod progress;
pub mod random;
pub mod restarts;
pub mod sheet;
mod splitter;
pub mod visitors;
mod visits;
