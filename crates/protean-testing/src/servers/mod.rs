//! Private servers for the tests of adapters: started on a free port of this
//! machine, each in a folder of its own, gone with the process of the tests.

mod install;
mod postgres;
mod redis;

pub use postgres::{Database, Postgres};
pub use redis::RedisServer;
