//! `[[destination]]` as an administrator writes it, to a real rsyslogd of the test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use nix::sys::signal::Signal;
use serde_json::Value;
use syslog_support::rsyslog::{Rsyslog, assert_read};
use syslog_support::{accept, alert, alerts, configured, hostile, pair, until};

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
    let wanted: Vec<Arc<Alert>> = (1..=504)
        .map(|n| {
            let args = hostile(n);
            let alert = alert(&args.iter().map(String::as_str).collect::<Vec<_>>(), n);
            outputs.push(&alert);
            // A datagram that found no room on its way is not sent again: not all at once.
            if n % 36 == 0 {
                until("what was sent by UDP so far", || by(&rsyslog.received(), "imudp").len() as u64 == n);
            }
            alert
        })
        .collect();
    assert_eq!(wanted.iter().map(|alert| &alert.id).collect::<HashSet<_>>().len(), 504);
    for input in ["imptcp", "imudp", "imuxsock"] {
        until(input, || by(&rsyslog.received(), input).len() >= 504);
        let received = rsyslog.received();
        let messages: Vec<_> = received.iter().filter(|message| message["inputname"] == input).collect();
        assert_eq!(messages.len(), 504, "{input}: each once, and nothing that was forged");
        messages.into_iter().zip(&wanted).for_each(|(message, alert)| assert_read(message, alert));
        let lines = by(&received, input);
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

/// A file on a full disk: that is told, another file has everything meanwhile, and where there is space all of it is written.
#[test]
fn a_file_on_a_full_disk_is_told_and_gets_everything_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let [path, beside] = ["alerts", "beside"].map(|name| folder.path().join(name));
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let of = |name: &str, path: &std::path::Path| {
        let path = path.display();
        format!("[[destination]]\nname = \"{name}\"\ntype = \"file\"\npath = \"{path}\"\nformat = \"text\"\n")
    };
    let outputs = configured(&(of("full", &path) + &of("beside", &beside)));
    let alerts = alerts(20);
    alerts.iter().for_each(|alert| outputs.push(alert));
    let wanted: String = alerts.iter().map(|alert| alert.line.clone() + "\n").collect();
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    until("the one beside it has everything", || text(&beside) == wanted);
    until("told", || {
        let full = outputs.counters().remove(0);
        full.trouble.is_some_and(|trouble| trouble.contains("No space left on device")) && full.sent == 0
    });
    std::fs::remove_file(&path).unwrap();
    until("all is written", || text(&path) == wanted);
    assert_eq!(outputs.shutdown(Duration::from_secs(10)), []);
}

/// Set for a child process in a network of its own; the tests that it runs pass at once without.
const CHILD: &str = "AUDITWARD_DESTINATIONS_CHILD";

/// In a network of its own whose packets are all thrown away for a while, without a word.
#[test]
fn child_cut_off() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let run = |program: &str, arguments: &str| {
        let status = Command::new(program).args(arguments.split(' ')).status().unwrap();
        assert!(status.success(), "{program} {arguments}");
    };
    run("ip", "link set lo up");
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let outputs = configured(&format!(
        "[[destination]]\nname = \"far\"\ntype = \"tcp\"\naddress = \"{}\"\nframing = \"line-feed\"\n",
        receiver.local_addr().unwrap()
    ));
    let alerts = alerts(30);
    alerts[..10].iter().for_each(|alert| outputs.push(alert));
    let mut lines = BufReader::new(accept(&receiver)).lines();
    let id = |line: String| String::from_utf8(pair(&line, "alert").unwrap()).unwrap();
    let first: Vec<String> = (0..10).map(|_| id(lines.next().unwrap().unwrap())).collect();
    // No packet is as short as that.
    run("tc", "qdisc add dev lo root tbf rate 8bit burst 1 limit 1");
    let begun = Instant::now();
    alerts[10..].iter().for_each(|alert| outputs.push(alert));
    until("the kernel has taken them", || outputs.counters()[0].sent == 30);
    assert_eq!(outputs.counters()[0].trouble, None, "nobody knows yet");
    while outputs.counters()[0].trouble.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(300), "a peer that is gone was not noticed");
        std::thread::sleep(Duration::from_millis(50));
    }
    println!(
        "noticed after {} s: {}",
        begun.elapsed().as_secs(),
        outputs.counters()[0].trouble.clone().unwrap()
    );
    run("tc", "qdisc del dev lo root");
    let mut lines = BufReader::new(accept(&receiver)).lines();
    let mut received: Vec<String> = Vec::new();
    while received.last() != Some(&alerts[29].id) {
        received.push(id(lines.next().unwrap().unwrap()));
    }
    let wanted: Vec<String> = alerts.iter().map(|alert| alert.id.clone()).collect();
    assert_eq!(first, wanted[..10]);
    assert!(received == wanted || received == wanted[10..], "{} arrived after that", received.len());
}

/// 20 alerts go into a connection whose packets nobody gets: that is noticed, and they arrive over the next one.
#[test]
fn a_peer_that_is_gone_without_a_word_is_noticed_and_nothing_is_lost() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: a network of its own needs root");
        return;
    }
    if Command::new("tc").arg("-V").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("AUDITWARD_LIVE").is_none_or(|v| v != "1"), "tc is not installed");
        println!("skipped: tc is not installed (package iproute2)");
        return;
    }
    let status = Command::new("unshare")
        .arg("--net")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_cut_off", "--nocapture"])
        .env(CHILD, "1")
        .status()
        .expect("unshare runs");
    assert!(status.success(), "{status}");
}

/// Over IPv6: by TCP and UDP; and by UDP what is longer than a packet of the path: in fragments where `limit` allows it, as it
/// is configured.
#[test]
fn alerts_arrive_over_ipv6_and_in_datagrams_longer_than_a_packet() {
    let Ok(tcp) = TcpListener::bind("[::1]:0") else {
        println!("skipped: no IPv6 here");
        return;
    };
    let [six, four] = ["[::1]:0", "127.0.0.1:0"].map(|address| UdpSocket::bind(address).unwrap());
    let outputs = configured(&format!(
        "[[destination]]\nname = \"tcp6\"\ntype = \"tcp\"\naddress = \"{}\"\nframing = \"line-feed\"\n\
         [[destination]]\nname = \"udp6\"\ntype = \"udp\"\naddress = \"{}\"\n\
         [[destination]]\nname = \"long\"\ntype = \"udp\"\naddress = \"{}\"\nlimit = 65000\n",
        tcp.local_addr().unwrap(),
        six.local_addr().unwrap(),
        four.local_addr().unwrap()
    ));
    let comment = "c".repeat(40_000);
    let sent = [
        alert(&["usermod", "-u", "0", "-o", "bob"], 1),
        alert(&["usermod", "-u", "0", "-o", "-c", &comment, "bob"], 2),
        alert(&["usermod", "-u", "0", "-o", "eve"], 3),
    ];
    sent.iter().for_each(|alert| outputs.push(alert));
    let mut lines = BufReader::new(accept(&tcp)).lines();
    let datagram = |socket: &UdpSocket| {
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut buffer = vec![0; 1 << 16];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    for alert in &sent {
        let is_long = alert.line.len() > 8192;
        for (text, limit) in
            [(lines.next().unwrap().unwrap(), 8192), (datagram(&six), 2048), (datagram(&four), 65_000)]
        {
            assert!(text.len() <= limit, "{limit}: {}", text.len());
            assert_eq!(pair(&text, "alert").unwrap(), alert.id.as_bytes());
            let cut = pair(&text, "truncated").is_some();
            assert_eq!(cut, is_long && alert.line.len() > limit, "{limit}");
        }
    }
    assert_eq!(outputs.shutdown(Duration::from_secs(10)), []);
}
