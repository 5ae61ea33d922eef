//! Delivery from the store, with the faults that it is there for: a receiver that hangs, a stop meanwhile, `kill -9` in
//! the middle of a storm, a full disk, a clock that goes back. docs/reliability.md has the counts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::cell::Cell;
use std::collections::HashSet;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::audit::Stamp;
use auditward::output::{
    Address, Body, Bounds, Destination, Format, Formatter, Outputs, Protocol, SinkConfig,
};
use auditward::store::{FILE, Settings, Store};
use rusqlite::Connection;
use syslog_support::{alert, alerts, pair, until};

const SOON: Duration = Duration::from_secs(30);

/// The samples are of one day in the past: they are never too old.
fn settings(directory: &Path) -> Settings {
    Settings { path: directory.join(FILE), days: 36_500, bytes: 256 << 20 }
}

fn store(directory: &Path) -> Store {
    Store::open(settings(directory)).unwrap()
}

fn config(name: &str, destination: Destination, messages: usize) -> SinkConfig {
    SinkConfig {
        name: name.to_owned(),
        destination,
        bounds: Bounds { messages, bytes: 64 << 20 },
        choice: Default::default(),
    }
}

fn to_socket(path: &Path) -> Destination {
    let formatter = Formatter { limit: 1 << 20, ..Formatter::new(Protocol::Rfc3164, Body::Text) };
    Destination::Syslog { address: Address::Unix(path.to_owned()), formatter: Box::new(formatter) }
}

fn to_file(path: PathBuf) -> Destination {
    Destination::File { path, mode: 0o600, format: Format::Text }
}

fn start(directory: &Path, configs: Vec<SinkConfig>) -> Outputs {
    Outputs::open(configs).unwrap().start_with(Some(store(directory))).unwrap()
}

/// The next alert's line; None after `patience` without any.
fn next_line(receiver: &UnixDatagram, patience: Duration) -> Option<String> {
    receiver.set_read_timeout(Some(patience)).unwrap();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = receiver.recv(&mut buffer).ok()?;
        let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
        if pair(&text, "alert").is_some() {
            return Some(text);
        }
    }
}

/// Its id.
fn next_id(receiver: &UnixDatagram, patience: Duration) -> Option<String> {
    let line = next_line(receiver, patience)?;
    Some(String::from_utf8(pair(&line, "alert")?).unwrap())
}

fn ids(alerts: &[Arc<Alert>]) -> Vec<String> {
    alerts.iter().map(|alert| alert.id.clone()).collect()
}

fn ids_in(file: &Path) -> Vec<String> {
    let text = syslog_support::growth::whole_lines(file);
    text.lines().filter_map(|line| String::from_utf8(pair(line, "alert")?).ok()).collect()
}

fn ids_stored(directory: &Path) -> Vec<String> {
    let connection = Connection::open(directory.join(FILE)).unwrap();
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut select = connection.prepare("SELECT id FROM alerts ORDER BY seq").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// In the order of their first arrival.
fn once(ids: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}

#[test]
fn a_queue_that_is_full_goes_on_from_the_store_and_another_destination_is_not_held_back() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, file) = (directory.path().join("log"), directory.path().join("alerts.log"));
    let receiver = UnixDatagram::bind(&socket).unwrap();
    let configs =
        vec![config("syslog", to_socket(&socket), 50), config("file", to_file(file.clone()), 10_000)];
    let outputs = start(directory.path(), configs);
    let alerts = alerts(2000);
    let begun = Instant::now();
    alerts.iter().for_each(|alert| outputs.push(alert));
    assert!(begun.elapsed() < Duration::from_secs(5), "pushing waits for nobody: {:?}", begun.elapsed());
    until("the file has all", || ids_in(&file).len() == 2000);
    let counters = &outputs.counters()[0];
    assert!(counters.stored > 1800 && counters.waiting <= 50, "{counters:?}");
    assert_eq!((counters.lost, counters.refused), (0, 0), "{counters:?}");
    let received: Vec<String> = (0..2000).map_while(|_| next_id(&receiver, SOON)).collect();
    assert_eq!(received, ids(&alerts), "each once, in order");
    assert_eq!(next_id(&receiver, Duration::from_millis(200)), None);
    until("all counted", || outputs.counters()[0].sent == 2000);
    let figures = outputs.store().unwrap();
    assert_eq!((figures.stored, figures.unstored, figures.rows), (2000, 0, 2000), "{figures:?}");
    assert_eq!(outputs.shutdown(SOON), []);
    assert_eq!(ids_stored(directory.path()), ids(&alerts));
}

/// F27, F50: a receiver with its socket open that reads nothing; SIGTERM meanwhile.
#[test]
fn f50_what_a_stop_leaves_goes_out_after_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("log");
    let receiver = UnixDatagram::bind(&socket).unwrap();
    let alerts = alerts(1000);
    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 100)]);
    alerts[..900].iter().for_each(|alert| outputs.push(alert));
    until("written", || outputs.store().unwrap().stored == 900);
    let begun = Instant::now();
    let left = outputs.shutdown(Duration::from_millis(300));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(left.len() == 1 && left[0].1 > 800, "{left:?}");

    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 100)]);
    alerts[900..].iter().for_each(|alert| outputs.push(alert));
    let mut received = Vec::new();
    while received.last() != alerts.last().map(|alert| &alert.id) {
        received.push(next_id(&receiver, SOON).expect("all of them"));
    }
    assert!(received.len() <= 1001, "at most the one in hand is sent twice: {}", received.len());
    assert_eq!(once(received), ids(&alerts));
    assert_eq!(outputs.shutdown(SOON), []);
    // And nothing of it a third time.
    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 100)]);
    assert_eq!(next_id(&receiver, Duration::from_millis(200)), None);
    assert_eq!(outputs.shutdown(SOON), []);
}

#[test]
fn a_receiver_that_is_not_there_at_the_start_and_comes_after_a_restart_gets_everything() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("log");
    let alerts = alerts(300);
    for part in alerts.chunks(100) {
        let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 10)]);
        part.iter().for_each(|alert| outputs.push(alert));
        until("written", || outputs.store().unwrap().stored == 100);
        assert!(!outputs.shutdown(Duration::ZERO).is_empty());
    }
    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 10)]);
    assert_eq!(outputs.counters()[0].stored, 300);
    let receiver = UnixDatagram::bind(&socket).unwrap();
    let received: Vec<String> = (0..300).map_while(|_| next_id(&receiver, SOON)).collect();
    assert_eq!(received, ids(&alerts));
    assert_eq!(outputs.shutdown(SOON), []);
}

/// F04: what is cut on the way is whole in the store, and its neighbours are not held up.
#[test]
fn f04_the_full_text_of_a_message_that_was_cut_is_in_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("log");
    let receiver = UnixDatagram::bind(&socket).unwrap();
    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 100)]);
    let long = "c".repeat(300_000);
    let three = [
        alert(&["usermod", "-u", "0", "-o", "before"], 1),
        alert(&["usermod", "-u", "0", "-o", "-c", &long, "carol"], 2),
        alert(&["usermod", "-u", "0", "-o", "after"], 3),
    ];
    three.iter().for_each(|alert| outputs.push(alert));
    let received: Vec<String> = (0..3).map_while(|_| next_id(&receiver, SOON)).collect();
    assert_eq!(received, ids(&three));
    assert_eq!(outputs.shutdown(SOON), []);
    let connection = Connection::open(directory.path().join(FILE)).unwrap();
    let (line, document): (String, String) = connection
        .query_row("SELECT line, document FROM alerts WHERE id = ?1", [&three[1].id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(line.contains(&long) && document.contains(&long));
}

/// The order is that in which alerts were made, whatever the clock says.
#[test]
fn a_clock_that_is_set_back_an_hour_changes_no_order_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("log");
    let made = |serial: u64| {
        let (document, _) = syslog_support::exec(&["usermod", "-u", "0", "-o", "bob"], serial);
        let hour = if serial > 50 { 3_600_000 } else { 0 };
        let stamp = Stamp { millis: 1_790_000_100_101 + serial * 1000 - hour, serial };
        syslog_support::alert_on(document, stamp)
    };
    let alerts: Vec<Arc<Alert>> = (1..=100).map(made).collect();
    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 10)]);
    alerts.iter().for_each(|alert| outputs.push(alert));
    until("written", || outputs.store().unwrap().stored == 100);
    let _ = outputs.shutdown(Duration::ZERO);
    let receiver = UnixDatagram::bind(&socket).unwrap();
    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 10)]);
    let received: Vec<String> = (0..100).map_while(|_| next_id(&receiver, SOON)).collect();
    assert_eq!(received, ids(&alerts));
    assert_eq!(outputs.shutdown(SOON), []);
}

#[test]
fn what_left_the_store_before_it_was_taken_is_told_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("log");
    let alerts = alerts(100);
    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 10)]);
    alerts.iter().for_each(|alert| outputs.push(alert));
    until("written", || outputs.store().unwrap().stored == 100);
    let _ = outputs.shutdown(Duration::ZERO);
    let connection = Connection::open(directory.path().join(FILE)).unwrap();
    connection.execute("DELETE FROM alerts WHERE seq <= 40", []).unwrap();
    drop(connection);
    let receiver = UnixDatagram::bind(&socket).unwrap();
    let outputs = start(directory.path(), vec![config("syslog", to_socket(&socket), 10)]);
    let received: Vec<String> = (0..60).map_while(|_| next_id(&receiver, SOON)).collect();
    assert_eq!(received, ids(&alerts[40..]));
    let mut buffer = vec![0; 1 << 16];
    let length = receiver.recv(&mut buffer).unwrap();
    let told = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(told.contains("40 alerts lost because they left the store before syslog took them"), "{told}");
    assert_eq!(outputs.counters()[0].lost, 40);
    assert_eq!(outputs.shutdown(SOON), []);
}

/// Where a child process is to work; the tests that it runs pass at once without.
const CHILD: &str = "AUDITWARD_STORE_CHILD";

fn child(test: &str, directory: &Path, through: &[&str]) -> Command {
    let exe = std::env::current_exe().unwrap();
    let mut command = match through {
        [] => Command::new(&exe),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(&exe);
            command
        }
    };
    command.args(["--exact", test, "--nocapture"]).env(CHILD, directory);
    command
}

/// Alerts as fast as they can be made, into a file, until it is killed, or whoever should have done it is gone.
#[test]
fn child_storm() {
    let Some(directory) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let outputs = start(&directory, vec![config("file", to_file(directory.join("alerts.log")), 100)]);
    let parent = parent_id();
    for serial in (1..).take_while(|serial| serial % 64 != 0 || parent_id() == parent) {
        outputs.push(&alert(&["usermod", "-u", "0", "-o", "bob"], serial));
    }
}

#[test]
fn kill_9_in_a_storm_loses_nothing_that_was_sent_and_the_rest_goes_out_later() {
    let (mut sent, mut later, mut doubles) = (0, 0, 0);
    for round in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("alerts.log");
        let mut storm =
            child("child_storm", directory.path(), &[]).stdout(Stdio::null()).spawn().expect("a child");
        until("some alerts", || ids_in(&file).len() > 150 * (round + 1));
        storm.kill().unwrap();
        storm.wait().unwrap();
        let before = ids_in(&file);
        let stored = ids_stored(directory.path());
        let known: HashSet<&String> = stored.iter().collect();
        let missing = before.iter().filter(|id| !known.contains(id)).count();
        assert_eq!(missing, 0, "of {} that were sent", before.len());
        // What was committed and not sent goes out now.
        let outputs = start(directory.path(), vec![config("file", to_file(file.clone()), 100)]);
        until("the rest", || once(ids_in(&file)).len() == stored.len());
        assert_eq!(outputs.shutdown(SOON), []);
        let after = ids_in(&file);
        assert_eq!(once(after.clone()), stored, "in order");
        sent += before.len();
        later += stored.len() - before.len().min(stored.len());
        doubles += after.len() - stored.len();
    }
    println!("5 kills: {sent} alerts sent before, 0 of them missing, {later} sent later, {doubles} twice");
}

fn fill(directory: &Path) -> PathBuf {
    let path = directory.join("fill");
    let mut file = std::fs::File::create(&path).unwrap();
    for size in [64 << 10, 4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
    path
}

/// On a file system of its own, of 1 MiB.
#[test]
fn child_full_disk() {
    let Some(directory) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let state = directory.join("state");
    std::fs::create_dir(&state).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&state).status();
    assert!(mounted.unwrap().success());
    let socket = directory.join("log");
    let receiver = UnixDatagram::bind(&socket).unwrap();
    let (mut serial, marked) = (0, Cell::new(0));
    let mut round = |outputs: &Outputs, count: u64| {
        let sent: Vec<_> =
            (0..count).map(|n| alert(&["usermod", "-u", "0", "-o", "bob"], serial + n + 1)).collect();
        serial += count;
        for one in &sent {
            outputs.push(one);
            let line = next_line(&receiver, SOON).expect("whatever the disk says");
            assert!(line.contains(&format!(" alert={} ", one.id)), "{line}");
            marked.set(marked.get() + u64::from(line.contains(&format!(" alert={} stored=no ", one.id))));
        }
        ids(&sent)
    };
    for full_at_start in [false, true] {
        marked.set(0);
        let filled = full_at_start.then(|| fill(&state));
        let outputs = start(&state, vec![config("syslog", to_socket(&socket), 100)]);
        let mut told = Vec::new();
        let filled = filled.unwrap_or_else(|| {
            round(&outputs, 10);
            // Counted a moment after the lines are let go.
            until("counted", || outputs.store().unwrap().stored >= 10);
            let figures = outputs.store().unwrap();
            assert_eq!((figures.stored, figures.unstored), (10, 0), "{figures:?}");
            fill(&state)
        });
        // Overwriting its log the store may find room for a few still.
        until("the disk is full", || {
            round(&outputs, 1);
            outputs.store().unwrap().unstored > 0
        });
        let before = outputs.store().unwrap();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            round(&outputs, 3);
            std::thread::sleep(Duration::from_millis(100));
        }
        told.extend(outputs.told_of_store());
        let warnings = told.iter().filter(|told| told.contains("cannot be stored")).count();
        assert_eq!(warnings, 1, "once a minute: {told:?}");
        let figures = outputs.store().unwrap();
        assert!(figures.trouble.is_some() && figures.unstored > before.unstored, "{figures:?}");

        std::fs::remove_file(filled).unwrap();
        let stored = figures.stored;
        until("stored again, without a restart", || {
            round(&outputs, 1);
            std::thread::sleep(Duration::from_millis(50));
            outputs.store().unwrap().stored > stored
        });
        let before = marked.get();
        let kept = round(&outputs, 10);
        assert_eq!(marked.get(), before, "these are stored, and say nothing");
        assert!(outputs.told_of_store().iter().any(|told| told.contains("stored again")));
        let figures = outputs.store().unwrap();
        assert_eq!(figures.trouble, None);
        // One that went out before the store had an answer cannot say it.
        let (least, most) = (figures.unstored - figures.early.min(figures.unstored), figures.unstored);
        assert!((least..=most).contains(&marked.get()), "{} marked as not stored: {figures:?}", marked.get());
        assert_eq!(outputs.shutdown(SOON), []);
        let all = ids_stored(&state);
        assert!(kept.iter().all(|id| all.contains(id)));
        println!(
            "full disk ({}): {} alerts stored, {} not, all sent",
            if full_at_start { "at the start" } else { "later" },
            figures.stored,
            figures.unstored
        );
        std::fs::remove_file(state.join(FILE)).unwrap();
    }
}

/// F65.
#[test]
fn f65_a_full_disk_stops_no_alert_and_the_store_works_again_when_there_is_space() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: a file system of its own needs root");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let through = ["unshare", "--mount", "--propagation", "private"];
    let status = child("child_full_disk", directory.path(), &through).status().expect("unshare runs");
    assert!(status.success(), "{status}");
}
