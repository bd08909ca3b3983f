//! A private browser, driven through Chromium's protocol: a test sees and does what a person sees
//! and does.
//!
//! * `connection`: asks and answers over a pipe, and what the browser reports by itself
//! * `browser`: the process; each page has a session, cookies and a window of its own
//! * `page`: goes to an address, reads what is shown, waits for it
//! * `hands`: clicks and types as a person does
//! * `look`: width and colours; `picture`: what is seen, as a file
//! * `complaints`: what a page did that it should not

#[expect(clippy::module_inception, reason = "the browser is the noun here")]
mod browser;
mod complaints;
mod connection;
mod hands;
mod look;
mod page;
mod picture;

pub use browser::Browser;
pub use hands::Key;
pub use look::{Look, Scheme};
pub use page::Page;
