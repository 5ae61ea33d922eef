//! Overrides, exceptions and lists of a site, as an administrator writes them and as they take effect.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its files fails")]

mod program;

use std::fs;
use std::path::PathBuf;

use auditward::daemon::trial;
use auditward::diagnostic::{Level, codes, render};
use auditward::rule::load::effective;
use auditward::rule::{Loaded, Severity, SkipReason};
use program::auditward;

const UUID: &str = "494ebba4-ecb7-4be4-8c6f-654c686549ad";
const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/uid0/usermod_u0_o.log");
const SHIPPED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml");

/// A directory in the place of /etc/auditward.
struct Site(tempfile::TempDir);

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        let site = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = site.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(site)
    }

    fn load(&self, rules: &[&str]) -> Loaded {
        let rules: Vec<PathBuf> = rules.iter().map(PathBuf::from).collect();
        let mut loaded = effective(&rules, self.0.path());
        trial::refuse_silencing(&mut loaded);
        loaded
    }

    /// Exit status, standard output and standard error of the program, `--site` given.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        auditward(self.0.path(), &[arguments, &["--site", "."]].concat())
    }
}

fn told(loaded: &Loaded) -> Vec<(u16, Level)> {
    loaded.diagnostics.iter().map(|fault| (fault.code, fault.level)).collect()
}

fn rendered(loaded: &Loaded) -> String {
    loaded.diagnostics.iter().map(|fault| render(fault, false)).collect()
}

fn exception(condition: &str, more: &str) -> String {
    format!(
        "[[exception]]\nid = \"known\"\nrules = [\"{UUID}\"]\nreason = \"r\"\nowner = \"o\"\n\
         condition = '''{condition}'''\n{more}\n"
    )
}

#[test]
fn an_override_changes_single_keys_and_says_so() {
    let change = format!(
        "[[override]]\nrule = \"{UUID}\"\nseverity = \"critical\"\nrisk_score = 99\nmax_signals = 7\n\
         alert_suppression = {{ group_by = [\"user.name\"], duration = {{ value = 1, unit = \"h\" }} }}\n"
    );
    let site = Site::new(&[("overrides.d/uid0.toml", &change)]);
    let loaded = site.load(&[SHIPPED]);
    assert_eq!(rendered(&loaded), "");
    let rule = &loaded.rules[0];
    assert_eq!((rule.severity, rule.risk_score, rule.max_signals), (Severity::Critical, 99, 7));
    assert_eq!(rule.suppression.as_ref().unwrap().group_by, ["user.name"]);
    let (status, out, _) = site.run(&["rules", "show", UUID, "--rules", SHIPPED]);
    assert_eq!(status, 0);
    let line = |key: &str| out.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("severity").contains("critical") && line("severity").contains("uid0.toml:3"), "{out}");
    assert!(line("severity").contains("the rule's file: medium"), "{out}");
    assert!(line("version").ends_with("persistence_linux_backdoor_user_creation.toml"), "{out}");
    assert!(out.contains("cap: 7 alerts in each 5m, the rest told as a number"), "{out}");
}

#[test]
fn an_override_switches_off_and_on() {
    let off = format!("[[override]]\nrule = \"{UUID}\"\nenabled = false\n");
    let loaded = Site::new(&[("overrides.d/a.toml", &off)]).load(&[SHIPPED]);
    assert!(loaded.rules.is_empty());
    let [skipped] = loaded.skipped.as_slice() else { panic!("{:?}", loaded.skipped) };
    assert!(matches!(&skipped.reason, SkipReason::Disabled { by: Some(by) } if by.ends_with("a.toml:3")));
    let text = fs::read_to_string(SHIPPED)
        .unwrap()
        .replace("maturity = \"production\"", "maturity = \"deprecated\"");
    let on = format!("[[override]]\nrule = \"{UUID}\"\nenabled = true\n");
    let site = Site::new(&[("old.toml", &text), ("overrides.d/a.toml", &on)]);
    let old = site.0.path().join("old.toml");
    assert_eq!(site.load(&[old.to_str().unwrap()]).rules.len(), 1);
    fs::remove_file(site.0.path().join("overrides.d/a.toml")).unwrap();
    let loaded = site.load(&[old.to_str().unwrap()]);
    assert_eq!(loaded.skipped.iter().map(|s| &s.reason).collect::<Vec<_>>(), [&SkipReason::Retired]);
}

#[test]
fn an_added_condition_narrows_the_query() {
    let change = format!("[[override]]\nrule = \"{UUID}\"\ncondition = '''not process.args in $known'''\n");
    let list = "[[list]]\nname = \"known\"\nvalues = [\"bob\", \"toor\"]\n";
    let site = Site::new(&[("overrides.d/a.toml", &change), ("lists.d/a.toml", list)]);
    let loaded = site.load(&[SHIPPED]);
    assert_eq!(rendered(&loaded), "");
    assert!(loaded.rules[0].effective.text.contains("not process.args in (\"bob\", \"toor\")"));
    let alerts = |site: &Site| site.run(&["replay", "--rules", SHIPPED, RECORDING]).1.lines().count();
    assert_eq!(alerts(&Site::new(&[])), 1, "without it the recording of bob's change alerts");
    assert_eq!(alerts(&site), 0);
}

#[test]
fn an_exception_takes_a_match_and_counts_it() {
    let site =
        Site::new(&[("exceptions.d/a.toml", &exception("process.args == \"bob\" and user.id == \"0\"", ""))]);
    let loaded = site.load(&[SHIPPED]);
    assert_eq!(rendered(&loaded), "");
    let (status, out, err) = site.run(&["replay", "--rules", SHIPPED, RECORDING]);
    assert_eq!((status, out.as_str()), (0, ""));
    assert!(err.contains("taken by exception known"), "{err}");
    assert!(err.contains("0 alerts by 1 rule"), "{err}");
    let (status, out, _) = site.run(&["exceptions", "list", "--rules", SHIPPED, "--over", RECORDING]);
    assert_eq!(status, 0);
    assert!(out.contains("known  in force on 1 rules, no end") && out.contains("taken      1"), "{out}");
}

#[test]
fn an_exception_that_would_silence_a_recorded_true_positive_is_refused() {
    let site = Site::new(&[(
        "exceptions.d/a.toml",
        &exception("user.audit.id == \"1000\" or user.id == \"0\"", ""),
    )]);
    let loaded = site.load(&[SHIPPED]);
    assert_eq!(told(&loaded), [(codes::EXCEPTION_SILENCES, Level::Error)]);
    assert!(loaded.rules[0].exceptions.is_empty());
    assert!(rendered(&loaded).contains("a.toml:6:"), "{}", rendered(&loaded));
    let (_, out, _) = site.run(&["replay", "--rules", SHIPPED, RECORDING]);
    assert_eq!(out.lines().count(), 1, "the rule alerts all the same");
    let (status, out, _) = site.run(&["exceptions", "list", "--rules", SHIPPED]);
    assert_eq!(status, 2);
    assert!(out.contains("NOT IN FORCE"), "{out}");
}

#[test]
fn an_exception_on_what_an_attacker_chooses_is_warned_of() {
    let weak = [
        "process.args == \"bob\"",
        "process.executable : \"/tmp/*\"",
        "process.name == \"x\" and event.type == \"start\"",
    ];
    for condition in weak {
        let loaded = Site::new(&[("exceptions.d/a.toml", &exception(condition, ""))]).load(&[SHIPPED]);
        assert_eq!(told(&loaded), [(codes::EXCEPTION_WEAK, Level::Warning)], "{condition}");
        assert_eq!(loaded.rules[0].exceptions.len(), 1, "it holds all the same");
    }
    let strong = "process.args == \"bob\" and process.executable == \"/usr/bin/x\"";
    let loaded = Site::new(&[("exceptions.d/a.toml", &exception(strong, ""))]).load(&[SHIPPED]);
    assert_eq!(rendered(&loaded), "");
}

#[test]
fn an_expired_exception_is_told_and_holds_no_more() {
    // The recording is of November 2026.
    let text = exception("process.args == \"bob\" and user.id == \"0\"", "expires = 2020-01-01");
    let site = Site::new(&[("exceptions.d/a.toml", &text)]);
    assert_eq!(told(&site.load(&[SHIPPED])), [(codes::EXCEPTION_EXPIRED, Level::Warning)]);
    let (_, out, _) = site.run(&["replay", "--rules", SHIPPED, RECORDING]);
    assert_eq!(out.lines().count(), 1);
    let (_, out, _) = site.run(&["exceptions", "list", "--rules", SHIPPED]);
    assert!(out.contains("known  EXPIRED, until 2020-01-01"), "{out}");
}

#[test]
fn all_faults_of_a_site_are_told_at_once_with_their_place() {
    let site = Site::new(&[
        (
            "lists.d/a.toml",
            "[[list]]\nname = \"a b\"\nvalues = [\"x\"]\n[[list]]\nname = \"e\"\nvalues = []\n",
        ),
        ("overrides.d/a.toml", "[[override]]\nrule = \"nobody\"\nseverty = \"high\"\n"),
        ("overrides.d/b.toml", "[[override]]\nrule = \"nobody\"\ncondition = 'process.naem == \"x\"'\n"),
        (
            "overrides.d/c.toml",
            &format!("[[override]]\nrule = \"{UUID}\"\nstage = 2\ncondition = 'user.id == \"0\"'\n"),
        ),
        (
            "exceptions.d/a.toml",
            "[[exception]]\nid = \"x\"\nrules = \"all\"\ncondition = 'user.id in $nolist'\nexpires = \"soon\"\n",
        ),
        ("exceptions.d/b.toml", "[[exception]\n"),
    ]);
    let (status, _, err) = site.run(&["check", "--rules", SHIPPED]);
    assert_eq!(status, 1);
    for expected in [
        "lists.d/a.toml:2:8",
        "lists.d/a.toml:6:10",
        "overrides.d/a.toml:3:1",
        "did you mean `severity`?",
        "overrides.d/b.toml:3:14",
        "did you mean process.name",
        "overrides.d/c.toml:3:9",
        "`stage` is for sequences",
        "there is no list $nolist",
        "exceptions.d/a.toml:4:25",
        "`exception.reason`",
        "`expires` is no day",
        "exceptions.d/b.toml:1:",
    ] {
        assert!(err.contains(expected), "{expected} is not in\n{err}");
    }
    assert!(err.contains('^'), "{err}");
}

#[test]
fn an_id_that_no_rule_has_is_warned_of_where_all_rules_are_known() {
    let site = Site::new(&[("overrides.d/a.toml", "[[override]]\nrule = \"nobody\"\nrisk_score = 1\n")]);
    assert_eq!(told(&site.load(&[])), [(codes::RULE_NOT_LOADED, Level::Warning)]);
    assert_eq!(told(&site.load(&[SHIPPED])), [], "of a part of the rules nothing is known");
}

/// A mistake in an override or an exception costs that one, never the rule.
#[test]
fn a_faulty_override_leaves_the_rule_running() {
    let change = format!("[[override]]\nrule = \"{UUID}\"\nstage = 2\ncondition = 'user.id == \"0\"'\n");
    let loaded = Site::new(&[("overrides.d/c.toml", &change)]).load(&[SHIPPED]);
    assert_eq!(told(&loaded), [(codes::RULE_BAD_VALUE, Level::Error)]);
    assert_eq!(loaded.rules.len(), 1);
    let broken = exception("user.naem == 1", "");
    let loaded = Site::new(&[("exceptions.d/c.toml", &broken)]).load(&[SHIPPED]);
    assert_eq!(told(&loaded), [(codes::UNKNOWN_FIELD, Level::Error)]);
    assert_eq!((loaded.rules.len(), loaded.rules[0].exceptions.len()), (1, 0));
}

/// On a sequence an exception holds when any event meets it, or only one of the stage that it names.
#[test]
fn an_exception_on_a_sequence_looks_at_any_event_or_at_one_stage() {
    let event = |second: u32, name: &str| {
        format!(
            "{{\"@timestamp\":\"2026-11-25T10:00:{second:02}Z\",\"event\":{{\"category\":\"process\"}},\
             \"user\":{{\"id\":\"{second}\"}},\"process\":{{\"name\":\"{name}\"}}}}\n"
        )
    };
    let rule = format!(
        "[rule]\nrule_id = \"seq\"\nname = \"n\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
         risk_score = 21\nquery = 'sequence with maxspan=5s [any where process.name == \"a\"] \
         [any where process.name == \"b\"]'\n[[auditward.test]]\nname = \"t\"\nmatches = 1\nevents = \"\"\"\n{}\"\"\"\n",
        (event(1, "a") + &event(2, "b")).replace('"', "\\\"")
    );
    // Whether an exception with this condition and stage would take the rule's own true positive.
    let takes = |condition: &str, stage: &str| {
        let text = exception(condition, stage).replace(UUID, "seq");
        let site = Site::new(&[("r.toml", &rule), ("exceptions.d/a.toml", &text)]);
        let loaded = site.load(&[site.0.path().join("r.toml").to_str().unwrap()]);
        let codes: Vec<_> = told(&loaded).iter().map(|(code, _)| *code).collect();
        match codes.as_slice() {
            [] => false,
            [code] => *code == codes::EXCEPTION_SILENCES || panic!("{}", rendered(&loaded)),
            _ => panic!("{}", rendered(&loaded)),
        }
    };
    assert!(takes("user.id == \"2\"", "") && takes("user.id == \"1\"", ""));
    assert!(takes("user.id == \"2\"", "stage = 2") && !takes("user.id == \"1\"", "stage = 2"));
    assert!(!takes("user.id == \"3\"", ""));
}

/// What is wrong in an exception was to narrow it: it is left out, and what it would have taken is an alert.
#[test]
fn a_faulty_exception_takes_nothing() {
    let strong = "process.args == \"bob\" and user.id == \"0\"";
    for (more, code) in [
        ("expires = \"01.01.2020\"", codes::RULE_BAD_VALUE),
        ("expires = 2020-01-01T00:00:00Z", codes::RULE_BAD_VALUE),
        ("stage = 0", codes::RULE_BAD_VALUE),
        ("stage = \"1\"", codes::RULE_WRONG_TYPE),
        ("stages = 1", codes::RULE_UNKNOWN_KEY),
    ] {
        // One that is right beside it is none the worse.
        let other = exception("user.id == \"7\"", "").replace("\"known\"", "\"other\"");
        for text in [exception(strong, more) + &other, other.clone() + &exception(strong, more)] {
            let site = Site::new(&[("exceptions.d/a.toml", &text)]);
            let loaded = site.load(&[SHIPPED]);
            assert_eq!(told(&loaded), [(code, Level::Error)], "{more}");
            let ids: Vec<_> =
                loaded.rules[0].exceptions.iter().map(|applied| &applied.exception.id).collect();
            assert_eq!(ids, ["other"], "{more}");
            let (_, out, _) = site.run(&["replay", "--rules", SHIPPED, RECORDING]);
            assert_eq!(out.lines().count(), 1, "{more}");
        }
    }
}
