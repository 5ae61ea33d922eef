//! The command as a user types it: console blocks of the pages and help texts, word for word.
//!
//! `TRYCMD=overwrite cargo test --test cli` writes what the program says now; read it before committing.

#[test]
fn the_program_says_what_the_pages_show() {
    trycmd::TestCases::new()
        .case("tests/cli/*.md")
        .case("tests/cli/*.toml")
        .case("README.md")
        .case("docs/*.md")
        .run();
}
