//! The pages over real sockets, on a real store.
//!
//! * `bank`: a small domain, its server, and a client that writes raw requests
//! * `reading`: who may read, and what each page shows
//! * `acting`: logging in, replaying, and what is written down
//! * `streaming`: the live pages, for one viewer and for many
//! * `mounted`: behind an application's own login

mod acting;
mod bank;
mod mounted;
mod reading;
mod streaming;
