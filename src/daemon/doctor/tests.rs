//! The doctor over directories that stand for a host.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use super::*;
use crate::audit::control::Status;
use crate::audit::kernel_rules::{Abi, LoadedRule, Needs, Profile, ProgramName};
use crate::daemon::status::{Accounts, Canary, Destination, Lost, ReceiveBuffer};

/// A host where nothing is to be mended, and a daemon that says so.
struct Healthy {
    root: tempfile::TempDir,
    kernel: Kernel,
    config: Config,
    config_faults: Vec<String>,
    rules: RuleSet,
    plan: Plan,
    report: Result<Report, (bool, String)>,
    _log: UnixDatagram,
}

const MOUNTS: &str = "22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw\n\
                      27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n";
const NETLINK: &str = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                       000000002894604e 9   700        00000001 0        0        0     2        0        111\n";

/// What [`Healthy`]'s plan needs, as the kernel lists it.
fn loaded(plan: &Plan) -> Vec<LoadedRule> {
    plan.rules.iter().map(|rule| rule.as_loaded().expect("a rule")).collect()
}

impl Healthy {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let bin = root.path().join("bin");
        fs::create_dir_all(&bin).expect("a directory");
        fs::copy("/bin/true", bin.join("usermod")).expect("a program");
        let needs = Needs { programs: vec![ProgramName::exact("usermod")], ..Needs::default() };
        let plan = Plan::new(&needs, Profile::Minimal, &Abi::of_this_host(), &[bin.to_str().expect("UTF-8")]);
        assert!(!plan.rules.is_empty());
        let status = Status { enabled: 1, failure: 1, pid: 700, backlog_limit: 8192, ..Status::default() };
        let rules = RuleSet::read(&[], root.path());
        let report = Report {
            receive_buffer: ReceiveBuffer { asked: 4096, granted: 4096 },
            destinations: vec![Destination { name: "syslog".into(), sent: 3, ..Destination::default() }],
            canary: Canary { age_seconds: Some(5), way_millis: Some(4), ..Canary::default() },
            accounts: Some(Accounts { accounts: 30, watched: true, ..Accounts::default() }),
            rules: crate::daemon::status::Rules { hash: rules.hash.clone(), ..Default::default() },
            ..Report::default()
        };
        let mut config = Config::default();
        config.syslog.socket = "/dev/log".into();
        fs::create_dir_all(root.path().join("dev")).expect("a directory");
        let log = UnixDatagram::bind(root.path().join("dev/log")).expect("a socket");
        let healthy = Self {
            kernel: Kernel::Answers { status, rules: loaded(&plan) },
            root,
            config,
            config_faults: Vec::new(),
            rules,
            plan,
            report: Ok(report),
            _log: log,
        };
        for (path, text) in [
            ("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet"),
            ("/proc/self/loginuid", "4294967295"),
            ("/proc/self/mountinfo", MOUNTS),
            ("/proc/net/netlink", NETLINK),
            ("/proc/sys/kernel/printk", "4\t4\t1\t7\n"),
            ("/proc/sys/kernel/hostname", "db7\n"),
            ("/proc/700/stat", &stat(700, "auditd", 0, 500)),
            ("/proc/900/stat", &stat(900, "bash) (x", 34816, 9000)),
            ("/run/systemd/timesync/synchronized", ""),
        ] {
            healthy.write(path, text);
        }
        healthy.link("/proc/self/ns/user", "user:[4026531837]");
        healthy.link("/proc/self/ns/pid", "pid:[4026531836]");
        healthy
    }

    fn path(&self, absolute: &str) -> PathBuf {
        self.root.path().join(absolute.trim_start_matches('/'))
    }

    fn write(&self, absolute: &str, text: &str) {
        let path = self.path(absolute);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn link(&self, absolute: &str, to: &str) {
        let path = self.path(absolute);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        let _ = fs::remove_file(&path);
        symlink(to, path).expect("a link");
    }

    fn status(&mut self, change: impl FnOnce(&mut Status)) {
        let Kernel::Answers { status, .. } = &mut self.kernel else { panic!("no answers") };
        change(status);
    }

    fn report(&mut self) -> &mut Report {
        self.report.as_mut().expect("a report")
    }

    fn accounts(&mut self) -> &mut Accounts {
        self.report().accounts.as_mut().expect("accounts")
    }

    fn examined<T>(&self, work: impl FnOnce(&Patient<'_>, Vec<Finding>) -> T) -> T {
        let place = Place::new(self.root.path());
        let patient = Patient {
            place: &place,
            kernel: &self.kernel,
            config: &self.config,
            config_faults: &self.config_faults,
            rules: &self.rules,
            plan: &self.plan,
            report: &self.report,
        };
        work(&patient, examine(&patient))
    }

    /// What is not fine, as `CHECK VERDICT`.
    fn complaints(&self) -> Vec<String> {
        self.examined(|_, findings| {
            let bad = findings.into_iter().filter(|finding| finding.verdict != Verdict::Fine);
            bad.map(|finding| format!("{} {}", finding.check, finding.verdict.word())).collect()
        })
    }

    fn text(&self, check: &str) -> String {
        self.examined(|_, findings| {
            let of =
                findings.iter().filter(|finding| finding.check == check && finding.verdict != Verdict::Fine);
            of.map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })
    }
}

fn stat(pid: u32, name: &str, terminal: u32, start: u64) -> String {
    format!("{pid} ({name}) S 1 {pid} {pid} {terminal} -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 {start} 1000 10\n")
}

/// A rule of some list and action, as the kernel would list it.
fn rule(flags: netlink_packet_audit::RuleFlags, action: netlink_packet_audit::RuleAction) -> LoadedRule {
    use netlink_packet_core::Emitable;
    let mut message = netlink_packet_audit::RuleMessage::new();
    message.flags = flags;
    message.action = action;
    message.syscalls = netlink_packet_audit::RuleSyscalls::new_maxed();
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    LoadedRule::parse(bytes).expect("a rule")
}

#[test]
fn on_a_healthy_host_every_check_is_fine() {
    let healthy = Healthy::new();
    assert_eq!(healthy.complaints(), Vec::<String>::new());
    healthy.examined(|_, findings| {
        let told: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
        let all: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        assert_eq!(told, all, "each once, in order");
    });
}

/// One thing wrong at a time: that check complains, and no other.
#[test]
fn each_trouble_is_found_by_its_check_alone() {
    use netlink_packet_audit::{RuleAction, RuleFlags};
    type Trouble = fn(&mut Healthy);
    let troubles: [(&str, Trouble); 39] = [
        ("kernel MEND", |h| h.write("/proc/cmdline", "ro audit=0")),
        ("kernel MEND", |h| fs::remove_file(h.path("/proc/self/loginuid")).expect("removed")),
        ("namespaces MEND", |h| h.link("/proc/self/ns/pid", "pid:[4026532000]")),
        ("namespaces MEND", |h| h.write("/run/systemd/container", "systemd-nspawn\n")),
        ("enabled MEND", |h| h.status(|s| s.enabled = 0)),
        ("rules-loaded MEND", |h| {
            let Kernel::Answers { rules, .. } = &mut h.kernel else { return };
            rules.pop();
        }),
        ("rules-loaded MEND", |h| {
            let Kernel::Answers { rules, status } = &mut h.kernel else { return };
            rules.clear();
            status.enabled = 2;
        }),
        ("rules-loaded note", |h| h.plan.blind.push("Any Program".into())),
        ("never-task MEND", |h| {
            let Kernel::Answers { rules, .. } = &mut h.kernel else { return };
            rules.push(rule(RuleFlags::FilterTask, RuleAction::Never));
        }),
        ("never-task MEND", |h| h.write("/etc/audit/rules.d/10-no.rules", "# x\n-a task,never\n")),
        ("exclude note", |h| {
            let Kernel::Answers { rules, .. } = &mut h.kernel else { return };
            rules.push(rule(RuleFlags::FilterType, RuleAction::Always));
        }),
        ("old-processes MEND", |h| h.write("/proc/300/stat", &stat(300, "bash", 34816, 400))),
        ("backlog MEND", |h| h.status(|s| s.backlog_limit = 64)),
        ("backlog note", |h| h.status(|s| s.lost = 7)),
        ("failure-mode note", |h| h.status(|s| s.failure = 2)),
        ("readers note", |h| h.write("/proc/net/netlink", &NETLINK.replace("2        0 ", "2        9 "))),
        ("daemon MEND", |h| h.report = Err((true, "none".into()))),
        ("daemon unseen", |h| h.report = Err((false, "Permission denied".into()))),
        ("buffer MEND", |h| h.report().receive_buffer.granted = 4095),
        ("buffer MEND", |h| h.report().lost = Lost { socket_records: 3, ..Lost::default() }),
        ("destinations MEND", |h| h.report().destinations[0].lag_seconds = 61.0),
        ("destinations MEND", |h| h.report().destinations[0].lost = 1),
        ("destinations MEND", |h| h.report().destinations.clear()),
        ("canary MEND", |h| h.report().canary.missed = 1),
        ("canary MEND", |h| h.report().canary.age_seconds = Some(3600)),
        ("canary note", |h| h.report().canary = Canary::default()),
        ("accounts MEND", |h| h.report().accounts = None),
        ("accounts MEND", |h| h.accounts().unreadable.push("/etc/passwd: gone".to_owned())),
        ("accounts note", |h| h.accounts().partial.push("/etc/passwd".to_owned())),
        ("accounts note", |h| h.accounts().watched = false),
        ("accounts note", |h| h.accounts().malformed = 2),
        ("detection-rules MEND", |h| h.report().rules.hash = "other".into()),
        ("configuration MEND", |h| h.config_faults.push("x.toml:3: no".into())),
        ("syslog MEND", |h| fs::remove_file(h.path("/dev/log")).expect("removed")),
        ("rate-limits MEND", |h| {
            h.write("/etc/rsyslog.d/x.conf", "module(load=\"imjournal\" StateFile=\"x\")\n")
        }),
        ("rate-limits MEND", |h| {
            // That of the other input is not imjournal's.
            let imuxsock = "module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"0\")\n";
            h.write("/etc/rsyslog.conf", &format!("{imuxsock}module(load=\"imjournal\" StateFile=\"x\")\n"));
        }),
        ("hidepid MEND", |h| {
            h.write(
                "/proc/self/mountinfo",
                &MOUNTS.replace("proc proc rw", "proc proc rw,hidepid=invisible"),
            );
        }),
        ("mounts note", |h| h.write("/proc/self/mountinfo", &MOUNTS.replace("shared:1 ", ""))),
        ("clock note", |h| fs::remove_dir_all(h.path("/run/systemd/timesync")).expect("removed")),
    ];
    for (number, (complaint, trouble)) in troubles.iter().enumerate() {
        let mut host = Healthy::new();
        trouble(&mut host);
        assert_eq!(host.complaints(), [*complaint], "trouble {number}");
        let check = complaint.split(' ').next().expect("a word");
        let text = host.text(check);
        assert!(text.lines().all(|line| line.contains(": ")), "a mend stands in each line: {text}");
    }
}

#[test]
fn without_an_audit_daemon_the_console_is_looked_at() {
    let mut host = Healthy::new();
    host.status(|s| s.pid = 0);
    host.write("/proc/cmdline", "ro audit=1");
    assert_eq!(host.complaints(), ["console note"]);
    host.write("/proc/sys/kernel/printk", "7\t4\t1\t7\n");
    assert_eq!(host.complaints(), ["console MEND"]);
    host.write("/proc/cmdline", "ro");
    assert_eq!(host.complaints(), ["old-processes note", "console MEND"]);
}

#[test]
fn who_may_not_ask_the_kernel_is_told_what_he_did_not_see() {
    let mut host = Healthy::new();
    host.kernel = Kernel::NotPermitted;
    let complaints = host.complaints();
    assert_eq!(complaints.len(), 8, "{complaints:?}");
    assert!(complaints.iter().all(|complaint| complaint.ends_with(" unseen")), "{complaints:?}");
}

#[test]
fn journald_limits_are_told_where_it_has_the_socket() {
    let host = Healthy::new();
    let socket = host.path("/run/systemd/journal/dev-log");
    fs::create_dir_all(socket.parent().expect("a parent")).expect("a directory");
    let _log = UnixDatagram::bind(&socket).expect("a socket");
    fs::remove_file(host.path("/dev/log")).expect("removed");
    symlink(&socket, host.path("/dev/log")).expect("a link");
    assert_eq!(host.complaints(), ["rate-limits note"]);
    assert!(
        host.text("rate-limits").contains("journald takes 10000 lines in 30s"),
        "{}",
        host.text("rate-limits")
    );
    host.write(
        "/etc/systemd/journald.conf",
        "[Journal]\n#RateLimitIntervalSec=30s\nRateLimitIntervalSec=0\n",
    );
    assert_eq!(host.complaints(), Vec::<String>::new());
    host.write(
        "/etc/systemd/journald.conf.d/x.conf",
        "[Journal]\nRateLimitIntervalSec=5s\nRateLimitBurst=7\n",
    );
    assert!(host.text("rate-limits").contains("journald takes 7 lines in 5s"));
}

#[test]
fn the_bundle_is_whole_and_redacted() {
    let mut host = Healthy::new();
    host.report().host = "db7".to_owned();
    host.write("/etc/auditward/auditward.toml", "user = \"x\" # ask bob@example.org, 192.0.2.7\n");
    host.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    host.write("/proc/cmdline", "ro token=hunter2");
    let file = host.path("bundle.tar.gz");
    let names = host.examined(|patient, findings| bundle::write(&file, patient, &findings)).expect("written");
    assert!(names.contains(&"status.json".to_owned()), "{names:?}");
    let mut archive =
        tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(&file).expect("the file")));
    let mut all = String::new();
    let mut count = 0;
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        assert!(entry.path().expect("a name").starts_with("auditward-bundle"));
        io::Read::read_to_string(&mut entry, &mut all).expect("text");
        count += 1;
    }
    assert_eq!(count, names.len());
    assert!(
        all.contains("ok     kernel") && all.contains("token=<secret>") && all.contains("<mail>"),
        "{all}"
    );
    assert!(all.contains("live      494ebba4-ecb7-4be4-8c6f-654c686549ad"), "{all}");
    for word in ["hunter2", "bob@", "192.0.2.7", "\"db7\"", "0123456789abcdef0123456789abcdef"] {
        assert!(!all.contains(word), "{word} in {all}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).expect("the file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let again = host.examined(|patient, findings| bundle::write(&file, patient, &findings));
    assert_eq!(again.expect_err("it is there").kind(), io::ErrorKind::AlreadyExists);
}
