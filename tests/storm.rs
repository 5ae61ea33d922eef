//! 10,000 alerts a minute, for a minute (`AUDITWARD_STORM_MINUTES` says for how many; without it they come as fast as they
//! can): every destination gets what its limits say, and nothing is uncounted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::alert::suppress::{Kept, Suppressor};
use auditward::audit::Stamp;
use auditward::output::{
    Address, Body, Bounds, Choice, Destination, Format, Formatter, Framing, Outputs, Protocol, SinkConfig,
};
use auditward::store::{FILE, Settings, Store};
use serde_json::Value;
use syslog_support::rsyslog::Rsyslog;
use syslog_support::{HOST_ID, exec, pair, rule_of, until};

const A_MINUTE: u64 = 10_000;

/// Memory of this process that is its own, in bytes.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// What a destination has: ids of alerts, and the lines and the sum of what tells a number, by who kept it back.
#[derive(Default)]
struct Got {
    ids: Vec<String>,
    lines_of_rules: u64,
    by_rules: u64,
    by_limit: u64,
}

fn got(file: &Path) -> Got {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let mut got = Got::default();
    for line in text[..whole].lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        match document.pointer("/auditward/suppressed") {
            None => got.ids.push(document["event"]["id"].as_str().unwrap().to_owned()),
            Some(suppressed) if suppressed["by"] == "alerts_per_minute" => {
                got.by_limit += suppressed["count"].as_u64().unwrap();
            }
            Some(suppressed) => {
                got.by_rules += suppressed["count"].as_u64().unwrap();
                got.lines_of_rules += 1;
            }
        }
    }
    got
}

/// Two files, of which one has a limit; rsyslogd by TCP; one that accepts and never reads.
fn start(here: &Path, rsyslog: &Rsyslog, deaf: &TcpListener) -> Outputs {
    let config = |name: &str, destination, choice| SinkConfig {
        name: name.to_owned(),
        destination,
        bounds: Bounds { messages: 500, bytes: 64 << 20 },
        choice,
    };
    let file = |name: &str| Destination::File { path: here.join(name), mode: 0o600, format: Format::Json };
    let tcp = |port: u16| Destination::Syslog {
        address: Address::Tcp(([127, 0, 0, 1], port).into(), Framing::OctetCounting),
        formatter: Box::new(Formatter::new(Protocol::Rfc5424, Body::Text)),
    };
    let settings = Settings { path: here.join(FILE), days: 36_500, bytes: 4 << 30 };
    Outputs::open(vec![
        config("all", file("all"), Choice::default()),
        config("hundred", file("hundred"), Choice { per_minute: Some(100), ..Choice::default() }),
        config("far", tcp(rsyslog.tcp), Choice::default()),
        config("deaf", tcp(deaf.local_addr().unwrap().port()), Choice::default()),
    ])
    .unwrap()
    .start_with(Some(Store::open(settings).unwrap()))
    .unwrap()
}

/// Sends them, half of them of a rule with a cap: the ids of those that were sent, and how many were kept back.
fn storm(outputs: &Outputs, count: u64, minutes: Option<u64>) -> (Vec<String>, u64) {
    let rules = [rule_of("free", "max_signals = 1_000_000"), rule_of("capped", "max_signals = 100")];
    let mut suppressor = Suppressor::default();
    let (mut sent, mut kept) = (Vec::new(), 0_u64);
    let (begun, before, mut most) = (Instant::now(), anonymous(), 0);
    let mut round = begun;
    for (n, rule) in (0..count).zip(rules.iter().cycle()) {
        if let Some(minutes) = minutes {
            let due = begun + Duration::from_secs(60 * minutes).mul_f64(n as f64 / count as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let (document, Stamp { millis, .. }) = exec(&["usermod", "-u", "0", "-o", "bob"], n);
        let stamp = Stamp { millis, serial: n };
        let alert = Arc::new(Alert::new(rule, &[document], &[stamp], HOST_ID, jiff::Timestamp::now()));
        match suppressor.take(&alert, Instant::now()) {
            Some(Kept { why, counted }) => {
                kept += 1;
                outputs.keep_back(&alert, why.word(), Some(counted));
            }
            None => {
                sent.push(alert.id.clone());
                outputs.push(&alert);
            }
        }
        if round.elapsed() >= Duration::from_secs(1) {
            round = Instant::now();
            most = most.max(anonymous());
            suppressor.due(round).into_iter().for_each(|alert| outputs.push(&Arc::new(alert)));
            outputs.tell_rest(round, false);
        }
    }
    suppressor.finish(Instant::now()).into_iter().for_each(|alert| outputs.push(&Arc::new(alert)));
    outputs.tell_rest(Instant::now(), true);
    let took = begun.elapsed();
    assert!(minutes.is_none_or(|minutes| took > Duration::from_secs(59 * minutes)), "paced: {took:?}");
    println!(
        "{count} alerts in {:.1} s: {} sent, {kept} told as a number; {} MiB more memory at most",
        took.as_secs_f64(),
        sent.len(),
        most.saturating_sub(before) >> 20
    );
    (sent, kept)
}

#[test]
fn ten_thousand_alerts_a_minute_and_nothing_is_uncounted() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    let minutes: Option<u64> =
        std::env::var("AUDITWARD_STORM_MINUTES").ok().map(|text| text.parse().unwrap());
    let count = A_MINUTE * minutes.unwrap_or(1);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let outputs = start(here, &rsyslog, &deaf);
    let (sent, kept) = storm(&outputs, count, minutes);
    assert_eq!(sent.len() as u64 + kept, count);
    // 100 in 5 minutes, and some more where the storm goes on for longer.
    assert!(kept >= count / 2 - 100 * (2 + minutes.unwrap_or(0)), "{kept}");
    let counters = |name: &str| outputs.counters().into_iter().find(|one| one.name == name).unwrap();
    until("the files are written", || {
        ["all", "hundred"].iter().all(|name| counters(name).waiting == 0 && counters(name).stored == 0)
            && got(&here.join("all")).by_rules == kept
    });

    // The file has each that was sent, in order, and the number of the rest.
    let all = got(&here.join("all"));
    assert!(all.ids == sent && all.by_limit == 0, "{} of {}", all.ids.len(), sent.len());
    // The limited one has so many a minute, and is told of all others.
    until("the limited one is told", || got(&here.join("hundred")).by_limit == counters("hundred").rolled_up);
    let hundred = got(&here.join("hundred"));
    assert!(hundred.ids.len() as u64 <= 100 * (2 + minutes.unwrap_or(0)), "{}", hundred.ids.len());
    assert!(hundred.ids.iter().all(|id| sent.contains(id)));
    assert_eq!(hundred.ids.len() as u64 + hundred.by_limit, sent.len() as u64, "sent and told are all");
    assert_eq!(hundred.by_rules, kept, "what tells a number is never kept back");

    // rsyslogd over TCP has each, in order.
    let wanted = sent.len() as u64 + all.lines_of_rules;
    until("rsyslogd has all", || rsyslog.received().len() as u64 >= wanted);
    let received = rsyslog.received();
    let lines = received.iter().map(|message| message["msg"].as_str().unwrap());
    let ids = lines.filter(|line| !line.contains(" more in ")).map(|line| pair(line, "alert").unwrap());
    assert!(ids.eq(sent.iter().map(|id| id.clone().into_bytes())));
    println!(
        "all: {} and {} told; hundred: {} and {} + {} told; far: {}",
        all.ids.len(),
        all.by_rules,
        hundred.ids.len(),
        hundred.by_limit,
        hundred.by_rules,
        received.len()
    );

    // The deaf one has lost nothing: it waits in the store.
    let waits = counters("deaf");
    assert_eq!((waits.lost, waits.refused), (0, 0), "{waits:?}");
    println!(
        "deaf: {} in its socket, {} in memory, {} in the store",
        waits.sent, waits.waiting, waits.stored
    );
    let everything = waits.sent + waits.waiting as u64 + waits.stored + 1;
    assert!((wanted..=wanted + 1).contains(&everything), "{everything} of {wanted}: {waits:?}");
    let figures = outputs.store().unwrap();
    assert_eq!(figures.unstored, 0, "{figures:?}");
}
