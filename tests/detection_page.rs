//! docs/detection.md names one test or act a row, and each is there.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn read(below: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(below)).expect("a file of the repository")
}

/// The cells of each row of the first table behind that heading.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of a table's first column; a cell may have several.
fn first_names(rows: &[Vec<String>]) -> Vec<&str> {
    rows.iter().flat_map(|row| quoted(&row[0])).collect()
}

/// Every function of the tests.
fn tests() -> BTreeSet<String> {
    let mut folders: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    let mut names = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(entry).expect("a test");
                let functions = text.lines().filter_map(|line| line.strip_prefix("fn ")?.split_once("()"));
                names.extend(functions.map(|(name, _)| name.to_owned()));
            }
        }
    }
    names
}

/// One row for every act of the virtual machine, in the script's order, with figures for both profiles.
#[test]
fn every_act_on_a_whole_machine_has_its_row() {
    let script = read("packaging/test/vm/take-overs.sh");
    let acts = script.lines().filter_map(|line| line.strip_prefix("    way ")?.split_once(' '));
    let acts: Vec<&str> = acts.map(|(name, _)| name).collect();
    let page = read("docs/detection.md");
    let rows = table(&page, "The ways on a whole machine");
    assert_eq!(first_names(&rows), acts);
    assert!(acts.len() > 50, "{acts:?}");
    for row in &rows {
        let [_, place, alerts, writer, minimal, all] = row.as_slice() else { panic!("{row:?}") };
        if place == "nowhere" {
            assert!(
                ["none", "medium arguments", "medium literal rule, medium arguments"]
                    .contains(&alerts.as_str()),
                "{row:?}"
            );
            assert_eq!((writer.is_empty(), minimal.as_str(), all.as_str()), (alerts == "none", "", ""));
            continue;
        }
        assert!(alerts.contains("critical state"), "{row:?}");
        for seconds in [minimal, all] {
            let seconds: f64 = seconds.parse().expect("a figure");
            assert!((0.0..=2.0).contains(&seconds), "{row:?}");
        }
    }
}

/// One row for every way of `tests/live_account_files.rs`.
#[test]
fn every_way_into_the_account_files_has_its_row() {
    let test = read("tests/live_account_files.rs");
    let (_, ways) = test.split_once("const WAYS: ").expect("the ways");
    let (ways, _) = ways.split_once("\n];").expect("their end");
    let ways = ways.split("\n    (").skip(1).filter_map(|way| way.split('"').nth(1));
    let ways: BTreeSet<&str> = ways.collect();
    let page = read("docs/detection.md");
    let rows = table(&page, "The ways into the account files, live");
    assert_eq!(first_names(&rows).into_iter().collect::<BTreeSet<_>>(), ways);
    assert!(ways.len() > 20, "{ways:?}");
}

/// Every row about tampering names the test that does it, and every test that the page names is there.
#[test]
fn every_test_that_the_page_names_is_there() {
    let (page, tests) = (read("docs/detection.md"), tests());
    for row in table(&page, "Tampering") {
        let mut named = quoted(row.last().expect("a cell"));
        assert!(named.next().is_some_and(|name| tests.contains(name)), "{row:?}");
    }
    let is_test = |name: &&str| {
        name.len() > 30 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let named: Vec<&str> = quoted(&page).filter(is_test).collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        assert!(tests.contains(name), "docs/detection.md names {name}");
    }
}
