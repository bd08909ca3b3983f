//! Runs the code of the book and of the README: rustdoc compiles and runs each block of Rust on
//! the pages below. The blocks of all other pages are parts of the programs in `tests/it/pages`
//! and of the examples; `tests/it/blocks.rs` compares them.

/// A module for each page, whose code is run by `cargo test --doc`.
macro_rules! pages {
    ($($name:ident: $file:literal,)+) => {$(
        #[cfg(doctest)]
        #[doc = include_str!($file)]
        mod $name {}
    )+};
}

pages! {
    readme: "../../../../README.md",
    values_and_rules: "../../src/guide/values-and-rules.md",
    contracts: "../../src/guide/contracts.md",
}
