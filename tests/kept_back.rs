//! Alerts that a destination does not ask for, and alerts that are kept back and told as a number: all of them are in
//! the store, and a destination that was away gets its own and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::output::{
    Address, Body, Bounds, Choice, Destination, Format, Formatter, Outputs, Protocol, SinkConfig,
};
use auditward::rule::Severity;
use auditward::store::{FILE, Query, Reader, Settings, Store};
use syslog_support::{alerts, pair, until};

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
    let text = std::fs::read_to_string(directory.join(name)).unwrap_or_default();
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
    alerts[20..].iter().for_each(|alert| outputs.keep_back(alert, "building_block"));
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
            0 => outputs.keep_back(alert, "max_signals"),
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
    outputs.keep_back(&alerts[0], "max_signals");
    outputs.push(&alerts[59]);
    assert!(next().contains(&alerts[59].id), "no notice of anything lost before it");
    assert_eq!(outputs.shutdown(SOON), []);
}
