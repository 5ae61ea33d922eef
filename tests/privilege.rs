//! Laying root down, each scenario in a process of its own: the capabilities of a thread end only with
//! it, and a process is only at its beginning without other threads. That is why this file has no test
//! harness: its `main` starts itself again, once a scenario.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(clippy::expect_used, reason = "a test that cannot go on has failed")]
mod live;

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use auditward::audit::control::Control;
use auditward::audit::netlink::{DEFAULT_BUFFER, Socket};
use auditward::audit::{Record, RecordType};
use auditward::daemon::privilege::{self, Identity, Origin, PrivilegeError};
use caps::Capability;
use live::{KernelAudit, private_usermod, scratch};
use nix::unistd::{Uid, geteuid, getgroups, setuid};

type Scenario = (&'static str, fn(&str), fn());

/// The scenarios: what the parent does to start it, and what happens inside.
const SCENARIOS: &[Scenario] = &[
    ("root becomes a free number and keeps nothing", run, free_number),
    ("root becomes the user asked for", run, user_asked_for),
    ("one capability is kept and no other", run, one_kept),
    ("an ordinary user stays who it is", run_as_nobody, ordinary_user),
    ("with a second thread nothing is begun", run, second_thread),
    ("a socket handed over serves a process without capabilities", hand_over, handed_over),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // cargo-nextest asks for a list first.
    if arguments.iter().any(|a| a == "--list") {
        if !arguments.iter().any(|a| a == "--ignored") {
            println!("privilege: test");
        }
        return;
    }
    if let [child, name, ..] = arguments.as_slice()
        && child == "child"
    {
        let (.., inside) = SCENARIOS.iter().find(|(known, ..)| known == name).unwrap();
        return inside();
    }
    if !geteuid().is_root() {
        assert!(std::env::var_os("AUDITWARD_LIVE").is_none_or(|v| v != "1"), "AUDITWARD_LIVE=1 needs root");
        println!("skipped: only root can lay root down");
        return;
    }
    for (name, start, _) in SCENARIOS {
        start(name);
        println!("ok: {name}");
    }
}

fn itself(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", name]);
    command
}

fn run(name: &str) {
    assert!(itself(name).status().unwrap().success(), "{name}");
}

fn run_as_nobody(name: &str) {
    // The build directory need not be open to others: the program goes by descriptor.
    let program = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let mut command = Command::new("/proc/self/fd/0");
    command.args(["child", name]).stdin(program).uid(65_534).gid(65_534);
    assert!(command.status().unwrap().success(), "{name}");
}

/// As systemd hands it over: the socket is descriptor 3, LISTEN_PID the service's own pid.
fn hand_over(name: &str) {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = private_usermod(folder.path());
    kernel.record_executions_of(&program);
    let mut joined = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_AUDIT).unwrap();
    joined.bind_auto().unwrap();
    joined.add_membership(1).unwrap();
    let handed: OwnedFd = joined.as_fd().try_clone_to_owned().unwrap();
    let service = itself(name);
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg("exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"");
    shell.arg(service.get_program()).args(service.get_args()).env("AUDITWARD_TEST_KEY", kernel.key());
    let mut service = shell.stdin(Stdio::from(handed)).spawn().unwrap();
    assert!(Command::new(&program).arg("seen").status().unwrap().success());
    assert!(service.wait().unwrap().success(), "{name}");
}

fn status() -> String {
    std::fs::read_to_string("/proc/thread-self/status").unwrap()
}

fn line(name: &str) -> String {
    let status = status();
    status.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned()
}

fn capability_sets() -> Vec<u64> {
    ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"]
        .map(|name| u64::from_str_radix(&line(name), 16).unwrap())
        .into()
}

fn free_number() {
    let identity = Identity::choose(None).unwrap();
    assert!(matches!(identity.origin, Origin::Free | Origin::Account));
    privilege::lay_down(&identity, &[]).unwrap();
    let check = move || {
        assert_eq!(capability_sets(), [0; 5]);
        let ids = format!("{0}\t{0}\t{0}\t{0}", identity.uid);
        assert_eq!((line("Uid:"), line("Groups:")), (ids, String::new()));
        assert_eq!(line("NoNewPrivs:"), "1");
    };
    check();
    // Threads that come later have no more.
    std::thread::spawn(check).join().unwrap();
    assert!(getgroups().unwrap().is_empty());
    assert!(!nix::sys::prctl::get_dumpable().unwrap());
    // No way back.
    assert!(setuid(Uid::from_raw(0)).is_err());
    assert!(caps::raise(None, caps::CapSet::Effective, Capability::CAP_AUDIT_READ).is_err());
    assert!(std::fs::read("/etc/shadow").is_err());
    assert!(Socket::join(DEFAULT_BUFFER).is_err());
    assert!(Control::open().unwrap().status().is_err());
    // Not even through a program that is set-uid root.
    let output =
        Command::new("/bin/sh").args(["-c", "su -c id root </dev/null; cat /proc/self/status"]).output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(!output.contains("uid=0"), "{output}");
    assert!(output.contains("CapBnd:\t0000000000000000"), "{output}");
}

fn user_asked_for() {
    let identity = Identity::choose(Some("nobody")).unwrap();
    privilege::lay_down(&identity, &[]).unwrap();
    assert_eq!((line("Uid:"), capability_sets()), ("65534\t65534\t65534\t65534".to_owned(), vec![0; 5]));
}

fn one_kept() {
    let mut control = Control::open().unwrap();
    let identity = Identity::free(&[]).unwrap();
    privilege::lay_down(&identity, &[Capability::CAP_AUDIT_CONTROL]).unwrap();
    let kept = Capability::CAP_AUDIT_CONTROL.bitmask();
    assert_eq!(capability_sets(), [0, kept, kept, 0, 0]);
    assert!(!line("Uid:").split('\t').any(|uid| uid == "0"));
    control.status().unwrap();
    control.rules().unwrap();
    assert!(std::fs::read("/etc/shadow").is_err());
    assert!(Socket::join(DEFAULT_BUFFER).is_err());
}

fn ordinary_user() {
    let identity = Identity::choose(None).unwrap();
    assert_eq!(identity, Identity { uid: 65_534, gid: 65_534, origin: Origin::Unchanged });
    privilege::lay_down(&identity, &[]).unwrap();
    let sets = capability_sets();
    assert_eq!((sets[0], sets[1], sets[2], sets[4]), (0, 0, 0, 0));
}

fn second_thread() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    let before = capability_sets();
    let identity = Identity::free(&[]).unwrap();
    assert!(matches!(privilege::lay_down(&identity, &[]), Err(PrivilegeError::Threads(2))));
    assert_eq!(capability_sets(), before);
    drop(stop);
    assert!(thread.join().unwrap().is_err());
}

fn handed_over() {
    let mut socket = Socket::take_or_join(DEFAULT_BUFFER).unwrap();
    assert!(socket.handed_over());
    privilege::lay_down(&Identity::choose(None).unwrap(), &[]).unwrap();
    let key = format!("key=\"{}\"", std::env::var("AUDITWARD_TEST_KEY").unwrap());
    let (end, mut came) = (Instant::now() + Duration::from_secs(10), false);
    while !came {
        assert!(Instant::now() < end, "no record came");
        let deadline = Some(Instant::now() + Duration::from_millis(100));
        let mut take = |record: &Record<'_>| {
            came |= record.kind == RecordType::SYSCALL && record.body.ends_with(key.as_bytes());
        };
        socket.receive(None, deadline, &mut take).unwrap();
    }
    assert_eq!(socket.drops().unwrap(), 0);
    // A second call finds nothing to take over, and may not join.
    assert!(Socket::take_or_join(DEFAULT_BUFFER).is_err());
}
