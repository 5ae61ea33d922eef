//! The documentation names files that exist: every link to a file here, and every path in backticks.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod man_pages;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of this repository; a text in backticks that begins with one of them is a path.
const FOLDERS: [&str; 10] =
    [".ci/", "benches/", "contrib/", "docs/", "fuzz/", "packaging/", "rules/", "src/", "systemd/", "tests/"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and its neighbours, and everything below docs/ and contrib/.
fn pages() -> Vec<PathBuf> {
    let mut folders = vec![repository().join("docs"), repository().join("contrib")];
    let mut pages = markdown_of(repository());
    while let Some(folder) = folders.pop() {
        pages.extend(markdown_of(&folder));
        let entries = fs::read_dir(&folder).expect("a folder").filter_map(Result::ok);
        folders.extend(entries.map(|e| e.path()).filter(|p| p.is_dir()));
    }
    pages
}

fn markdown_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "md")).collect()
}

/// Targets of `[text](target)` that are no addresses, without the part behind `#`.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|t| !t.contains("://") && !t.starts_with('#'));
    files.map(|t| t.split('#').next().unwrap_or(t)).collect()
}

/// Paths in backticks: `src/audit/record.rs`, and not patterns such as `src/bin/*.rs`.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let plain = |q: &str| q.chars().all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c));
    let known =
        |q: &str| FOLDERS.iter().any(|f| q.starts_with(f)) && !q.chars().any(|c| c.is_ascii_uppercase());
    quoted.filter(|q| plain(q) && known(q)).collect()
}

/// Blocks between ``` fences are commands and code: no links, and backticks mean something else there.
fn without_fences(text: &str) -> String {
    let mut fenced = false;
    let kept = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_file_that_a_page_names_exists() {
    let mut missing = Vec::new();
    let mut named = 0;
    for page in pages() {
        let text = without_fences(&fs::read_to_string(&page).expect("a page"));
        let folder = page.parent().expect("a folder");
        let candidates = links(&text).into_iter().map(|l| folder.join(l));
        for file in candidates.chain(paths(&text).into_iter().map(|p| repository().join(p))) {
            named += 1;
            if !file.exists() {
                missing.push(format!("{} names {}", page.display(), file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(named > 20, "only {named} names were found: has the form of the pages changed?");
}

/// The path of a record names at least one file of every room, so that none is forgotten there.
#[test]
fn code_structure_names_every_room() {
    let page = fs::read_to_string(repository().join("docs/development/code-structure.md")).expect("the page");
    let rooms = fs::read_dir(repository().join("src")).expect("src").filter_map(Result::ok);
    for room in rooms.filter(|r| r.path().is_dir()).map(|r| r.file_name().into_string().expect("UTF-8")) {
        assert!(
            page.contains(&format!("src/{room}/")),
            "docs/development/code-structure.md does not name {room}"
        );
    }
}
