//! Ordinary work on accounts is no alarm: 10,000 operations at random, none with the user id 0, recorded as the kernel
//! and shadow 4.13 would (the shapes are those of `tests/fixtures/uid0` and `admin-day.log.gz`), and a recorded routine
//! day: a first boot's default user, packages upgraded, users and files as configuration management makes them
//! (`tests/fixtures/routine-day.sh` says what was run), and the day of a whole host (`packaging/test/vm/day.sh`).
//!
//! The literal reference rule asks for three words and not for their meaning: where they are all there, it must match, and
//! nothing else may.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod model;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const LITERAL: &str = "linux_backdoor_user_creation";

/// Numbers that look random and are the same in every run (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn name(&mut self) -> String {
        let first = self.of(&["bob", "eve", "anna", "web", "svc-", "o", "u0", "root2", "zero", "_apt"]);
        format!("{first}{}", self.below(2_000))
    }

    /// Any number but 0.
    fn id(&mut self) -> String {
        (1 + self.below(60_000)).to_string()
    }
}

/// One run of a tool.
#[derive(Debug)]
struct Operation {
    tool: &'static str,
    args: Vec<String>,
    /// Of the account files, those that it opens and replaces.
    files: &'static [&'static str],
    /// Type and text of what it reports.
    reports: Vec<(&'static str, String)>,
    fails: bool,
}

const PASSWD: &[&str] = &["/etc/passwd"];
const SHADOW: &[&str] = &["/etc/shadow"];
const USERS: &[&str] = &["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"];
const GROUPS: &[&str] = &["/etc/group", "/etc/gshadow"];

/// Options in any order, each with its value in one of the spellings that the tools take.
struct Words {
    options: Vec<Vec<String>>,
}

impl Words {
    fn flag(&mut self, word: &str) {
        self.options.push(vec![word.to_owned()]);
    }

    fn value(&mut self, random: &mut Random, letter: char, long: &str, value: &str) {
        self.options.push(match random.below(4) {
            0 => vec![format!("-{letter}{value}")],
            1 => vec![format!("--{long}"), value.to_owned()],
            2 => vec![format!("--{long}={value}")],
            _ => vec![format!("-{letter}"), value.to_owned()],
        });
    }

    fn with(mut self, random: &mut Random, name: &str) -> Vec<String> {
        if random.one_in(2) {
            self.options.push(vec![name.to_owned()]);
            shuffle(random, &mut self.options);
            return self.options.concat();
        }
        shuffle(random, &mut self.options);
        let mut words = self.options.concat();
        words.push(name.to_owned());
        words
    }
}

fn shuffle<T>(random: &mut Random, list: &mut [T]) {
    for at in (1..list.len()).rev() {
        list.swap(at, random.below(at + 1));
    }
}

/// The options that usermod and useradd share, and what usermod reports of them.
fn user_options(random: &mut Random) -> (Words, Vec<String>) {
    let (mut words, mut reports) = (Words { options: Vec::new() }, Vec::new());
    if random.one_in(2) {
        let comment = random.of(&["Bob Bull", "Room 0", "0", "root", "uid 0", "a,b,0,-", "Ø", "", "-"]);
        words.value(random, 'c', "comment", comment);
        reports.push("changing comment".to_owned());
    }
    if random.one_in(3) {
        let shell = random.of(&["/bin/bash", "/usr/sbin/nologin", "/bin/false"]);
        words.value(random, 's', "shell", shell);
        reports.push("changing user shell".to_owned());
    }
    if random.one_in(3) {
        let id = random.id();
        words.value(random, 'u', "uid", &id);
        if random.one_in(2) {
            let flag = random.of(&["-o", "--non-unique"]);
            words.flag(flag);
        }
        reports.push(format!("changing uid id={id}"));
    }
    if random.one_in(4) {
        let group = random.of(&["users", "100", "0", "root", "1000"]);
        words.value(random, 'g', "gid", group);
        reports.push("changing primary group".to_owned());
    }
    if random.one_in(3) {
        let groups = random.of(&["users", "users,video", "sudo", "adm,plugdev", "docker", "100,0"]);
        words.value(random, 'G', "groups", groups);
    }
    (words, reports)
}

fn operation(random: &mut Random) -> Operation {
    let (name, id) = (random.name(), random.id());
    let (mut reports, fails) = (Vec::new(), random.one_in(12));
    let (tool, args, files): (_, Vec<String>, _) = match random.below(10) {
        0 | 1 => {
            let (mut words, _) = user_options(random);
            words.flag(random.of(&["-m", "-M", "-r", "-N", "-U"]));
            reports.push(("ADD_USER", format!("op=adding user id={id}")));
            reports.push(("ADD_GROUP", format!("op=adding group acct=\"{name}\"")));
            ("useradd", words.with(random, &name), USERS)
        }
        2 | 3 => {
            let (mut words, changes) = user_options(random);
            if random.one_in(3) {
                words.flag(random.of(&["-a", "-L", "-U", "--lock", "-m"]));
            }
            let text = |change: String| match change.contains("id=") {
                true => format!("op={change}"),
                false => format!("op={change} id={id}"),
            };
            reports.extend(changes.into_iter().map(|change| ("USER_CHAUTHTOK", text(change))));
            ("usermod", words.with(random, &name), USERS)
        }
        4 => {
            reports.push(("USER_CHAUTHTOK", format!("op=PAM:chauthtok grantors=pam_unix acct=\"{name}\"")));
            // Root's own, too.
            let name = if random.one_in(4) { "root".to_owned() } else { name };
            ("passwd", vec![random.of(&["-l", "-u", "-q", "-e"]).to_owned(), name], SHADOW)
        }
        5 => {
            reports.push(("ADD_GROUP", format!("op=adding group to /etc/group id={id}")));
            ("groupadd", vec![random.of(&["-g", "-og", "--gid"]).to_owned(), id, name], GROUPS)
        }
        6 => {
            let group = random.of(&["users", "video", "sudo", "shadow", "games"]);
            let comes = random.one_in(2);
            reports.push(match comes {
                true => ("USER_MGMT", format!("op=add-user-to-group grp=\"{group}\" acct=\"{name}\"")),
                false => (
                    "USER_CHAUTHTOK",
                    format!("op=user {name} removed by root from group {group} acct=\"{group}\""),
                ),
            });
            ("gpasswd", vec![if comes { "-a" } else { "-d" }.to_owned(), name, group.to_owned()], GROUPS)
        }
        7 => {
            reports.push(("DEL_USER", format!("op=deleting user entries id={id}")));
            ("userdel", vec![random.of(&["-r", "-f", "--remove"]).to_owned(), name], USERS)
        }
        8 => {
            reports.push(("DEL_GROUP", format!("op=removing group from /etc/group id={id}")));
            reports.push(("DEL_GROUP", format!("op=removing group from /etc/gshadow id={id}")));
            ("groupdel", vec![name], GROUPS)
        }
        _ => {
            let root = random.one_in(4);
            let (name, id) = if root { ("root".to_owned(), "0".to_owned()) } else { (name, id) };
            reports.push(("USER_CHAUTHTOK", format!("op=change user shell id={id}")));
            ("chsh", vec!["-s".to_owned(), "/bin/bash".to_owned(), name], PASSWD)
        }
    };
    Operation { tool, args, files, reports, fails }
}

impl Operation {
    /// Whether the three words of the reference rule are there.
    fn is_literal(&self) -> bool {
        let has = |word: &str| self.args.iter().any(|argument| argument == word);
        self.tool == "usermod" && has("-u") && has("0") && has("-o")
    }

    /// What the kernel and the tool would record of it.
    fn record(&self, log: &mut Log) {
        let (pid, tool) = (log.pid(), self.tool);
        let folder = if matches!(tool, "passwd" | "gpasswd" | "chsh") { "/usr/bin" } else { "/usr/sbin" };
        let exe = format!("{folder}/{tool}");
        let call = |number: u32, items: usize| {
            format!(
                "type=SYSCALL msg=@: arch=c000003e syscall={number} success=yes exit=5 a0=ffffff9c a1=0 a2=20902 a3=0 \
                 items={items} ppid=2101 pid={pid} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 \
                 tty=pts0 ses=4 comm=\"{tool}\" exe=\"{exe}\" subj=unconfined key=\"x\"\n"
            )
        };
        let path = |item: usize, name: &str, kind: &str| {
            format!(
                "type=PATH msg=@: item={item} name=\"{name}\" inode={} dev=fe:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 \
                 nametype={kind}\n",
                100 + item
            )
        };
        let words = std::iter::once(tool).chain(self.args.iter().map(String::as_str));
        let args: Vec<Vec<u8>> = words.map(|word| word.as_bytes().to_vec()).collect();
        let records = model::execve(&args).into_iter().map(|text| format!("type=EXECVE msg=@: {text}\n"));
        log.event(&[call(59, 1), records.collect(), path(0, &exe, "NORMAL")].concat());
        if self.fails {
            return;
        }
        for file in self.files {
            log.event(&(call(257, 1) + &path(0, file, "NORMAL")));
        }
        for (kind, text) in &self.reports {
            log.line(&format!(
                "type={kind} msg=@: pid={pid} uid=0 auid=1000 ses=4 msg='{text} exe=\"{exe}\" hostname=? addr=? \
                 terminal=? res=success'\n"
            ));
        }
        for file in self.files {
            let (new, etc) = (format!("{file}+"), "/etc/");
            let paths =
                [(etc, "PARENT"), (etc, "PARENT"), (&new, "DELETE"), (file, "DELETE"), (file, "CREATE")];
            let paths = paths.iter().enumerate().map(|(at, (name, kind))| path(at, name, kind));
            log.event(&(call(82, 5) + &paths.collect::<String>()));
        }
    }
}

/// Records with a running clock and serial; `@` in their texts is the stamp.
struct Log {
    text: String,
    serial: u64,
    millis: u64,
    pid: u64,
}

impl Log {
    fn new() -> Self {
        Self { text: String::new(), serial: 1, millis: 1_790_000_000_000, pid: 3_000 }
    }

    fn pid(&mut self) -> u64 {
        self.pid += 1;
        self.pid
    }

    fn stamp(&mut self) -> String {
        self.serial += 1;
        self.millis += self.serial % 3;
        format!("audit({}.{:03}:{})", self.millis / 1000, self.millis % 1000, self.serial)
    }

    fn event(&mut self, text: &str) {
        let stamp = self.stamp();
        self.text += &text.replace("msg=@", &format!("msg={stamp}"));
        writeln!(self.text, "type=EOE msg={stamp}: ").unwrap();
    }

    fn line(&mut self, text: &str) {
        let stamp = self.stamp();
        self.text += &text.replace("msg=@", &format!("msg={stamp}"));
    }
}

fn replay(log: &str) -> Vec<Value> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), log).unwrap();
    replay_file(file.path())
}

fn replay_file(log: &Path) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["replay", "--format", "json", "--rules", concat!(env!("CARGO_MANIFEST_DIR"), "/rules")])
        .arg(log)
        .output()
        .unwrap();
    let summary = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{summary}");
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// The rules that an alert names.
fn rules(alert: &Value) -> Vec<&str> {
    let list = alert["auditward"]["rules"].as_array().unwrap().iter();
    list.map(|rule| rule["id"].as_str().unwrap()).collect()
}

#[test]
fn a_routine_day_tells_of_two_new_members_of_privileged_groups_and_a_sudoers_file_and_nothing_else() {
    let day = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/routine-day.log.gz");
    let alerts = replay_file(&day);
    let told: Vec<_> = alerts
        .iter()
        .map(|alert| (rules(alert), alert["event"]["severity"].as_u64(), &alert["process"]["command_line"]))
        .collect();
    let by_arguments = || vec!["privileged_group_by_arguments"];
    let [first, sudoers, second] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&sudoers.0, sudoers.1), (&vec!["sudoers_file_written"], Some(21)), "as cloud-init makes it");
    assert_eq!((&first.0, first.1), (&by_arguments(), Some(21)));
    assert!(first.2.as_str().unwrap().starts_with("useradd debian "), "the first boot's user: {first:?}");
    assert_eq!((&second.0, second.1), (&by_arguments(), Some(21)));
    assert_eq!(second.2, "usermod -aG adm anna");
}

/// A host from its first boot over a reboot to its shutdown: cloud-init's user, an upgrade with auditd, auditward and the account tools
/// among the packages, users and files by Ansible, images of containers (`packaging/test/vm/day.sh`).
#[test]
fn a_day_of_a_whole_host_tells_of_members_reloads_and_packages_at_low_and_nothing_else() {
    let day = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/host-day.log.gz");
    let alerts = replay_file(&day);
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for alert in &alerts {
        assert_eq!(alert["event"]["severity"], 21, "{}", alert["message"]);
        *told.entry(alert["rule"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let wanted = [
        // The rules of a site, by Ansible; those of the host, when auditd came back.
        ("audit_rules_reloaded", 2),
        // Its upgrade, the reboot, the shutdown.
        ("auditd_stopped", 3),
        // Processes of two transactions: dpkg, and systemctl where the package's script enables a unit.
        ("auditward_changed_by_package", 7),
        // The first boot's user in sudo, and one in adm.
        ("privileged_group_by_arguments", 2),
        // cloud-init's file, and Ansible's.
        ("sudoers_file_written", 2),
    ];
    assert_eq!(told, wanted.map(|(rule, times)| (rule.to_owned(), times)).into());
}

/// The same day, with the host down for twenty minutes at its reboot: what did not happen meanwhile is not told.
#[test]
fn a_long_reboot_on_that_day_tells_of_nothing_more() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/host-day.log.gz");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(&log).unwrap()).read_to_string(&mut text).unwrap();
    // The first record of the second boot (`audit(1795860267.404:2)`) and all behind it.
    let second = text.find("type=CONFIG_CHANGE msg=audit(1795860267.404:2)").expect("the second boot");
    let (first, second) = text.split_at(second);
    let later = |line: &str| {
        let (head, rest) = line.split_once("audit(").expect("a stamp");
        let (seconds, rest) = rest.split_once('.').expect("a point");
        format!("{head}audit({}.{rest}\n", seconds.parse::<u64>().expect("a time") + 1_200)
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), first.to_owned() + &second.lines().map(later).collect::<String>()).unwrap();
    let told = |alerts: Vec<Value>| -> Vec<(Value, Value)> {
        alerts.iter().map(|alert| (alert["rule"]["id"].clone(), alert["event"]["severity"].clone())).collect()
    };
    assert_eq!(told(replay_file(file.path())), told(replay_file(&log)));
}

#[test]
fn ten_thousand_ordinary_operations_are_no_alarm() {
    const OPERATIONS: usize = 10_000;
    let (mut random, mut log) = (Random(0x00AD_17A4), Log::new());
    let mut by_pid = BTreeMap::new();
    for _ in 0..OPERATIONS {
        let operation = operation(&mut random);
        operation.record(&mut log);
        by_pid.insert(log.pid, operation);
        log.millis += 20;
    }
    let of_tool = |tool: &str| by_pid.values().filter(|one| one.tool == tool).count();
    for tool in ["useradd", "usermod", "passwd", "groupadd", "groupdel", "gpasswd", "userdel", "chsh"] {
        assert!(of_tool(tool) > 500, "{tool}: {}", of_tool(tool));
    }
    let alerts = replay(&log.text);
    let mut literal = 0;
    for alert in &alerts {
        let operation = &by_pid[&alert["process"]["pid"].as_u64().unwrap()];
        let told = rules(alert);
        if operation.is_literal() && told.contains(&LITERAL) {
            literal += 1;
        } else {
            assert!(alert["event"]["severity"].as_u64() < Some(47), "{told:?}: {operation:?}");
        }
        let others = told.into_iter().filter(|rule| *rule != LITERAL);
        for rule in others {
            assert!(rule.starts_with("privileged_group_"), "{rule}: {operation:?}");
        }
    }
    assert_eq!(literal, by_pid.values().filter(|one| one.is_literal()).count(), "it stays literal");
    assert!(literal > 0 && alerts.len() > literal, "members of sudo are told, at low");

    // The same operations do alert when they give the user id 0.
    let take_over = Operation {
        tool: "usermod",
        args: ["-ou", "0", "bob"].map(str::to_owned).to_vec(),
        files: USERS,
        reports: vec![("USER_CHAUTHTOK", "op=changing uid id=0".to_owned())],
        fails: false,
    };
    let mut log = Log::new();
    take_over.record(&mut log);
    let alerts = replay(&log.text);
    assert_eq!((alerts.len(), alerts[0]["event"]["severity"].as_u64()), (1, Some(73)));
}
