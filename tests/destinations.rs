//! `[[destination]]` as an administrator writes it, to a real rsyslogd of the test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::collections::HashSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use syslog_support::rsyslog::Rsyslog;
use syslog_support::{alert, configured, hostile, pair, until};

/// What arrived by the input `name`, as MSG, oldest first.
fn by(received: &[Value], name: &str) -> Vec<String> {
    let of = received.iter().filter(|message| message["inputname"] == name);
    of.map(|message| message["msg"].as_str().unwrap().trim_start_matches(['\u{feff}', ' ']).to_owned())
        .collect()
}

#[test]
fn every_destination_gets_every_alert_in_order_whatever_stands_in_the_arguments() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let outputs = configured(&format!(
        "[[destination]]\nname = \"deaf\"\ntype = \"tcp\"\naddress = \"{}\"\n\
         [[destination]]\nname = \"far\"\ntype = \"tcp\"\naddress = \"127.0.0.1:{}\"\n\
         [[destination]]\nname = \"datagrams\"\ntype = \"udp\"\naddress = \"127.0.0.1:{}\"\n\
         [[destination]]\nname = \"local\"\ntype = \"unix\"\npath = {:?}\nprotocol = \"rfc5424\"\n",
        deaf.local_addr().unwrap(),
        rsyslog.tcp,
        rsyslog.udp,
        rsyslog.socket_5424(),
    ));
    let wanted: Vec<String> = (1..=504)
        .map(|n| {
            let args = hostile(n);
            let alert = alert(&args.iter().map(String::as_str).collect::<Vec<_>>(), n);
            outputs.push(&alert);
            // A datagram that found no room on its way is not sent again: not all at once.
            if n % 36 == 0 {
                until("what was sent by UDP so far", || by(&rsyslog.received(), "imudp").len() as u64 == n);
            }
            alert.id.to_string()
        })
        .collect();
    assert_eq!(wanted.iter().collect::<HashSet<_>>().len(), 504);
    for input in ["imptcp", "imudp", "imuxsock"] {
        until(input, || by(&rsyslog.received(), input).len() >= 504);
        let lines = by(&rsyslog.received(), input);
        let ids: Vec<String> = lines
            .iter()
            .map(|line| String::from_utf8(pair(line, "alert").unwrap_or_else(|| panic!("{line}"))).unwrap())
            .collect();
        assert_eq!(ids, wanted, "{input}");
        let raw = |line: &String| line.contains(|c: char| c.is_control() || c == '\u{202e}');
        assert!(!lines.iter().any(raw), "{input}: a control character came through");
    }
    let counters = outputs.counters();
    let sent: Vec<_> = counters.iter().map(|c| (c.name.as_str(), c.lost, c.refused)).collect();
    assert_eq!(sent, [("deaf", 0, 0), ("far", 0, 0), ("datagrams", 0, 0), ("local", 0, 0)]);
    drop(deaf);
}

/// rsyslogd is killed with alerts in its sockets that it has not read, is away for 60 s (where `AUDITWARD_STORM_MINUTES` is
/// set, else for two), while further alerts come, and is started again.
#[test]
fn a_receiver_that_is_killed_and_away_for_60_s_gets_every_alert_in_order() {
    let Some(mut rsyslog) = Rsyslog::start() else { return };
    let away =
        Duration::from_secs(if std::env::var_os("AUDITWARD_STORM_MINUTES").is_some() { 60 } else { 2 });
    let outputs = configured(&format!(
        "[[destination]]\nname = \"far\"\ntype = \"tcp\"\naddress = \"127.0.0.1:{}\"\n\
         [[destination]]\nname = \"near\"\ntype = \"unix\"\npath = \"{}\"\n",
        rsyslog.tcp,
        rsyslog.socket().display()
    ));
    let mut wanted = Vec::new();
    let mut push = || {
        let alert = alert(&["usermod", "-u", "0", "-o", "bob"], wanted.len() as u64);
        outputs.push(&alert);
        wanted.push(alert.line.clone());
    };
    (0..100).for_each(|_| push());
    until("the first", || rsyslog.received().len() == 200);
    rsyslog.signal(Signal::SIGSTOP);
    // A local socket holds eleven.
    (0..8).for_each(|_| push());
    until("they are in its sockets", || outputs.counters().iter().all(|counters| counters.sent == 108));
    rsyslog.kill();
    let begun = Instant::now();
    while begun.elapsed() < away {
        push();
        std::thread::sleep(Duration::from_millis(200));
    }
    until("trouble that is told", || outputs.counters().iter().all(|counters| counters.trouble.is_some()));
    rsyslog.run();
    let last = wanted.last().unwrap();
    for name in ["imptcp", "imuxsock"] {
        until("the last", || by(&rsyslog.received(), name).last() == Some(last));
        let mut received = by(&rsyslog.received(), name);
        let all = received.len();
        let mut seen = HashSet::new();
        received.retain(|line| seen.insert(line.clone()));
        assert!(received == wanted, "{name}: {} of {}, in order", received.len(), wanted.len());
        println!(
            "{name}: {} alerts, 8 of them unread when it was killed, {} twice",
            wanted.len(),
            all - wanted.len()
        );
    }
    assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
}
