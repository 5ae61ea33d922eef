//! What account tools report, as `iam` events, by the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// The events of records, as documents.
fn events(log: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["events", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(log.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// A report of process 3620, run by user 0 who logged in as 1000.
fn report(kind: &str, message: &str) -> Value {
    let log = format!(
        "type={kind} msg=audit(1795516095.451:64817): pid=3620 uid=0 auid=1000 ses=4 msg='{message} \
         hostname=? addr=? terminal=? res=success'\n"
    );
    let mut found = events(&log);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Type, message, `event.action`, `event.type`, and what `user` holds beside the one who did it.
///
/// The lines are those of the recordings in tests/fixtures/uid0 (shadow 4.13), of gpasswd of the same
/// package, and of RHEL 9's shadow.
const REPORTS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "USER_CHAUTHTOK",
        r#"op=changing uid id=0 exe="/usr/sbin/usermod""#,
        "changed-user-id",
        "user change",
        r#"{ "target": { "id": "0" }, "changes": { "id": "0" } }"#,
    ),
    (
        "ADD_USER",
        r#"op=adding user id=4001 exe="/usr/sbin/useradd""#,
        "added-user-account",
        "user creation",
        r#"{ "target": { "id": "4001" } }"#,
    ),
    (
        "ADD_USER",
        r#"op=add-user acct="nginx" exe="/usr/sbin/useradd""#,
        "added-user-account",
        "user creation",
        r#"{ "target": { "name": "nginx" } }"#,
    ),
    (
        "DEL_USER",
        r#"op=deleting user id=4001 exe="/usr/sbin/userdel""#,
        "deleted-user-account",
        "user deletion",
        r#"{ "target": { "id": "4001" } }"#,
    ),
    (
        "ADD_GROUP",
        r#"op=adding group to /etc/group id=4242 exe="/usr/sbin/groupadd""#,
        "added-group-account-to",
        "group creation",
        r#"{ "target": { "group": { "id": "4242" } } }"#,
    ),
    (
        "USER_CHAUTHTOK",
        r#"op=adding user to group acct="bob" exe="/usr/sbin/usermod""#,
        "added-user-account-to-group",
        "user group change",
        r#"{ "target": { "name": "bob" } }"#,
    ),
    (
        "USER_ACCT",
        r#"op=user bob added by root to group sudo acct="sudo" exe="/usr/bin/gpasswd""#,
        "added-user-account-to-group",
        "user group change",
        r#"{ "target": { "name": "bob", "group": { "name": "sudo" } } }"#,
    ),
    (
        "USER_MGMT",
        r#"op=add-user-to-group grp="adm" acct="bob" exe="/usr/sbin/usermod""#,
        "added-user-account-to-group",
        "user group change",
        r#"{ "target": { "name": "bob", "group": { "name": "adm" } } }"#,
    ),
    (
        "USER_ACCT",
        r#"op=changing /etc/group; group users/100, new gid: 4005 acct="users" exe="/usr/sbin/groupmod""#,
        "modified-group-account",
        "group change",
        r#"{ "target": { "group": { "name": "users" } } }"#,
    ),
    (
        "ACCT_LOCK",
        r#"op=locked-password id=1003 exe="/usr/sbin/usermod""#,
        "locked-account",
        "user change",
        r#"{ "target": { "id": "1003" } }"#,
    ),
    (
        "ROLE_ASSIGN",
        r#"op=login-sename acct="bob" old-seuser=? new-seuser=staff_u exe="/usr/sbin/semanage""#,
        "assigned-user-role-to",
        "user change",
        r#"{ "target": { "name": "bob" } }"#,
    ),
];

#[test]
fn each_kind_of_report_says_what_was_done_to_whom() {
    let user = json!({ "id": "0", "audit": { "id": "1000" } });
    let with = |more: Value| {
        let mut user = user.clone();
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        user
    };
    for (kind, message, action, types, who) in REPORTS.iter().copied() {
        let event = report(kind, message);
        assert_eq!(event["event"]["category"], json!(["iam"]), "{message}");
        assert_eq!(event["event"]["action"], action, "{message}");
        let types: Vec<&str> = types.split(' ').collect();
        assert_eq!(event["event"]["type"], json!(types), "{message}");
        assert_eq!(event["event"]["outcome"], "success", "{message}");
        assert_eq!(event["user"], with(serde_json::from_str(who).unwrap()), "{message}");
        let exe = message.rsplit_once("exe=").unwrap().1.trim_matches('"');
        assert_eq!(event["process"]["executable"], exe, "{message}");
    }
}

/// PAM's own use of the type stays what it was.
#[test]
fn a_login_is_no_change_of_an_account() {
    let event = report("USER_ACCT", r#"op=PAM:accounting grantors=pam_permit acct="bob" exe="/usr/bin/su""#);
    assert_eq!(event["event"]["category"], json!(["authentication"]));
    let event =
        report("USER_CHAUTHTOK", r#"op=PAM:chauthtok grantors=pam_unix acct="bob" exe="/usr/bin/passwd""#);
    assert_eq!(event["event"]["action"], "changed-password");
    assert_eq!(event["user"]["target"], json!({ "name": "bob" }));
}

#[test]
fn what_stands_in_the_message_overrides_nothing_that_the_kernel_wrote() {
    let event = report("ADD_USER", "op=adding user id=7 uid=1234 auid=99 pid=1 ses=9 acct=\"bob\"");
    assert_eq!(event["user"]["id"], "0");
    assert_eq!(event["user"]["audit"]["id"], "1000");
    assert_eq!(event["process"]["pid"], 3620);
    assert_eq!(event["auditd"]["session"], "4");
    assert_eq!(event["auditd"]["data"]["msg_uid"], "1234");
    assert_eq!(event["auditd"]["data"]["msg_auid"], "99");
}

/// A dot in a key would make an object beside a text: an index refuses the whole document then.
#[test]
fn keys_of_a_message_are_of_one_piece() {
    let event = report("ADD_USER", "op=adding-user op.x=1 acct.name=2 .=3 a-b=4 socket.addr=5 acct=\"bob\"");
    let data = event["auditd"]["data"].as_object().expect("an object");
    for (key, value) in [("op_x", "1"), ("acct_name", "2"), ("_", "3"), ("a_b", "4"), ("socket_addr", "5")] {
        assert_eq!(data[key], value, "{data:?}");
    }
    assert!(data.values().all(|value| !value.is_object()), "{data:?}");
}

/// The kernel knows the program of a process that it has seen start: a report that lies about it is not
/// believed.
#[test]
fn the_program_is_the_one_that_the_kernel_saw() {
    let exec = "type=SYSCALL msg=audit(1795516095.400:1): arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 \
                a2=0 a3=8 items=1 ppid=1 pid=3620 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 \
                fsgid=0 tty=pts0 ses=4 comm=\".x\" exe=\"/tmp/.x\" key=\"exec\"\n\
                type=EXECVE msg=audit(1795516095.400:1): argc=2 a0=\"/tmp/.x\" a1=\"bob\"\n\
                type=PATH msg=audit(1795516095.400:1): item=0 name=\"/tmp/.x\" inode=1 dev=fe:01 mode=0100755 \
                ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\ntype=EOE msg=audit(1795516095.400:1):\n";
    let told = "type=ADD_USER msg=audit(1795516095.500:2): pid=3620 uid=0 auid=1000 ses=4 msg='op=adding user id=0 \
                exe=\"/usr/sbin/useradd\" hostname=? addr=? terminal=? res=success'\n";
    let found = events(&format!("{exec}{told}"));
    assert_eq!(found[1]["event"]["action"], "added-user-account");
    assert_eq!(found[1]["process"]["executable"], "/tmp/.x");
}
