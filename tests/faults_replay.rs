//! Faults in what is recorded, through the whole program: more programs and processes than are remembered, clocks that jump, a
//! day again and again. The table of all faults is in docs/reliability.md.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod streams;

use std::io::Write;

use streams::{Exec, Replayed, literal, replay, rule};

/// 2026-09-21, the time of most recordings here.
const BEGIN: u64 = 1_790_000_100_000;
const YEAR: u64 = 365 * 86_400_000;

/// All shipped rules.
fn shipped() -> std::path::PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules").into()
}

/// Executions of so many different programs by as many processes, and a take-over at their end.
fn distinct(count: u64) -> Replayed {
    replay(&literal(), |out| {
        for n in 0..count {
            let exe = format!("/opt/app/{n:x}/bin/program-{n}");
            let pid = 300 + u32::try_from(n % 4_000_000).unwrap();
            Exec { exe: &exe, pid, ppid: 299, args: &[&exe], ..Exec::at(BEGIN + n / 10, n) }
                .write(out)
                .unwrap();
        }
        Exec::at(BEGIN + count / 10 + 1, count).write(out).unwrap();
    })
}

/// A million in CI (`AUDITWARD_STORM_MINUTES`), else 200,000.
#[test]
fn a_million_distinct_executables_take_no_more_memory_than_a_tenth_of_them_and_the_next_act_alerts() {
    let many = if std::env::var_os("AUDITWARD_STORM_MINUTES").is_some() { 1_000_000 } else { 200_000 };
    let (tenth, all) = (distinct(100_000), distinct(many));
    for replayed in [&tenth, &all] {
        assert_eq!(replayed.last_arguments(), ["bob"], "{}", replayed.told);
    }
    let counted = format!("{} records, {} events", 6 * (many + 1), many + 1);
    assert!(all.told.contains(&counted), "{}", all.told);
    println!("{} KiB for 100,000, {} KiB for {many}", tenth.peak_kib, all.peak_kib);
    assert!(all.peak_kib < tenth.peak_kib + 8 * 1024, "{} and {} KiB", tenth.peak_kib, all.peak_kib);
}

/// Three times through all of 32,768 numbers, no end of a process seen: the parent is who has the number now.
#[test]
fn where_pids_wrap_the_parent_is_who_has_the_number_now() {
    const PIDS: u64 = 32_768;
    let replayed = replay(&literal(), |out| {
        for n in 0..3 * PIDS {
            let (pid, round) = (u32::try_from(2 + n % (PIDS - 2)).unwrap(), n / PIDS);
            let exe = format!("/bin/shell-{round}-{pid}");
            Exec { exe: &exe, pid, ppid: 1, args: &[&exe], ..Exec::at(BEGIN + 10 * n, 2 * n) }
                .write(out)
                .unwrap();
            if n % 4_096 == 4_095 {
                let account = format!("of-{round}-{pid}");
                let args = ["usermod", "-u", "0", "-o", &account];
                // A number that nobody has in this round yet, but had before.
                let own = if pid > 16_384 { pid - 2 } else { pid + 1 };
                Exec { pid: own, ppid: pid, args: &args, ..Exec::at(BEGIN + 10 * n + 1, 2 * n + 1) }
                    .write(out)
                    .unwrap();
            }
        }
    });
    assert_eq!(replayed.alerts.len(), 24, "{}", replayed.told);
    for alert in &replayed.alerts {
        let account = alert["process"]["args"][4].as_str().unwrap();
        let parent = alert["process"]["parent"]["executable"].as_str().unwrap_or_default();
        assert_eq!(parent.strip_prefix("/bin/shell-"), account.strip_prefix("of-"), "{alert:#}");
    }
}

/// A rule over two executions of one parent within a minute, of which the second is the take-over.
const PAIR: &str = r#"sequence by process.parent.pid with maxspan=1m
  [process where event.type == "start" and process.name == "first"]
  [process where event.type == "start" and process.name == "usermod"]"#;

/// The two executions of a pair, so many milliseconds apart, by a parent of their own.
fn pair(out: &mut impl Write, millis: u64, apart: i64, serial: u64, account: &str) {
    let ppid = 3_000 + u32::try_from(serial).unwrap();
    Exec { exe: "/bin/first", args: &["first"], ppid, ..Exec::at(millis, serial) }.write(out).unwrap();
    let args = ["usermod", "-u", "0", "-o", account];
    let second = Exec::at(millis.checked_add_signed(apart).unwrap(), serial + 1);
    Exec { args: &args, ppid, ..second }.write(out).unwrap();
}

/// The accounts in the alerts of the rule `pair`, and in those of the literal rule.
fn accounts(replayed: &Replayed) -> [Vec<&str>; 2] {
    [true, false].map(|pair| {
        let of = replayed.alerts.iter().filter(|alert| (alert["rule"]["name"] == "pair") == pair);
        of.map(|alert| alert["process"]["args"][4].as_str().expect("an account")).collect()
    })
}

/// The literal rule and [`PAIR`], in a directory.
fn rules() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    rule(folder.path(), "pair", PAIR);
    std::fs::copy(literal(), folder.path().join("literal.toml")).unwrap();
    folder
}

/// The clock is set forward a year, back two, and forward again: what happens within each time is told, single acts and
/// sequences; nothing is joined over a jump.
#[test]
fn a_clock_that_is_set_a_year_forward_and_back_hides_nothing_that_happens_after_it() {
    let replayed = replay(rules().path(), |out| {
        let mut serial = 0;
        for (number, begin) in [BEGIN, BEGIN + YEAR, BEGIN - YEAR, BEGIN + 600_000].into_iter().enumerate() {
            // So many as it takes to be sure of the jump, one a millisecond, between the pairs.
            for n in 0..400 {
                let args = ["ls", "-l"];
                Exec { exe: "/bin/ls", args: &args, ..Exec::at(begin + n, serial) }.write(out).unwrap();
                serial += 1;
            }
            pair(out, begin + 1_000, 20_000, serial, &format!("bob{number}"));
            serial += 2;
        }
    });
    let wanted = ["bob0", "bob1", "bob2", "bob3"];
    let [pairs, single] = accounts(&replayed);
    assert_eq!(single, wanted, "{}", replayed.told);
    assert_eq!(pairs, wanted, "{}", replayed.told);
}

/// A leap second: 23:59:59 comes twice, since the kernel steps the clock back. Each act alerts by itself; of the pairs those are
/// found whose stamps stand in their order. And the host sleeps for eight hours between two of a pair: a minute has passed.
#[test]
fn a_leap_second_hides_no_act_and_a_suspend_is_time_that_has_passed() {
    // 2016-12-31T23:59:59Z.
    const LEAP: u64 = 1_483_228_799_000;
    let replayed = replay(rules().path(), |out| {
        pair(out, LEAP - 10_000, 5_000, 10, "before");
        pair(out, LEAP + 100, 800, 20, "first-time");
        // 23:59:59.950, and 200 ms later 23:59:59.150.
        pair(out, LEAP + 950, -800, 30, "over-the-step");
        pair(out, LEAP + 300, 500, 40, "second-time");
        pair(out, LEAP + 60_000, 8 * 3_600_000, 50, "slept");
        pair(out, LEAP + 9 * 3_600_000, 1_000, 60, "awake");
    });
    let [pairs, single] = accounts(&replayed);
    assert_eq!(
        single,
        ["before", "first-time", "over-the-step", "second-time", "slept", "awake"],
        "{}",
        replayed.told
    );
    let mut pairs = pairs;
    pairs.sort_unstable();
    assert_eq!(pairs, ["awake", "before", "first-time", "second-time"], "{}", replayed.told);
}

/// A recorded day in two minutes, twenty times, with an act in each: every act is told, nothing else is, and memory does not grow.
#[test]
fn a_day_compressed_into_minutes_again_and_again_tells_each_act_once_and_takes_no_more_memory() {
    let days = |count: u64| {
        replay(&shipped(), |out| {
            let day = common::gunzip(&common::fixtures().join("admin-day.log.gz"));
            let day = String::from_utf8(day).unwrap();
            let first = seconds(day.lines().next().unwrap());
            for n in 0..count {
                for line in day.lines() {
                    out.write_all(compressed(line, first, n).as_bytes()).unwrap();
                }
                let account = format!("bob{n}");
                let args = ["usermod", "-u", "0", "-o", &account];
                Exec {
                    args: &args,
                    ..Exec::at(BEGIN + n * MINUTES + MINUTES - 1, n * SERIALS + SERIALS - 1)
                }
                .write(out)
                .unwrap();
            }
        })
    };
    let (few, many) = (days(2), days(20));
    for (replayed, count) in [(&few, 2), (&many, 20)] {
        let wanted: Vec<String> = (0..count).map(|n| format!("bob{n}")).collect();
        assert_eq!(replayed.last_arguments(), wanted, "{}", replayed.told);
        let counted = format!("{} records, {} events", (50_459 + 6) * count, 7_140 * count);
        assert!(replayed.told.contains(&counted), "{counted}: {}", replayed.told);
    }
    println!("{} KiB for 2 days, {} KiB for 20", few.peak_kib, many.peak_kib);
    assert!(many.peak_kib < few.peak_kib + 8 * 1024, "{} and {} KiB", few.peak_kib, many.peak_kib);
}

const MINUTES: u64 = 120_000;
const SERIALS: u64 = 1_000_000;

/// The whole seconds of a line's stamp.
fn seconds(line: &str) -> u64 {
    stamp(line).1.split(['.', ':']).next().unwrap().parse().unwrap()
}

/// What is before the stamp's numbers, they, and what is behind.
fn stamp(line: &str) -> (&str, &str, &str) {
    let (before, rest) = line.split_once("msg=audit(").unwrap();
    let (numbers, after) = rest.split_once(')').unwrap();
    (before, numbers, after)
}

/// The line of the repetition `n`: the day that began at `first` is two minutes long.
fn compressed(line: &str, first: u64, n: u64) -> String {
    let (before, numbers, after) = stamp(line);
    let (time, serial) = numbers.split_once(':').unwrap();
    let (seconds, millis) = time.split_once('.').unwrap();
    let since = (seconds.parse::<u64>().unwrap() - first) * 1000 + millis.parse::<u64>().unwrap();
    let millis = BEGIN + n * MINUTES + since.min(86_400_000) * (MINUTES - 1_000) / 86_400_000;
    let serial = n * SERIALS + serial.parse::<u64>().unwrap() % SERIALS;
    format!("{before}msg=audit({}.{:03}:{serial}){after}\n", millis / 1000, millis % 1000)
}
