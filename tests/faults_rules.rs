//! Rule files that are meant to do harm: each is refused with its place, or bounded, within the memory that `streams` gives, and
//! the rule beside it alerts. The table of all faults is in docs/reliability.md.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod program;
mod streams;

use std::fs;
use std::process::Command;

use program::auditward;
use streams::{Exec, Replayed, literal, replay, rule};

/// The hostile query beside the literal rule: what `check` says of both (its status and its words), and the replay of an act.
fn beside(query: &str) -> ((i32, String), Replayed) {
    let folder = tempfile::tempdir().unwrap();
    rule(folder.path(), "hostile", query);
    fs::copy(literal(), folder.path().join("literal.toml")).unwrap();
    let (status, out, told) = auditward(folder.path(), &["check", "--rules", "."]);
    let replayed = replay(folder.path(), |out| {
        // What a pattern that backtracks would be busy with for ever.
        let long = "a".repeat(60_000);
        Exec { exe: "/bin/echo", args: &["echo", &long, "!"], ..Exec::at(1_790_000_000_000, 1) }
            .write(out)
            .unwrap();
        Exec::at(1_790_000_001_000, 2).write(out).unwrap();
    });
    let told = out + &told;
    let literal = replayed.alerts.iter().filter(|alert| alert["rule"]["name"] != "hostile").count();
    assert_eq!(literal, 1, "the rule beside it alerts: {}", replayed.told);
    ((status, told), replayed)
}

#[test]
fn a_hundred_thousand_nested_parentheses_are_one_fault() {
    for open in ["(", "not (", "length(", "-"] {
        let close = if open.ends_with('(') { ")" } else { "" };
        let query = format!("process where {}1{} == 1", open.repeat(100_000), close.repeat(100_000));
        let ((status, told), _) = beside(&query);
        assert_eq!(status, 1, "{}", told.get(..2_000).unwrap_or(&told));
        assert!(told.contains("levels of nesting"), "{}", told.get(..2_000).unwrap_or(&told));
        assert!(told.len() < 10_000, "{} bytes told", told.len());
    }
}

/// What is larger than a rule file may be is not read; what is just not so large is checked, and told in few words.
#[test]
fn a_query_of_10_mb_is_told_and_hides_no_other_rule() {
    let list =
        |bytes: usize| format!("process where process.name in ({}\"echo\")", "\"value\", ".repeat(bytes / 9));
    for large in [list(10 << 20), "? ".repeat(5 << 20)] {
        let ((status, told), _) = beside(&large);
        assert!(status == 2 && told.contains("is larger than 1 MiB"), "{told}");
    }
    let ((status, told), replayed) = beside(&list(1_000_000));
    assert_eq!((status, replayed.alerts.len()), (0, 2), "a long list works: {told}");
    let ((status, told), _) = beside(&"? ".repeat(500_000));
    assert!(status == 1 && told.len() < 10_000, "{} bytes told", told.len());
}

/// Repetitions of repetitions, look-alikes of catastrophic backtracking, and classes of everything: none takes long over 60,000
/// letters, and those whose automaton would be too large are refused.
#[test]
fn expressions_that_would_explode_are_refused_or_take_the_time_of_any_other() {
    let bombs = [
        ("(((a{1,100}){1,100}){1,100}){1,100}", true),
        ("(x+x+)+y", false),
        ("(a*)*b", false),
        ("(a|aa)+$!", false),
        ("((a|b|c|d|e|f){1,1000}){1,1000}", true),
        ("(.*a){30}x", false),
    ];
    for (bomb, refused) in bombs {
        for call in ["process.command_line regex", "process.command_line regex~"] {
            let ((status, told), _) = beside(&format!("process where {call} \"\"\"{bomb}\"\"\""));
            assert_eq!(status, i32::from(refused), "{call} {bomb}: {told}");
        }
    }
    let wild = "*a".repeat(10_000);
    let _ = beside(&format!("process where process.command_line like~ \"{wild}*b\""));
}

/// A file that is no text, one of nested tables, and one that is a device: the others are read.
#[test]
fn what_is_no_rule_file_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(literal(), folder.path().join("literal.toml")).unwrap();
    fs::write(folder.path().join("bytes.toml"), [0_u8, 0xff, 0xfe].repeat(100_000)).unwrap();
    fs::write(
        folder.path().join("tables.toml"),
        format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
    )
    .unwrap();
    fs::write(folder.path().join("dotted.toml"), format!("{}a = 1\n", "a.".repeat(100_000))).unwrap();
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe.toml")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless.toml")).unwrap();
    let (status, out, told) = auditward(folder.path(), &["check", "--rules", "."]);
    assert_eq!(status, 2, "some cannot be read: {out}{told}");
    let replayed = replay(folder.path(), |out| Exec::at(1_790_000_001_000, 2).write(out).unwrap());
    assert_eq!(replayed.alerts.len(), 1, "{}", replayed.told);
}
