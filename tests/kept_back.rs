//! Alerts that a destination does not ask for, and alerts that are kept back and told as a number: all of them are in
//! the store, and a destination that was away gets its own and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::collections::HashSet;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::alert::suppress::{Kept, Suppressor};
use auditward::audit::Stamp;
use auditward::output::{
    Address, Body, Bounds, Choice, Destination, Format, Formatter, Outputs, Protocol, SinkConfig,
};
use auditward::rule::{Rule, Severity};
use auditward::store::{FILE, Query, Reader, Settings, Store, StoredAlert};
use serde_json::{Value, json};
use syslog_support::{HOST_ID, alerts, exec, pair, rule_of, until};

const SOON: Duration = Duration::from_secs(30);

fn start(directory: &Path, configs: Vec<SinkConfig>) -> Outputs {
    let settings = Settings { path: directory.join(FILE), days: 36_500, bytes: 256 << 20 };
    Outputs::open(configs).unwrap().start_with(Some(Store::open(settings).unwrap())).unwrap()
}

fn to_file(directory: &Path, name: &str, choice: Choice) -> SinkConfig {
    let destination = Destination::File { path: directory.join(name), mode: 0o600, format: Format::Text };
    SinkConfig { name: name.to_owned(), destination, bounds: Bounds::default(), choice }
}

/// The alerts in a file: their ids, and the lines that tell a number.
fn lines(directory: &Path, name: &str) -> (Vec<String>, Vec<String>) {
    let text = syslog_support::growth::whole_lines(&directory.join(name));
    let (told, alerts): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains(" more in "));
    let id =
        |line: &&str| String::from_utf8(pair(line, "alert").unwrap_or_else(|| panic!("{line}"))).unwrap();
    (alerts.iter().map(id).collect(), told.into_iter().map(ToOwned::to_owned).collect())
}

fn ids(alerts: &[Arc<Alert>]) -> Vec<String> {
    alerts.iter().map(|alert| alert.id.clone()).collect()
}

fn stored(directory: &Path, suppressed: Option<bool>) -> usize {
    let reader = Reader::open(&directory.join(FILE)).unwrap();
    reader.page(&Query { suppressed, ..Query::default() }).unwrap().len()
}

#[test]
fn each_destination_gets_what_it_asks_for_and_the_store_has_all() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let configs = || {
        vec![
            to_file(here, "all", Choice::default()),
            to_file(here, "high", Choice { severity: Some(Severity::High), ..Choice::default() }),
            to_file(here, "other", Choice { rules: vec!["another-rule".into()], ..Choice::default() }),
            to_file(here, "tagged", Choice { tags: vec!["OS: Linux".into()], ..Choice::default() }),
            to_file(here, "five", Choice { per_minute: Some(5), ..Choice::default() }),
        ]
    };
    let alerts = alerts(23);
    let outputs = start(here, configs());
    alerts[..20].iter().for_each(|alert| outputs.push(alert));
    alerts[20..].iter().for_each(|alert| outputs.keep_back(alert, "building_block", None));
    assert_eq!(outputs.tell_rest(Instant::now(), false), 0, "the minute is not over");
    assert_eq!(outputs.tell_rest(Instant::now(), true), 1);
    until("all are sent", || lines(here, "all").0.len() == 20 && lines(here, "five").1.len() == 1);
    let counters = outputs.counters();
    assert_eq!(counters.iter().map(|c| c.rolled_up).collect::<Vec<_>>(), [0, 0, 0, 0, 15]);
    assert_eq!(outputs.shutdown(SOON), []);
    assert_eq!(lines(here, "all"), (ids(&alerts[..20]), vec![]));
    assert_eq!(lines(here, "tagged"), (ids(&alerts[..20]), vec![]));
    for nothing in ["high", "other"] {
        assert_eq!(lines(here, nothing), (vec![], vec![]), "{nothing}");
    }
    let (sent, told) = lines(here, "five");
    assert_eq!(sent, ids(&alerts[..5]));
    assert!(
        told[0].contains(": 15 more in 0 s, not sent to five: 5 a minute at most on web1; time="),
        "{told:?}"
    );
    // 15 beyond the limit and 3 of a building block; the line that tells is no alert that was kept back.
    assert_eq!([Some(true), Some(false), None].map(|which| stored(here, which)), [18, 21, 24]);

    // Those who asked for nothing are behind it all: a new start sends nothing and misses nothing.
    let outputs = start(here, configs());
    until("looked through", || outputs.counters().iter().all(|c| c.stored == 0 && c.waiting == 0));
    assert_eq!(outputs.shutdown(SOON), []);
    for name in ["all", "high", "other", "tagged", "five"] {
        let text = std::fs::read_to_string(here.join(name)).unwrap_or_default();
        assert!(!text.contains("lost"), "{name}: {text}");
    }
    assert_eq!((lines(here, "all").0.len(), lines(here, "five").0.len()), (20, 5));
}

#[test]
fn one_that_was_away_gets_its_own_alerts_and_no_word_of_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let socket = here.join("log");
    let configs = |limit| {
        let formatter = Formatter { limit: 1 << 20, ..Formatter::new(Protocol::Rfc3164, Body::Text) };
        let destination =
            Destination::Syslog { address: Address::Unix(socket.clone()), formatter: Box::new(formatter) };
        let choice = Choice { per_minute: Some(limit), ..Choice::default() };
        // Hardly anything fits into the queue: the rest is read from the store.
        let bounds = Bounds { messages: 2, bytes: 1 << 20 };
        vec![SinkConfig { name: "away".to_owned(), destination, bounds, choice }]
    };
    let alerts = alerts(60);
    let outputs = start(here, configs(10));
    for (n, alert) in alerts.iter().enumerate() {
        match n % 3 {
            0 => outputs.keep_back(alert, "max_signals", None),
            _ => outputs.push(alert),
        }
    }
    let left: u64 = outputs.shutdown(Duration::ZERO).into_iter().map(|(_, left)| left).sum();
    assert!(left >= 10, "{left}");
    // The last word of the run before: 30 more, which the next one's limit does not hold back.
    let receiver = UnixDatagram::bind(&socket).unwrap();
    receiver.set_read_timeout(Some(SOON)).unwrap();
    let outputs = start(here, configs(10));
    let wanted: Vec<String> = alerts
        .iter()
        .enumerate()
        .filter(|(n, _)| n % 3 != 0)
        .map(|(_, alert)| alert.id.clone())
        .take(10)
        .collect();
    let next = || {
        let mut buffer = vec![0; 1 << 16];
        let length = receiver.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let received: Vec<String> =
        (0..10).map(|_| String::from_utf8(pair(&next(), "alert").unwrap()).unwrap()).collect();
    assert_eq!(received, wanted);
    until("nothing more", || outputs.counters().iter().all(|c| c.stored == 0 && c.waiting == 0));
    outputs.keep_back(&alerts[0], "max_signals", None);
    outputs.push(&alerts[59]);
    assert!(next().contains(&alerts[59].id), "no notice of anything lost before it");
    assert_eq!(outputs.shutdown(SOON), []);
}

/// Where a child process is to work; the test that it runs passes at once without.
const CHILD: &str = "AUDITWARD_KEPT_BACK_CHILD";

/// A rule with a cap and one that suppresses what is alike.
fn rules() -> Vec<Arc<Rule>> {
    let alike =
        "[rule.alert_suppression]\ngroup_by = [\"process.name\"]\nduration = { value = 1, unit = \"h\" }";
    vec![rule_of("capped", "max_signals = 100"), rule_of("alike", alike)]
}

fn to_all_and_five(here: &Path) -> Vec<SinkConfig> {
    let json = |name: &str, choice| {
        let destination = Destination::File { path: here.join(name), mode: 0o600, format: Format::Json };
        SinkConfig { name: name.to_owned(), destination, bounds: Bounds::default(), choice }
    };
    let five = Choice { per_minute: Some(5), ..Choice::default() };
    vec![json("all", Choice::default()), json("five", five)]
}

/// Alerts of both rules, as the daemon hands them over, until it is killed, or whoever should have done it is gone.
/// A number is told now and then.
#[test]
fn child_keeps_back() {
    let Some(here) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let (outputs, rules, parent) = (start(&here, to_all_and_five(&here)), rules(), parent_id());
    let mut suppressor = Suppressor::default();
    for serial in (1..).take_while(|serial| serial % 64 != 0 || parent_id() == parent) {
        let (document, Stamp { millis, .. }) = exec(&["usermod", "-u", "0", "-o", "bob"], serial);
        let rule = &rules[usize::from(serial % 3 == 0)];
        let alert = Arc::new(Alert::new(
            rule,
            &[document],
            &[Stamp { millis, serial }],
            HOST_ID,
            jiff::Timestamp::now(),
        ));
        match suppressor.take(&alert, Instant::now()) {
            Some(Kept { why, counted }) => outputs.keep_back(&alert, why.word(), Some(counted)),
            None => outputs.push(&alert),
        }
        if serial % 1000 == 0 {
            suppressor.finish(Instant::now()).into_iter().for_each(|alert| outputs.push(&Arc::new(alert)));
            outputs.tell_rest(Instant::now(), true);
        }
    }
}

/// In a file: ids of alerts, and the sum of the numbers told by rules and by the destination's limit, each alert once. Of
/// those in the store alone: where the store stands still for a moment alerts go out before they are in it, and what these
/// told is owed still when the daemon is killed just then.
fn told_in(file: &Path, stored: &HashSet<String>) -> (HashSet<String>, u64, u64) {
    let text = std::fs::read_to_string(file).unwrap();
    let (mut ids, mut seen, mut by_rules, mut by_limit) = (HashSet::new(), HashSet::new(), 0, 0);
    for document in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let Some(id) = document.pointer("/event/id").and_then(Value::as_str) else { continue };
        if !stored.contains(id) || !seen.insert(id.to_owned()) {
            continue;
        }
        match document.pointer("/auditward/suppressed") {
            None => _ = ids.insert(id.to_owned()),
            Some(told) if told["by"] == "alerts_per_minute" => by_limit += told["count"].as_u64().unwrap(),
            Some(told) => by_rules += told["count"].as_u64().unwrap(),
        }
    }
    (ids, by_rules, by_limit)
}

/// The store's alerts up to the newest that it has when it is asked: somebody may write more all the time.
fn in_store(here: &Path) -> Vec<StoredAlert> {
    let reader = Reader::open(&here.join(FILE)).unwrap();
    let newest = reader.page(&Query { newest: true, ..Query::default() }).unwrap();
    let Some(end) = newest.first().map(|alert| alert.seq + 1) else { return newest };
    let (mut all, mut query) = (Vec::new(), Query { before: Some(end), ..Query::default() });
    loop {
        let page = reader.page(&query).unwrap();
        let Some(last) = page.last() else { return all };
        query.after = Some(last.seq);
        all.extend(page);
    }
}

/// Alerts of the store that tell no number.
fn alerts_in_store(here: &Path) -> u64 {
    let tells = |alert: &StoredAlert| alert.line.contains(" more of ") || alert.line.contains(" more in ");
    in_store(here).iter().filter(|alert| !tells(alert)).count() as u64
}

#[test]
fn numbers_that_a_kill_9_finds_untold_are_told_by_the_next_run_once() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_keeps_back", "--nocapture"])
        .env(CHILD, here)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("numbers are told, and more is kept back", || {
        let alerts = std::fs::read_to_string(here.join("five")).unwrap_or_default();
        alerts.contains("alerts_per_minute") && here.join(FILE).exists() && alerts_in_store(here) % 1000 > 500
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let wanted = alerts_in_store(here);
    let host = json!({ "id": HOST_ID, "name": "web1" });

    let mut outputs = start(here, to_all_and_five(here));
    assert_eq!(outputs.tell_untold(&rules(), &host), Vec::<String>::new());
    until("all is out", || {
        outputs.counters().iter().all(|c| c.stored == 0 && c.waiting == 0 && c.lag.is_none())
    });
    assert_eq!(outputs.shutdown(SOON), []);
    let stored = || -> HashSet<String> { in_store(here).into_iter().map(|alert| alert.id).collect() };
    let (ids, by_rules, by_limit) = told_in(&here.join("all"), &stored());
    println!("{wanted} alerts stored: {} sent, {by_rules} told as a number", ids.len());
    assert_eq!((ids.len() as u64 + by_rules, by_limit), (wanted, 0), "sent and told are all");
    let (limited, also_by_rules, by_limit) = told_in(&here.join("five"), &stored());
    assert_eq!((limited.len() as u64 + by_limit, also_by_rules), (ids.len() as u64, by_rules));
    let text = std::fs::read_to_string(here.join("all")).unwrap();
    assert!(text.contains("at most (max_signals), counted by the run before this one on web1"), "{wanted}");
    assert!(text.contains("more of process.name usermod in "), "what they have in common");

    let mut outputs = start(here, to_all_and_five(here));
    assert_eq!(outputs.tell_untold(&rules(), &host), Vec::<String>::new());
    assert_eq!(outputs.shutdown(SOON), []);
    assert_eq!(told_in(&here.join("all"), &stored()).1, by_rules, "and not once more");
}

#[test]
fn what_was_kept_back_of_a_rule_or_a_destination_that_is_gone_is_told_as_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let outputs = start(here, to_all_and_five(here));
    alerts(7).iter().for_each(|alert| outputs.push(alert));
    // The end of a daemon that tells nothing before.
    assert_eq!(outputs.shutdown(SOON), []);
    let mut outputs = start(here, vec![to_file(here, "other", Choice::default())]);
    let told = outputs.tell_untold(&[], &Value::Null);
    assert_eq!(told.len(), 1, "{told:?}");
    let name =
        "2 more alerts of Potential Linux Backdoor User Account Creation from 2026-09-21T14:15:00Z to ";
    assert!(told[0].starts_with(name), "{told:?}");
    assert!(told[0].contains("not sent to five: 5 a minute at most, counted by the run before"), "{told:?}");
    assert_eq!(outputs.shutdown(SOON), []);
    let mut outputs = start(here, vec![to_file(here, "other", Choice::default())]);
    assert_eq!(outputs.tell_untold(&[], &Value::Null), Vec::<String>::new(), "once");
}
