//! The bank's own program.
fn main() {}
