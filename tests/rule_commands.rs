//! `auditward rules`, as a rule author runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its files fails")]

mod program;

use std::fs;
use std::path::Path;

use program::auditward;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/elastic-rules");

fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    auditward(directory, &[&["rules"], arguments].concat())
}

fn rule(id: &str, query: &str, more: &str) -> String {
    format!(
        "[rule]\nrule_id = \"{id}\"\nname = \"Rule {id}\"\ndescription = \"d\"\ntype = \"eql\"\n\
         severity = \"low\"\nrisk_score = 21\n{more}query = '''\n{query}\n'''\n"
    )
}

fn directory(files: &[(&str, String)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// Every rule that ships has something that it must find and something that it must not, and does so.
#[test]
fn shipped_rules_are_tested_both_ways() {
    let (status, out, err) = run(Path::new("."), &["test", SHIPPED]);
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("test result: ok.") && out.contains(" 0 rules without a test"), "{out}");
    for entry in fs::read_dir(SHIPPED).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&entry).unwrap();
            let tests: Vec<&str> = text.split("[[auditward.test]]").skip(1).collect();
            assert!(tests.iter().any(|test| test.contains("matches = 1")), "{}", entry.display());
            assert!(tests.iter().any(|test| test.contains("matches = 0")), "{}", entry.display());
        }
    }
}

#[test]
fn a_failing_test_is_told_with_its_place() {
    let test = "[[auditward.test]]\nname = \"a <b> & \\\"c\\\"\"\nmatches = 2\nevents = '''\n\
                {\"event\":{\"category\":\"process\"},\"process\":{\"name\":\"x\"}}\n'''\n\
                [[auditward.test]]\nname = \"broken\"\nmatches = 0\nfile = \"none.log\"\n";
    let text = rule("one", "process where process.name == \"x\"", "") + test;
    let folder = directory(&[("r.toml", text)]);
    let (status, out, _) = run(folder.path(), &["test", "r.toml", "--junit", "junit.xml"]);
    assert_eq!(status, 1);
    assert!(out.contains("test r :: a <b> & \"c\" ... FAILED"), "{out}");
    assert!(out.contains("r.toml:11: a <b> & \"c\": expected 2 matches, found 1"), "{out}");
    assert!(out.contains("test r :: broken ... BROKEN") && out.contains("cannot read"), "{out}");
    assert!(out.contains("test result: FAILED. 0 passed; 2 failed"), "{out}");
    let xml = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(
        xml.contains("tests=\"2\" failures=\"2\"") && xml.contains("a &lt;b&gt; &amp; &quot;c&quot;"),
        "{xml}"
    );
}

#[test]
fn list_says_why_a_rule_is_not_live_and_what_is_not_for_this_engine() {
    let dns = rule("dns", "any where dns.question.name == \"x\"", "");
    let absent = "sequence with maxspan=5s [process where process.name == \"x\"] \
                  ![any where dns.question.name == \"x\"]";
    let other = rule("other", "x", "").replace("\"eql\"", "\"threshold\"");
    let folder = directory(&[
        ("1.toml", dns),
        ("2.toml", rule("partly", absent, "")),
        ("3.toml", rule("any", "process where event.type == \"start\"", "")),
        ("4.toml", other),
    ]);
    let (status, out, _) = run(folder.path(), &["list", "--rules", "."]);
    assert_eq!(status, 0);
    assert!(
        out.contains(
            "not live     low       dns  Rule dns\n             dns.question.name has no source here"
        ),
        "{out}"
    );
    let partly =
        "partly live  low       partly  Rule partly\n             stage 2: dns.question.name has no source";
    assert!(out.contains(partly), "{out}");
    assert!(out.contains("needs kernel rules of profile all"), "{out}");
    assert!(out.contains("not for this engine: its type is threshold, not eql"), "{out}");
    assert!(out.ends_with("1 live, 1 partly live, 1 not live, 1 not run, 0 errors\n"), "{out}");
    let (_, out, _) = run(folder.path(), &["list", "--rules", ".", "--format", "json"]);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<_> = lines.iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["not live", "partly live", "live", "not run"]);
    assert_eq!(lines[0]["why"][0], "dns.question.name has no source here");
}

#[test]
fn explain_names_the_clause_that_was_false() {
    let query = "process where process.name == \"x\" and not process.args : \"-q*\"";
    let event =
        "{\"event\":{\"category\":\"process\"},\"process\":{\"name\":\"x\",\"args\":[\"x\",\"-Quiet\"]}}\n";
    let folder = directory(&[("r.toml", rule("r", query, "")), ("e.ndjson", event.to_owned())]);
    let (status, out, _) = run(folder.path(), &["explain", "r.toml", "e.ndjson"]);
    assert_eq!(status, 1);
    assert!(out.starts_with("event 1: does not match\n"), "{out}");
    assert!(out.contains("true  process.name == \"x\""), "{out}");
    assert!(out.contains("FALSE not\n") && out.contains("true  process.args : \"-q*\""), "{out}");
    assert!(out.contains("process.args is x, -Quiet"), "{out}");
    let (status, _, err) = run(folder.path(), &["explain", "nothing", "e.ndjson", "--rules", "r.toml"]);
    assert_eq!(status, 2);
    assert!(err.contains("no rule has the id, uuid or name"), "{err}");
}

#[test]
fn a_new_rule_is_sound_and_passes_its_own_tests() {
    let folder = directory(&[]);
    let (status, skeleton, _) = run(folder.path(), &["new", "A \"quoted\" \\ name"]);
    assert_eq!(status, 0);
    fs::write(folder.path().join("new.toml"), &skeleton).unwrap();
    let (status, out, err) = run(folder.path(), &["test", "new.toml"]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("2 passed; 0 failed; 0 rules without a test"), "{out}");
    let (_, shown, _) = run(folder.path(), &["show", "new.toml"]);
    assert!(shown.contains("A \"quoted\" \\ name"), "{shown}");
    assert!(!shown.contains("\ngroup "), "{shown}");
    fs::write(folder.path().join("grouped.toml"), skeleton.clone() + "\n[auditward]\ngroup = \"web\"\n")
        .unwrap();
    let (_, shown, _) = run(folder.path(), &["show", "grouped.toml"]);
    let group = shown.lines().find(|line| line.starts_with("group ")).expect("the group");
    assert!(group.contains(" web: what its rules find of one act is one alert"), "{group}");
    let raw =
        rule("raw", "process where process.name == \"a\u{9b}2J\" or process.args regex \"a\\\\.b\"", "");
    fs::write(folder.path().join("raw.toml"), raw).unwrap();
    let (_, shown, _) = run(folder.path(), &["show", "raw.toml"]);
    assert!(shown.contains("a\\u{9b}2J") && shown.contains("regex \"a\\\\.b\""), "{shown}");
    let (_, other, _) = run(folder.path(), &["new", "x"]);
    let uuid = |text: &str| text.lines().find(|line| line.starts_with("rule_id")).unwrap().to_owned();
    assert_ne!(uuid(&skeleton), uuid(&other));
}

/// Which of Elastic's rules are not live here is known, by id.
#[test]
fn elastics_rules_are_live_but_for_the_known_ones() {
    if !Path::new(CORPUS).exists() {
        eprintln!("skipped: {CORPUS} is not there");
        return;
    }
    let (status, out, err) = run(Path::new("."), &["list", "--rules", CORPUS, "--format", "json"]);
    assert_eq!(status, 0, "{err}");
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 292);
    let not: Vec<_> = lines.iter().filter(|line| line["state"] == "not live").collect();
    let mut ids: Vec<_> = not.iter().map(|line| line["uuid"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let known: Vec<_> =
        include_str!("rules/not-live.txt").lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(ids, known);
    assert!(ids.len() <= 13);
    assert!(
        lines
            .iter()
            .all(|line| line["state"] == "not live" || !line["kernel_rules"].as_array().unwrap().is_empty())
    );
}
