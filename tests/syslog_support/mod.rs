//! What the syslog tests share: alerts, strict readers, a private rsyslogd.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/growth.rs"]
pub(crate) mod growth;
pub(crate) mod journald;
pub(crate) mod rsyslog;
pub(crate) mod strict;
pub(crate) mod tls;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::audit::Stamp;
use auditward::daemon::config::{self, Mode};
use auditward::event::schema::Live;
use auditward::event::{Host, Mapper, Options};
use auditward::output::{Bounds, Destination, Outputs, SinkConfig};
use auditward::rule::Rule;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub(crate) const HOST_ID: &str = "7e0b37f5f03fca0d1d0448ebc1ce866c";

/// The destinations of a configuration, started.
pub(crate) fn configured(text: &str) -> Outputs {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auditward.toml");
    std::fs::write(&file, format!("[syslog]\nenabled = false\n{text}")).unwrap();
    let (config, faults) = config::read(&file, Mode::Check).unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    Outputs::new(config.sinks()).unwrap()
}

/// The first rule, as it is embedded.
pub(crate) fn rule() -> Arc<Rule> {
    // Once for each test program: hundreds of alerts ask for it.
    static RULE: LazyLock<Arc<Rule>> = LazyLock::new(|| {
        let loaded = auditward::rule::load::embedded(&Live);
        let uuid = "494ebba4-ecb7-4be4-8c6f-654c686549ad";
        loaded.rules.into_iter().find(|r| r.uuid == uuid).expect("the embedded rule")
    });
    RULE.clone()
}

/// The first rule under another id and name, with `more` of its keys.
pub(crate) fn rule_of(id: &str, more: &str) -> Arc<Rule> {
    let text = format!(
        "[rule]\nrule_id = \"{id}\"\nname = \"{id}\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
         risk_score = 21\nquery = '''{}'''\n{more}\n",
        rule().query
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{id}.toml"));
    std::fs::write(&file, text).unwrap();
    auditward::rule::load::load(&[file], &Live).rules.remove(0)
}

/// The exec of a usermod, as an event document; `serial` tells one from the other.
pub(crate) fn exec(args: &[&str], serial: u64) -> (Map<String, Value>, Stamp) {
    let stamp = Stamp { millis: 1_790_000_100_101, serial };
    let document = json!({
        "@timestamp": "2026-09-21T14:15:00.101Z",
        "event": {
            "kind": "event", "module": "auditd", "category": ["process"], "type": ["start"],
            "action": "executed", "outcome": "success", "sequence": serial,
        },
        "host": { "name": "web1", "id": HOST_ID, "os": { "type": "linux" } },
        "process": {
            "pid": 2401, "name": "usermod", "executable": "/usr/sbin/usermod", "args": args,
            "args_count": args.len(), "working_directory": "/root",
            "parent": { "pid": 2101, "name": "bash", "executable": "/usr/bin/bash" },
        },
        "user": {
            "id": "0", "name": "root", "audit": { "id": "1000", "name": "alice" },
            "effective": { "id": "0", "name": "root" },
        },
        "auditd": { "session": "4", "data": { "tty": "pts0" } },
    });
    (document.as_object().cloned().expect("an object"), stamp)
}

/// An alert on a usermod with these arguments.
pub(crate) fn alert(args: &[&str], serial: u64) -> Arc<Alert> {
    let (document, stamp) = exec(args, serial);
    alert_on(document, stamp)
}

/// Arguments that try to end a value, a message or a line early, to command a terminal, or to be too long.
pub(crate) fn hostile(n: u64) -> Vec<String> {
    let argument = match n % 6 {
        0 => format!("quote\" ] {n} \\"),
        1 => format!("line\n<84>1 - - auditward - - - forged {n}\r\0end"),
        2 => format!("\u{1b}[2J\u{202e}{n}\u{9b}31m"),
        3 => "l".repeat(128 << 10),
        4 => format!("; alert=0 rule=none [x@1 a=\"b\"] {n}"),
        _ => format!("J\u{fc}rgen \u{1f980} {n}"),
    };
    vec!["usermod".into(), "-u".into(), "0".into(), "-o".into(), "-c".into(), argument, "bob".into()]
}

/// F04: the alert with 300 KB of arguments between two small ones.
pub(crate) fn small_large_small() -> [Arc<Alert>; 3] {
    let long = "c".repeat(300_000);
    [
        alert(&["usermod", "-u", "0", "-o", "first"], 1),
        alert(&["usermod", "-u", "0", "-o", "-c", &long, "large"], 2),
        alert(&["usermod", "-u", "0", "-o", "last"], 3),
    ]
}

/// The alert on any document.
pub(crate) fn alert_on(document: Map<String, Value>, stamp: Stamp) -> Arc<Alert> {
    Arc::new(Alert::new(&rule(), &[document], &[stamp], HOST_ID, Timestamp::now()))
}

/// Alerts told apart by their serial, made once for all of them.
pub(crate) fn alerts(count: u64) -> Vec<Arc<Alert>> {
    let rule = rule();
    let one = |serial| {
        let (document, stamp) = exec(&["usermod", "-u", "0", "-o", "bob"], serial);
        Arc::new(Alert::new(&rule, &[document], &[stamp], HOST_ID, Timestamp::now()))
    };
    (1..=count).map(one).collect()
}

/// An alert on each event of a recording in tests/fixtures (a snapshot may stand at its head), made three
/// milliseconds after it; and whether the rule really matches.
pub(crate) fn alerts_of_log(file: &str) -> Vec<(Arc<Alert>, bool)> {
    let log = std::fs::read(common::fixtures().join(file)).expect("a recording");
    let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
    let (head, records): (Vec<&[u8]>, Vec<&[u8]>) = common::lines(&log).partition(|l| l.starts_with(b"#"));
    assert!(head.iter().all(|line| mapper.absorb(line)), "a line of the snapshot");
    let (rule, arena) = (rule(), bumpalo::Bump::new());
    let mut made = Vec::new();
    common::read_events(&records.join(&b'\n'), |event| {
        let document = mapper.map(event, &arena).expect("an event has records");
        let created = i64::try_from(event.stamp.millis).expect("a time") + 3;
        let created = Timestamp::from_millisecond(created).expect("a time");
        let source = auditward::alert::source(&document);
        let host = source["host"]["id"].as_str().expect("host.id").to_owned();
        let alert = Alert::new(&rule, &[source], &[event.stamp], &host, created);
        made.push((Arc::new(alert), rule.program.matches(&document)));
    });
    made
}

/// Outputs with one destination of this name.
pub(crate) fn outputs(name: &str, destination: Destination) -> Outputs {
    let config = SinkConfig {
        name: name.to_owned(),
        destination,
        bounds: Bounds::default(),
        choice: Default::default(),
    };
    Outputs::new(vec![config]).expect("outputs")
}

/// A port of TCP on loopback that nobody listens at.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks until it is so; panics after two minutes: rsyslogd writes its state after each of 20,000 lines on a machine that builds.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(120), "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The next connection, which must come soon; reading from it never waits for ever either.
pub(crate) fn accept(listener: &std::net::TcpListener) -> std::net::TcpStream {
    listener.set_nonblocking(true).expect("socket");
    let mut stream = None;
    until("a connection", || {
        stream = listener.accept().ok();
        stream.is_some()
    });
    let (stream, _) = stream.expect("a connection");
    stream.set_nonblocking(false).expect("socket");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("socket");
    stream
}

/// The value of `key=` among the pairs of the readable line.
pub(crate) fn pair(line: &str, key: &str) -> Option<Vec<u8>> {
    pairs(line).into_iter().find(|(k, _)| k == key).map(|(_, v)| v)
}

/// The pairs of a readable line, as docs/alerts.md says to read them: from the first `; time=` outside of
/// double quotes.
pub(crate) fn pairs(line: &str) -> Vec<(String, Vec<u8>)> {
    let mut rest = line;
    while !rest.starts_with("; time=") {
        rest = if rest.starts_with('"') {
            quoted(rest).1
        } else {
            &rest[rest.chars().next().expect("pairs").len_utf8()..]
        };
    }
    rest = &rest[2..];
    let mut out = Vec::new();
    while let Some((key, after)) = rest.split_once('=') {
        let (mut value, mut after) = value(after);
        // A value with its middle left out.
        if let Some((gap, more)) = after.starts_with("...[").then(|| after.split_once("]...").expect("a gap"))
        {
            value.extend_from_slice(gap.as_bytes());
            value.extend_from_slice(b"]...");
            let (tail, end) = self::value(more);
            value.extend(tail);
            after = end;
        }
        out.push((key.to_owned(), value));
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    assert_eq!(rest, "", "text behind the pairs");
    out
}

fn value(text: &str) -> (Vec<u8>, &str) {
    if text.starts_with('"') {
        let (inner, rest) = quoted(text);
        return (auditward::clean::unescape(inner).expect("escapes of the table"), rest);
    }
    let (bare, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
    (bare.as_bytes().to_vec(), rest)
}

/// What stands between the quote at the beginning and the one that closes it, and the rest.
fn quoted(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (&text[1..at], &text[at + 1..]),
            _ => {}
        }
    }
    panic!("no closing quote in {text}");
}
