//! The report for people: one fact a line.

use std::fmt::{self, Write as _};

use super::{Destination, Events, Hindered, Report, Store, Triage};
use crate::clean;
use crate::daemon::intake::counted;

/// Rules named in each list; the rest is counted.
const NAMED: usize = 10;

/// The report as lines; what is zero or absent is left out where its absence says the same. Control
/// characters in what came from outside are escaped.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(report, &mut out);
    let lines = out.lines().map(|line| clean::text(line.as_bytes()));
    lines.fold(String::new(), |mut text, line| {
        text.push_str(&line);
        text.push('\n');
        text
    })
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    let Report { totals, per_second, .. } = report;
    writeln!(out, "auditward {} (pid {}) on {}", report.version, report.pid, report.host)?;
    writeln!(out, "up         {}, since {}", span(report.up_seconds), report.up_since)?;
    for (name, total, rate) in [
        ("records", totals.records, per_second.records),
        ("events", totals.events, per_second.events),
        ("alerts", totals.alerts, per_second.alerts),
    ] {
        writeln!(out, "{name:<10} {total}, {rate} a second over the last {} s", per_second.over)?;
    }
    if totals.excepted > 0 {
        writeln!(out, "excepted   {} matches taken by exceptions", totals.excepted)?;
    }
    for (count, what) in [
        (totals.joined, "matches are part of the alert of another rule on the same act"),
        (totals.raised, "alerts raised the rank of one before"),
        (totals.hurried, "alerts left early: too many waited"),
        (totals.forgotten, "cases forgotten early: too many were remembered"),
    ] {
        if count > 0 {
            writeln!(out, "cases      {count} {what}")?;
        }
    }
    for (count, what) in [
        (totals.building_blocks, "alerts of building blocks: stored, sent to nobody"),
        (totals.suppressed, "alerts told as a number: alert_suppression"),
        (totals.capped, "alerts told as a number: max_signals"),
    ] {
        if count > 0 {
            writeln!(out, "kept back  {count} {what}")?;
        }
    }
    lost(report, out)?;
    rules(report, out)?;
    report.destinations.iter().try_for_each(|one| destination(one, out))?;
    let Triage { whole, captured, without } = report.triage;
    if captured + without > 0 {
        let whole = counted(whole, "alert");
        writeln!(
            out,
            "triage     {whole} asked about, of {captured} only the processes, of {without} nothing"
        )?;
    }
    if let Some(store) = &report.store {
        self::store(store, out)?;
    }
    if let Some(events) = &report.events {
        self::events(events, out)?;
    }
    if let Some(delivery) = &report.delivery {
        writeln!(
            out,
            "delivery   p50 {}, p99 {}, longest {} from receipt, of {}",
            micros(delivery.p50_micros),
            micros(delivery.p99_micros),
            micros(delivery.max_micros),
            counted(delivery.count, "alert")
        )?;
    }
    let memory = &report.memory;
    writeln!(
        out,
        "memory     {} anonymous, {} resident, {} at most; {} processes in {}",
        bytes(memory.anonymous),
        bytes(memory.resident),
        bytes(memory.peak),
        memory.processes,
        bytes(memory.process_bytes as u64)
    )?;
    let buffer = &report.receive_buffer;
    writeln!(out, "buffer     {} granted of {}", bytes(buffer.granted as u64), bytes(buffer.asked as u64))?;
    auditing(report, out)?;
    accounts(report, out)?;
    probe(report, out)?;
    canary(report, out)
}

fn lost(report: &Report, out: &mut String) -> fmt::Result {
    let lost = &report.lost;
    let places = [
        (lost.socket_records, "records: the receive buffer was full"),
        (lost.kernel_records, "records: in the kernel, before any reader"),
        (lost.malformed, "datagrams that are no audit record"),
        (lost.foreign, "datagrams that are not the kernel's"),
        (lost.truncated, "records cut: too long for a slot"),
        (lost.lone_ends, "events of which only the end came"),
        (lost.incomplete, "events incomplete"),
        (lost.evicted, "events ended early: too many were open"),
        (lost.timed_out, "events ended by the timer"),
        (lost.oversize, "records left out: their event was too large"),
        (lost.late, "records late"),
        (lost.duplicates, "records twice"),
        (lost.sequences_evicted, "partial sequences given up: too many were held"),
        (lost.sequences_late, "events too late for their place in a sequence"),
        (lost.sequences_cut, "events with more join keys than are followed"),
        (lost.sequences_rewound, "steps of the clock back, seen by sequences"),
        (lost.comparisons_cut, "comparisons with more combinations of values than are tried"),
    ];
    let mut any = false;
    for (count, what) in places.into_iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "lost       {count} {what}")?;
        any = true;
    }
    if !any {
        writeln!(out, "lost       nothing")?;
    }
    if let Some(spot) = &report.blind_spot {
        let (from, to, rules) = (&spot.from, &spot.to, counted(spot.rules as u64, "rule"));
        writeln!(out, "blind      last from {from} to {to}: {} records, {rules}", spot.records)?;
    }
    Ok(())
}

fn rules(report: &Report, out: &mut String) -> fmt::Result {
    let rules = &report.rules;
    let short = rules.hash.get(..12).unwrap_or(&rules.hash);
    writeln!(
        out,
        "rules      {} live, of these {} partly; {} not live; {} faults; {} read at {}, hash {short}",
        rules.live,
        rules.partly.len(),
        rules.not_live.len(),
        rules.faults.len(),
        counted(rules.files.len() as u64, "file"),
        rules.read_at,
    )?;
    for rule in rules.matched.iter().take(NAMED) {
        writeln!(out, "matched    {} {}", counted(rule.matches, "time"), rule.name)?;
    }
    more(rules.matched.len(), out)?;
    hindered("partly", &rules.partly, out)?;
    hindered("not live", &rules.not_live, out)?;
    rules.faults.iter().take(NAMED).try_for_each(|fault| writeln!(out, "fault      {fault}"))?;
    more(rules.faults.len(), out)
}

fn hindered(word: &str, rules: &[Hindered], out: &mut String) -> fmt::Result {
    for rule in rules.iter().take(NAMED) {
        writeln!(out, "{word:<10} {}: {}", rule.name, rule.reason)?;
    }
    more(rules.len(), out)
}

fn more(count: usize, out: &mut String) -> fmt::Result {
    match count.saturating_sub(NAMED) {
        0 => Ok(()),
        more => writeln!(out, "           and {more} more: --format json names all"),
    }
}

fn destination(one: &Destination, out: &mut String) -> fmt::Result {
    write!(out, "to {:<7} {} sent, {} waiting", one.name, one.sent, one.waiting)?;
    if one.stored > 0 {
        write!(out, " and {} in the store", one.stored)?;
    }
    if one.lag_seconds > 0.0 {
        write!(out, ", lag {} s", one.lag_seconds)?;
    }
    for (count, what) in [
        (one.lost, "lost: no room"),
        (one.refused, "refused"),
        (one.rolled_up, "told as a number: too many a minute"),
    ] {
        if count > 0 {
            write!(out, ", {count} {what}")?;
        }
    }
    match &one.trouble {
        Some(trouble) => writeln!(out, "; {trouble}"),
        None => writeln!(out),
    }
}

fn store(store: &Store, out: &mut String) -> fmt::Result {
    write!(out, "store      {} in {}", counted(store.rows, "alert"), bytes(store.bytes))?;
    for (count, what) in [
        (store.unwritten as u64, "wait to be written"),
        (store.unstored, "not stored"),
        (store.early, "sent before they were stored"),
        (store.deleted, "deleted, too old or too many"),
        (store.set_aside, "files set aside"),
    ] {
        if count > 0 {
            write!(out, ", {count} {what}")?;
        }
    }
    match &store.trouble {
        Some(trouble) => writeln!(out, "; cannot be written: {trouble}"),
        None => writeln!(out),
    }
}

fn events(events: &Events, out: &mut String) -> fmt::Result {
    let Events { path, written, left_out, waiting_bytes, trouble } = events;
    write!(out, "events     {} written to {path}", counted(*written, "event"))?;
    if *waiting_bytes > 0 {
        write!(out, ", {} wait", bytes(*waiting_bytes))?;
    }
    if *left_out > 0 {
        write!(out, ", {left_out} LEFT OUT for want of room")?;
    }
    match trouble {
        Some(trouble) => writeln!(out, "; cannot be written: {trouble}"),
        None => writeln!(out),
    }
}

fn auditing(report: &Report, out: &mut String) -> fmt::Result {
    let Some(audit) = &report.auditing else {
        return writeln!(out, "auditing   could not be asked (`auditward doctor` as root tells)");
    };
    let enabled = match audit.enabled {
        0 => "off",
        1 => "on",
        _ => "on, locked until the next boot",
    };
    writeln!(
        out,
        "auditing   {enabled}; {} lost in the kernel since boot; backlog limit {}{} (at {})",
        counted(audit.lost.into(), "record"),
        audit.backlog_limit,
        audit
            .missing_rules
            .map_or_else(String::new, |rules| format!("; {} missing", counted(rules as u64, "rule"))),
        audit.asked_at,
    )
}

fn accounts(report: &Report, out: &mut String) -> fmt::Result {
    let Some(accounts) = &report.accounts else { return writeln!(out, "accounts   not read yet") };
    write!(
        out,
        "accounts   {} ({} with UID 0) and {} known, read at {}; {} malformed",
        counted(accounts.accounts as u64, "account"),
        accounts.uid_0,
        counted(accounts.groups as u64, "group"),
        accounts.read_at,
        counted(accounts.malformed, "line"),
    )?;
    if !accounts.watched {
        write!(out, "; without inotify: changes are seen by records and the interval")?;
    }
    writeln!(out)?;
    for one in accounts.partial.iter().take(NAMED) {
        writeln!(out, "           {one}: too many entries, only a part is known")?;
    }
    accounts.unreadable.iter().take(NAMED).try_for_each(|one| writeln!(out, "unreadable {one}"))?;
    more(accounts.unreadable.len(), out)
}

fn probe(report: &Report, out: &mut String) -> fmt::Result {
    let probe = &report.probe;
    write!(out, "probe      {}", probe.trouble.as_deref().unwrap_or("answers"))?;
    write!(out, "; {} answered", counted(probe.answered, "question"))?;
    match probe.away + probe.slow {
        0 => writeln!(out),
        unanswered => writeln!(out, ", {unanswered} not"),
    }
}

fn canary(report: &Report, out: &mut String) -> fmt::Result {
    let canary = &report.canary;
    match (canary.age_seconds, canary.way_millis) {
        (Some(age), Some(way)) => write!(out, "canary     seen {} ago, {way} ms on its way", span(age))?,
        _ => write!(out, "canary     none seen")?,
    }
    if canary.missed > 0 {
        write!(out, "; {} missed", canary.missed)?;
    }
    writeln!(out)
}

/// `3 d 4 h`, `5 min 6 s`.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        s if s >= 86_400 => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
        s if s >= 3600 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        s if s >= 60 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{s} s"),
    }
}

fn micros(micros: u64) -> String {
    match micros {
        m if m >= 10_000_000 => format!("{} s", m / 1_000_000),
        m if m >= 10_000 => format!("{} ms", m / 1000),
        m => format!("{m} µs"),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        b if b >= 10 << 20 => format!("{} MiB", b >> 20),
        b => format!("{} KiB", b >> 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_make_a_line_of_its_own() {
        let mut report = Report { host: "web\u{1b}[31m1".to_owned(), ..Report::default() };
        report.rules.faults.push("/etc/x\n.toml:3: bad".to_owned());
        report.destinations.push(Destination { name: "syslog".into(), ..Destination::default() });
        let text = text(&report);
        assert!(text.starts_with("auditward  (pid 0) on web\\x1b[31m1\n"), "{text}");
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("to syslog  0 sent, 0 waiting\n"), "{text}");
        assert!(text.contains("lost       nothing\n"));
        assert!(!text.contains("\nstore "), "{text}");
    }

    #[test]
    fn the_store_is_told_with_what_is_wrong_with_it() {
        let store = Store { rows: 1, bytes: 4096, ..Store::default() };
        let mut report = Report { store: Some(store), ..Report::default() };
        report.destinations.push(Destination { name: "file".into(), stored: 7, ..Destination::default() });
        let told = text(&report);
        assert!(told.contains("\nstore      1 alert in 4 KiB\n"), "{told}");
        assert!(told.contains("to file    0 sent, 0 waiting and 7 in the store\n"), "{told}");
        let trouble = Some("disk is full".to_owned());
        report.store = Some(Store { unstored: 3, early: 2, trouble, ..Store::default() });
        let told = text(&report);
        let line = "store      0 alerts in 0 KiB, 3 not stored, 2 sent before they were stored; cannot be written: \
                    disk is full\n";
        assert!(told.contains(line), "{told}");
    }

    #[test]
    fn long_lists_are_counted_and_spans_read_well() {
        let mut report = Report::default();
        let rule = Hindered { id: "i".into(), name: "n".into(), reason: "r".into() };
        report.rules.not_live = vec![rule; 13];
        let text = text(&report);
        assert_eq!(text.matches("not live   n: r\n").count(), NAMED);
        assert!(text.contains("and 3 more"), "{text}");
        assert_eq!([59, 61, 3661, 90_000].map(span), ["59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }
}
