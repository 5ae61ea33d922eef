//! Which matches are one act, when a case is told, and what its alerts say.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::alert::{document, sample};

/// A process of the tests: its number, and the number with its start where that is known.
const USERMOD: (&str, Option<&str>) = ("4711", Some("e4711"));
const NO_PROCESS: (&str, Option<&str>) = ("", None);

const START: u64 = 1_790_000_100_000;

fn rule(uuid: &str, severity: Severity) -> Arc<Rule> {
    let risk_score = severity.number();
    let (id, name) = (format!("id-{uuid}"), format!("Rule {uuid}"));
    let group = Some("account".to_owned());
    Arc::new(Rule { uuid: uuid.to_owned(), id, name, severity, risk_score, group, ..sample::rule() })
}

/// A match of `rule`, `millis` after the start.
fn finding(
    rule: &Arc<Rule>,
    millis: u64,
    (pid, entity): (&str, Option<&str>),
    account: Option<&str>,
) -> Finding {
    let mut process = Map::new();
    if !pid.is_empty() {
        process.insert("pid".to_owned(), pid.into());
    }
    if let Some(entity) = entity {
        process.insert("entity_id".to_owned(), entity.into());
    }
    let event = json!({
        "event": { "action": "x" },
        "process": process,
        "user": { "target": { "name": account } },
        "host": { "id": "h", "name": "web1" },
    });
    let stamp = Stamp { millis: START + millis, serial: millis };
    Finding {
        rule: Arc::clone(rule),
        severity: rule.severity,
        events: vec![event.as_object().cloned().expect("an object")],
        stamps: vec![stamp],
        host: "h".to_owned(),
        created: sample::created(),
    }
}

/// Cases of a replay, and what they gave out.
#[derive(Default)]
struct Replay {
    cases: Cases,
    alerts: Vec<Alert>,
}

impl Replay {
    fn take(&mut self, finding: Finding) {
        self.event_at(finding.stamp().millis - START);
        self.cases.take(finding, None, &mut |alert| self.alerts.push(alert));
    }

    fn event_at(&mut self, millis: u64) {
        let millis = i64::try_from(START + millis).expect("a time");
        self.cases.event_at(millis, &mut |alert| self.alerts.push(alert));
    }

    fn finish(mut self) -> Vec<Alert> {
        self.cases.finish(&mut |alert| self.alerts.push(alert));
        assert_eq!(self.cases.counts().waiting, 0);
        self.alerts
    }
}

/// The rules that an alert names, the strongest first.
fn rules(alert: &Alert) -> Vec<String> {
    let document = alert.document();
    let list = document["auditward"]["rules"].as_array().expect("a list");
    list.iter().map(|rule| rule["uuid"].as_str().expect("a uuid").to_owned()).collect()
}

#[test]
fn a_match_below_high_waits_fifty_milliseconds_of_the_events_clock() {
    let mut replay = Replay::default();
    replay.take(finding(&rule("a", Severity::Medium), 0, USERMOD, None));
    replay.event_at(49);
    assert_eq!((replay.alerts.len(), replay.cases.counts().waiting), (0, 1));
    replay.event_at(50);
    assert_eq!((replay.alerts.len(), replay.cases.counts().waiting), (1, 0));
    assert_eq!(rules(&replay.alerts[0]), ["a"]);
}

#[test]
fn a_high_match_leaves_at_once_with_what_waited() {
    let mut replay = Replay::default();
    replay.take(finding(&rule("b", Severity::Medium), 0, USERMOD, None));
    replay.take(finding(&rule("c", Severity::Medium), 1, USERMOD, None));
    replay.take(finding(&rule("d", Severity::High), 4, USERMOD, Some("bob")));
    assert_eq!(replay.alerts.len(), 1, "at once");
    replay.take(finding(&rule("e", Severity::Medium), 5, USERMOD, None));
    assert_eq!(replay.cases.counts().joined, 3);
    let alerts = replay.finish();
    let [alert] = alerts.as_slice() else { panic!("{}", alerts.len()) };
    assert_eq!(alert.rule.uuid, "d");
    assert_eq!(rules(alert), ["d", "b", "c"]);
    assert!(alert.line.starts_with("HIGH Rule d: x, account bob, "), "{}", alert.line);
    assert!(alert.line.contains(" on web1, also matched by Rule b, Rule c; time="), "{}", alert.line);
    assert!(alert.line.contains(" rules=id-d,id-b,id-c "), "{}", alert.line);
    assert!(!alert.line.contains(" case="), "the case has the id of its first alert");
    let document = alert.document();
    assert_eq!(document["auditward"]["case"]["id"], document["event"]["id"]);
    let events = document["auditward"]["audit_id"].as_array().expect("ids");
    assert_eq!(events.len(), 3, "the events of all, in order: {events:?}");
    assert_eq!(document["event"]["severity"], 73);
}

#[test]
fn late_stronger_evidence_gives_exactly_one_line_more() {
    let mut replay = Replay::default();
    replay.take(finding(&rule("a", Severity::Medium), 0, USERMOD, Some("bob")));
    replay.event_at(60);
    replay.take(finding(&rule("b", Severity::Medium), 100, USERMOD, Some("bob")));
    replay.take(finding(&rule("c", Severity::Critical), 2_000, NO_PROCESS, Some("bob")));
    replay.take(finding(&rule("d", Severity::High), 2_001, USERMOD, None));
    let counts = replay.cases.counts();
    let alerts = replay.finish();
    let [first, second] = alerts.as_slice() else { panic!("{}", alerts.len()) };
    assert_eq!(
        (rules(first), rules(second)),
        (vec!["a".to_owned()], ["c", "a", "b"].map(str::to_owned).into())
    );
    assert_ne!(first.id, second.id, "receivers know doubles by the id");
    let begin = format!("CRITICAL Rule c: raised: {} medium → critical, x, account bob, ", first.id);
    assert!(second.line.starts_with(&begin), "{}", second.line);
    assert!(second.line.contains(&format!(" case={} ", first.id)), "{}", second.line);
    let case = &second.document()["auditward"]["case"];
    let expected = json!({
        "id": first.id, "group": "account", "matches": 3,
        "raised": { "from": "medium", "to": "critical" },
    });
    assert_eq!(case, &expected);
    assert_eq!((counts.joined, counts.raised), (3, 1));
}

#[test]
fn a_raise_below_high_waits_too() {
    let mut replay = Replay::default();
    replay.take(finding(&rule("a", Severity::Low), 0, USERMOD, None));
    replay.event_at(50);
    replay.take(finding(&rule("b", Severity::Medium), 100, USERMOD, None));
    replay.take(finding(&rule("c", Severity::High), 120, USERMOD, None));
    let alerts = replay.finish();
    assert_eq!(alerts.len(), 2, "low, then high: no line for what was medium between");
    assert_eq!(rules(&alerts[1]), ["c", "b", "a"]);
}

#[test]
fn what_is_one_act() {
    let rule = rule("a", Severity::Medium);
    let (bob, eve) = (Some("bob"), Some("eve"));
    let one = |first: Finding, second: Finding| {
        let mut replay = Replay::default();
        replay.take(first);
        replay.take(second);
        replay.finish().len() == 1
    };
    let of = |millis, process, account| finding(&rule, millis, process, account);
    let other = ("4712", Some("e4712"));
    assert!(one(of(0, USERMOD, None), of(9, USERMOD, None)), "the same process");
    assert!(
        one(of(0, USERMOD, bob), of(9, ("4711", None), None)),
        "by its number, where the start is unknown"
    );
    assert!(!one(of(0, USERMOD, None), of(9, ("4711", Some("later")), None)), "the number was given again");
    assert!(!one(of(0, USERMOD, bob), of(9, other, bob)), "two processes, two acts");
    assert!(!one(of(0, USERMOD, bob), of(9, USERMOD, eve)), "two accounts, two acts");
    assert!(one(of(0, USERMOD, bob), of(9, NO_PROCESS, bob)), "the state names the account");
    assert!(one(of(0, NO_PROCESS, bob), of(9, USERMOD, bob)), "and may come first");
    assert!(!one(of(0, USERMOD, None), of(9, NO_PROCESS, bob)), "nothing ties them");
    assert!(!one(of(0, NO_PROCESS, bob), of(9, NO_PROCESS, bob)), "each change of the state is an act");
    assert!(!one(of(0, NO_PROCESS, None), of(9, NO_PROCESS, None)));
    let mut elsewhere = of(9, USERMOD, None);
    elsewhere.host = "h2".to_owned();
    assert!(!one(of(0, USERMOD, None), elsewhere), "two hosts");
}

#[test]
fn an_act_ends() {
    let weak = rule("a", Severity::High);
    let count = |times: &[u64]| {
        let mut replay = Replay::default();
        times.iter().for_each(|at| replay.take(finding(&weak, *at, USERMOD, None)));
        replay.finish().len()
    };
    assert_eq!(count(&[0, 10_000]), 1);
    assert_eq!(count(&[0, 10_001]), 2, "ten seconds without a match");
    let busy: Vec<u64> = (0..20).map(|n| n * 5_000).collect();
    assert_eq!(count(&busy), 2, "whoever goes on is told again after a minute: 0 to 60 s, 65 to 95 s");
}

#[test]
fn a_group_is_of_its_own_and_a_rule_without_one_alerts_by_itself() {
    let mut replay = Replay::default();
    let audit = Arc::new(Rule { group: Some("audit".to_owned()), ..rule_of("b") });
    let none = Arc::new(Rule { group: None, ..rule_of("c") });
    replay.take(finding(&rule("a", Severity::Medium), 0, USERMOD, None));
    replay.take(finding(&audit, 0, USERMOD, None));
    replay.take(finding(&none, 0, USERMOD, None));
    assert_eq!(replay.alerts.len(), 1, "that without a group does not wait");
    let document = replay.alerts[0].document();
    assert!(document["auditward"].get("case").is_none() && document["auditward"].get("rules").is_none());
    assert_eq!(replay.finish().len(), 3);
}

fn rule_of(uuid: &str) -> Rule {
    Arc::into_inner(rule(uuid, Severity::Medium)).expect("nobody else has it")
}

#[test]
fn the_id_is_that_of_the_first_match_and_the_same_in_every_run() {
    let run = || {
        let mut replay = Replay::default();
        replay.take(finding(&rule("a", Severity::Medium), 0, USERMOD, None));
        replay.take(finding(&rule("b", Severity::High), 1, USERMOD, None));
        replay.finish().remove(0).id
    };
    assert_eq!(run(), run());
    let stamp = Stamp { millis: START, serial: 0 };
    assert_eq!(run(), crate::alert::alert_id("a", "h", &[stamp]));
}

#[test]
fn of_very_many_acts_the_oldest_leaves_early_and_none_is_lost() {
    let rule = rule("a", Severity::Medium);
    let mut replay = Replay::default();
    for n in 0..2_000 {
        let (pid, entity) = (format!("{n}"), format!("e{n}"));
        replay.take(finding(&rule, 0, (&pid, Some(&entity)), None));
    }
    let counts = replay.cases.counts();
    assert_eq!((counts.waiting, counts.hurried), (256, 2_000 - 256));
    assert_eq!(counts.forgotten, 2_000 - 1_024);
    assert_eq!(replay.finish().len(), 2_000);
}

#[test]
fn of_very_many_matches_of_one_act_the_strongest_is_told() {
    let mut replay = Replay::default();
    for n in 0..40 {
        replay.take(finding(&rule(&format!("a{n:02}"), Severity::Low), 0, USERMOD, None));
    }
    replay.take(finding(&rule("b", Severity::High), 1, USERMOD, None));
    let alerts = replay.finish();
    assert_eq!((alerts.len(), alerts[0].rule.uuid.as_str(), rules(&alerts[0]).len()), (1, "b", 41));
    assert!(alerts[0].line.contains("also matched by Rule a00, Rule a01, Rule a02 and 37 more; time="));
}

#[test]
fn live_a_real_clock_decides() {
    let mut cases = Cases::default();
    let (mut alerts, begun) = (Vec::new(), Instant::now());
    let match_ = finding(&rule("a", Severity::Medium), 0, USERMOD, None);
    cases.take(match_, Some(begun), &mut |alert| alerts.push(alert));
    cases.event_at(i64::MAX, &mut |alert| alerts.push(alert));
    assert_eq!(cases.due(), Some(begun + WAIT), "whatever the stamps say");
    cases.time_is(begun + WAIT - Duration::from_millis(1), &mut |alert| alerts.push(alert));
    assert_eq!(alerts.len(), 0);
    cases.time_is(begun + WAIT, &mut |alert| alerts.push(alert));
    assert_eq!((alerts.len(), cases.due()), (1, None));
}

#[test]
fn a_clock_that_was_set_back_holds_nothing_up() {
    let mut replay = Replay::default();
    replay.take(finding(&rule("a", Severity::Medium), 100_000, USERMOD, None));
    replay.event_at(80_000);
    assert_eq!(replay.alerts.len(), 1);
    replay.take(finding(&rule("a", Severity::Medium), 80_010, ("5", Some("e5")), None));
    replay.event_at(80_061);
    assert_eq!(replay.alerts.len(), 2);
}

#[test]
fn what_the_execution_told_completes_a_later_event_of_the_same_program() {
    let object = |value: Value| value.as_object().cloned().expect("an object");
    let exec = object(json!({ "process": {
        "entity_id": "e", "executable": "/usr/sbin/usermod", "args": ["usermod", "bob"], "pid": 1, "name": "x",
    }}));
    let mut report = object(json!({ "process": {
        "entity_id": "e", "executable": "/usr/sbin/usermod", "pid": 2, "tty": "pts1",
    }}));
    document::complete(&mut report, &exec);
    let expected = json!({
        "entity_id": "e", "executable": "/usr/sbin/usermod", "pid": 2, "tty": "pts1", "args": ["usermod", "bob"],
    });
    assert_eq!(report["process"], expected, "nothing that it tells itself is changed");
    let mut other = object(json!({ "process": { "entity_id": "e", "executable": "/tmp/x" } }));
    document::complete(&mut other, &exec);
    assert!(other["process"].get("args").is_none(), "it runs another program by now");
}

/// A shell that appends to one account file and then to another has done more than its first alert says.
#[test]
fn a_file_that_no_alert_has_named_is_told() {
    let rule = written_rule();
    let mut replay = Replay::default();
    for (millis, path) in [
        (0, "/etc/group"),
        (5_000, "/etc/passwd"),
        (6_000, "/etc/group"),
        (7_000, "/etc/passwd"),
        (7_020, "/etc/shadow"),
    ] {
        replay.take(write(&rule, millis, path));
    }
    let alerts = replay.finish();
    let told: Vec<_> = alerts.iter().map(|alert| alert.document()["file"]["path"].clone()).collect();
    assert_eq!(told, ["/etc/group", "/etc/passwd", "/etc/shadow"]);
    let case = |alert: &Alert| alert.document()["auditward"]["case"]["id"].clone();
    assert!(alerts.iter().all(|alert| case(alert) == alerts[0].id && !alert.raised));
    assert!(alerts[0].id != alerts[1].id && alerts[1].id != alerts[2].id);
    assert!(alerts[1].line.contains(&format!(" case={} ", alerts[0].id)), "{}", alerts[1].line);
}

/// Many writes of one file leave room for the next file.
#[test]
fn a_file_that_is_written_often_hides_no_other() {
    let rule = written_rule();
    let mut replay = Replay::default();
    (0..20).for_each(|millis| replay.take(write(&rule, millis, "/etc/group")));
    replay.take(write(&rule, 5_000, "/etc/passwd"));
    let told: Vec<_> = replay.finish().iter().map(|alert| alert.document()["file"]["path"].clone()).collect();
    assert_eq!(told, ["/etc/group", "/etc/passwd"]);
}

/// What an account tool writes belongs to what it was asked.
#[test]
fn files_of_an_act_that_is_known_otherwise_are_not_told_each() {
    let (asked, any) = (rule("asked", Severity::Medium), rule("any", Severity::Medium));
    let rule = written_rule();
    let mut replay = Replay::default();
    replay.take(finding(&asked, 0, USERMOD, None));
    for (millis, path) in [(10, "/etc/passwd"), (200, "/etc/shadow"), (400, "/etc/group")] {
        replay.take(write(&rule, millis, path));
    }
    assert_eq!(replay.finish().len(), 1);
    // Nor are those of a rule that does not judge what each does: a package changes many at once.
    let mut replay = Replay::default();
    for (millis, path) in [(10, "/usr/bin/x"), (200, "/usr/lib/x"), (400, "/etc/x")] {
        replay.take(write(&any, millis, path));
    }
    assert_eq!(replay.finish().len(), 1);
}

proptest! {
    /// Any order of the matches of an act, and any pauses between them within its bounds: the same rules in the
    /// end, the highest rank told, at most one line for each rank.
    #[test]
    fn any_order_and_split_gives_the_same_rules(
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        pauses in prop::collection::vec(prop::sample::select(vec![0_u64, 1, 49, 50, 51, 400, 1_500]), 6),
        with_state in any::<bool>(),
    ) {
        let of = |uuid, severity| rule(uuid, severity);
        let matches = [
            (of("a", Severity::Low), USERMOD, None),
            (of("b", Severity::Medium), USERMOD, Some("bob")),
            (of("c", Severity::Medium), USERMOD, None),
            (of("d", Severity::High), USERMOD, Some("bob")),
            (of("e", Severity::High), ("4711", None), None),
            (of("f", Severity::Critical), if with_state { NO_PROCESS } else { USERMOD }, Some("bob")),
        ];
        // The state names no process: it can only join a case in which the account is known.
        let named = order.iter().position(|n| [1, 3].contains(n));
        let state = order.iter().position(|n| *n == 5);
        prop_assume!(!with_state || named < state);
        let (mut replay, mut at) = (Replay::default(), 0);
        for (n, pause) in order.iter().zip(&pauses) {
            let (rule, process, account) = &matches[*n];
            at += pause;
            replay.take(finding(rule, at, *process, *account));
        }
        let [case] = replay.cases.open.as_slice() else {
            return Err(TestCaseError::fail(format!("{} cases", replay.cases.open.len())));
        };
        let known: Vec<&str> = case.rules().iter().map(|matched| matched.rule.uuid.as_str()).collect();
        prop_assert_eq!(known, ["f", "d", "e", "b", "c", "a"]);
        let counts = replay.cases.counts();
        prop_assert_eq!(counts.joined, 5);
        let alerts = replay.finish();
        let told: Vec<Severity> = alerts.iter().map(|alert| alert.rule.severity).collect();
        prop_assert!(told.is_sorted() && told.windows(2).all(|two| two[0] < two[1]), "{:?}", told);
        prop_assert_eq!(told.last(), Some(&Severity::Critical));
        let first = &alerts[0].id;
        for alert in &alerts {
            prop_assert_eq!(&alert.document()["auditward"]["case"]["id"], &json!(first));
        }
    }
}

/// A match of a lower rank than its rule's: the alert, its case and the rules that it names have that rank.
#[test]
fn a_match_of_a_lower_rank_is_told_with_it_and_raised_by_one_of_the_rules_own() {
    let high = rule("h", Severity::High);
    let mut lower = finding(&high, 0, USERMOD, Some("bob"));
    lower.severity = Severity::Medium;
    let root = json!({ "path": "/srv/tree", "mount_namespace": "4026531841", "evidence": "process" });
    lower.events[0].insert("auditward".to_owned(), json!({ "root": root }));
    let mut replay = Replay::default();
    replay.take(lower);
    assert!(replay.alerts.is_empty(), "below high it waits");
    replay.event_at(60);
    replay.take(finding(&high, 70, USERMOD, Some("bob")));
    let alerts = replay.finish();
    let [medium, raised] = alerts.as_slice() else { panic!("{} alerts", alerts.len()) };
    assert_eq!((medium.severity, raised.severity), (Severity::Medium, Severity::High));
    assert!(medium.line.starts_with("MEDIUM Rule h: "), "{}", medium.line);
    assert!(
        medium.line.contains(", account bob, in another root (/srv/tree), by no login user"),
        "{}",
        medium.line
    );
    assert!(medium.line.contains(" severity=47 risk=47 "), "{}", medium.line);
    let document = medium.document();
    assert_eq!(document["auditward"]["rules"][0]["severity"], 47);
    assert_eq!(document["event"]["severity"], 47);
    assert_eq!(document["auditward"]["root"]["path"], "/srv/tree");
    assert!(raised.line.starts_with("HIGH Rule h: raised: "), "{}", raised.line);
    assert!(!raised.line.contains("another root"), "{}", raised.line);
}

/// A write to an account file, `millis` after the start.
fn write(rule: &Arc<Rule>, millis: u64, path: &str) -> Finding {
    let mut finding = finding(rule, millis, USERMOD, None);
    finding.events[0].insert("file".to_owned(), json!({ "path": path }));
    finding
}

fn written_rule() -> Arc<Rule> {
    let milder = crate::rule::Milder { without_effect: Some(Severity::Low), ..Default::default() };
    let (uuid, group) = ("w".to_owned(), Some("account".to_owned()));
    Arc::new(Rule { uuid, group, milder, severity: Severity::Medium, risk_score: 47, ..sample::rule() })
}

/// Of writes up to `until` milliseconds after the start.
fn seen(path: &str, from: u64, until: u64) -> WithoutEffect {
    let at = |millis: u64| i64::try_from(START + millis).expect("a time");
    WithoutEffect { path: path.to_owned(), from: at(from), until: at(until) }
}

/// The ranks of what is told of two writes, at 10 ms and (in another process's file) at 20 ms, after `seen`.
fn told_after(paths: &[&str], seen: &[WithoutEffect]) -> Vec<Severity> {
    let rule = written_rule();
    let mut replay = Replay::default();
    for (n, path) in (1..).zip(paths) {
        replay.take(write(&rule, 10 * n, path));
    }
    seen.iter().for_each(|one| replay.cases.without_effect(one.clone()));
    replay.event_at(100);
    replay.finish().iter().map(|alert| alert.severity).collect()
}

#[test]
fn a_write_without_effect_is_low_and_only_that() {
    let passwd = "/etc/passwd";
    assert_eq!(told_after(&[passwd], &[]), [Severity::Medium]);
    assert_eq!(told_after(&[passwd], &[seen(passwd, 0, 12)]), [Severity::Low]);
    assert_eq!(
        told_after(&[passwd], &[seen(passwd, 0, 9)]),
        [Severity::Medium],
        "read before it was written"
    );
    assert_eq!(told_after(&[passwd], &[seen(passwd, 10, 12)]), [Severity::Medium], "in doubt");
    assert_eq!(told_after(&[passwd], &[seen("/etc/group", 0, 12)]), [Severity::Medium]);
    // Of one act every write must be without effect.
    assert_eq!(told_after(&[passwd, passwd], &[seen(passwd, 0, 12)]), [Severity::Medium]);
    assert_eq!(told_after(&[passwd, passwd], &[seen(passwd, 0, 22)]), [Severity::Low]);
    assert_eq!(told_after(&[passwd, "/etc/shadow"], &[seen(passwd, 0, 22)]), [Severity::Medium]);
}

/// What was read is said of nothing that is written later, by whoever.
#[test]
fn what_is_written_again_raises_what_was_low() {
    let rule = written_rule();
    let mut replay = Replay::default();
    replay.cases.without_effect(seen("/etc/passwd", 0, 12));
    replay.take(write(&rule, 10, "/etc/passwd"));
    replay.event_at(70);
    let [low] = replay.alerts.as_slice() else { panic!("{} alerts", replay.alerts.len()) };
    assert_eq!(low.severity, Severity::Low);
    assert!(low.line.contains(", after which nobody has more than before, by no login user"), "{}", low.line);
    let document = low.document();
    assert_eq!(document["auditward"]["effect"], "none");
    assert_eq!(document["auditward"]["rules"][0]["severity"], 21);
    // Once more without effect: nothing new to tell.
    replay.take(write(&rule, 80, "/etc/passwd"));
    replay.cases.without_effect(seen("/etc/passwd", 12, 82));
    replay.event_at(140);
    assert_eq!(replay.alerts.len(), 1);
    // And with one, or nobody knows.
    replay.take(write(&rule, 150, "/etc/passwd"));
    replay.event_at(210);
    let raised = replay.alerts.last().expect("an alert");
    assert_eq!((replay.alerts.len(), raised.severity, raised.raised), (2, Severity::Medium, true));
    assert!(!raised.line.contains("nobody has more"), "{}", raised.line);
}

/// Written again before it was told: what was read first is no longer said.
#[test]
fn a_doubt_takes_back_what_was_seen() {
    let mut replay = Replay::default();
    replay.take(write(&written_rule(), 10, "/etc/passwd"));
    replay.cases.without_effect(seen("/etc/passwd", 0, 12));
    replay.cases.doubt();
    assert_eq!(replay.finish()[0].severity, Severity::Medium);
}

/// A privileged change in the same case: its rank counts, and at once.
#[test]
fn a_change_that_counts_goes_before_a_write_without_effect() {
    let (written, state) = (written_rule(), rule("s", Severity::Critical));
    let mut replay = Replay::default();
    replay.take(write(&written, 10, "/etc/passwd"));
    replay.take(finding(&state, 15, USERMOD, Some("eve")));
    let [critical] = replay.alerts.as_slice() else { panic!("{} alerts", replay.alerts.len()) };
    assert_eq!(critical.severity, Severity::Critical);
    assert_eq!(rules(critical), ["s", "w"]);
}
