//! Private servers for the tests of adapters: started on a free port of this
//! machine, each in a folder of its own, gone with the process of the tests. And
//! [`Python`], for services that share a server with ours.

mod install;
mod postgres;
mod python;
mod redis;

pub use postgres::{Database, Postgres};
pub use python::Python;
pub use redis::RedisServer;
