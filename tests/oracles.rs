//! The tables of record types, system calls and errors against what others say, where it is installed:
//! the kernel's header, libaudit's header, auditd's tools, netlink-packet-audit.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::Command;

use auditward::audit::RecordType;
use auditward::audit::syscalls::Arch;
use auditward::audit::types::Place;

/// Names that stand for ranges, or for nothing that is a record.
fn is_bound(name: &str) -> bool {
    name.contains("FIRST") || name.contains("LAST") || name == "MESSAGE_TEXT_MAX"
}

/// `#define AUDIT_NAME 1234` of a C header.
fn defines(path: &str) -> Option<Vec<(String, u16)>> {
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no {path}");
        return None;
    };
    let define = |line: &str| {
        let mut words = line.strip_prefix("#define")?.split_whitespace();
        let name = words.next()?.strip_prefix("AUDIT_")?.to_owned();
        let number: u16 = words.next()?.parse().ok()?;
        ((1000..3000).contains(&number) && !is_bound(&name)).then_some((name, number))
    };
    Some(text.lines().filter_map(define).collect())
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(args).output() else {
        eprintln!("skipped: no {program}");
        return None;
    };
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn record_types_are_those_of_the_headers() {
    for path in ["/usr/include/linux/audit.h", "/usr/include/libaudit.h"] {
        let Some(defines) = defines(path) else { continue };
        assert!(defines.len() > 90, "{path}: {}", defines.len());
        for (name, number) in defines {
            // The one name that auditd writes otherwise (`lib/msg_typetab.h`).
            let written = if name == "AA" { "APPARMOR" } else { &name };
            assert_eq!(RecordType(number).name(), Some(written), "{path}");
            assert_eq!(RecordType::from_name(written.as_bytes()), Some(RecordType(number)), "{path}");
        }
    }
}

#[test]
fn record_types_are_those_that_ausearch_takes() {
    let Some(text) = output("ausearch", &["-m", "nothing-like-that"]) else { return };
    let names = text.split_once("Valid message types are: ALL ").unwrap().1;
    let numbers: Vec<_> = names
        .split_whitespace()
        .map(|name| RecordType::from_name(name.as_bytes()).unwrap_or_else(|| panic!("{name} is not known")))
        .collect();
    assert!(numbers.len() > 150);
    // It lists them by number.
    assert!(numbers.is_sorted());
}

#[test]
fn record_types_are_those_of_netlink_packet_audit() {
    use netlink_packet_audit as crate_;
    let known = [
        (crate_::AUDIT_LOGIN, "LOGIN"),
        (crate_::AUDIT_USER_AVC, "USER_AVC"),
        (crate_::AUDIT_USER_TTY, "USER_TTY"),
        (crate_::AUDIT_DAEMON_START, "DAEMON_START"),
        (crate_::AUDIT_DAEMON_CONFIG, "DAEMON_CONFIG"),
        (crate_::AUDIT_SYSCALL, "SYSCALL"),
        (crate_::AUDIT_PATH, "PATH"),
        (crate_::AUDIT_CONFIG_CHANGE, "CONFIG_CHANGE"),
        (crate_::AUDIT_SOCKADDR, "SOCKADDR"),
        (crate_::AUDIT_CWD, "CWD"),
        (crate_::AUDIT_EXECVE, "EXECVE"),
        (crate_::AUDIT_EOE, "EOE"),
        (crate_::AUDIT_BPRM_FCAPS, "BPRM_FCAPS"),
        (crate_::AUDIT_SECCOMP, "SECCOMP"),
        (crate_::AUDIT_PROCTITLE, "PROCTITLE"),
        (crate_::AUDIT_FANOTIFY, "FANOTIFY"),
        (crate_::AUDIT_AVC, "AVC"),
        (crate_::AUDIT_MAC_CALIPSO_DEL, "MAC_CALIPSO_DEL"),
        (crate_::AUDIT_ANOM_PROMISCUOUS, "ANOM_PROMISCUOUS"),
        (crate_::AUDIT_ANOM_LINK, "ANOM_LINK"),
        (crate_::AUDIT_INTEGRITY_RULE, "INTEGRITY_RULE"),
        (crate_::AUDIT_KERNEL, "KERNEL"),
    ];
    for (number, name) in known {
        assert_eq!(RecordType(number).name(), Some(name));
    }
}

#[test]
fn types_that_programs_may_send_come_alone() {
    // `AUDIT_FIRST_USER_MSG` to `AUDIT_LAST_USER_MSG` and the second such range.
    for number in (1100..1300).chain(2100..3000) {
        assert_eq!(RecordType(number).place(), Place::Single, "{number}");
    }
    for kind in [RecordType::LOGIN, RecordType::AVC, RecordType::SECCOMP, RecordType::ANOM_ABEND] {
        assert_eq!(kind.place(), Place::Either, "{kind}");
    }
    assert_eq!(RecordType(1999).place(), Place::Either);
}

#[test]
fn names_and_numbers_lead_to_one_another() {
    let mut count = 0;
    for kind in RecordType::all() {
        let name = kind.name().unwrap();
        assert_eq!(RecordType::from_name(name.as_bytes()), Some(kind));
        assert_eq!(RecordType::from_name(kind.0.to_string().as_bytes()), Some(kind));
        assert!(!kind.meaning().unwrap().is_empty());
        count += 1;
    }
    assert!(count > 220);
    for number in 0..=u16::MAX {
        let shown = RecordType(number).to_string();
        assert_eq!(RecordType::from_name(shown.as_bytes()), Some(RecordType(number)));
    }
    for wrong in
        ["", "SYSCAL", "SYSCALLS", "syscall", "UNKNOWN[]", "UNKNOWN[1420", "UNKNOWN[-1]", "65536", "+1"]
    {
        assert_eq!(RecordType::from_name(wrong.as_bytes()), None, "{wrong}");
    }
}

/// Calls that libaudit's tables name otherwise than the kernel's unistd.h does.
const OTHER_NAMES: [(&str, &str); 13] = [
    ("pread64", "pread"),
    ("pwrite64", "pwrite"),
    ("getdents64", "getdents"),
    ("fstat", "newfstat"),
    ("newfstatat", "fstatat64"),
    ("kexec_load", "sys_kexec_load"),
    ("sched_rr_get_interval_time64", "sched_rr_get_interval64"),
    ("timerfd_create", "timerfd"),
    ("perf_event_open", "perf_counter_open"),
    ("_llseek", "llseek"),
    ("_newselect", "newselect"),
    ("_sysctl", "sysctl"),
    ("arm_fadvise64_64", "fadvise64_64"),
];

#[test]
fn system_calls_are_those_of_ausyscall() {
    for name in ["x86_64", "i386", "aarch64", "arm", "ppc64", "ppc64le", "s390x", "riscv64"] {
        let arch = Arch::from_name(name).unwrap();
        let Some(text) = output("ausyscall", &[name, "--dump"]) else { return };
        // An old one falls back to another table for what it does not know.
        if !text.starts_with(&format!("Using {name} ")) {
            eprintln!("skipped: ausyscall does not know {name}");
            continue;
        }
        let (mut same, mut unknown) = (0, 0);
        for (number, theirs) in text.lines().filter_map(|line| line.split_once('\t')) {
            let number: u32 = number.parse().unwrap();
            match arch.syscall_name(number) {
                Some(ours) if ours == theirs || OTHER_NAMES.contains(&(ours, theirs)) => {
                    same += 1;
                    assert_eq!(arch.syscall_number(ours), Some(number), "{name}");
                }
                Some("arm_sync_file_range") if theirs == "sync_file_range" => same += 1,
                Some(ours) => panic!("{name} {number}: {ours} is {theirs}"),
                // Calls of 32-bit PowerPC and of Arm's old ABI, which share libaudit's tables.
                None => unknown += 1,
            }
        }
        let foreign = match name {
            "arm" => 11,
            "ppc64" | "ppc64le" => 29,
            _ => 0,
        };
        assert!(same > 300 && unknown <= foreign, "{name}: {same} {unknown}");
    }
}
