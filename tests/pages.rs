//! The documentation names files that exist: every link to a file or a heading here, and every path in backticks.
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

/// Targets of `[text](target)` that are no addresses: a file, empty for the page itself, and the heading behind `#`.
fn links(text: &str) -> Vec<(&str, Option<&str>)> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let inner = targets.filter(|target| !target.contains("://"));
    inner.map(|t| t.split_once('#').map_or((t, None), |(file, heading)| (file, Some(heading)))).collect()
}

/// The names under which a page's headings are linked: in small letters, blanks as hyphens, without other signs.
fn headings(text: &str) -> Vec<String> {
    let titles =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let name = |title: &str| {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    titles.map(name).collect()
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
fn every_file_and_heading_that_a_page_names_exists() {
    let mut missing = Vec::new();
    let mut named = 0;
    for page in pages() {
        let text = without_fences(&fs::read_to_string(&page).expect("a page"));
        let folder = page.parent().expect("a folder");
        for (file, heading) in links(&text) {
            let target = if file.is_empty() { page.clone() } else { folder.join(file) };
            let (Some(heading), Ok(there)) = (heading, fs::read_to_string(&target)) else { continue };
            if !headings(&without_fences(&there)).iter().any(|name| name == heading) {
                missing.push(format!("{} names {}#{heading}", page.display(), target.display()));
            }
        }
        let files = links(&text).into_iter().map(|(file, _)| file).filter(|file| !file.is_empty());
        let candidates = files.map(|file| folder.join(file));
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
