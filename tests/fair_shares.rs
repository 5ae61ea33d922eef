//! A storm of one login user, through the whole program: what another has begun is still known, and still alerts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod streams;

use streams::{Exec, replay, rule};

const BEGIN: u64 = 1_790_000_100_000;

/// Two executions of one login user within an hour, of one parent.
const PAIR: &str = r#"sequence by user.audit.id, process.parent.pid with maxspan=1h
  [process where event.type == "start" and process.name == "first"]
  [process where event.type == "start" and process.name == "second"]"#;

/// root begins a pair; mallory begins 100,000, each by a parent of its own, with arguments as large as they may be kept; root goes
/// on. The pair alerts, and the shell that root's program came from is still known, although 32,768 processes and 4,096 partial
/// sequences are the most that are held.
#[test]
fn a_storm_of_100_000_executions_of_one_login_user_hides_no_sequence_and_no_parent_of_another() {
    let folder = tempfile::tempdir().unwrap();
    rule(folder.path(), "pair", PAIR);
    let (root, mallory) = (0, 1_000);
    let of_root = |n, exe: &'static str, pid, ppid| Exec {
        pid,
        ppid,
        auid: root,
        exe,
        args: &[],
        ..Exec::at(BEGIN + n, n)
    };
    let replayed = replay(folder.path(), |out| {
        of_root(1, "/bin/roots-shell", 500, 1).write(out).unwrap();
        Exec { args: &["first", "root"], ..of_root(2, "/bin/first", 501, 500) }.write(out).unwrap();
        let large = "x".repeat(2_000);
        for n in 0..100_000_u32 {
            let args = ["first", "mallory", &large];
            let millis = BEGIN + 10 + u64::from(n) / 100;
            let (pid, ppid) = (200_000 + n, 1_000_000 + n);
            let exec = Exec {
                pid,
                ppid,
                auid: mallory,
                exe: "/bin/first",
                args: &args,
                ..Exec::at(millis, 10 + u64::from(n))
            };
            exec.write(out).unwrap();
        }
        Exec { args: &["second", "root"], ..of_root(500_000, "/bin/second", 502, 500) }.write(out).unwrap();
    });
    assert_eq!(replayed.last_arguments(), ["root"], "{}", replayed.told);
    let parent = &replayed.alerts[0]["process"]["parent"]["executable"];
    assert_eq!(parent, "/bin/roots-shell", "{:#}", replayed.alerts[0]);
    assert!(
        replayed.told.contains("given up for lack of room"),
        "what was given up is told: {}",
        replayed.told
    );
    println!("{} KiB; {}", replayed.peak_kib, replayed.told);
}
