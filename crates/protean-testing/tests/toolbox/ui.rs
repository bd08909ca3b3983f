//! What the compiler says to a list that is none. `TRYBUILD=overwrite` writes it anew.

#[test]
fn the_compiler_says_how_a_list_is_written() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
