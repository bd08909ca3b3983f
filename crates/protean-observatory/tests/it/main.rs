//! The pages over real sockets, on a real store.
//!
//! * `bank`: a small domain, its server, and a client that writes raw requests
//! * `reading`: who may read, and what each page shows
//! * `acting`: logging in, replaying, purging, and what is written down
//! * `brokers`: what Redis has for the domain
//! * `streaming`: the live pages, for one viewer and for many
//! * `mounted`: behind an application's own login

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod acting;
mod bank;
mod brokers;
mod mounted;
mod reading;
mod streaming;
