//! The 25 ways of `tests/fixtures/uid0`, replayed with the shipped rules: one test a row of docs/detection.md.
//!
//! `INDEX.tsv` says what was run, and what /etc/passwd said afterwards. Until several rules' matches of one
//! act become one case, each rule that matches alerts by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Rule, severity, and the account that the alert names.
type Found = (&'static str, u64, Option<&'static str>);

const LITERAL: &str = "linux_backdoor_user_creation";
const ASKED: &str = "uid_0_by_arguments";
const GIVEN: &str = "account_given_uid_0";
const BULK: &str = "accounts_made_in_bulk";
const WRITTEN: &str = "account_file_written";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn replay(log: &Path) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["replay", "--format", "json", "--rules", concat!(env!("CARGO_MANIFEST_DIR"), "/rules")])
        .arg(log)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn account(alert: &Value) -> Option<&str> {
    let told = alert["user"]["target"]["name"].as_str();
    told.or_else(|| alert["auditward"]["target"]["user"]["name"].as_str())
}

/// What `INDEX.tsv` says of a recording: the account that then had UID 0, if any.
fn truth(name: &str) -> Option<String> {
    let index = std::fs::read_to_string(fixture("uid0/INDEX.tsv")).unwrap();
    let line = index.lines().find(|line| line.split('\t').next() == Some(name)).unwrap();
    line.split('\t').nth(1).filter(|account| *account != "-").map(str::to_owned)
}

/// Exactly these alerts, in this order; of a take-over one at least, of anything else none.
fn holds(name: &str, expected: &[Found]) {
    let alerts = replay(&fixture(&format!("uid0/{name}.log")));
    let found: Vec<_> = alerts
        .iter()
        .map(|alert| {
            let severity = alert["event"]["severity"].as_u64().unwrap();
            (alert["rule"]["id"].as_str().unwrap(), severity, account(alert))
        })
        .collect();
    assert_eq!(found, expected);
    let truth = truth(name);
    // lusermod was told to do it and did not: what it was told is reported as that, and no more.
    let asked_only = name == "lusermod";
    assert_eq!(truth.is_some() || asked_only, !found.is_empty(), "what /etc/passwd said decides");
    for (rule, _, named) in found.into_iter().filter(|_| !asked_only) {
        assert!(named.is_none() || named == truth.as_deref(), "{rule} names {named:?}, it was {truth:?}");
    }
}

/// A named test for each recording, and the list of their names.
macro_rules! ways {
    ($($name:ident: [$($found:expr),* $(,)?];)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[allow(non_snake_case, reason = "the name is that of the recording")]
        #[test]
        fn $name() {
            holds(stringify!($name), &[$($found),*]);
        })*
    };
}

const fn bob(rule: &'static str, severity: u64) -> Found {
    (rule, severity, Some("bob"))
}

const fn eve(rule: &'static str, severity: u64) -> Found {
    (rule, severity, Some("eve"))
}

/// Of a program that no record tells the account of.
const fn unnamed(rule: &'static str) -> Found {
    (rule, 47, None)
}

ways! {
    usermod_u0_o: [bob(LITERAL, 47), bob(ASKED, 47), bob(GIVEN, 73)];
    usermod_ou0: [bob(ASKED, 47), bob(GIVEN, 73)];
    usermod_u0glued_o: [bob(ASKED, 47), bob(GIVEN, 73)];
    usermod_long: [bob(ASKED, 47), bob(GIVEN, 73)];
    usermod_long_eq: [bob(ASKED, 47), bob(GIVEN, 73)];
    usermod_00: [bob(ASKED, 47), bob(GIVEN, 73)];
    usermod_empty_comment: [bob(LITERAL, 47), bob(ASKED, 47), bob(GIVEN, 73)];
    usermod_gecos_space: [bob(LITERAL, 47), bob(ASKED, 47), bob(GIVEN, 73)];
    usermod_uid_no_o: [];
    usermod_0x0: [];
    useradd_o_u0: [eve(ASKED, 47), eve(GIVEN, 73)];
    useradd_long: [eve(ASKED, 47), eve(GIVEN, 73)];
    renamed_copy: [unnamed(WRITTEN), unnamed(WRITTEN), bob(GIVEN, 73), unnamed(WRITTEN)];
    argv0_exec: [bob(LITERAL, 47), bob(ASKED, 47), bob(GIVEN, 73)];
    newusers: [unnamed(BULK)];
    sed_inplace: [unnamed(WRITTEN)];
    echo_append: [unnamed(WRITTEN)];
    mv_over: [unnamed(WRITTEN)];
    vipw_ed: [unnamed(WRITTEN)];
    lusermod: [bob(ASKED, 47)];
    benign_useradd: [];
    benign_usermod_G: [];
    benign_usermod_u: [];
    benign_passwd_read: [];
    benign_groupmod_g0: [];
}

#[test]
fn every_recording_of_the_index_has_its_test_and_its_row() {
    let index = std::fs::read_to_string(fixture("uid0/INDEX.tsv")).unwrap();
    let names: Vec<_> =
        index.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split('\t').next()).collect();
    assert_eq!(names, NAMES);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/detection.md")).unwrap();
    for name in NAMES {
        assert!(page.contains(&format!("| `{name}` |")), "docs/detection.md has no row of {name}");
    }
}

#[test]
fn an_ordinary_day_is_silent() {
    let day = fixture("admin-day.log.gz");
    assert_eq!(replay(&day), Vec::<Value>::new());
}

/// F36: a rule that waits for sudo, and an alarm on ordinary account work. 721 and 722 are `sudo usermod`,
/// 723 the same from a root shell, 724 an ordinary account, 725 a shared number that is not 0.
#[test]
fn f36_take_overs_alert_with_and_without_sudo_and_ordinary_account_work_does_not() {
    let alerts = replay(&fixture("field_reports/F36.log"));
    let of = |rule: &str| -> Vec<u64> {
        let of_rule = alerts.iter().filter(|alert| alert["rule"]["id"] == rule);
        of_rule.map(|alert| alert["event"]["sequence"].as_u64().unwrap()).collect()
    };
    assert_eq!(of(ASKED), [722, 723], "one UID-0 alert each, for usermod's process");
    assert_eq!(of(LITERAL), [722, 723, 725], "the literal rule stays literal");
    assert_eq!(alerts.len(), 5, "nothing else: {alerts:?}");
    for (alert, login) in alerts.iter().filter(|alert| alert["rule"]["id"] == ASKED).zip(["1000", "0"]) {
        assert_eq!(alert["user"]["audit"]["id"], login);
        assert_eq!(alert["process"]["name"], "usermod");
        assert_eq!(account(alert), Some("carol"));
    }
}
