//! RFC 5425 to a real rsyslogd with its gtls driver: certificates of the test's own CA, checked on both sides, expired
//! and replaced.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use auditward::output::Outputs;
use serde_json::Value;
use syslog_support::rsyslog::{Rsyslog, assert_read};
use syslog_support::tls::{self, Authority, FAR};
use syslog_support::{alert, configured, free_port, hostile, pair, until};

/// rsyslogd that takes TLS of `agent.example` only, at the port.
fn start(certificates: &Path) -> Option<(Rsyslog, u16)> {
    tls::is_installed().then_some(())?;
    let port = free_port();
    let input = tls::input(certificates, &["agent.example"], port, "");
    Some((Rsyslog::start_with(&input)?, port))
}

fn destination(name: &str, port: u16, certificates: &Path, more: &str) -> String {
    format!(
        "[[destination]]\nname = \"{name}\"\ntype = \"tls\"\naddress = \"127.0.0.1:{port}\"\nca = \"{}/ca.pem\"\n{more}\n",
        certificates.display()
    )
}

/// What came by TLS.
fn messages(rsyslog: &Rsyslog) -> Vec<Value> {
    rsyslog.received().into_iter().filter(|message| message["inputname"] == "imtcp").collect()
}

fn id(message: &Value) -> String {
    let line = message["msg"].as_str().unwrap();
    String::from_utf8(pair(line, "alert").unwrap_or_else(|| panic!("{line}"))).unwrap()
}

/// The ids of the alerts that came by TLS.
fn received(rsyslog: &Rsyslog) -> Vec<String> {
    messages(rsyslog).iter().map(id).collect()
}

fn trouble(outputs: &Outputs, name: &str) -> String {
    let counters = outputs.counters();
    counters.into_iter().find(|one| one.name == name).unwrap().trouble.unwrap_or_default()
}

#[test]
fn alerts_arrive_over_tls_with_a_client_certificate_and_from_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let authority = Authority::new(here, "ca");
    authority.give("server", &["loghost.example", "127.0.0.1"], FAR);
    authority.give("agent", &["agent.example"], FAR);
    authority.give("stranger", &["stranger.example"], FAR);
    Authority::new(here, "other");
    let Some((rsyslog, port)) = start(here) else { return };
    let own =
        |name: &str| format!("certificate = \"{0}/{name}.pem\"\nkey = \"{0}/{name}.key\"\n", here.display());
    let (agent, stranger) = (own("agent"), own("stranger"));
    let other = destination("other-ca", port, here, &agent).replace("/ca.pem", "/other.pem");
    let outputs = configured(
        &[
            destination("by-name", port, here, &format!("{agent}server_name = \"loghost.example\"")),
            destination("by-address", port, here, &agent),
            destination("other-name", port, here, &format!("{agent}server_name = \"other.example\"")),
            other,
            destination("nobody", port, here, ""),
            destination("stranger", port, here, &stranger),
        ]
        .concat(),
    );
    let alerts: HashMap<_, _> = (1..=504)
        .map(|n| {
            let args = hostile(n);
            let alert = alert(&args.iter().map(String::as_str).collect::<Vec<_>>(), n);
            outputs.push(&alert);
            (alert.id.to_string(), alert)
        })
        .collect();
    until("both have sent all", || messages(&rsyslog).len() >= 1008);
    let mut counts = HashMap::new();
    for message in messages(&rsyslog) {
        assert_read(&message, &alerts[&id(&message)]);
        *counts.entry(id(&message)).or_insert(0) += 1;
    }
    assert_eq!(counts.values().filter(|count| **count == 2).count(), 504, "{counts:?}");
    for (name, why) in [("other-name", "not valid for name"), ("other-ca", "UnknownIssuer")] {
        until(name, || trouble(&outputs, name).contains(why));
    }
    for name in ["nobody", "stranger"] {
        until(name, || !trouble(&outputs, name).is_empty());
    }
    let sent: Vec<u64> = outputs.counters().iter().map(|one| one.sent).collect();
    assert_eq!(sent, [504, 504, 0, 0, 0, 0]);
}

#[test]
fn a_certificate_that_has_expired_holds_alerts_until_it_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let authority = Authority::new(here, "ca");
    authority.give("server", &["loghost.example"], 2021);
    authority.give("agent", &["agent.example"], 2021);
    let Some((mut rsyslog, port)) = start(here) else { return };
    let own = format!(
        "certificate = \"{0}/agent.pem\"\nkey = \"{0}/agent.key\"\nserver_name = \"loghost.example\"",
        here.display()
    );
    let outputs = configured(&destination("far", port, here, &own));
    let push = |n| {
        let alert = alert(&["usermod", "-u", "0", "-o", "bob"], n);
        outputs.push(&alert);
        alert.id.clone()
    };
    let mut wanted: Vec<String> = (1..=5).map(push).collect();
    until("the receiver's is refused", || trouble(&outputs, "far").contains("invalid peer certificate"));
    authority.give("server", &["loghost.example"], FAR);
    rsyslog.stop();
    rsyslog.run();
    wanted.extend((6..=10).map(push));
    // Now ours is the one that is refused, by the receiver.
    until("ours is refused", || {
        let trouble = trouble(&outputs, "far");
        !trouble.is_empty()
            && !trouble.contains("invalid peer certificate")
            && !trouble.contains("refused (os error")
    });
    assert_eq!(received(&rsyslog), Vec::<String>::new());
    authority.give("agent", &["agent.example"], FAR);
    until("all arrive", || received(&rsyslog).len() >= 10);
    assert_eq!(received(&rsyslog), wanted, "in order, each once");
    assert_eq!(outputs.counters()[0].sent, 10);
}

/// What a peer that is hostile does with its next connection.
fn abuse(mut stream: TcpStream, turn: usize) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
    let _ = stream.set_write_timeout(Some(Duration::from_millis(100)));
    let (begun, mut greeting) = (Instant::now(), [0; 4096]);
    let _ = stream.read(&mut greeting);
    match turn % 5 {
        // It closes at once.
        0 => {}
        // It says what is no TLS.
        1 => _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello"),
        // It sends our greeting back.
        2 => _ = stream.write_all(&greeting),
        // It begins records of a greeting that never ends: handshake of 16 MB, in pieces of 16 KB.
        3 => {
            let mut piece = vec![22, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff];
            piece.resize(5 + 0x4000, 0);
            while begun.elapsed() < Duration::from_secs(1) && stream.write_all(&piece).is_ok() {}
        }
        // It says nothing.
        _ => std::thread::sleep(Duration::from_secs(1)),
    }
}

/// A peer that speaks no TLS, or never ends its greeting, or says nothing: it gets no alert, another destination has all meanwhile,
/// and when the right receiver is there it gets everything, in order.
#[test]
fn a_peer_that_is_hostile_gets_nothing_and_the_right_one_everything() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let authority = Authority::new(here, "ca");
    authority.give("server", &["loghost.example", "127.0.0.1"], FAR);
    authority.give("agent", &["agent.example"], FAR);
    if !tls::is_installed() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let (stop, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let peer = std::thread::spawn({
        let (stop, turns) = (Arc::clone(&stop), Arc::clone(&turns));
        move || {
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let _ = stream.set_nonblocking(false);
                        abuse(stream, turns.fetch_add(1, Ordering::Relaxed));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(10)),
                }
            }
        }
    });
    let own = format!("certificate = \"{0}/agent.pem\"\nkey = \"{0}/agent.key\"", here.display());
    let file = here.join("beside");
    let outputs = configured(&format!(
        "{}[[destination]]\nname = \"beside\"\ntype = \"file\"\npath = {file:?}\nformat = \"text\"\n",
        destination("far", port, here, &own)
    ));
    let wanted: Vec<String> = (1..=100)
        .map(|n| {
            let alert = alert(&["usermod", "-u", "0", "-o", "bob"], n);
            outputs.push(&alert);
            alert.id.clone()
        })
        .collect();
    let lines = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    until("the file beside it has all", || lines() == 100);
    until("each kind of abuse was met", || turns.load(Ordering::Relaxed) > 5);
    assert!(!trouble(&outputs, "far").is_empty());
    assert_eq!(outputs.counters()[0].sent, 0, "nothing was sent to it");
    stop.store(true, Ordering::Relaxed);
    peer.join().unwrap();
    let input = tls::input(here, &["agent.example"], port, "");
    let rsyslog = Rsyslog::start_with(&input).expect("rsyslogd");
    until("all arrive", || received(&rsyslog).len() >= 100);
    assert_eq!(received(&rsyslog), wanted, "in order, each once");
}
