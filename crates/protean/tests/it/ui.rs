//! What the compiler says to what is wrong. `TRYBUILD=overwrite` writes it anew.

#[test]
fn the_compiler_says_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
