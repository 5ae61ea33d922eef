//! Field reports at the stage alert/syslog: problems that users of tools like ours really had, each a
//! test named after it.
//!
//! Elsewhere: what of them is the store's (F04's full text, F50's rest after the next start) in `store.rs`, what a real
//! journald reads (F04, F56) in `journald.rs`, what a stopped receiver does to the whole daemon (F27) in `live_run.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::clean;
use auditward::output::{
    Address, Body, Destination, Format, Formatter, Framing, Lines, Message, Outputs, Protocol, Topic, Urgency,
};
use serde_json::{Value, json};
use syslog_support::rsyslog::{Rsyslog, structured};
use syslog_support::{
    accept, alert, alert_on, alerts, alerts_of_log, exec, outputs, pair, small_large_small, strict, until,
};

fn formatter(protocol: Protocol, body: Body, limit: usize) -> Box<Formatter> {
    Box::new(Formatter { limit, ..Formatter::new(protocol, body) })
}

fn syslog(address: Address, protocol: Protocol, body: Body, limit: usize) -> Outputs {
    outputs("syslog", Destination::Syslog { address, formatter: formatter(protocol, body, limit) })
}

fn datagram(receiver: &UnixDatagram) -> Vec<u8> {
    receiver.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let n = receiver.recv(&mut buffer).unwrap();
    buffer.truncate(n);
    buffer
}

/// A message as this format writes it.
fn written(format: &Format, alert: &Arc<Alert>) -> Vec<u8> {
    let mut out = Vec::new();
    format.push(&mut out, &Message::Alert(Arc::clone(alert)));
    out
}

fn formats() -> Vec<Format> {
    let mut formats = vec![Format::Text, Format::Json];
    for protocol in [Protocol::Rfc3164, Protocol::Rfc5424] {
        for body in [Body::Text, Body::Json, Body::CeeJson] {
            formats.push(Format::Syslog(formatter(protocol, body, 8192)));
        }
    }
    formats
}

#[test]
fn f04_a_message_too_long_for_the_datagram_is_cut_and_its_neighbours_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    // One limit that never meets EMSGSIZE, and one that leaves it to the socket.
    for limit in [8192, 1 << 20] {
        let unix = UnixDatagram::bind(&path).unwrap();
        let outputs = syslog(Address::Unix(path.clone()), Protocol::Rfc3164, Body::Text, limit);
        small_large_small().iter().for_each(|a| outputs.push(a));
        for name in ["first", "large", "last"] {
            let message = strict::rfc3164(&datagram(&unix)).unwrap();
            assert!(message.text.ends_with(&format!("={name}")), "{}", message.text);
            assert_eq!(message.text.contains(" truncated=yes "), name == "large");
        }
        assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
        std::fs::remove_file(&path).unwrap();

        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let to = Address::Udp(udp.local_addr().unwrap());
        let outputs = syslog(to, Protocol::Rfc5424, Body::Text, limit);
        small_large_small().iter().for_each(|a| outputs.push(a));
        let mut buffer = vec![0; 1 << 20];
        for name in ["first", "large", "last"] {
            let n = udp.recv(&mut buffer).unwrap();
            let message = strict::rfc5424(&buffer[..n]).unwrap();
            assert!(message.msg.ends_with(&format!("={name}")), "{}", message.msg);
            assert_eq!(message.param("truncated").is_some(), name == "large");
        }
        assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());

        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = Address::Tcp(tcp.local_addr().unwrap(), Framing::OctetCounting);
        let outputs = syslog(to, Protocol::Rfc5424, Body::Json, limit);
        small_large_small().iter().for_each(|a| outputs.push(a));
        let mut stream = accept(&tcp);
        for name in ["first", "large", "last"] {
            let message = strict::rfc5424(&strict::octet_counted(&mut stream).unwrap()).unwrap();
            let document: Value = serde_json::from_str(&message.msg).unwrap();
            assert_eq!(document["process"]["args"].as_array().unwrap().last().unwrap(), name);
            // A stream has no limit of its own: what was not configured to be cut is whole.
            assert_eq!(document.get("truncated").is_some(), name == "large" && limit == 8192);
        }
        assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
    }
}

/// What the report's attacker wrote, and every other character that could do harm.
fn hostile_arguments() -> Vec<String> {
    let forged = "x\nSep 21 13:35:00 host sudo: carol : command not allowed\u{1b}[2A\r";
    let mut args =
        vec!["usermod".to_owned(), "-u".to_owned(), "0".to_owned(), "-o".to_owned(), "-c".to_owned()];
    args.push(forged.to_owned());
    args.extend((0..0x20_u32).chain(0x7f..0xa0).filter_map(char::from_u32).map(|c| format!("a{c}b")));
    for c in ['\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{200f}', '\u{feff}']
    {
        args.push(format!("<{c}>"));
    }
    args.extend(
        ["\"quoted\"", "back\\slash", "el]ement", "=x pid=1", "; time=0", "carol"].map(str::to_owned),
    );
    args
}

#[test]
fn f15_forged_lines_and_terminal_codes_are_escaped_in_every_output() {
    let args = hostile_arguments();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (mut document, stamp) = exec(&words, 801);
    // The same in everything else that a process chooses.
    let evil = args[5].clone();
    document["process"]["executable"] = json!(format!("/tmp/{evil}"));
    document["process"]["name"] = json!(evil);
    document["process"]["working_directory"] = json!(evil);
    document["process"]["parent"]["name"] = json!(evil);
    document["host"]["name"] = json!(evil);
    document["user"]["audit"]["name"] = json!(evil);
    document["auditd"]["data"]["tty"] = json!(evil);
    let alert = alert_on(document, stamp);

    for format in formats() {
        let bytes = written(&format, &alert);
        let text = String::from_utf8(bytes).expect("UTF-8");
        let bad = text.chars().filter(|&c| c != '\u{feff}').find(|&c| clean::is_hidden(c));
        assert_eq!(bad, None, "in {format:?}");
        assert_eq!(text.lines().count(), 1);
        assert!(text.matches('\u{feff}').count() <= 1);
    }
    // Reversible: from the line, from JSON, from structured data.
    for (n, arg) in args.iter().enumerate() {
        assert_eq!(pair(&alert.line, &format!("a{n}")).unwrap(), arg.as_bytes(), "argument {n}");
    }
    assert_eq!(pair(&alert.line, "exe").unwrap(), format!("/tmp/{evil}").into_bytes());
    assert_eq!(pair(&alert.line, "pid").unwrap(), b"2401", "the kernel's, not the argument's");
    let document: Value = serde_json::from_slice(&written(&Format::Json, &alert)).unwrap();
    assert_eq!(document["process"]["args"], json!(args));
    let large = Format::Syslog(formatter(Protocol::Rfc5424, Body::Text, 64 << 10));
    let message = strict::rfc5424(&written(&large, &alert)).unwrap();
    for (n, arg) in args.iter().enumerate() {
        let value = message.param(&format!("a{n}")).unwrap();
        assert_eq!(clean::unescape(value).unwrap(), arg.as_bytes());
    }
    assert_eq!(message.host, "-", "a host name that is none is NILVALUE");
}

/// From the records on: the report's own file.
#[test]
fn f15_the_reported_records_give_one_line_and_the_real_bytes() {
    let alerts = alerts_of_log("field_reports/F15.log");
    let [(alert, true)] = &alerts[..] else { panic!("one event, and the rule matches it") };
    let comment = &pair(&alert.line, "a5").unwrap();
    assert!(comment.starts_with(b"x\nSep 21 13:35:00 host") && comment.ends_with(b"not allowed\x1b[2A\r"));
    for format in formats() {
        let text = String::from_utf8(written(&format, alert)).unwrap();
        assert!(!text.chars().any(clean::is_hidden), "{text}");
        assert!(text.contains("sudo: carol : command not allowed"), "shown, on the one line: {text}");
    }
}

#[test]
fn f54_a_byte_that_is_no_utf8_is_shown_and_comes_back() {
    let alerts = alerts_of_log("field_reports/F54.log");
    let (echo, _) = alerts.iter().find(|(a, _)| a.line.contains("a0=echo")).expect("the exec");
    assert!(echo.line.contains(r#": echo "a\xffb", "#), "{}", echo.line);
    assert_eq!(pair(&echo.line, "a1").unwrap(), b"a\xffb");
    let format = Format::Syslog(formatter(Protocol::Rfc5424, Body::Text, 8192));
    let message = strict::rfc5424(&written(&format, echo)).unwrap();
    assert_eq!(clean::unescape(message.param("a1").unwrap()).unwrap(), b"a\xffb");
}

#[test]
fn f38_structured_data_and_time_stamps_keep_to_the_rfc() {
    let argument = "a\"b\\c]d\n";
    for (time, millis) in
        [("2026-09-21T14:15:00.101Z", 1_790_000_100_101), ("2026-09-21T14:15:01.000Z", 1_790_000_101_000)]
    {
        let (document, mut stamp) = exec(&["usermod", "-c", argument, "Jürgen"], 581);
        stamp.millis = millis;
        let alert = alert_on(document, stamp);
        let format = Format::Syslog(formatter(Protocol::Rfc5424, Body::Text, 8192));
        let message = strict::rfc5424(&written(&format, &alert)).unwrap();
        assert_eq!(message.pri, 10 * 8 + 4, "authpriv, warning");
        assert_eq!(message.time, time);
        assert_eq!((message.host.as_str(), message.app.as_str()), ("web1", "auditward"));
        assert_eq!(message.procid, std::process::id().to_string());
        assert_eq!(message.msgid, alert.rule.id);
        assert_eq!(message.data[0].0, "auditward@32473");
        assert_eq!(clean::unescape(message.param("a2").unwrap()).unwrap(), argument.as_bytes());
        assert_eq!(message.param("pid"), Some("2401"));
        assert_eq!(message.param("alert"), Some(alert.id.as_str()));
        assert_eq!((message.msg.as_str(), message.bom), (alert.line.as_str(), true));
    }
}

/// A text that begins like structured data, behind no structured data at all.
#[test]
fn f38_a_text_that_looks_like_structured_data_stays_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let outputs = syslog(Address::Unix(path), Protocol::Rfc5424, Body::Text, 8192);
    outputs.notice(Topic::Started, "[1]: x", Urgency::Info);
    let message = strict::rfc5424(&datagram(&receiver)).unwrap();
    assert_eq!((message.msg.as_str(), message.data.len(), message.msgid.as_str()), ("[1]: x", 0, "started"));
    assert_eq!((message.pri, message.bom), (10 * 8 + 6, false));
}

#[test]
fn f38_real_rsyslog_reads_exactly_these_values() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    let argument = "a\"b\\c]d\n";
    let alert = alert(&["usermod", "-c", argument, "bob"], 581);
    let udp = format!("127.0.0.1:{}", rsyslog.udp).parse().unwrap();
    let tcp = format!("127.0.0.1:{}", rsyslog.tcp).parse().unwrap();
    for address in
        [Address::Udp(udp), Address::Tcp(tcp, Framing::OctetCounting), Address::Tcp(tcp, Framing::LineFeed)]
    {
        let before = rsyslog.received().len();
        let outputs = syslog(address, Protocol::Rfc5424, Body::Text, 8192);
        outputs.notice(Topic::Started, "[1]: x", Urgency::Info);
        outputs.push(&alert);
        until("both messages", || rsyslog.received().len() == before + 2);
        let received = rsyslog.received();
        let (notice, read) = (&received[before], &received[before + 1]);
        assert_eq!((notice["structured-data"].as_str(), notice["msg"].as_str()), (Some("-"), Some("[1]: x")));
        assert_eq!(read["msg"], alert.line);
        assert_eq!(read["timereported"], "2026-09-21T14:15:00.101Z");
        assert_eq!(read["hostname"], "web1");
        assert_eq!(read["app-name"], "auditward");
        assert_eq!(read["msgid"], alert.rule.id);
        assert_eq!(read["procid"], std::process::id().to_string());
        assert_eq!(read["syslogfacility-text"], "authpriv");
        assert_eq!(read["syslogseverity-text"], "warning");
        let parsed = structured(read);
        assert_eq!(clean::unescape(parsed.param("a2").unwrap()).unwrap(), argument.as_bytes());
        assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
    }
}

/// Clock ticks that the writer thread of the output `name` has used, user and system.
fn cpu_ticks(name: &str) -> u64 {
    let comm = format!("out-{name}");
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let stat = tasks
        .filter_map(|t| std::fs::read_to_string(t.path().join("stat")).ok())
        .find(|stat| stat.contains(&format!("({comm})")))
        .expect("the writer thread");
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split(' ').collect();
    fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap()
}

#[test]
fn f50_a_full_log_socket_holds_nothing_up_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let formatter = formatter(Protocol::Rfc3164, Body::Text, 8192);
    let outputs = outputs("f50", Destination::Syslog { address: Address::Unix(path), formatter });
    let alerts = alerts(1000);
    let begun = Instant::now();
    alerts.iter().for_each(|a| outputs.push(a));
    assert!(begun.elapsed() < Duration::from_secs(1), "pushing waits for nobody: {:?}", begun.elapsed());
    std::thread::sleep(Duration::from_secs(2));
    let (ticks, begun) = (cpu_ticks("f50"), Instant::now());
    std::thread::sleep(Duration::from_secs(18));
    let used = cpu_ticks("f50") - ticks;
    assert!(used <= 5, "{used} ticks of 10 ms in {:?} of stall: the writer must not spin", begun.elapsed());
    let counters = &outputs.counters()[0];
    assert_eq!((counters.lost, counters.refused), (0, 0));
    assert!(counters.waiting > 900, "{counters:?}");
    for (n, alert) in alerts.iter().enumerate() {
        let message = strict::rfc3164(&datagram(&receiver)).unwrap();
        assert_eq!(message.text, alert.line, "number {n}, in order, once");
    }
    receiver.set_nonblocking(true).unwrap();
    assert!(receiver.recv(&mut [0; 10]).is_err(), "nothing twice");
    assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
}

#[test]
fn f50_a_stop_during_the_stall_ends_in_time_and_says_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let outputs = syslog(Address::Unix(path), Protocol::Rfc3164, Body::Text, 8192);
    alerts(1000).iter().for_each(|a| outputs.push(a));
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    let left = outputs.shutdown(Duration::from_secs(1));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    receiver.set_nonblocking(true).unwrap();
    let mut taken = 0;
    while receiver.recv(&mut [0; 8192]).is_ok() {
        taken += 1;
    }
    assert_eq!(left, [("syslog".to_owned(), 1000 - taken)], "sent + left = pushed");
}

/// Messages of F55: one, one with wide characters and a line feed, one cut inside a 4-byte character.
fn framed_alerts() -> Vec<Arc<Alert>> {
    let wide = format!("{}{}", "x".repeat(300), "😀".repeat(2000));
    vec![
        alert(&["usermod", "one"], 1),
        alert(&["usermod", "-c", "ä€😀\nforged", "two"], 2),
        alert(&["usermod", "-c", &wide, "three"], 3),
        alert(&["usermod", "last"], 4),
    ]
}

#[test]
fn f55_octet_counts_are_exact_in_bytes() {
    // Every limit in turn cuts at another place, so also inside a character.
    for limit in 2000..2010 {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = Address::Tcp(tcp.local_addr().unwrap(), Framing::OctetCounting);
        let outputs = syslog(to, Protocol::Rfc5424, Body::Text, limit);
        framed_alerts().iter().for_each(|a| outputs.push(a));
        let mut stream = accept(&tcp);
        for name in ["one", "two", "three", "last"] {
            // The connection stays open: `last` arrives without anything behind it.
            let frame = strict::octet_counted(&mut stream).unwrap();
            assert!(frame.len() <= limit);
            let message = strict::rfc5424(&frame).unwrap();
            assert!(message.msg.ends_with(&format!("={name}")), "{}", message.msg);
        }
        stream.set_nonblocking(true).unwrap();
        assert!(stream.read(&mut [0]).is_err(), "no byte out of step");
    }
}

#[test]
fn f55_line_feeds_stand_between_messages_and_nowhere_else() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = Address::Tcp(tcp.local_addr().unwrap(), Framing::LineFeed);
    let outputs = syslog(to, Protocol::Rfc3164, Body::Text, 2001);
    framed_alerts().iter().for_each(|a| outputs.push(a));
    let stream = accept(&tcp);
    let mut lines = std::io::BufRead::split(std::io::BufReader::new(stream), b'\n');
    for name in ["one", "two", "three", "last"] {
        let line = lines.next().unwrap().unwrap();
        let message = strict::rfc3164(&line).unwrap();
        assert!(line.len() <= 2001 && message.text.ends_with(&format!("={name}")), "{}", message.text);
        if name == "two" {
            assert!(message.text.contains(r#""ä€😀\nforged""#), "{}", message.text);
        }
    }
    assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
}

#[test]
fn f56_the_local_socket_gets_what_local_daemons_write() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    let outputs = syslog(Address::Unix(rsyslog.socket()), Protocol::Rfc3164, Body::Text, 8192);
    let alert = alert(&["usermod", "-u", "0", "-o", "bob"], 581);
    outputs.push(&alert);
    until("the alert", || rsyslog.received().len() == 1);
    let read = &rsyslog.received()[0];
    assert_eq!(read["programname"], "auditward");
    assert_eq!(read["syslogtag"], format!("auditward[{}]:", std::process::id()));
    assert_eq!(read["procid"], std::process::id().to_string());
    assert_eq!(read["syslogfacility-text"], "authpriv");
    assert_eq!(read["syslogseverity-text"], "warning");
    assert_eq!(read["msg"], format!(" {}", alert.line), "rsyslog counts the blank after the tag as text");
    let line = &rsyslog.auth_log()[0];
    assert!(line.ends_with(&format!(" auditward[{}]: {}", std::process::id(), alert.line)), "{line}");
    assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
}

/// The settings that docs/alerts.md gives for rsyslog.
#[test]
fn f56_what_the_page_says_of_rsyslog_is_so() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    let alert = alert(&["usermod", "-u", "0", "-o", "-c", "J\u{fc}rgen\n", "bob"], 581);
    let outputs = syslog(Address::Unix(rsyslog.socket_5424()), Protocol::Rfc5424, Body::Text, 8192);
    outputs.push(&alert);
    until("RFC 5424 over the local socket", || rsyslog.received().len() == 1);
    let read = &rsyslog.received()[0];
    assert_eq!((&read["msgid"], &read["programname"]), (&json!(alert.rule.id), &json!("auditward")));
    assert_eq!(read["msg"].as_str().map(|m| m.trim_start_matches('\u{feff}')), Some(alert.line.as_str()));
    assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());

    let outputs = syslog(Address::Unix(rsyslog.socket()), Protocol::Rfc3164, Body::CeeJson, 16 << 10);
    outputs.push(&alert);
    until("the document behind @cee", || rsyslog.cee().len() == 1);
    assert_eq!(rsyslog.cee()[0], Value::Object(alert.document()));
    let year = rsyslog.received()[1]["timereported"].as_str().map(|t| t[..10].to_owned());
    let now = jiff::Timestamp::now().to_string();
    assert_eq!(year.as_deref(), now.get(..10), "a local socket's messages get the time of their arrival");
    assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
}

#[test]
fn f56_hostile_text_is_one_line_in_the_log_of_real_rsyslog() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    let outputs = syslog(Address::Unix(rsyslog.socket()), Protocol::Rfc3164, Body::Text, 64 << 10);
    let args = hostile_arguments();
    let alert = alert(&args.iter().map(String::as_str).collect::<Vec<_>>(), 801);
    outputs.push(&alert);
    until("the alert", || rsyslog.received().len() == 1);
    assert_eq!(rsyslog.received()[0]["msg"], format!(" {}", alert.line));
    assert_eq!(rsyslog.auth_log().len(), 1);
}

#[test]
fn f59_a_shortened_message_is_still_json_or_pairs_and_says_what_matters_first() {
    let comment = "Lorem ipsum ".repeat(8334);
    let alert = alert(&["usermod", "-u", "0", "-o", "-c", &comment, "carol"], 581);
    assert!(comment.len() > 100_000);
    for limit in [8192, 1024] {
        for protocol in [Protocol::Rfc3164, Protocol::Rfc5424] {
            let json = Format::Syslog(formatter(protocol, Body::Json, limit));
            let bytes = written(&json, &alert);
            assert!(bytes.len() <= limit);
            let text = match protocol {
                Protocol::Rfc3164 => strict::rfc3164(&bytes).unwrap().text,
                Protocol::Rfc5424 => strict::rfc5424(&bytes).unwrap().msg,
            };
            let document: Value = serde_json::from_str(&text).expect("valid JSON");
            assert_eq!(document["truncated"], true);
            let start: String = text.chars().take(350).collect();
            let order =
                ["2026-09-21T14:15:00.101Z", "MEDIUM", &alert.rule.name, "account carol", "login user alice"];
            let places: Vec<_> = order.iter().map(|part| start.find(part)).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {start}");
            if limit == 8192 {
                let shown = document["process"]["args"][5].as_str().unwrap();
                assert!(shown.contains(&format!("...[{} bytes]...", comment.len())), "{shown}");
                assert_eq!(document["process"]["pid"], 2401);
            }

            let pairs = Format::Syslog(formatter(protocol, Body::Text, limit));
            let bytes = written(&pairs, &alert);
            assert!(bytes.len() <= limit);
            let text = match protocol {
                Protocol::Rfc3164 => strict::rfc3164(&bytes).unwrap().text,
                Protocol::Rfc5424 => strict::rfc5424(&bytes).unwrap().msg,
            };
            let begin = format!("MEDIUM {}: usermod -u 0 -o -c ", alert.rule.name);
            assert!(text.starts_with(&begin), "{text}");
            assert!(text.contains("account carol (from arguments), by login user alice (1000)"), "{text}");
            assert_eq!(pair(&text, "truncated").unwrap(), b"yes");
            assert_eq!(pair(&text, "time").unwrap(), b"2026-09-21T14:15:00.101Z");
            assert!(text.contains(&format!("...[{} bytes]...", comment.len())), "{text}");
        }
    }
}

#[test]
fn rsyslog_restarted_or_stopped_gets_everything_in_order() {
    let Some(mut rsyslog) = Rsyslog::start() else { return };
    let outputs = syslog(Address::Unix(rsyslog.socket()), Protocol::Rfc3164, Body::Text, 8192);
    let alerts = alerts(600);
    let ids = |rsyslog: &Rsyslog| -> Vec<String> {
        let received = rsyslog.received();
        received
            .iter()
            .map(|r| String::from_utf8(pair(r["msg"].as_str().unwrap(), "alert").unwrap()).unwrap())
            .collect()
    };
    alerts[..100].iter().for_each(|a| outputs.push(a));
    until("the first hundred", || rsyslog.received().len() == 100);
    rsyslog.stop();
    alerts[100..200].iter().for_each(|a| outputs.push(a));
    std::thread::sleep(Duration::from_millis(500));
    rsyslog.run();
    until("the second hundred, after the restart", || ids(&rsyslog).last() == Some(&alerts[199].id));
    rsyslog.signal(nix::sys::signal::Signal::SIGSTOP);
    alerts[200..].iter().for_each(|a| outputs.push(a));
    std::thread::sleep(Duration::from_secs(2));
    assert!(outputs.counters()[0].waiting > 100, "{:?}", outputs.counters());
    rsyslog.signal(nix::sys::signal::Signal::SIGCONT);
    until("the rest", || ids(&rsyslog).last() == Some(&alerts[599].id));
    let expected: Vec<&str> = alerts.iter().map(|a| a.id.as_str()).collect();
    // What it read just before it was ended it may be sent again.
    let mut once = ids(&rsyslog);
    let all = once.len();
    let mut seen = std::collections::HashSet::new();
    once.retain(|id| seen.insert(id.clone()));
    assert_eq!(once, expected);
    assert!(all < 700, "{all}");
    assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
}

#[test]
fn a_receiver_over_tcp_that_hangs_and_dies_gets_the_rest_when_it_is_back() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = Address::Tcp(tcp.local_addr().unwrap(), Framing::OctetCounting);
    let outputs = syslog(to, Protocol::Rfc5424, Body::Text, 8192);
    let alerts = alerts(1500);
    alerts.iter().for_each(|a| outputs.push(a));
    let mut stream = accept(&tcp);
    let next = |stream: &mut TcpStream| {
        let message = strict::rfc5424(&strict::octet_counted(stream).unwrap()).unwrap();
        message.param("event").unwrap().rsplit_once(':').unwrap().1.parse::<u64>().unwrap()
    };
    assert_eq!((1..=10).map(|_| next(&mut stream)).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    // It hangs for a while, then dies: what its kernel had taken and nobody read is sent again.
    std::thread::sleep(Duration::from_millis(500));
    assert!(outputs.counters()[0].waiting > 0, "the kernel holds little: {:?}", outputs.counters());
    drop(stream);
    let mut stream = accept(&tcp);
    let mut last = next(&mut stream);
    assert!(last <= 11, "{last} comes after 10");
    while last < 1500 {
        let serial = next(&mut stream);
        assert_eq!(serial, last + 1, "in order, without a gap");
        last = serial;
    }
    assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
}

#[test]
fn what_fell_off_a_full_queue_is_told_in_the_output_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let config = auditward::output::SinkConfig {
        name: "syslog".to_owned(),
        destination: Destination::Syslog {
            address: Address::Unix(path),
            formatter: formatter(Protocol::Rfc3164, Body::Text, 8192),
        },
        bounds: auditward::output::Bounds { messages: 100, bytes: 16 << 20 },
        choice: Default::default(),
    };
    let outputs = Outputs::new(vec![config]).unwrap();
    let alerts = alerts(500);
    alerts.iter().for_each(|a| outputs.push(a));
    let lost = outputs.counters()[0].lost;
    assert!(lost > 0 && lost < 500);
    // The writer may find room now and then while the alerts are pushed: then there are several gaps, and
    // each is told at its place.
    let (mut told, mut sent) = (0, Vec::new());
    while told < lost || (sent.len() as u64) < 500 - lost {
        let text = strict::rfc3164(&datagram(&receiver)).unwrap().text;
        match text.split_once(" alerts lost because the syslog queue was full, from 2026-09-21T14:15:00Z to ")
        {
            Some((number, _)) => told += number.parse::<u64>().unwrap(),
            None => sent.push(text),
        }
    }
    assert_eq!((told, sent.len() as u64), (lost, 500 - lost));
    let mut all = alerts.iter();
    assert!(sent.iter().all(|text| all.any(|alert| alert.line == *text)), "each once, in order");
    assert_eq!(outputs.counters()[0].sent, 500 - lost);
}

#[test]
fn lines_for_replay_are_whole_and_one_a_line() {
    let alert = alert(&["usermod", "-c", "two\nlines", "bob"], 1);
    let mut out = Vec::new();
    for format in formats() {
        let mut lines = Lines::new(&mut out, format);
        lines.write(&alert).unwrap();
        lines.flush().unwrap();
    }
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), formats().len());
}
