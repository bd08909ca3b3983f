//! The code of the book.
//!
//! * `fences`: the blocks of code of a page
//! * `blocks`: each block is compiled, run, or a part of a file that a test runs
//! * `reference`: the pages of the reference name what the code has
//! * `deploy`: the files for systemd, containers and Kubernetes
//! * `roles`: the roles of the database that a page shows
//! * `pages`: the programs that pages show, one file each

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod blocks;
mod deploy;
mod fences;
mod pages;
mod reference;
mod roles;
