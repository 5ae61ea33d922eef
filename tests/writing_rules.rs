//! docs/writing-rules.md, tried out: its commands, in order, with its own files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its files fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../docs/writing-rules.md");
const EVENT: &str =
    r#"{"event":{"category":["process"],"type":["start"]},"process":{"name":"nc","args":["nc","-p"]}}"#;

/// The page's blocks in order: language and text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let fenced = PAGE.split("\n```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

/// Exit status and both outputs of a line of shell, `auditward` being the program under test.
fn shell(directory: &Path, line: &str) -> (i32, String) {
    let bin = Path::new(env!("CARGO_BIN_EXE_auditward")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output =
        Command::new("sh").args(["-c", line]).env("PATH", path).current_dir(directory).output().unwrap();
    let both = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(both).unwrap())
}

#[test]
fn the_page_can_be_followed_word_by_word() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::write(at.join("event.ndjson"), EVENT).unwrap();
    fs::copy(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/uid0/usermod_u0_o.log"),
        at.join("audit.log"),
    )
    .unwrap();
    let mut said = Vec::new();
    for (language, text) in blocks() {
        if language == "toml" {
            let folder = match text {
                text if text.starts_with("[[exception]]") => "exceptions.d",
                text if text.starts_with("[[list]]") => "lists.d",
                text if text.starts_with("[[override]]") => "overrides.d",
                other => panic!("which folder is this for?\n{other}"),
            };
            fs::create_dir_all(at.join(folder)).unwrap();
            fs::write(at.join(folder).join("page.toml"), text).unwrap();
            continue;
        }
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (status, out) = shell(at, line);
            let expected = i32::from(line.contains("explain"));
            assert_eq!(status, expected, "{line}\n{out}");
            assert!(!out.contains("warning["), "{line}\n{out}");
            said.push((line, out));
        }
    }
    let last = |part: &str| &said.iter().rfind(|(line, _)| line.contains(part)).expect(part).1;
    assert!(last("rules test").contains("2 passed; 0 failed"), "{}", last("rules test"));
    assert!(last("explain").contains("FALSE process.args == \"-l\""), "{}", last("explain"));
    assert!(last("rules list").contains("1 live, 0 partly live, 0 not live"), "{}", last("rules list"));
    assert!(last("exceptions list").contains("backup-listens  in force on 1 rules, until 2099-01-01"));
    assert!(last("exceptions list").contains("taken      0"));
    let shown = last("rules show");
    let severity = shown.lines().find(|line| line.starts_with("severity")).unwrap();
    assert!(severity.contains("high") && severity.contains("overrides.d/page.toml:3"), "{severity}");
    assert!(shown.contains("process.args != \"127.0.0.1\""), "{shown}");
}
