//! `auditward check`, as an administrator runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its files fails")]

mod program;

use std::fs;
use std::path::Path;
use std::process::Command;

use program::auditward;

/// Exit status, standard output and standard error.
fn check(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    auditward(directory, &[&["check"], arguments].concat())
}

fn rule(id: &str, query: &str) -> String {
    format!(
        "[rule]\nrule_id = \"{id}\"\nname = \"Rule {id}\"\ndescription = \"d\"\ntype = \"eql\"\n\
         severity = \"low\"\nrisk_score = 21\nquery = '''\n{query}\n'''\n"
    )
}

/// The three rules of F03: a misspelt field, an optional one, a sound one.
fn f03_rules() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("rules")).unwrap();
    fs::write(directory.path().join("empty.toml"), "").unwrap();
    let rules = [
        ("1_typo", "process where process.naem == \"usermod\""),
        ("2_optional", "process where process.name == \"usermod\" and ?process.parent.args == \"sudo\""),
        ("3_sound", "process where process.name == \"usermod\""),
    ];
    for (name, query) in rules {
        fs::write(directory.path().join(format!("rules/{name}.toml")), rule(name, query)).unwrap();
    }
    directory
}

#[test]
fn a_destination_that_asks_for_what_no_rule_has_is_warned_of() {
    let directory = f03_rules();
    let config =
        "[syslog]\nrules = [\"3_sound\", \"Rule 3_SOUND\", \"4_gone\", \"auditward-killed\"]\ntags = \"t\"\n";
    fs::write(directory.path().join("c.toml"), config).unwrap();
    fs::remove_file(directory.path().join("rules/1_typo.toml")).unwrap();
    let (status, out, err) = check(directory.path(), &["--config", "c.toml", "--rules", "rules"]);
    assert_eq!((status, err.matches("warning[").count()), (0, 2), "{err}");
    assert!(
        err.contains("destination syslog asks for the rule `4_gone`, which no rule that runs has"),
        "{err}"
    );
    assert!(err.contains("asks for the tag `t`") && out.ends_with("0 errors, 2 warnings\n"), "{err}{out}");
    fs::write(directory.path().join("c.toml"), "[syslog]\nseverity = \"hihg\"\n").unwrap();
    let (status, _, err) = check(directory.path(), &["--config", "c.toml", "--rules", "rules"]);
    assert!(status == 1 && err.contains("c.toml:2:12") && err.contains("did you mean `high`?"), "{err}");
}

#[test]
fn f03_check_tells_the_place_and_what_was_meant() {
    let directory = f03_rules();
    let (status, out, err) = check(directory.path(), &["--config", "empty.toml", "--rules", "rules"]);
    assert_eq!(status, 1);
    assert!(err.contains("rules/1_typo.toml:9:15") && err.contains("did you mean process.name"), "{err}");
    assert_eq!(err.matches("error[").count(), 1, "{err}");
    assert_eq!(
        out,
        "checked empty.toml and 3 rule files: 2 rules ready to run, 0 not run; 1 error, 0 warnings\n"
    );
}

/// F03 beyond `check`: the sound rules run although another file is broken.
#[test]
fn f03_replay_goes_on_with_the_sound_rules() {
    let directory = f03_rules();
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/uid0/usermod_u0_o.log");
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["replay", "--format", "json", "--rules", "rules", recording])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{err}");
    assert!(err.contains("1_typo.toml:9:15") && err.contains("did you mean process.name"), "{err}");
    assert!(out.lines().count() >= 1 && out.lines().all(|line| line.contains("Rule 3_sound")), "{out}");
}

#[test]
fn what_is_shipped_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = ["--config", "packaging/auditward.toml", "--rules", "rules"];
    let (status, out, err) = check(root, &arguments);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("checked packaging/auditward.toml and "), "{out}");
}

#[test]
fn warnings_are_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let text = rule("a", "process where true").replace("[rule]", "[rule]\nseveritee = \"low\"");
    fs::write(directory.path().join("a.toml"), text).unwrap();
    fs::write(directory.path().join("c.toml"), "").unwrap();
    let (status, out, err) = check(directory.path(), &["--config", "c.toml", "--rules", "a.toml"]);
    assert_eq!(status, 0);
    assert!(err.contains("warning[E505]") && err.contains("did you mean `severity`?"), "{err}");
    assert!(out.ends_with("1 rule ready to run, 0 not run; 0 errors, 1 warning\n"), "{out}");
}

#[test]
fn what_is_absent_is_status_2() {
    let directory = f03_rules();
    let (status, _, err) =
        check(directory.path(), &["--config", "absent.toml", "--rules", "rules/3_sound.toml"]);
    assert_eq!(status, 2);
    assert!(err.contains("error[E601]: cannot read absent.toml: No such file"), "{err}");
    let (status, _, err) = check(directory.path(), &["--config", "empty.toml", "--rules", "absent"]);
    assert_eq!(status, 2);
    assert!(err.contains("error[E501]: cannot read absent: No such file"), "{err}");
    // The rest is checked nevertheless.
    let (status, _, err) =
        check(directory.path(), &["--config", "empty.toml", "--rules", "absent", "--rules", "rules"]);
    assert_eq!((status, err.matches("error[").count()), (2, 2), "{err}");
}

#[test]
fn faults_of_configuration_and_rules_come_together() {
    let directory = f03_rules();
    let rules = directory.path().join("rules");
    let config = format!("rules = [\"{}\"]\n[syslgo]\n[syslog]\nprotocol = \"rfc5425\"\n", rules.display());
    fs::write(directory.path().join("c.toml"), config).unwrap();
    let (status, out, err) = check(directory.path(), &["--config", "c.toml"]);
    assert_eq!(status, 1);
    for told in
        ["c.toml:2:2", "did you mean `syslog`?", "c.toml:4:12", "did you mean `rfc5424`?", "1_typo.toml:9:15"]
    {
        assert!(err.contains(told), "{told}: {err}");
    }
    assert!(out.ends_with("2 rules ready to run, 0 not run; 3 errors, 0 warnings\n"), "{out}");
}

#[test]
fn rules_of_other_engines_are_listed() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("c.toml"), "").unwrap();
    let text = rule("k", "host.name : *").replace("\"eql\"", "\"query\"");
    fs::write(directory.path().join("k.toml"), text).unwrap();
    let (status, out, err) = check(directory.path(), &["--config", "c.toml", "--rules", "."]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.contains("k.toml: not for this engine: its type is query, not eql"), "{out}");
    assert!(out.contains("0 rules ready to run, 2 not run"), "{out}");
}

#[test]
fn nothing_in_a_file_reaches_the_terminal_raw() {
    let directory = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[31m\n\u{202e}b.toml";
    fs::write(directory.path().join(name), "[rule]\n\"\\u001b[2J\" = 1\ntype = \"\\u001b[2Jq\"\n").unwrap();
    fs::write(directory.path().join("c\u{1b}[31m.toml"), "").unwrap();
    let (status, out, err) = check(directory.path(), &["--config", "c\u{1b}[31m.toml", "--rules", "."]);
    assert_eq!(status, 1);
    assert!(out.lines().count() == 2 && err.contains("error["), "{out}{err}");
    for text in [out, err] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
    }
}
