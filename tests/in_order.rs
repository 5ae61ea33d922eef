//! A file is looked at ahead of the event that is asked about, so that one that nothing earlier comes behind need not wait for its
//! place: the alerts are those of a run in which each does. And so they are where only their lines are wanted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its fixtures fails")]

mod common;

use std::path::PathBuf;
use std::sync::Arc;

use auditward::alert::Alert;
use auditward::daemon::detector::Detector;
use auditward::daemon::intake::Intake;
use auditward::detect::{JoinCounts, Limits};
use auditward::event::schema::Live;
use auditward::rule::Rule;
use auditward::rule::load::load;
use common::{lines, recordings};
use proptest::collection::vec;
use proptest::prelude::*;

/// Every kind of joining events, and one rule that joins none.
const QUERIES: &[&str] = &[
    "process where process.name == \"d\"",
    "sequence by user.id with maxspan=300ms [process where process.name == \"a\"] [process where process.name == \"b\"]",
    "sequence with maxspan=1s [process where process.name == \"a\"] ![process where process.name == \"c\"] [process where process.name == \"b\"]",
    "sequence by user.id with maxspan=200ms [process where process.name == \"a\"] [process where process.name == \"b\"] ![process where process.name == \"c\"]",
    "sequence by user.id with maxspan=400ms ![process where process.name == \"d\"] [process where process.name == \"b\"]",
    "sequence with maxspan=500ms [process where process.name == \"a\"] with runs=3",
    "sequence by user.id [process where process.name == \"a\"] [process where process.name in (\"a\", \"b\")] until [process where process.name == \"d\"]",
    "sequence by process.parent.pid with maxspan=100ms [process where true] [process where process.args == \"x\"]",
    "sample by user.id [process where process.name == \"c\"] [process where process.name == \"d\"]",
];

fn rules() -> Vec<Arc<Rule>> {
    rules_of(QUERIES)
}

fn rules_of(queries: &[&str]) -> Vec<Arc<Rule>> {
    let directory = tempfile::tempdir().unwrap();
    for (number, query) in queries.iter().enumerate() {
        // One is told by its case, which wants the events themselves.
        let group = if number == 1 { "[auditward]\ngroup = \"g\"\n" } else { "" };
        let text = format!(
            "{group}[rule]\nrule_id = \"{number}\"\nname = \"Rule {number}\"\ndescription = \"d\"\ntype = \"eql\"\n\
             severity = \"low\"\nrisk_score = 21\nquery = '''\n{query}\n'''\n"
        );
        std::fs::write(directory.path().join(format!("{number}.toml")), text).unwrap();
    }
    let loaded = load(&[directory.path().to_owned()], &Live);
    assert_eq!((loaded.errors(), loaded.rules.len()), (0, queries.len()), "{:#?}", loaded.diagnostics);
    loaded.rules
}

/// What a run comes to: the lines of its alerts in no order, what joining them came to, and how many events were in order.
#[derive(Debug)]
struct Told {
    alerts: Vec<String>,
    counts: JoinCounts,
    in_order: usize,
}

/// How a log is run over: whether only the lines of alerts are wanted, and how many milliseconds are looked ahead.
type Way = (bool, Option<u64>);

const WAITING: Way = (false, None);
const AHEAD: Way = (false, Some(100));
/// Either, for lines alone.
const LINES_ONLY: [Way; 2] = [(true, None), (true, Some(100))];

/// Runs over a log.
fn run(rules: &[Arc<Rule>], log: &[u8], (lines_only, ahead): Way) -> Told {
    let mut detector = Detector::for_recordings(rules.to_vec(), Limits::default());
    if lines_only {
        detector.want_lines_only();
    }
    let mut intake = Intake::for_replay();
    let (mut alerts, mut in_order) = (Vec::new(), 0);
    intake.hold_back(ahead, &mut |_| unreachable!("nothing was read"));
    let mut take = |event: &auditward::event::AuditDocument<'_>| {
        in_order += usize::from(event.event.in_order);
        detector.event(event, &mut |alert: Alert| alerts.push(alert.line));
    };
    lines(log).for_each(|line| intake.line(line, 0, &mut take));
    intake.finish(&mut take);
    detector.finish(&mut |alert| alerts.push(alert.line));
    alerts.sort();
    Told { alerts, counts: detector.engine().join_counts(), in_order }
}

/// An execution, and when its records come.
#[derive(Clone, Debug)]
struct Exec {
    /// After the one before, in milliseconds.
    after: u64,
    /// How much later its records come, in the same.
    delay: u64,
    program: char,
    uid: u8,
    parent: u8,
    /// Its EOE is lost.
    endless: bool,
    /// It comes in one piece, whatever else comes at the time.
    whole: bool,
}

fn exec() -> impl Strategy<Value = Exec> {
    let delay = prop_oneof![200 => Just(0_u64), 100 => 0_u64..90, 1 => 90_u64..300];
    (0_u64..40, delay, prop::char::range('a', 'd'), 0_u8..2, 1_u8..3, 0_u8..100, any::<bool>()).prop_map(
        |(after, delay, program, uid, parent, end, whole)| Exec {
            after,
            delay,
            program,
            uid,
            parent,
            endless: end == 0,
            whole,
        },
    )
}

/// One so many milliseconds after the one before, whose records come at once.
fn exec_after(after: u64, program: char) -> Exec {
    Exec { after, delay: 0, program, uid: 0, parent: 1, endless: false, whole: true }
}

/// The log of them: the records in the order in which they come.
fn log(execs: &[Exec]) -> Vec<u8> {
    let (mut millis, mut written) = (1_795_600_800_000, Vec::new());
    for (serial, exec) in (100_usize..).zip(execs) {
        millis += exec.after;
        let Exec { program, uid, parent, .. } = exec;
        // The last is no UTF-8.
        let argument = ["\"x\"", "\"y\"", "\"y\"", "\"x\"", "FF79"][serial % 5];
        let mut texts = vec![
            format!(
                "type=SYSCALL msg=STAMP: arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=0 items=0 \
                 ppid={parent} pid={serial} auid=1000 uid={uid} gid=0 euid={uid} suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 \
                 tty=pts0 ses=3 comm=\"{program}\" exe=\"/usr/bin/{program}\" key=(null)"
            ),
            format!("type=EXECVE msg=STAMP: argc=2 a0=\"{program}\" a1={argument}"),
            "type=CWD msg=STAMP: cwd=\"/\"".to_owned(),
            "type=PROCTITLE msg=STAMP: proctitle=\"x\"".to_owned(),
        ];
        if !exec.endless {
            texts.push("type=EOE msg=STAMP: ".to_owned());
        }
        let stamp = format!("audit({}.{:03}:{serial})", millis / 1000, millis % 1000);
        for (number, text) in (0_u64..).zip(texts) {
            let at = millis + exec.delay + if exec.whole { 0 } else { 3 * number };
            written.push((at, text.replace("STAMP", &stamp) + "\n"));
        }
    }
    written.sort_by_key(|(at, _)| *at);
    written.into_iter().map(|(_, line)| line).collect::<String>().into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_need_not_wait_is_matched_as_if_it_had(execs in vec(exec(), 1..120)) {
        let (rules, log) = (rules(), log(&execs));
        let [waiting, ahead] = [WAITING, AHEAD].map(|way| run(&rules, &log, way));
        for (way, whole) in LINES_ONLY.into_iter().zip([&waiting, &ahead]) {
            let lines = run(&rules, &log, way);
            prop_assert_eq!((&lines.alerts, lines.counts), (&whole.alerts, whole.counts));
        }
        prop_assert_eq!(waiting.in_order, 0);
        prop_assert_eq!(ahead.counts.late, waiting.counts.late);
        // What came too late finds what happens to be there still of its time.
        if waiting.counts.late == 0 {
            prop_assert_eq!(&ahead.alerts, &waiting.alerts);
            prop_assert_eq!(ahead.counts, waiting.counts);
        }
        if execs.iter().all(|exec| exec.delay == 0 && exec.whole && !exec.endless) {
            prop_assert_eq!(ahead.in_order, execs.len());
        }
    }
}

/// A clock that was set back, hundreds of events before anybody takes it for that, and forward again.
#[test]
fn a_clock_that_goes_back_is_followed_in_both() {
    let programs = ['a', 'b', 'c', 'a', 'b', 'd'];
    let execs: Vec<Exec> =
        (0..1_200).map(|number| exec_after(17, programs[number % programs.len()])).collect();
    let whole = String::from_utf8(log(&execs)).unwrap();
    let third = whole.lines().count() / 3;
    let of = |from: usize, count: usize| {
        whole.lines().skip(from).take(count).collect::<Vec<_>>().join("\n") + "\n"
    };
    // The last third was an hour before, and then comes the first again.
    let mut log = of(0, 2 * third) + &of(2 * third, third).replace("audit(17956", "audit(17952");
    log.push_str(&of(0, third).replace(":1", ":71"));
    let [waiting, ahead] = [WAITING, AHEAD].map(|way| run(&rules(), log.as_bytes(), way));
    assert!(waiting.counts.rewound > 0 && waiting.alerts.len() > 100, "{waiting:?}");
    assert_eq!((&ahead.alerts, ahead.counts), (&waiting.alerts, waiting.counts));
    assert!(ahead.in_order > execs.len(), "{}", ahead.in_order);
    let lines = run(&rules(), log.as_bytes(), LINES_ONLY[1]);
    assert_eq!((&lines.alerts, lines.counts), (&ahead.alerts, ahead.counts));
}

/// An event that nothing keeps makes the clock be taken for set back: what waited is matched, in the same memory.
#[test]
fn a_line_is_of_the_last_event_and_not_of_the_one_at_hand() {
    let rules = rules_of(&[
        "sequence with maxspan=1m [process where process.name == \"a\"] [process where process.name == \"b\"]",
        "sequence with maxspan=1m [process where process.name == \"c\"] [process where process.name == \"d\"]",
    ]);
    // The second rule waits for its `d`, and the first `a` and its `b` for their places.
    let mut events = vec![(0, 'c'), (60_000, 'z'), (60_010, 'a'), (60_020, 'b')];
    events.extend((0..255).map(|_| (-3_600_000, 'z')));
    events.push((-3_600_000, 'd'));
    let log: String =
        (100..).zip(events).map(|(serial, (millis, program))| exec_at(millis, serial, program)).collect();
    let told = run(&rules, log.as_bytes(), WAITING);
    assert_eq!(told.counts.rewound, 1);
    let [line] = told.alerts.as_slice() else { panic!("{told:?}") };
    assert!(line.contains(" pid=103 exe=/usr/bin/b ") && line.contains(":102,"), "{line}");
}

/// The log of one at so many milliseconds behind some time.
fn exec_at(millis: i64, serial: u32, program: char) -> String {
    let millis = 1_795_600_800_000 + millis;
    let stamp = format!("audit({}.{:03}:{serial})", millis / 1000, millis % 1000);
    let log = String::from_utf8(log(&[exec_after(0, program)])).unwrap();
    log.replace("audit(1795600800.000:100)", &stamp).replace("pid=100 ", &format!("pid={serial} "))
}

/// All that was recorded, under Elastic's rules where they are at hand.
#[test]
fn recordings_give_the_same_alerts() {
    let mut all = rules();
    let corpus = common::shared("elastic-rules");
    all.extend(corpus.iter().flat_map(|corpus| load(&[PathBuf::from(corpus)], &Live).rules));
    let (mut alerts, mut in_order) = (0, 0);
    for (name, log) in recordings() {
        let [waiting, ahead, lines] = [WAITING, AHEAD, LINES_ONLY[1]].map(|way| run(&all, &log, way));
        assert_eq!((&ahead.alerts, ahead.counts), (&waiting.alerts, waiting.counts), "{name}");
        assert_eq!((&lines.alerts, lines.counts), (&ahead.alerts, ahead.counts), "{name}, for lines only");
        alerts += ahead.alerts.len();
        in_order += ahead.in_order;
    }
    assert!(
        (corpus.is_none() || alerts > 300) && in_order > 5_000,
        "{alerts} alerts, {in_order} events in order"
    );
}
