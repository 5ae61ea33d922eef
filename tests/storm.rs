//! 10,000 alerts a minute, for a minute (`AUDITWARD_STORM_MINUTES` says for how many; without it they come as fast as they
//! can): every destination gets what its limits say, and nothing is uncounted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::collections::HashSet;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::alert::suppress::Suppressor;
use auditward::audit::Stamp;
use auditward::output::{
    Address, Body, Bounds, Choice, Destination, Format, Formatter, Framing, Outputs, Protocol, SinkConfig,
};
use auditward::rule::Rule;
use auditward::store::{FILE, Settings, Store};
use serde_json::Value;
use syslog_support::rsyslog::Rsyslog;
use syslog_support::{HOST_ID, exec, pair, rule, until};

const A_MINUTE: u64 = 10_000;

/// Memory of this process that is its own, in bytes.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Lines of a file: ids of alerts, and the sum of what the others tell.
fn told(path: &Path) -> (Vec<String>, u64) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let (mut ids, mut more) = (Vec::new(), 0);
    for line in text.lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        match document.pointer("/auditward/suppressed/count") {
            Some(count) => more += count.as_u64().unwrap(),
            None => ids.push(document["event"]["id"].as_str().unwrap().to_owned()),
        }
    }
    (ids, more)
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
    let syslog = |address| {
        let formatter = Box::new(Formatter::new(Protocol::Rfc5424, Body::Text));
        Destination::Syslog { address, formatter }
    };
    let file = |name: &str| Destination::File { path: here.join(name), mode: 0o600, format: Format::Json };
    let tcp = |port| Address::Tcp(format!("127.0.0.1:{port}").parse().unwrap(), Framing::OctetCounting);
    let limit = |per_minute| Choice { per_minute: Some(per_minute), ..Choice::default() };
    let config = |name: &str, destination, choice| SinkConfig {
        name: name.to_owned(),
        destination,
        bounds: Bounds { messages: 500, bytes: 64 << 20 },
        choice,
    };
    let settings = Settings { path: here.join(FILE), days: 36_500, bytes: 4 << 30 };
    let outputs = Outputs::open(vec![
        config("all", file("all"), Choice::default()),
        config("hundred", file("hundred"), limit(100)),
        config("far", syslog(tcp(rsyslog.tcp)), Choice::default()),
        config("deaf", syslog(tcp(deaf.local_addr().unwrap().port())), Choice::default()),
    ])
    .unwrap()
    .start_with(Some(Store::open(settings).unwrap()))
    .unwrap();
    // One rule that may send all, one with a cap.
    let of = |uuid: &str, max_signals| -> Arc<Rule> {
        let source = rule();
        let text = format!(
            "[rule]\nrule_id = \"{uuid}\"\nname = \"{uuid}\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
             risk_score = 21\nmax_signals = {max_signals}\nquery = '''{}'''\n",
            source.query
        );
        std::fs::write(here.join(format!("{uuid}.toml")), text).unwrap();
        let path = here.join(format!("{uuid}.toml"));
        auditward::rule::load::load(&[path], &auditward::event::schema::Live).rules.remove(0)
    };
    let (free, capped) = (of("free", 1_000_000), of("capped", 100));
    let mut suppressor = Suppressor::default();
    let (begun, before, mut most) = (Instant::now(), anonymous(), 0);
    let (mut sent, mut kept) = (Vec::new(), 0_u64);
    let mut round = begun;
    for n in 0..count {
        if let Some(minutes) = minutes {
            let due = begun + Duration::from_secs(60 * minutes).mul_f64(n as f64 / count as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let rule = if n % 2 == 0 { &free } else { &capped };
        let (document, Stamp { millis, .. }) = exec(&["usermod", "-u", "0", "-o", "bob"], n);
        let stamp = Stamp { millis, serial: n };
        let alert = Arc::new(Alert::new(rule, &[document], &[stamp], HOST_ID, jiff::Timestamp::now()));
        match suppressor.take(&alert, Instant::now()) {
            Some(why) => {
                kept += 1;
                outputs.keep_back(&alert, why.word());
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
    assert_eq!(sent.len() as u64 + kept, count);
    assert!(kept >= count / 2 - 100 * (2 + minutes.unwrap_or(0)), "{kept}");
    let took = begun.elapsed();

    // The file has each that was sent, in order, and the number of the rest.
    until("the file has all", || {
        told(&here.join("all")).0.len() == sent.len() && told(&here.join("all")).1 == kept
    });
    assert_eq!(told(&here.join("all")).0, sent);
    // The limited one: what it has and what it is told are the same number.
    let counters = || outputs.counters().into_iter().find(|one| one.name == "hundred").unwrap();
    until("the limited one is done", || counters().waiting == 0 && counters().stored == 0);
    let wanted: HashSet<&String> = sent.iter().collect();
    let limited = || {
        let (ids, more) = told(&here.join("hundred"));
        assert!(ids.iter().all(|id| wanted.contains(id)));
        (ids.len() as u64, more)
    };
    // It is told of what it was not sent, the lines on `capped` among that: those count what was kept from all.
    until("all is counted", || {
        let (ids, _) = limited();
        ids > 0 && counters().rolled_up > 0
    });
    let (ids, _) = limited();
    assert!(ids <= 100 * (2 + minutes.unwrap_or(0)), "{ids}");
    let rolled: u64 = counters().rolled_up;
    let lines = std::fs::read_to_string(here.join("hundred")).unwrap();
    let of_rate: u64 = lines.lines().map(|line| of_limit(line)).sum();
    let of_rules = lines.lines().filter(|line| line.contains("\"by\":\"max_signals\"")).count() as u64;
    assert_eq!(of_rate, rolled, "all that was beyond the limit is told");
    let lines_of_rules = told_lines(&here.join("all"));
    assert_eq!(of_rules, lines_of_rules, "what tells a number is never kept back");
    assert_eq!(ids + rolled, sent.len() as u64, "sent and told are all");

    // rsyslogd over TCP has each, in order.
    until("rsyslogd has all", || rsyslog.received().len() as u64 >= sent.len() as u64 + lines_of_rules);
    let arrived: Vec<String> = rsyslog
        .received()
        .iter()
        .map(|message| message["msg"].as_str().unwrap().to_owned())
        .filter(|line| !line.contains(" more in "))
        .map(|line| String::from_utf8(pair(&line, "alert").unwrap()).unwrap())
        .collect();
    assert_eq!(arrived, sent);
    // The deaf one has lost nothing: it waits in the store.
    let deaf_one = outputs.counters().into_iter().find(|one| one.name == "deaf").unwrap();
    assert_eq!((deaf_one.lost, deaf_one.refused), (0, 0), "{deaf_one:?}");
    let figures = outputs.store().unwrap();
    assert_eq!(figures.unstored, 0, "{figures:?}");
    println!(
        "{count} alerts in {:.1} s: {} sent, {kept} told as a number; {} MiB more memory at most",
        took.as_secs_f64(),
        sent.len(),
        most.saturating_sub(before) >> 20
    );
    drop(deaf);
}

/// Alerts in a file that tell a number.
fn told_lines(path: &Path) -> u64 {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| line.contains("\"suppressed\":{\"count\"")).count() as u64
}

/// What a line tells of a destination's limit; nothing of others.
fn of_limit(line: &str) -> u64 {
    let document: Value = serde_json::from_str(line).unwrap();
    let suppressed = document.pointer("/auditward/suppressed");
    let of = suppressed.filter(|suppressed| suppressed["by"] == "alerts_per_minute");
    of.map_or(0, |suppressed| suppressed["count"].as_u64().unwrap())
}
