//! Private servers for tests: started on a free port of this machine, each in a
//! folder of its own, gone with the process that started it. A [`Browser`] to look at
//! pages with, and [`Python`], for services that share a server with ours. A [`Reference`]
//! is a page of the book that a test writes; [`copy_program`] and [`write_script`] make
//! programs that a test runs.
//!
//! Nothing is installed here. [`Programs`] says where a server's programs are, or
//! what is missing; `cargo xtask test` sets that up.

#[cfg(unix)]
mod browser;
mod chromium;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod program_file;
mod programs;
mod python;
#[cfg(unix)]
mod redis;
mod reference;

#[cfg(unix)]
pub use browser::{Browser, Key, Look, Page, Scheme};
pub use chromium::Chromium;
#[cfg(unix)]
pub use postgres::{Database, Postgres};
#[cfg(unix)]
pub use program_file::{copy_program, write_script};
pub use programs::{Missing, POSTGRESQL, Programs, REDIS};
pub use python::Python;
#[cfg(unix)]
pub use redis::RedisServer;
pub use reference::Reference;
