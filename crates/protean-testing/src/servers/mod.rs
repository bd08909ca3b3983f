//! Private servers for the tests of adapters: started on a free port of this
//! machine, each in a folder of its own, gone with the process of the tests.

mod install;
mod postgres;

pub use postgres::{Database, Postgres};
