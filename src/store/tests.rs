//! The store from outside: what is written, what a restart finds, what becomes of files that are no good.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::shared::Shared;
use super::*;
use crate::alert::{Alert, sample};
use crate::waiting::until;

const SOON: Duration = Duration::from_secs(30);

fn settings(directory: &Path) -> Settings {
    Settings { path: directory.join(FILE), days: 36_500, bytes: 64 << 20 }
}

fn open(directory: &Path) -> Store {
    Store::open(settings(directory)).expect("a store")
}

fn alert(account: &str) -> Arc<Alert> {
    Arc::new(sample::alert(&["usermod", "-u", "0", "-o", account]))
}

/// Hands over so many and waits until they are settled.
fn hand_over(store: &mut Store, accounts: impl IntoIterator<Item = i64>) -> i64 {
    let mut last = 0;
    for n in accounts {
        last = store.hand_over(&alert(&format!("account{n}"))).expect("room");
    }
    until("written", || store.figures().waiting == 0);
    assert!(store.position("a test").is_settled(last, SOON));
    last
}

fn close(store: Store) {
    assert!(store.close(Instant::now() + SOON));
}

fn rows(directory: &Path) -> Vec<(i64, String)> {
    let connection = Connection::open(directory.join(FILE)).expect("readable");
    let mut select = connection.prepare("SELECT seq, line FROM alerts ORDER BY seq").expect("a table");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// The numbers of the alerts that a destination reads, up to the end of its backlog.
fn read(place: &mut Position) -> Vec<i64> {
    let Some(backlog) = place.backlog() else { return Vec::new() };
    let (mut numbers, mut from) = (Vec::new(), backlog.from);
    loop {
        let alerts = place.read(from, backlog.to).expect("readable");
        let Some((last, _)) = alerts.last() else { return numbers };
        from = last + 1;
        numbers.extend(alerts.iter().map(|(number, _)| number));
    }
}

#[test]
fn an_alert_stands_in_its_row_as_it_is_sent() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let sent = alert("carol");
    assert_eq!(store.hand_over(&sent), Some(1));
    close(store);
    let path = directory.path().join(FILE);
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o7777, 0o600);
    assert!(!file::beside(&path, "-wal").exists(), "a clean end leaves everything in the file");
    let connection = Connection::open(&path).expect("readable");
    let stored = connection
        .query_row(&format!("SELECT {} FROM alerts", StoredAlert::COLUMNS), [], StoredAlert::read)
        .expect("a row");
    assert_eq!(stored.seq, 1);
    assert_eq!((&stored.id, stored.time), (&sent.id, sent.time()));
    assert_eq!((&stored.rule_id, &stored.rule_name), (&sent.rule.id, &sent.rule.name));
    assert_eq!(stored.severity, sent.rule.severity);
    assert_eq!((stored.line.as_str(), stored.document.as_str()), (sent.line.as_str(), &*sent.json()));
    assert_eq!(stored.line_within(500), sent.line_within(500));
    assert_eq!(stored.fields(), sent.document());
    let columns = connection.query_row("SELECT user, users, session, host, case_id FROM alerts", [], |row| {
        let text = |n| row.get::<_, Option<String>>(n).map(Option::unwrap_or_default);
        Ok([text(0)?, text(1)?, text(2)?, text(3)?, text(4)?])
    });
    assert_eq!(columns.expect("a row"), ["alice", "|alice|1000|root|0|carol|", "3", "web1", ""]);
}

#[test]
fn an_alert_whose_document_was_not_written_any_more_is_sent_as_its_line_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(directory.path());
    let _ = store.position("slow");
    store.forget_others();
    let sent = alert("carol");
    hand_over(&mut store, 1..=1);
    close(store);
    // As kill -9 leaves it between the two commits.
    let connection = Connection::open(directory.path().join(FILE)).expect("ours");
    connection.execute("UPDATE alerts SET document = NULL", []).expect("written");
    drop(connection);
    let mut store = open(directory.path());
    let mut slow = store.position("slow");
    let backlog = slow.backlog().expect("it has taken nothing");
    let (_, stored) = slow.read(backlog.from, backlog.to).expect("readable").remove(0);
    assert!(!stored.is_whole());
    assert_eq!(stored.line, sent.line.replace("carol", "account1"));
    assert!(stored.line.starts_with(&*stored.line_within(100)));
    let fields = stored.fields();
    assert_eq!(fields["message"], stored.line.split("; time=").next().unwrap_or_default());
    assert_eq!((&fields["event"]["id"], &fields["truncated"]), (&stored.id.as_str().into(), &true.into()));
    assert_eq!(fields["auditward"]["line"], stored.line);
    close(store);
}

#[test]
fn each_destination_goes_on_where_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(directory.path());
    let (mut quick, slow) = (store.position("quick"), store.position("slow"));
    assert_eq!((quick.backlog(), slow.backlog()), (None, None));
    assert_eq!(hand_over(&mut store, 1..=200), 200);
    quick.taken(200);
    slow.taken(30);
    quick.rest();
    close(store);

    let mut store = open(directory.path());
    // One that was never there gets nothing of the past.
    let (mut quick, mut slow, new) = (store.position("quick"), store.position("slow"), store.position("new"));
    assert_eq!((quick.backlog(), new.backlog()), (None, None));
    assert_eq!(slow.backlog(), Some(Backlog { from: -169, to: 0, alerts: 170 }));
    assert_eq!(read(&mut slow), (-169..=0).collect::<Vec<_>>());
    assert_eq!(hand_over(&mut store, 201..=210), 10, "each run counts from one");
    slow.taken(5);
    quick.taken(10);
    quick.rest();
    // Another takes the place of the slow one: what it has not sent is the other's.
    let mut next = store.position("slow");
    assert_eq!(next.backlog(), Some(Backlog { from: 6, to: 10, alerts: 5 }));
    slow.taken(10);
    assert_eq!(read(&mut next), [6, 7, 8, 9, 10]);
    store.forget_others();
    store.forget("quick");
    close(store);
    let seqs: Vec<i64> = rows(directory.path()).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, (1..=210).collect::<Vec<_>>());

    let mut store = open(directory.path());
    assert_eq!(store.position("slow").backlog(), Some(Backlog { from: -4, to: 0, alerts: 5 }));
    // No longer asked for, then asked for again: it begins anew.
    assert_eq!(store.position("quick").backlog(), None);
    close(store);
}

/// The file as each version that there was has left it.
#[test]
fn a_store_of_an_older_version_goes_on_where_it_was() {
    for version in 1..schema::STEPS.len() {
        let directory = tempfile::tempdir().expect("a directory");
        let connection = Connection::open(directory.path().join(FILE)).expect("a database");
        schema::migrate(&connection, &schema::STEPS[..version]).expect("made");
        for n in 1..=3 {
            let row = format!(
                "INSERT INTO alerts (seq, id, time, rule_id, rule_uuid, rule_name, severity, line, document) \
                 VALUES ({n}, 'id{n}', 1790000100181, 'r', 'u', 'R', 47, 'MEDIUM R: {n}; time=x', '{{}}')"
            );
            connection.execute(&row, []).expect("written");
        }
        connection.execute("INSERT INTO destinations VALUES ('slow', 1)", []).expect("written");
        drop(connection);

        let mut store = open(directory.path());
        assert_eq!((store.told(), store.figures().set_aside), (vec![], 0), "version {version}");
        let mut slow = store.position("slow");
        let backlog = slow.backlog().expect("two of them");
        let left = slow.read(backlog.from, backlog.to).expect("readable");
        let ids: Vec<&str> = left.iter().map(|(_, alert)| alert.id.as_str()).collect();
        assert_eq!(ids, ["id2", "id3"], "version {version}");
        hand_over(&mut store, 4..=5);
        close(store);
        let seqs: Vec<i64> = rows(directory.path()).into_iter().map(|(seq, _)| seq).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5], "version {version}");
    }
}

#[test]
fn a_file_that_is_no_good_is_set_aside_and_a_new_one_begun() {
    let newer = |path: &Path| {
        let connection = Connection::open(path).expect("ours");
        connection.execute_batch("PRAGMA user_version = 99").expect("written");
    };
    let truncated = |path: &Path| {
        let file = std::fs::File::options().write(true).open(path).expect("a file");
        let length = file.metadata().expect("its length").len();
        file.set_len(length / 2).expect("truncated");
    };
    let garbage = |path: &Path| std::fs::write(path, b"no database at all\n".repeat(1000)).expect("written");
    let flipped = |path: &Path| {
        let mut bytes = std::fs::read(path).expect("a file");
        bytes[4096..4096 + 64].fill(0xa5);
        std::fs::write(path, bytes).expect("written");
    };
    let foreign = |path: &Path| {
        std::fs::remove_file(path).expect("removed");
        Connection::open(path).expect("a database").execute_batch("CREATE TABLE x (y)").expect("made");
    };
    // Sound, and no store all the same: found by fuzzing.
    let changed = |sql: &'static str| {
        move |path: &Path| Connection::open(path).expect("ours").execute_batch(sql).expect("written")
    };
    let bare = changed("DROP TABLE destinations");
    let renamed = changed("ALTER TABLE alerts RENAME COLUMN line TO row");
    let undocumented = changed("ALTER TABLE alerts DROP COLUMN document");
    let run_out = changed("INSERT INTO destinations VALUES ('slow', 9223372036854775806)");
    type Harm<'a> = (&'a str, &'a dyn Fn(&Path));
    let harms: [Harm<'_>; 9] = [
        ("no such table: destinations", &bare),
        ("no column named line", &renamed),
        ("no such column: document", &undocumented),
        ("the number of its last alert", &run_out),
        ("a newer auditward", &newer),
        ("malformed", &truncated),
        ("not a database", &garbage),
        ("", &flipped),
        ("not auditward's", &foreign),
    ];
    for (why, harm) in harms {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(FILE);
        let mut store = open(directory.path());
        hand_over(&mut store, 1..=50);
        close(store);
        harm(&path);
        let harmed = std::fs::read(&path).expect("a file");

        let mut store = open(directory.path());
        let told = store.told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(why) && told[0].contains("set aside as"), "{told:?}");
        assert_eq!(store.figures().set_aside, 1);
        assert_eq!(store.position("syslog").backlog(), None);
        assert_eq!(hand_over(&mut store, 51..=52), 2);
        close(store);
        assert_eq!(rows(directory.path()).len(), 2, "{why}");
        let entries = std::fs::read_dir(directory.path()).expect("a directory").flatten();
        let aside = entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains(".aside-"));
        let kept = std::fs::read(aside.expect("kept")).expect("readable");
        let other = kept.iter().zip(&harmed).filter(|(kept, harmed)| kept != harmed).count();
        assert_eq!((kept.len(), other), (harmed.len(), 0), "{why}: as it was");
    }
}

#[test]
fn only_the_newest_of_the_files_set_aside_are_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    for _ in 0..5 {
        std::fs::write(directory.path().join(FILE), b"no database at all\n".repeat(100)).expect("written");
        close(open(directory.path()));
    }
    let entries = std::fs::read_dir(directory.path()).expect("a directory").flatten();
    let aside = entries.filter(|entry| entry.file_name().to_string_lossy().contains(".aside-")).count();
    assert_eq!(aside, 2);
}

#[test]
fn damage_that_a_reader_meets_gives_a_new_file_and_alerts_go_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(FILE);
    let mut store = open(directory.path());
    let _ = store.position("slow");
    hand_over(&mut store, 1..=300);
    close(store);
    let mut store = open(directory.path());
    let mut slow = store.position("slow");
    let backlog = slow.backlog().expect("a backlog");
    let file = std::fs::File::options().write(true).open(&path).expect("a file");
    file.set_len(64 << 10).expect("truncated");
    let (mut from, mut failed) = (backlog.from, false);
    while !failed && from <= backlog.to {
        match slow.read(from, backlog.to) {
            Ok(alerts) if alerts.is_empty() => break,
            Ok(alerts) => from = alerts.last().expect("one").0 + 1,
            Err(_) => failed = true,
        }
    }
    assert!(failed, "half of the file is gone");
    until("a new file", || store.figures().set_aside == 1);
    assert_eq!(hand_over(&mut store, 301..=303), 3);
    assert!(slow.read(1, 3).is_ok_and(|alerts| alerts.len() == 3), "numbers go on");
    close(store);
    let seqs: Vec<i64> = rows(directory.path()).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, [301, 302, 303]);
}

#[test]
fn a_file_that_is_deleted_while_it_is_written_is_begun_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(directory.path());
    hand_over(&mut store, 1..=10);
    std::fs::remove_file(directory.path().join(FILE)).expect("removed");
    hand_over(&mut store, 11..=400);
    until("told", || store.told().iter().any(|told| told.contains("is gone; it is begun anew")));
    hand_over(&mut store, 401..=401);
    close(store);
    assert!(rows(directory.path()).iter().any(|(_, line)| line.contains("account401")));
}

#[test]
fn a_store_that_cannot_be_reached_is_told_and_comes_back_without_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let below = directory.path().join("later");
    let mut store = open(&below);
    assert_eq!(store.told().len(), 1);
    assert!(store.figures().trouble.is_some());
    assert_eq!(hand_over(&mut store, 1..=5), 5, "nobody waits for it");
    let figures = store.figures();
    assert_eq!((figures.stored, figures.unstored), (0, 5));
    std::fs::create_dir(&below).expect("a directory");
    let mut n = 5;
    until("stored again", || {
        n += 1;
        hand_over(&mut store, n..=n);
        std::thread::sleep(Duration::from_millis(50));
        store.figures().stored > 0
    });
    let told = store.told();
    let figures = store.figures();
    assert!(told.iter().any(|told| told.contains(&format!("{} went out", figures.unstored))), "{told:?}");
    assert_eq!(figures.trouble, None);
    close(store);
    assert_eq!(rows(&below).len() as u64, figures.stored);
}

/// As a child holds it between fork and execve, after the daemon before has ended.
#[test]
fn a_lock_that_is_let_go_in_a_moment_is_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    close(open(directory.path()));
    let held =
        std::fs::File::open(directory.path().join(FILE).with_extension("db.lock")).expect("the lock's file");
    held.lock().expect("locked");
    let child = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(held);
    });
    close(open(directory.path()));
    child.join().expect("it let go");
}

#[test]
fn a_second_daemon_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let error = Store::open(settings(directory.path())).expect_err("taken");
    assert_eq!(error.to_string(), "another daemon uses it");
    close(store);
    close(open(directory.path()));
}

#[test]
fn what_is_too_much_is_deleted_oldest_first_and_the_file_keeps_its_bound() {
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = 1 << 20;
    let mut store = Store::open(Settings { bytes, ..settings(directory.path()) }).expect("a store");
    let long = "x".repeat(2000);
    for n in 0..3000 {
        let alert = Arc::new(sample::alert(&["usermod", "-u", "0", "-o", &long, &format!("account{n}")]));
        until("room", || store.figures().waiting < 1000);
        assert!(store.hand_over(&alert).is_some());
    }
    hand_over(&mut store, 3000..3001);
    let figures = store.figures();
    close(store);
    assert_eq!(figures.stored, 3001);
    assert!(figures.deleted > 2000, "{figures:?}");
    let rows = rows(directory.path());
    // What was too much when it was closed is deleted after these figures.
    assert!((50..=figures.rows).contains(&(rows.len() as u64)), "{} of {figures:?}", rows.len());
    let seqs: Vec<i64> = rows.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (3002 - rows.len() as i64..=3001).collect::<Vec<_>>(), "the newest, without a gap");
    let size = std::fs::metadata(directory.path().join(FILE)).expect("a file").size();
    // One batch and the pages that stay free come on top.
    assert!(size < 3 * bytes + (4 << 20), "{size}");
}

#[test]
fn what_is_too_old_is_deleted() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(directory.path());
    // The sample is of September 2026; whatever day it is, one of the two limits is on either side.
    let age = jiff::Timestamp::now().as_second() - alert("x").time().as_second();
    hand_over(&mut store, 1..=20);
    close(store);
    let connection = Connection::open(directory.path().join(FILE)).expect("ours");
    let days = u32::try_from(age.max(0) / 86_400 + 2).expect("days");
    let keep = Settings { days, ..settings(directory.path()) };
    assert_eq!(retention::tidy(&connection, &keep, i64::MAX).expect("tidied"), 0);
    connection.execute("UPDATE alerts SET time = time - 172800000 WHERE seq <= 5", []).expect("older");
    assert_eq!(retention::tidy(&connection, &keep, 4).expect("tidied"), 3, "the rest is still to be sent");
    assert_eq!(retention::tidy(&connection, &keep, i64::MAX).expect("tidied"), 2);
    drop(connection);
    assert_eq!(rows(directory.path()).first().map(|(seq, _)| *seq), Some(6));
}

#[test]
fn nobody_waits_long_for_a_writer_that_stands_still() {
    let directory = tempfile::tempdir().expect("a directory");
    // Without a writer: as one that hangs in the disk.
    let shared = Shared::new(settings(directory.path()));
    for n in 1..=3 {
        assert_eq!(shared.hand_over(&alert("x")), Some(n));
    }
    let begun = Instant::now();
    assert!(!shared.wait_for(1));
    assert!(begun.elapsed() >= shared::PATIENCE);
    let begun = Instant::now();
    for _ in 0..1000 {
        assert!(!shared.wait_for(2), "patience runs out once");
    }
    assert!(begun.elapsed() < 100 * shared::PATIENCE);
    shared.settle(2);
    assert!(shared.wait_for(2));
    assert!(!shared.wait_for(3), "and is there again when it has moved");
}

#[test]
fn what_finds_no_room_is_counted_and_nobody_waits() {
    let directory = tempfile::tempdir().expect("a directory");
    let shared = Shared::new(settings(directory.path()));
    let one = alert("x");
    let taken = (0..20_000).filter(|_| shared.hand_over(&one).is_some()).count() as u64;
    assert!(taken <= 8192, "{taken}");
    assert_eq!(shared.figures().unstored, 20_000 - taken);
}

#[test]
fn a_file_to_which_nothing_was_ever_written_is_called_so_by_who_reads_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("empty");
    std::fs::write(&path, "").expect("written");
    let told = Reader::open(&path).expect_err("nothing in it");
    assert_eq!(told, "nothing was ever written to this file: is it the store?");
}

#[test]
fn alerts_are_counted_by_rule_for_a_user_a_session_and_a_host() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut store = open(directory.path());
    hand_over(&mut store, 0..3);
    let reader = Reader::open(&directory.path().join(FILE)).expect("readable");
    let one = alert("account0");
    let millis = one.time().as_millisecond();
    let all = Wanted { since: millis, until: millis, but: "another".to_owned(), ..Wanted::default() };
    let count = |wanted: Wanted| {
        let tallies = reader.tally(&wanted).expect("readable");
        let told =
            |tally: &Tally| (tally.rule_id == one.rule.id && tally.newest == millis).then_some(tally.count);
        tallies.iter().map(told).collect::<Vec<_>>()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(count(all.clone()), [Some(3)]);
    assert_eq!(count(Wanted { user: text("alice"), ..all.clone() }), [Some(3)]);
    assert_eq!(count(Wanted { user: text("account1"), session: text("3"), ..all.clone() }), [Some(1)]);
    for none in [
        Wanted { user: text("ali"), ..all.clone() },
        Wanted { session: text("4"), ..all.clone() },
        Wanted { host: text("web2"), ..all.clone() },
        Wanted { since: millis + 1, until: millis + 2, ..all.clone() },
        Wanted { but: one.id.clone(), ..all.clone() },
    ] {
        assert_eq!(count(none.clone()), [], "{none:?}");
    }
    close(store);
}
