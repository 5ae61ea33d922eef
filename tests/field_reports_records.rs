//! Field reports on reading records: each test is named after its entry and asserts the outcome that the
//! entry calls right.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use auditward::audit::RecordType;
use auditward::audit::fields;
use auditward::audit::value::{self, Keys};
use common::{events, field_report};

#[test]
fn f09_names_of_paths_are_relative_missing_or_of_another_directory() {
    let (events, _) = events(&field_report("F09"));
    let [rename, open, nameless] = &events[..] else { panic!("{events:?}") };
    let paths = |event: &common::Event| -> Vec<(Option<String>, String, String)> {
        let raw = |body, key: &[u8]| fields::find(body, key).unwrap().raw.escape_ascii().to_string();
        let name = |body| {
            value::untrusted(&fields::find(body, b"name").unwrap()).map(|v| v.escape_ascii().to_string())
        };
        event
            .bodies(RecordType::PATH)
            .map(|path| (name(path), raw(path, b"inode"), raw(path, b"nametype")))
            .collect()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        paths(rename),
        [
            (some("/home/carol"), "131".to_owned(), "PARENT".to_owned()),
            (some("/home/carol"), "131".to_owned(), "PARENT".to_owned()),
            (some("passwd.new"), "4711".to_owned(), "DELETE".to_owned()),
            (some("passwd"), "4711".to_owned(), "CREATE".to_owned()),
        ]
    );
    // What says that the names are relative to descriptors: the call's own arguments.
    assert_eq!(rename.raw(RecordType::SYSCALL, "a0"), "4");
    assert_eq!(rename.raw(RecordType::SYSCALL, "a2"), "5");
    assert_eq!(rename.text(RecordType::SYSCALL, "key").as_deref(), Some("identity"));
    assert_eq!(open.raw(RecordType::SYSCALL, "a0"), "ffffff9c");
    assert_eq!(open.text(RecordType::CWD, "cwd").as_deref(), Some("/home/carol"));
    assert_eq!(paths(open), [(some("notes"), "4712".to_owned(), "NORMAL".to_owned())]);
    assert_eq!(paths(nameless), [(None, "4713".to_owned(), "NORMAL".to_owned())]);
    assert!(events.iter().all(|event| event.gaps.is_empty()));
}

#[test]
fn f28_several_rule_keys_in_one_record() {
    let (events, _) = events(&field_report("F28"));
    let keys = |at: usize| -> Vec<String> {
        let field = fields::find(events[at].body(RecordType::SYSCALL), b"key").unwrap();
        Keys::of(&field).iter().map(|key| key.escape_ascii().to_string()).collect()
    };
    assert_eq!(keys(0), ["exec", "failure"]);
    assert_eq!(keys(1), [""; 0]);
}

#[test]
fn f32_names_with_a_blank_are_hex_without_quotes() {
    let (events, _) = events(&field_report("F32"));
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.text(RecordType::SYSCALL, "comm").as_deref(), Some("user mod"));
    assert_eq!(event.text(RecordType::SYSCALL, "exe").as_deref(), Some("/srv/my dir/user mod"));
    assert_eq!(event.text(RecordType::CWD, "cwd").as_deref(), Some("/srv/my dir"));
    assert_eq!(event.text(RecordType::PATH, "name").as_deref(), Some("/srv/my dir/user mod"));
    assert_eq!(event.args(), ["./user mod", "-h"]);
    assert_eq!(event.raw(RecordType::SYSCALL, "a0"), "55d0c8a1f2b0");
}

#[test]
fn f33_daemon_records_and_stray_blanks() {
    let (events, counters) = events(&field_report("F33"));
    let [start, exec] = &events[..] else { panic!("{events:?}") };
    let kind = RecordType::DAEMON_START;
    assert_eq!(start.raw(kind, "op"), "start");
    assert_eq!(start.raw(kind, "ver"), "3.0.9");
    assert_eq!(start.raw(kind, "subj"), "unconfined");
    assert_eq!(start.raw(kind, "res"), "success");
    assert_eq!(exec.text(RecordType::CWD, "cwd").as_deref(), Some("/root"));
    assert_eq!(exec.args(), ["id"]);
    assert_eq!((counters.records, counters.ends), (5, 1));
}

#[test]
fn f37_avc_records_that_are_no_selinux_records() {
    let (events, _) = events(&field_report("F37"));
    let [apparmor, selinux] = &events[..] else { panic!("{events:?}") };
    let kind = RecordType::AVC;
    assert_eq!(apparmor.raw(kind, "apparmor"), "DENIED");
    assert_eq!(apparmor.raw(kind, "operation"), "ptrace");
    assert_eq!(apparmor.raw(kind, "pid"), "4471");
    assert_eq!(apparmor.text(kind, "comm").as_deref(), Some("poller"));
    assert_eq!(selinux.raw(kind, "seresult"), "denied");
    assert_eq!(selinux.raw(kind, "seperms"), "relabelto");
    assert_eq!(selinux.text(kind, "name").as_deref(), Some("my key"));
    assert_eq!(selinux.raw(kind, "pid"), "3540");
    assert_eq!(selinux.raw(kind, "tclass"), "file");
}

#[test]
fn f41_node_in_front_a_node_with_a_blank_two_nodes_with_the_same_stamp() {
    let mut log = field_report("F41");
    log.extend(field_report("F33"));
    let (mut events, _) = events(&log);
    events.sort_by_key(|event| event.node.clone());
    let nodes: Vec<_> = events.iter().map(|event| event.node.as_deref()).collect();
    assert_eq!(
        nodes,
        [None, None, Some(&b"Rack 7 b"[..]), Some(&b"alpha"[..]), Some(&b"beta"[..])],
        "{events:?}"
    );
    let [.., rack, alpha, beta] = &events[..] else { panic!("{events:?}") };
    assert_eq!(alpha.args(), ["id"]);
    assert_eq!(beta.args(), ["uname", "-a"]);
    assert_eq!(alpha.stamp, beta.stamp);
    assert_eq!(alpha.raw(RecordType::SYSCALL, "auid"), "1000");
    assert_eq!(beta.raw(RecordType::SYSCALL, "auid"), "1001");
    let kind = RecordType::USER_ACCT;
    assert_eq!(rack.kinds(), "USER_ACCT");
    assert_eq!(rack.raw(kind, "pid"), "88");
    assert_eq!(rack.said(kind, "op"), "PAM:accounting");
    assert_eq!(rack.said(kind, "acct"), "root");
    assert_eq!(rack.said(kind, "res"), "success");
}

#[test]
fn f44_proctitle_is_cut_stale_or_set_by_the_process() {
    let (events, _) = events(&field_report("F44"));
    let [exec, open] = &events[..] else { panic!("{events:?}") };
    let title = |event: &common::Event| {
        let field = fields::find(event.body(RecordType::PROCTITLE), b"proctitle").unwrap();
        let title = value::untrusted(&field).unwrap();
        value::title_strings(&title).map(|text| text.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(exec.args(), ["usermod", "-u", "0", "-o", "carol"]);
    assert_eq!(title(exec), "(ccountd)");
    assert_eq!(title(open), "/usr/sbin/named -u bind -4");
    assert_eq!(open.raw(RecordType::SYSCALL, "exit"), "-13");
}

#[test]
fn f54_bytes_that_are_no_utf8() {
    let (events, _) = events(&field_report("F54"));
    let [message, exec] = &events[..] else { panic!("{events:?}") };
    let kind = RecordType::USER_CHAUTHTOK;
    assert_eq!(message.said(kind, "op"), r"caf\xff");
    assert_eq!(message.said(kind, "id"), "1000");
    assert_eq!(message.raw(kind, "pid"), "2150");
    assert_eq!(message.raw(kind, "uid"), "0");
    assert_eq!(exec.arguments().iter().collect::<Vec<_>>(), [&b"echo"[..], b"a\xffb"]);
}

#[test]
fn f68_one_argument_in_pieces() {
    let (events, _) = events(&field_report("F68"));
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.args(), ["sh", "-c", "if true; then usermod -u 0 -o carol; fi", "x"]);
    assert!(event.arguments().is_whole());
    // items=2 and one PATH: that is missing, and no argument is.
    assert_eq!(event.gaps.to_string(), "paths");
}

#[test]
fn f68_seventy_thousand_arguments() {
    let stamp = "msg=audit(1790000100.135:535)";
    let mut log =
        format!("type=SYSCALL {stamp}: arch=c000003e syscall=59 success=yes exit=0 items=0 pid=1\n");
    let mut records = 0;
    for first in (0..70_000).step_by(500) {
        log += &format!("type=EXECVE {stamp}:{}", if first == 0 { " argc=70000" } else { "" });
        for argument in first..first + 500 {
            log += &format!(" a{argument}=\"n{argument}\"");
        }
        log.push('\n');
        records += 1;
    }
    log += &format!("type=EOE {stamp}: \n");
    let (events, counters) = events(log.as_bytes());
    let [event] = &events[..] else { panic!("{}", events.len()) };
    assert_eq!(counters.given, records + 1);
    let arguments = event.arguments();
    assert_eq!((arguments.argc, arguments.missing, arguments.len()), (70_000, 0, 70_000));
    assert!(arguments.iter().enumerate().all(|(at, text)| text == format!("n{at}").as_bytes()));
    assert!(event.gaps.is_empty());

    // Within a smaller bound: the first ones, and the true count.
    let mut few = auditward::audit::execve::Arguments::with_limit(10_000);
    few.read_bodies(event.bodies(RecordType::EXECVE));
    assert_eq!(few.argc, 70_000);
    assert_eq!(few.missing, 70_000 - few.len() as u64);
    assert!(!few.is_whole() && few.len() > 400);
    assert!(few.iter().enumerate().all(|(at, text)| text == format!("n{at}").as_bytes()));
}
