//! Problems that users of tools like this one reported, at the stages records and event. The logs are in
//! tests/fixtures/field_reports, made up in the kernel's structure.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod documents;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use auditward::event::ancestry::{Found, Gaps, Image, Login, NoGaps, Terminal};
use auditward::event::schema::field;
use auditward::event::{Document, Host, Mapper, Names, Options, Value, Values};
use documents::{at, by_serial, documents, documents_by, each, exported, fixture, matched};
use serde_json::{Value as Json, json};

fn report(id: &str) -> Vec<u8> {
    fixture(&format!("field_reports/{id}.log"))
}

/// The shape of a usermod exec in the reports, with what differs.
fn exec(serial: u64, pid: u32, ppid: u32, auid: u32, ses: u32, uid: u32, exe: &str) -> String {
    let name = exe.rsplit('/').next().unwrap();
    let tty = if ses == u32::MAX { "(none)" } else { "pts0" };
    let stamp = format!("audit(1790000{:03}.201:{serial})", serial % 1000);
    format!(
        "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=55d0c8a1f2b0 a1=55d0c8a1f4c0 \
         a2=55d0c8a20010 a3=8 items=2 ppid={ppid} pid={pid} auid={auid} uid={uid} gid={uid} euid={uid} \
         suid={uid} fsuid={uid} egid={uid} sgid={uid} fsgid={uid} tty={tty} ses={ses} comm=\"{name}\" \
         exe=\"{exe}\" subj=unconfined key=\"exec\"\n\
         type=EXECVE msg={stamp}: argc=1 a0=\"{name}\"\n\
         type=CWD msg={stamp}: cwd=\"/root\"\n\
         type=EOE msg={stamp}: \n"
    )
}

#[test]
fn f09_a_name_relative_to_a_descriptor_is_not_joined_to_the_working_directory() {
    let all = documents(&report("F09"));
    let renamed = by_serial(&all, 530);
    assert_eq!(at(renamed, "file.path"), &Json::Null, "not claimed as /home/carol/passwd");
    assert_eq!(at(renamed, "file.directory"), &Json::Null);
    assert_eq!(at(renamed, "file.name"), "passwd");
    assert_eq!(at(renamed, "file.inode"), "4711");
    assert_eq!(at(renamed, "auditd.data.dirfd"), "5", "relative to descriptor 5");
    assert_eq!(at(renamed, "file.Ext.original.name"), "passwd.new");
    assert_eq!(at(renamed, "file.Ext.original.path"), &Json::Null);
    assert_eq!(at(renamed, "tags"), &json!(["identity"]), "a watch still matches by key");
    assert_eq!(at(renamed, "event.action"), "renamed");
    let opened = by_serial(&all, 531);
    assert_eq!(at(opened, "file.path"), "/home/carol/notes");
    assert_eq!(at(opened, "auditd.data.dirfd"), &Json::Null);
    let nameless = by_serial(&all, 532);
    assert_eq!(at(nameless, "file.path"), &Json::Null);
    assert_eq!(at(nameless, "file.name"), &Json::Null);
    assert_eq!(at(nameless, "file.inode"), "4713");
    assert_eq!(at(nameless, "auditd.paths")[0].get("name"), None);
}

/// As Linux 6.18 told it: within io_uring_enter(2), and by the kernel's own thread, which has no name to tell.
#[test]
fn what_a_ring_opens_is_told_with_who_did_it_and_how_it_ended() {
    let log = r#"
type=URINGOP msg=audit(1795858910.644:76): uring_op=18 success=yes exit=0 items=1 ppid=26572 pid=27888 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 key="auditward"
type=SYSCALL msg=audit(1795858910.644:76): arch=c000003e syscall=426 success=yes exit=1 a0=3 a1=1 a2=1 a3=3 items=1 ppid=26572 pid=27888 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4 comm="python3" exe="/usr/bin/python3.11" key="auditward"
type=CWD msg=audit(1795858910.644:76): cwd="/root"
type=PATH msg=audit(1795858910.644:76): item=0 name="/etc/passwd" inode=10092579 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL
type=EOE msg=audit(1795858910.644:76):
type=URINGOP msg=audit(1795858911.740:80): uring_op=18 success=yes exit=0 items=1 ppid=26572 pid=27937 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 key="auditward"
type=CWD msg=audit(1795858911.740:80): cwd="/root"
type=PATH msg=audit(1795858911.740:80): item=0 name="/etc/passwd" inode=10092579 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL
type=EOE msg=audit(1795858911.740:80):
type=URINGOP msg=audit(1795858912.000:90): uring_op=18 success=no exit=-13 items=1 ppid=26572 pid=27888 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 key="auditward"
type=SYSCALL msg=audit(1795858912.000:90): arch=c000003e syscall=426 success=yes exit=1 a0=3 a1=1 a2=1 a3=3 items=1 ppid=26572 pid=27888 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4 comm="python3" exe="/usr/bin/python3.11" key="auditward"
type=EOE msg=audit(1795858912.000:90):
"#;
    let all = documents(log.trim_start().as_bytes());
    let within = by_serial(&all, 76);
    assert_eq!(at(within, "event.action"), "opened-file");
    assert_eq!(at(within, "auditd.message_type"), "uringop");
    assert_eq!(at(within, "file.path"), "/etc/passwd");
    assert_eq!(at(within, "process.executable"), "/usr/bin/python3.11");
    assert_eq!(at(within, "user.audit.id"), "1000");
    let thread = by_serial(&all, 80);
    assert_eq!(at(thread, "event.action"), "opened-file");
    assert_eq!(at(thread, "process.pid"), 27937);
    assert_eq!(at(thread, "user.id"), "0");
    assert_eq!(at(thread, "process.executable"), &Json::Null);
    let refused = by_serial(&all, 90);
    assert_eq!(at(refused, "event.outcome"), "failure", "the ring's, not that of the call");
}

#[test]
fn f23_a_reused_pid_gives_not_the_wrong_parent() {
    let all = documents(&report("F23"));
    let alert = by_serial(&all, 604);
    assert_eq!(at(alert, "process.args"), &json!(["usermod", "-u", "0", "-o", "carol"]));
    assert_eq!(at(alert, "process.parent.pid"), 3000);
    assert_eq!(at(alert, "process.parent.name"), "bash", "not backup, which has the number now");
    assert_eq!(at(alert, "process.parent.executable"), "/usr/bin/bash");
    let bash = by_serial(&all, 601);
    assert_eq!(at(alert, "process.parent.entity_id"), at(bash, "process.entity_id"));
    let backup = by_serial(&all, 603);
    assert_ne!(at(backup, "process.entity_id"), at(bash, "process.entity_id"), "one number, two processes");
    assert_eq!(at(by_serial(&all, 602), "process.entity_id"), at(alert, "process.entity_id"));
}

#[test]
fn f23_children_of_a_stranger_have_an_unknown_parent_with_its_pid() {
    let unset = u32::MAX;
    // bash of a login is 3000; it ends unseen, and a daemon's child that never runs another program gets the
    // number and starts something.
    let mut log = exec(601, 3000, 2101, 1000, 4, 0, "/usr/bin/bash");
    log += &exec(605, 3010, 3000, unset, unset, 0, "/usr/bin/logrotate");
    // Two other logins' numbers, for a child of each.
    log += &exec(606, 3011, 3000, 1001, 9, 0, "/usr/bin/id");
    log += &exec(607, 3012, 3000, 1000, 4, 0, "/usr/bin/id");
    let all = documents(log.as_bytes());
    for serial in [605, 606] {
        let child = by_serial(&all, serial);
        assert_eq!(at(child, "process.parent"), &json!({"pid": 3000}), "{serial}");
    }
    assert_eq!(at(by_serial(&all, 607), "process.parent.name"), "bash", "the same login: its own child");
}

#[test]
fn f28_several_keys_in_one_record() {
    let all = documents(&report("F28"));
    assert_eq!(at(by_serial(&all, 527), "tags"), &json!(["exec", "failure"]));
    assert_eq!(at(by_serial(&all, 528), "tags"), &Json::Null);
}

#[test]
fn f32_names_with_a_blank_are_hex_without_quotes() {
    let all = documents(&report("F32"));
    let document = &all[0];
    assert_eq!(at(document, "process.name"), "user mod");
    assert_eq!(at(document, "process.executable"), "/srv/my dir/user mod");
    assert_eq!(at(document, "auditd.data.comm"), "user mod");
    assert_eq!(at(document, "process.working_directory"), "/srv/my dir");
    assert_eq!(at(document, "auditd.paths")[0]["name"], "/srv/my dir/user mod");
    assert_eq!(at(document, "process.args"), &json!(["./user mod", "-h"]));
    assert_eq!(at(document, "process.title"), "./user mod -h");
    assert_eq!(at(document, "auditd.data.a0"), "55d0c8a1f2b0", "an argument of the system call is a number");
}

#[test]
fn f37_avc_records_that_are_no_selinux_records() {
    let all = documents(&report("F37"));
    let apparmor = by_serial(&all, 522);
    assert_eq!(at(apparmor, "auditd.data.apparmor"), "DENIED");
    assert_eq!(at(apparmor, "auditd.data.operation"), "ptrace");
    assert_eq!(at(apparmor, "process.pid"), 4471);
    assert_eq!(at(apparmor, "auditd.data.comm"), "poller");
    assert_eq!(at(apparmor, "event.action"), "violated-apparmor-policy");
    let selinux = by_serial(&all, 523);
    assert_eq!(at(selinux, "auditd.data.seresult"), "denied");
    assert_eq!(at(selinux, "auditd.data.seperms"), "relabelto");
    assert_eq!(at(selinux, "auditd.data.name"), "my key");
    assert_eq!(at(selinux, "process.pid"), 3540);
    assert_eq!(at(selinux, "event.action"), "violated-selinux-policy");
    assert_eq!(at(selinux, "event.category"), &json!(["intrusion_detection"]));
}

#[test]
fn f41_the_same_stamp_and_serial_on_two_nodes_are_two_hosts() {
    let all = documents(&report("F41"));
    assert_eq!(all.len(), 3);
    let of = |host: &str| all.iter().find(|d| at(d, "host.name") == host).unwrap();
    assert_eq!(at(of("alpha"), "process.args"), &json!(["id"]));
    assert_eq!(at(of("beta"), "process.args"), &json!(["uname", "-a"]));
    assert_eq!(at(of("Rack 7 b"), "user.target.name"), "root");
    assert_ne!(at(of("alpha"), "event.id"), at(of("beta"), "event.id"));
    assert_ne!(at(of("alpha"), "host.id"), at(of("beta"), "host.id"));
}

/// The same pid on two nodes is two processes.
#[test]
fn f41_processes_of_two_nodes_are_not_mixed() {
    let on = |node: &str, log: String| -> String {
        log.lines().map(|line| format!("node={node} {line}\n")).collect()
    };
    let mut log = on("alpha", exec(1, 3000, 1, 1000, 4, 0, "/usr/bin/bash"));
    log += &on("beta", exec(2, 3001, 3000, 1000, 4, 0, "/usr/bin/id"));
    log += &on("alpha", exec(3, 3001, 3000, 1000, 4, 0, "/usr/bin/id"));
    let all = documents(log.as_bytes());
    assert_eq!(at(by_serial(&all, 2), "process.parent"), &json!({"pid": 3000}));
    assert_eq!(at(by_serial(&all, 3), "process.parent.name"), "bash");
}

#[test]
fn f43_a_number_without_an_account_costs_nothing_and_shows_as_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let passwd = dir.path().join("passwd");
    std::fs::write(&passwd, "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    let names = Names::of_paths(passwd, dir.path().join("no-such-group-file"));
    let mut mapper =
        Mapper::with_gaps(Host::recorded(None), &Options { names, ..Options::replay() }, Box::new(NoGaps));
    let mut log = String::new();
    for serial in 0..1000 {
        let uid = 4242 + u32::try_from(serial % 2).unwrap();
        log += &exec(serial, 3000 + u32::try_from(serial).unwrap(), 1, 1000, 4, uid, "/usr/sbin/usermod");
    }
    log += &exec(5000, 9000, 1, 1000, 4, 0, "/usr/sbin/usermod");
    let start = Instant::now();
    let all = documents_by(&mut mapper, log.as_bytes());
    assert!(start.elapsed().as_secs() < 60, "a module that sleeps 5 s a look-up would need hours");
    assert_eq!(all.len(), 1001);
    for document in &all[..1000] {
        let uid = at(document, "user.id").as_str().unwrap();
        assert!(uid == "4242" || uid == "4243");
        assert_eq!(at(document, "user.name"), &Json::Null);
    }
    assert_eq!(at(&all[1000], "user.name"), "root");
    assert_eq!(at(&all[1000], "user.id"), "0");
}

#[test]
fn f43_a_replay_looks_no_name_up() {
    let log = exec(1, 9000, 1, 0, 4, 0, "/usr/sbin/usermod");
    let all = documents(log.as_bytes());
    assert_eq!(
        at(&all[0], "user"),
        &json!({
            "audit": {"id": "0"},
            "effective": {"group": {"id": "0"}, "id": "0"},
            "filesystem": {"group": {"id": "0"}, "id": "0"},
            "id": "0",
            "saved": {"group": {"id": "0"}, "id": "0"},
        })
    );
}

#[test]
fn f44_arguments_come_from_execve_and_the_title_is_an_extra() {
    let all = documents(&report("F44"));
    let taken_over = by_serial(&all, 524);
    assert_eq!(at(taken_over, "process.args"), &json!(["usermod", "-u", "0", "-o", "carol"]));
    assert_eq!(at(taken_over, "process.title"), "(ccountd)");
    let refused = by_serial(&all, 525);
    assert_eq!(at(refused, "process.args"), &Json::Null, "never filled from the title");
    assert_eq!(at(refused, "process.title"), "/usr/sbin/named -u bind -4");
    assert_eq!(at(refused, "event.outcome"), "failure");
    assert_eq!(at(refused, "auditd.data.exit"), "EACCES");
}

#[test]
fn f46_a_login_and_its_system_call_are_one_event() {
    let all = documents(&report("F46"));
    assert_eq!(all.len(), 1);
    let login = &all[0];
    assert_eq!(at(login, "event.action"), "changed-login-id-to");
    assert_eq!(at(login, "event.category"), &json!(["authentication"]));
    assert_eq!(at(login, "auditd.data.old_auid"), "4294967295");
    assert_eq!(at(login, "user.audit.id"), "1000");
    assert_eq!(at(login, "auditd.session"), "4");
    assert_eq!(at(login, "process.name"), "sshd");
    assert_eq!(at(login, "process.parent.pid"), 700);
}

/// Answers as /proc would.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Vec<u32>>>, Vec<Found>);

impl Gaps for Answers {
    fn look(&mut self, pid: u32) -> Option<Found> {
        self.0.lock().unwrap().push(pid);
        self.1.iter().find(|found| found.pid == pid).cloned()
    }
}

fn found(pid: u32, ppid: u32, foreign: Option<bool>, container: Option<&str>) -> Found {
    let args: [&[u8]; 1] = [b"bash"];
    Found {
        pid,
        ppid,
        start: 1_000,
        login: Some(Login { auid: 1000, ses: 4 }),
        ids: None,
        pgid: pid,
        sid: pid,
        terminal: Terminal::Unknown,
        image: Image::new(
            Some(b"/usr/bin/bash"),
            Some(b"/"),
            Some(b"bash"),
            Some((&mut args.into_iter(), 1)),
        ),
        container: container.map(|c| c.as_bytes().into()),
        foreign,
    }
}

#[test]
fn f47_no_host_names_for_processes_in_containers_or_namespaces() {
    let dir = tempfile::tempdir().unwrap();
    let passwd = dir.path().join("passwd");
    std::fs::write(&passwd, "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n").unwrap();
    let id = "0123456789abcdef".repeat(4);
    let answers = Answers(
        Arc::default(),
        vec![
            found(10, 1, Some(false), None),
            found(20, 1, Some(true), None),
            found(30, 1, Some(false), Some(&id)),
            // 41 is in namespaces of its own, though its parent is not.
            found(41, 40, Some(true), None),
            found(40, 1, Some(false), None),
        ],
    );
    let names = Names::of_paths(passwd, dir.path().join("group"));
    let mut mapper =
        Mapper::with_gaps(Host::recorded(None), &Options { names, ..Options::replay() }, Box::new(answers));
    let mut log = exec(1, 11, 10, 1000, 4, 0, "/usr/bin/id");
    log += &exec(2, 21, 20, 1000, 4, 0, "/usr/bin/id");
    log += &exec(3, 31, 30, 1000, 4, 0, "/usr/bin/id");
    log += &exec(4, 41, 40, 1000, 4, 0, "/usr/bin/id");
    // The shell that unshare(1) becomes is gone before it can be asked.
    log += &exec(5, 12, 10, 1000, 4, 0, "/usr/bin/unshare");
    log += &exec(6, 13, 12, 1000, 4, 0, "/usr/bin/id");
    let all = documents_by(&mut mapper, log.as_bytes());
    let on_host = by_serial(&all, 1);
    assert_eq!((at(on_host, "user.name"), at(on_host, "user.audit.name")), (&json!("root"), &json!("alice")));
    for serial in 2..=6 {
        let document = by_serial(&all, serial);
        if serial == 5 {
            continue;
        }
        assert_eq!(at(document, "user.id"), "0", "{serial}: the number always");
        assert_eq!(at(document, "user.audit.id"), "1000", "{serial}");
        assert_eq!(at(document, "user.name"), &Json::Null, "{serial}: no name of the host's");
        assert_eq!(at(document, "user.audit.name"), &Json::Null, "{serial}");
    }
    assert_eq!(at(by_serial(&all, 3), "container.id"), id.as_str());
}

/// F08 as far as it is the table's: whatever a process does, /proc is not asked per event for its parent that is gone,
/// nor for where it stands each time a name is wanted.
#[test]
fn f08_proc_is_asked_for_a_process_and_not_for_an_event() {
    let dir = tempfile::tempdir().unwrap();
    let passwd = dir.path().join("passwd");
    std::fs::write(&passwd, "root:x:0:0::/root:/bin/sh\n").unwrap();
    let answers =
        Answers(Arc::default(), vec![found(10, 0, Some(false), None), found(20, 0, Some(false), None)]);
    let asked = Arc::clone(&answers.0);
    let names = Names::of_paths(passwd, dir.path().join("group"));
    let options = Options { names, ..Options::replay() };
    let mut mapper = Mapper::with_gaps(Host::recorded(None), &options, Box::new(answers));
    // A hundred events in a tenth of a second, and one two seconds later.
    let opened = |serial: u64, pid: u32, ppid: u32, millis: u64| {
        format!(
            "type=SYSCALL msg=audit(1790000000.{millis:03}:{serial}): arch=c000003e syscall=257 success=yes exit=3 \
             a0=ffffff9c a1=0 a2=0 a3=0 items=0 ppid={ppid} pid={pid} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 \
             egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"all\"\n\
             type=EOE msg=audit(1790000000.{millis:03}:{serial}): \n"
        )
    };
    let mut events = |log: &str| {
        let all = documents_by(&mut mapper, log.as_bytes());
        assert!(all.iter().all(|document| at(document, "user.name") == "root"), "{all:#?}");
        std::mem::take(&mut *asked.lock().unwrap())
    };
    let hundred = |pid: u32, ppid: u32| (0..100).map(|n| opened(1000 + n, pid, ppid, n)).collect::<String>();
    assert_eq!(events(&hundred(11, 10)), [10, 11], "its parent is there, itself it is gone");
    assert_eq!(events(&hundred(20, 9)), [9, 20], "its parent is gone, itself it is there");
    let later = opened(2000, 20, 9, 0).replace("1790000000.", "1790000002.");
    assert_eq!(
        events(&later),
        [20],
        "where it stands is asked again after a second, for its parent it is not"
    );
    let handed_on = opened(2001, 20, 10, 0).replace("1790000000.", "1790000002.");
    assert_eq!(events(&handed_on), Vec::<u32>::new(), "another parent, one that is known");
    let handed_on = opened(2002, 20, 8, 0).replace("1790000000.", "1790000002.");
    assert_eq!(events(&handed_on), [8], "another parent, one that is not known");
    let other = exec(3, 20, 8, 1000, 4, 0, "/usr/bin/id").replace("1790000003.201", "1790000002.300");
    assert_eq!(events(&other), [20], "another program may stand elsewhere");
}

#[test]
fn f54_bytes_that_are_no_utf8_are_kept_and_shown() {
    let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
    let mut seen = 0;
    each(&mut mapper, &report("F54"), |document| {
        seen += 1;
        let json = exported(document);
        if at(&json, "event.sequence") == 550 {
            assert_eq!(at(&json, "auditd.data.op"), "caf\\xff");
            assert_eq!(at(&json, "process.pid"), 2150, "the kernel's fields are readable");
            assert_eq!(at(&json, "user.id"), "0");
            assert_eq!(at(&json, "user.target.id"), "1000");
            assert_eq!(matched(document, field::AUDITD_DATA_OP), [b"caf\xff"], "what rules see");
        } else {
            assert_eq!(matched(document, field::PROCESS_ARGS), [&b"echo"[..], b"a\xffb"], "what rules see");
            assert_eq!(matched(document, field::PROCESS_COMMAND_LINE), [b"echo a\xffb"]);
            assert_eq!(at(&json, "process.args"), &json!(["echo", "a\u{fffd}b"]));
            assert_eq!(at(&json, "auditd.data.a1_hex"), "61FF62");
        }
    });
    assert_eq!(seen, 2);
}

#[test]
fn f57_two_names_of_uid_0_and_the_number_decides() {
    let dir = tempfile::tempdir().unwrap();
    let passwd = dir.path().join("passwd");
    let before = "r00t:x:0:0::/root:/bin/sh\nroot:x:0:0::/root:/bin/sh\n";
    let log = report("F57");
    let map = |text: &str| {
        std::fs::write(&passwd, text).unwrap();
        let names = Names::of_paths(passwd.clone(), dir.path().join("group"));
        let options = Options { names, ..Options::replay() };
        documents_by(&mut Mapper::with_gaps(Host::recorded(None), &options, Box::new(NoGaps)), &log)
    };
    for (text, name) in [(before.to_owned(), "r00t"), (format!("carol:x:0:0::/:/bin/sh\n{before}"), "carol")]
    {
        let all = map(&text);
        assert_eq!(at(&all[0], "user.id"), "0");
        assert_eq!(at(&all[0], "user.effective.id"), "0");
        assert_eq!(at(&all[0], "user.name"), name, "as the file has it, the first line first");
    }
}

#[test]
fn f68_an_argument_in_pieces_and_seventy_thousand_arguments() {
    let all = documents(&report("F68"));
    let args = json!(["sh", "-c", "if true; then usermod -u 0 -o carol; fi", "x"]);
    assert_eq!(at(&all[0], "process.args"), &args);
    assert_eq!(at(&all[0], "process.args_count"), 4);

    let stamp = "audit(1790000100.135:535)";
    let mut log = format!(
        "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=8 items=0 \
         ppid=1 pid=2150 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 \
         comm=\"x\" exe=\"/usr/bin/x\" key=\"exec\"\n"
    );
    for (first, many) in (0..70_000).step_by(500).map(|first| (first, first + 500)) {
        log += &format!("type=EXECVE msg={stamp}:");
        if first == 0 {
            log += " argc=70000";
        }
        for at in first..many {
            log += &format!(" a{at}=\"n{at}\"");
        }
        log.push('\n');
    }
    log += &format!("type=EOE msg={stamp}: \n");
    let all = documents(log.as_bytes());
    let args = at(&all[0], "process.args").as_array().unwrap();
    assert_eq!(at(&all[0], "process.args_count"), 70_000, "the true count in any case");
    let cut = at(&all[0], "auditd.args_missing").as_u64().unwrap_or(0);
    assert_eq!(args.len() as u64 + cut, 70_000);
    assert!(cut == 0 || at(&all[0], "auditd.incomplete") == true);
    assert!(args.iter().enumerate().all(|(n, arg)| arg == format!("n{n}").as_str()));
}

/// Not a report of its own, but what F44, F54 and F32 come to for a rule: the same fields in matching.
#[test]
fn an_exec_answers_to_every_producers_word_and_shows_one() {
    let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
    each(&mut mapper, &report("F57"), |document| {
        let words = matched(document, field::EVENT_ACTION);
        for word in ["exec", "exec_event", "executed", "process_started", "start", "ProcessRollup2"] {
            assert!(words.contains(&word.as_bytes().to_vec()), "{word}");
        }
        assert_eq!(document.shown(field::EVENT_ACTION), Values::One(Value::Text(b"executed")));
        assert_eq!(document.values(field::HOST_OS_TYPE), Values::One(Value::Text(b"linux")));
    });
}
