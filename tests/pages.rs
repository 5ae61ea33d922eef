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

/// Pages with a table whose rows each name a test.
const TRIED: [&str; 2] = ["docs/reliability.md", "docs/threat-model.md"];

/// All that a test may be found in: the sources, and the scripts of the packages' tests.
fn sources() -> String {
    let mut folders: Vec<PathBuf> = ["src", "tests", "packaging/test"].map(|f| repository().join(f)).into();
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("a folder").filter_map(Result::ok).map(|entry| entry.path()) {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("rs" | "sh") => text += &fs::read_to_string(&path).expect("a source"),
                _ if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    text
}

/// Names of tests in a text: in backticks, words with at least two underscores between.
fn tests_named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_name = |q: &&str| {
        q.matches('_').count() >= 2
            && q.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    quoted.filter(is_name).collect()
}

/// Where a page says of a fault or an attacker what comes of it, a test shows it: each row of a table with the column `test`
/// names one, and each that is named is there.
#[test]
fn every_row_of_faults_and_threats_names_tests_that_exist() {
    let sources = sources();
    let mut faults = Vec::new();
    let mut rows = 0;
    for page in TRIED {
        let text = fs::read_to_string(repository().join(page)).expect("a page");
        let mut column = None;
        for line in without_fences(&text).lines() {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            if !line.starts_with('|') {
                column = None;
            } else if column.is_none() {
                column = cells.iter().position(|cell| cell.starts_with("test")).or(Some(usize::MAX));
            } else if let Some(cell) =
                column.and_then(|at| cells.get(at)).filter(|cell| !cell.starts_with("---"))
            {
                rows += 1;
                let named = tests_named(cell);
                let by_script = cell.contains("packaging/test/");
                if named.is_empty() && !by_script {
                    faults.push(format!("{page}: no test in {line}"));
                }
                let missing = named.into_iter().filter(|name| !sources.contains(&format!("fn {name}(")));
                faults.extend(missing.map(|name| format!("{page}: no test is called {name}")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(rows > 60, "only {rows} rows were found: has the form of the pages changed?");
}
