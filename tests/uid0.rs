//! The 25 ways of `tests/fixtures/uid0`, replayed with the shipped rules: one test a row of docs/detection.md.
//!
//! `INDEX.tsv` says what was run, and what /etc/passwd said afterwards. Each act is one alert, of the strongest rule,
//! which names all that matched.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The rules, the strongest first, the severity, and the account that the alert names.
type Found = (&'static [&'static str], u64, Option<&'static str>);

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

/// Exactly this alert, in one line and one document; of a take-over one, of anything else none.
fn holds(name: &str, expected: Option<Found>) {
    let log = fixture(&format!("uid0/{name}.log"));
    let alerts = replay(&log);
    assert_eq!(lines(&log), alerts.len(), "as many lines as documents");
    assert_eq!(alerts.len(), usize::from(expected.is_some()), "{alerts:?}");
    let truth = truth(name);
    // lusermod was told to do it and did not: what it was told is reported as that, and no more.
    let asked_only = name == "lusermod";
    assert_eq!(truth.is_some() || asked_only, !alerts.is_empty(), "what /etc/passwd said decides");
    let (Some((rules, severity, named)), [alert]) = (expected, alerts.as_slice()) else { return };
    assert_eq!(rules_of(alert), rules);
    assert_eq!(alert["rule"]["id"], rules[0], "the strongest leads");
    assert_eq!((alert["event"]["severity"].as_u64(), account(alert)), (Some(severity), named));
    assert_eq!(alert["auditward"]["case"]["id"], alert["event"]["id"]);
    if !asked_only {
        assert!(named.is_none() || named == truth.as_deref(), "it names {named:?}, it was {truth:?}");
    }
}

fn rules_of(alert: &Value) -> Vec<&str> {
    let rules = alert["auditward"]["rules"].as_array().unwrap().iter();
    rules.map(|rule| rule["id"].as_str().unwrap()).collect()
}

/// How many readable lines a log gives.
fn lines(log: &Path) -> usize {
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["replay", "--rules", concat!(env!("CARGO_MANIFEST_DIR"), "/rules")])
        .arg(log)
        .output()
        .unwrap();
    output.stdout.iter().filter(|byte| **byte == b'\n').count()
}

/// A named test for each recording, and the list of their names.
macro_rules! ways {
    ($($name:ident: $found:expr;)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[allow(non_snake_case, reason = "the name is that of the recording")]
        #[test]
        fn $name() {
            holds(stringify!($name), $found);
        })*
    };
}

const NONE: Option<Found> = None;

const fn high(rules: &'static [&'static str], account: &'static str) -> Option<Found> {
    Some((rules, 73, Some(account)))
}

/// Of a program that no record tells the account of.
const fn unnamed(rules: &'static [&'static str]) -> Option<Found> {
    Some((rules, 47, None))
}

ways! {
    usermod_u0_o: high(&[GIVEN, LITERAL, ASKED], "bob");
    usermod_ou0: high(&[GIVEN, ASKED], "bob");
    usermod_u0glued_o: high(&[GIVEN, ASKED], "bob");
    usermod_long: high(&[GIVEN, ASKED], "bob");
    usermod_long_eq: high(&[GIVEN, ASKED], "bob");
    usermod_00: high(&[GIVEN, ASKED], "bob");
    usermod_empty_comment: high(&[GIVEN, LITERAL, ASKED], "bob");
    usermod_gecos_space: high(&[GIVEN, LITERAL, ASKED], "bob");
    usermod_uid_no_o: NONE;
    usermod_0x0: NONE;
    useradd_o_u0: high(&[GIVEN, ASKED], "eve");
    useradd_long: high(&[GIVEN, ASKED], "eve");
    renamed_copy: high(&[GIVEN, WRITTEN], "bob");
    argv0_exec: high(&[GIVEN, LITERAL, ASKED], "bob");
    newusers: unnamed(&[BULK]);
    sed_inplace: unnamed(&[WRITTEN]);
    echo_append: unnamed(&[WRITTEN]);
    mv_over: unnamed(&[WRITTEN]);
    vipw_ed: unnamed(&[WRITTEN]);
    lusermod: Some((&[ASKED], 47, Some("bob")));
    benign_useradd: NONE;
    benign_usermod_G: NONE;
    benign_usermod_u: NONE;
    benign_passwd_read: NONE;
    benign_groupmod_g0: NONE;
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
    let log = fixture("field_reports/F36.log");
    let alerts = replay(&log);
    let found: Vec<_> =
        alerts.iter().map(|alert| (alert["event"]["sequence"].as_u64().unwrap(), rules_of(alert))).collect();
    let both = || vec![LITERAL, ASKED];
    // One UID-0 alert each, for usermod's process; 724 none; 725 the literal rule alone, which stays literal.
    assert_eq!(found, [(722, both()), (723, both()), (725, vec![LITERAL])]);
    assert_eq!(lines(&log), 3);
    for (alert, login) in alerts.iter().zip(["1000", "0"]) {
        assert_eq!(alert["user"]["audit"]["id"], login);
        assert_eq!(alert["process"]["name"], "usermod");
        assert_eq!(account(alert), Some("carol"));
    }
    let shared = &alerts[2];
    assert_eq!(shared["event"]["severity"], 47, "no take-over: the literal rule's own rank");
    assert_eq!(account(shared), Some("dave"));
}

/// The report comes so late that the arguments have been told: two lines, of one case.
#[test]
fn late_evidence_gives_exactly_two_lines_of_one_case() {
    let log = std::fs::read_to_string(fixture("uid0/usermod_u0_o.log")).unwrap();
    // Half a second later, as on a machine that stood still: all from the report on.
    let late = log.replace("audit(1795516094.919:", "audit(1795516095.519:");
    assert_ne!(late, log);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), late).unwrap();
    let alerts = replay(file.path());
    let [first, second] = alerts.as_slice() else { panic!("{alerts:?}") };
    assert_eq!((rules_of(first), &first["event"]["severity"]), (vec![LITERAL, ASKED], &47.into()));
    assert_eq!((rules_of(second), &second["event"]["severity"]), (vec![GIVEN, LITERAL, ASKED], &73.into()));
    assert_eq!(second["auditward"]["case"]["id"], first["event"]["id"]);
    assert_ne!(second["event"]["id"], first["event"]["id"]);
    let told = second["message"].as_str().unwrap();
    let raised = format!("raised: {} medium → high, ", first["event"]["id"].as_str().unwrap());
    assert!(told.contains(&raised), "{told}");
    assert_eq!(lines(file.path()), 2);
}

/// Of every recording with a report, the report comes last, more than a second after the rest.
#[test]
fn every_report_that_comes_late_gives_exactly_two_lines_of_one_case() {
    let mut reported = 0;
    for name in NAMES {
        let log = std::fs::read_to_string(fixture(&format!("uid0/{name}.log"))).unwrap();
        let is_report =
            |line: &&str| line.contains("op=changing uid id=0 ") || line.contains("op=adding user id=0 ");
        let Some(report) = log.lines().find(is_report) else { continue };
        reported += 1;
        let at_once = replay(&fixture(&format!("uid0/{name}.log")));
        let stamp = |line: &str| line.split_once("audit(").unwrap().1.split_once('.').unwrap().0.to_owned();
        let last: u64 = log.lines().map(|line| stamp(line).parse().unwrap()).max().unwrap();
        let late = report.replacen(&stamp(report), &(last + 2).to_string(), 1);
        let mut lines_of_log: Vec<&str> = log.lines().filter(|line| *line != report).collect();
        lines_of_log.push(&late);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines_of_log.join("\n") + "\n").unwrap();
        let alerts = replay(file.path());
        let [first, second] = alerts.as_slice() else { panic!("{name}: {alerts:?}") };
        let weaker: Vec<_> = rules_of(&at_once[0]).into_iter().filter(|rule| *rule != GIVEN).collect();
        assert_eq!((rules_of(first), &first["event"]["severity"]), (weaker, &47.into()), "{name}");
        assert_eq!(rules_of(second), rules_of(&at_once[0]), "{name}: the same rules as when it came in time");
        assert_eq!(second["event"]["severity"], 73, "{name}");
        assert_eq!(second["auditward"]["case"]["id"], first["event"]["id"], "{name}");
        assert_eq!(lines(file.path()), 2, "{name}");
    }
    assert_eq!(reported, 12, "the twelve that shadow's tools report");
}
