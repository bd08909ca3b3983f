//! Private servers for tests: started on a free port of this machine, each in a
//! folder of its own, gone with the process that started it. And [`Python`], for
//! services that share a server with ours.
//!
//! Nothing is installed here. [`Programs`] says where a server's programs are, or
//! what is missing; `cargo xtask test` sets that up.

#[cfg(unix)]
mod postgres;
mod programs;
mod python;
#[cfg(unix)]
mod redis;

#[cfg(unix)]
pub use postgres::{Database, Postgres};
pub use programs::{Missing, POSTGRESQL, Programs, REDIS};
pub use python::Python;
#[cfg(unix)]
pub use redis::RedisServer;
