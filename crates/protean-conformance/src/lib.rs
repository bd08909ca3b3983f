//! What every adapter of the ports has to do, as tests.
//!
//! * [`store`]: databases, with [`store_suite!`], and [`own_sql_suite!`] where users may run SQL
//! * [`broker`]: brokers, with [`broker_suite!`]
//!
//! An adapter passes the suite of its port on the real service. Where that service
//! may be absent, the tests of a suite carry an attribute, as in
//! `store_suite!(#[ignore = "needs PostgreSQL"] fresh);`.

pub mod broker;
mod runtime;
pub mod store;
