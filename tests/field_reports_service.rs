//! Field reports (`../shared/field-reports.md`) of the stage service and packaging, by number.
//!
//! Elsewhere: F08 and F45 in `packaging/test/container.sh`, F08's exclusion and its rules for everything in
//! `packaging/test/vm/confined.sh`, what of F08 is the process table's in `field_reports_event.rs`, the .rpm's half of F45
//! in `packaging/test/rpm.sh`, what of F65 is the store's alone in `store.rs`.
//!
//! Needs root, `auditctl` and `rsyslogd`; see [`live`].
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use auditward::audit::netlink::{DEFAULT_BUFFER, Socket};
use auditward::audit::{Record, RecordType};
use live::growth::whole_lines;
use live::{
    Daemon, KernelAudit, Rsyslogd, answered_status, auditctl, eventually, private_usermod, scratch, take_over,
};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A file system of 1 MiB, as long as this lives.
struct Small(PathBuf);

impl Small {
    fn mount(path: PathBuf) -> Self {
        fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        assert!(
            ends_well(mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs"]).arg(&path)),
            "mount"
        );
        Self(path)
    }

    /// Leaves not a byte: a file of whole pages, then the rest.
    fn fill(&self) {
        let mut filler = File::create(self.0.join("filler")).unwrap();
        for size in [65_536, 4_096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
        let error = File::create(self.0.join("one-more")).and_then(|mut file| file.write_all(b"x"));
        assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        ends_well(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn ends_well(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

/// Hundredths of a second of the processor that the process has had, all its threads together.
fn processor_time(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn destination(report: &Value, name: &str) -> Value {
    let mut all = report["destinations"].as_array().expect("destinations").iter();
    all.find(|one| one["name"] == name).cloned().unwrap_or_else(|| panic!("{name} in {report:#}"))
}

/// The accounts of the take-overs in the file of documents, which must all be whole.
fn accounts_in(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let documents = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a whole document"));
    let accounts = documents.filter_map(|document| {
        let arguments = document.pointer("/process/args")?.as_array()?.clone();
        Some(arguments.last()?.as_str()?.to_owned())
    });
    accounts.collect()
}

/// The configuration: the shipped rule, alerts to `socket` and to `file`, the state on the file system at `small`.
fn configured(folder: &Path, socket: &Path, small: &Path, file: &Path) -> PathBuf {
    let shipped = "rules/persistence_linux_backdoor_user_creation.toml";
    let (rule, config) = (folder.join("rule.toml"), folder.join("auditward.toml"));
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(shipped), &rule).unwrap();
    fs::set_permissions(&rule, fs::Permissions::from_mode(0o644)).unwrap();
    let (rule, socket, file) = (rule.display(), socket.display(), file.display());
    let (run, state) = (folder.join("run"), small.join("state"));
    let text = format!(
        "rules = [\"{rule}\"]\n[syslog]\nsocket = \"{socket}\"\n[file]\npath = \"{file}\"\n[daemon]\n\
         runtime_directory = \"{}\"\nstate_directory = \"{}\"\n",
        run.display(),
        state.display()
    );
    fs::write(&config, text).unwrap();
    config
}

/// A count of the store, as `status` tells it.
fn store_count(report: &Value, key: &str) -> u64 {
    report["store"][key].as_u64().unwrap_or_else(|| panic!("{report:#}"))
}

/// The store may find room for some still: what stands in its log may be overwritten.
fn counted_as_stored_or_not(runtime: &Path, alerts: u64) {
    eventually("the alerts are counted as stored or not", || {
        let report = answered_status(runtime);
        let counts = (store_count(&report, "stored"), store_count(&report, "unstored"));
        if counts.0 + counts.1 == alerts { Ok(()) } else { Err(format!("{counts:?}")) }
    });
}

/// Makes alerts, each of which is in syslog at once, until one is stored; gives their number.
fn stored_again(usermod: &Path, rsyslogd: &Rsyslogd, runtime: &Path) -> usize {
    let stored = store_count(&answered_status(runtime), "stored");
    let mut count = 0;
    eventually("alerts are stored again", || {
        count += 1;
        take_over(usermod, &format!("room-{count}"));
        rsyslogd.expect_line(&format!("-o room-{count}"));
        let report = answered_status(runtime);
        let works = report["store"]["trouble"].is_null() && store_count(&report, "stored") > stored;
        if works { Ok(()) } else { Err(report["store"].to_string()) }
    });
    count
}

/// That the file of alerts has no room was told, once a minute at most, and in no other way.
fn told_once_a_minute(daemon: &Daemon, started: Instant) {
    let said = daemon.stderr();
    let said: Vec<&str> = said.lines().filter(|line| line.contains("No space left")).collect();
    let minutes = started.elapsed().as_secs() / 60 + 1;
    assert!(!said.is_empty() && said.len() as u64 <= minutes, "{said:#?} in {minutes} minutes");
    assert!(said.iter().all(|line| line.contains("alerts.ndjson")), "{said:#?}");
}

/// F65: the state directory and the file of alerts lie on a file system that is full.
#[test]
fn f65_full_disk() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let usermod = private_usermod(folder.path());
    kernel.record_executions_of(&usermod);
    let rsyslogd = Rsyslogd::start(folder.path());
    let small = Small::mount(folder.path().join("small"));
    let (file, runtime) = (small.0.join("alerts.ndjson"), folder.path().join("run"));
    let config = configured(folder.path(), &rsyslogd.socket, &small.0, &file);
    let arguments =
        ["--config", config.to_str().unwrap(), "--site", folder.path().to_str().unwrap()].map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let started = Instant::now();
    let mut daemon = Daemon::start(folder.path(), &arguments);
    take_over(&usermod, "before");
    rsyslogd.expect_line("-o before");
    eventually("it is in the file", || match accounts_in(&file) {
        there if there == ["before"] => Ok(()),
        there => Err(format!("{there:?}")),
    });

    // Full. Syslog has them at once; the file has what went into its last page, and keeps the rest.
    small.fill();
    let pid = daemon.process.pid();
    let names = ["first", "second", "third"];
    for name in names {
        take_over(&usermod, name);
        rsyslogd.expect_line(&format!("-o {name}"));
    }
    let told = eventually("the file is in trouble; two wait, and the third is in the writer's hand", || {
        let told = destination(&answered_status(&runtime), "file");
        if told["trouble"].is_string() && told["waiting"] == 2 { Ok(told) } else { Err(told.to_string()) }
    });
    assert!(told["trouble"].as_str().unwrap().contains("No space left on device"), "{told}");
    assert_eq!((&told["sent"], &told["lost"]), (&Value::from(1), &Value::from(0)), "{told}");

    // None was held back for it, and none is forgotten in the count.
    counted_as_stored_or_not(&runtime, 4);

    // At rest, and not in a hurry: a loop without a pause would take all of the time that it gets.
    let before = processor_time(pid);
    std::thread::sleep(Duration::from_secs(4));
    let taken = processor_time(pid) - before;
    assert!(taken <= 20, "{taken} hundredths of a second in four seconds");

    // Room again: no restart, nothing twice, nothing missing, no half of a line.
    small.make_room();
    let all = ["before", "first", "second", "third"];
    eventually("all of them are in the file", || match fs::read_to_string(&file).unwrap() {
        text if text.ends_with('\n') && text.matches("\"process\":{").count() >= all.len() => Ok(()),
        text => Err(text),
    });
    assert_eq!(accounts_in(&file), all);
    let told = destination(&answered_status(&runtime), "file");
    assert_eq!((&told["trouble"], &told["waiting"]), (&Value::Null, &Value::from(0)), "{told}");
    assert_eq!((&told["sent"], &told["lost"]), (&Value::from(4), &Value::from(0)), "{told}");

    // The store goes on by itself with what comes now.
    let account = stored_again(&usermod, &rsyslogd, &runtime);
    eventually("these are in the file too", || match accounts_in(&file).len() {
        there if there == all.len() + account => Ok(()),
        there => Err(there.to_string()),
    });

    told_once_a_minute(&daemon, started);
    daemon.process.end(Signal::SIGTERM);

    // A start on a full disk: the watch goes on, whatever of its state finds room in what it frees itself.
    small.fill();
    let mut daemon = Daemon::start(folder.path(), &arguments);
    take_over(&usermod, "full-from-the-start");
    rsyslogd.expect_line("-o full-from-the-start");
    small.make_room();
    eventually("it is in the file", || match fs::read_to_string(&file).unwrap() {
        text if text.contains("full-from-the-start") && text.ends_with('\n') => Ok(()),
        text => Err(text),
    });
    assert_eq!(accounts_in(&file).len(), all.len() + account + 1);
    daemon.process.end(Signal::SIGTERM);

    // Nothing in the state directory is broken: the next start finds nothing to complain of.
    let mut daemon = Daemon::start(folder.path(), &arguments);
    take_over(&usermod, "last");
    rsyslogd.expect_line("-o last");
    let told = daemon.stderr();
    assert!(!told.contains("small/"), "{told}");
    daemon.process.end(Signal::SIGTERM);
    assert!(!rsyslogd.lines().iter().any(|line| line.contains("did not end as it should")));
}

/// What the kernel recorded of this process's own calls, read from a socket of the test's.
struct OwnCalls {
    socket: Socket,
    pid: u32,
}

impl OwnCalls {
    fn of(pid: u32) -> Self {
        Self { socket: Socket::join(DEFAULT_BUFFER).expect("the audit group"), pid }
    }

    /// How many there were since it was last asked.
    fn count(&mut self) -> usize {
        let (mine, mut count) = (format!(" pid={} ", self.pid), 0);
        loop {
            let deadline = Some(Instant::now() + Duration::from_millis(200));
            let mut take = |record: &Record<'_>| {
                let body = String::from_utf8_lossy(record.body);
                count += usize::from(record.kind == RecordType::SYSCALL && body.contains(&mine));
            };
            if self.socket.receive(None, deadline, &mut take).expect("the socket reads on").datagrams == 0 {
                assert_eq!(self.socket.drops().expect("counted"), 0, "the test's own socket lost records");
                return count;
            }
        }
    }
}

/// F08: the daemon is recorded itself, and looks for nothing however many events a process makes that alert nothing;
/// also where a rule asks of each for the user's name, which /proc decides, and where the process's parent is gone.
#[test]
fn f08_its_own_calls_are_of_alerts_and_of_new_processes_not_of_events() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let usermod = private_usermod(folder.path());
    kernel.record_executions_of(&usermod);
    let shell = folder.path().join("shell");
    fs::copy("/bin/bash", &shell).unwrap();
    for program in [shell.as_path(), Path::new(env!("CARGO_BIN_EXE_auditward"))] {
        let exe = format!("exe={}", program.display());
        let calls = "openat,write,sendto,connect";
        auditctl(&["-a", "always,exit", "-F", "arch=b64", "-S", calls, "-F", &exe, "-k", kernel.key()]);
    }
    let rsyslogd = Rsyslogd::start(folder.path());
    let state = folder.path().join("kept");
    fs::create_dir(&state).unwrap();
    let config = configured(folder.path(), &rsyslogd.socket, &state, &folder.path().join("alerts.ndjson"));
    let names = "[rule]\nrule_id = \"names\"\nname = \"names\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \
                 \"low\"\nrisk_score = 1\nquery = 'any where user.name == \"nobody of this name\"'\n";
    let names_file = folder.path().join("names.toml");
    fs::write(&names_file, names).unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replacen("rules = [", &format!("rules = [{names_file:?}, "), 1)).unwrap();
    let arguments = ["--config", config.to_str().unwrap(), "--site", folder.path().to_str().unwrap()];
    let mut daemon = Daemon::start(folder.path(), &arguments);
    rsyslogd.expect_line("started, 2 rules live");
    let mut own = OwnCalls::of(daemon.process.pid());
    let events = |report: &Value| report["totals"]["events"].as_u64().unwrap();
    let runtime = folder.path().join("run");
    // In syslog at once, in the file when all is gathered about it: nothing of it is still to come.
    let told = |name: &str| {
        rsyslogd.expect_line(&format!("-o {name}"));
        eventually("the document has what was gathered", || {
            let documents = whole_lines(&folder.path().join("alerts.ndjson"));
            let last = documents.lines().find(|line| line.contains(&format!("\"-o\",\"{name}\"")));
            match last.map(|line| serde_json::from_str::<Value>(line).expect("a document")) {
                Some(document) if document["auditward"]["triage"].is_object() => Ok(()),
                document => Err(format!("{document:?}")),
            }
        });
    };
    // An alert alone: whoever started its process, up to init, is looked at.
    let mut alone = |name: &str| {
        own.count();
        take_over(&usermod, name);
        told(name);
        own.count()
    };
    // With the first it is looked up of which packages the programs are, in the lists of all packages.
    alone("alone");
    let alert = ["alone-again", "alone-a-third-time"].map(&mut alone).into_iter().max().unwrap();
    // A thousand events, then an alert, which comes after them: everything is done.
    let mut thousand = |name: &str, work: &mut dyn FnMut(&str)| {
        let (before, began) = (events(&answered_status(&runtime)), Instant::now());
        own.count();
        work("for ((n = 0; n < 1000; n++)); do : >/dev/null; done");
        take_over(&usermod, name);
        told(name);
        let calls = own.count();
        let (seen, seconds) = (events(&answered_status(&runtime)) - before, began.elapsed().as_secs());
        println!(
            "{name}: {calls} calls of its own with {seen} events in {seconds} s, {alert} with an alert alone"
        );
        assert!(seen >= 1000, "{seen} events");
        // Beside the alert: of three processes that are new a look for the parent and one at where it stands; each
        // second one more of these, and what comes by the clock.
        let bound = alert + alert / 4 + 3 * 16 + 10 * (usize::try_from(seconds).unwrap() + 1);
        assert!(calls > 0 && calls <= bound, "{name}: {calls} calls, at most {bound} with {seen} events");
    };
    thousand("known", &mut |script| {
        assert!(ends_well(Command::new(&shell).args(["-c", script])));
    });
    // Read only when the one that made them, and who started it, have both ended.
    let daemon_is = |signal| daemon.process.signal(signal);
    thousand("orphan", &mut |script| {
        daemon_is(Signal::SIGSTOP);
        let done =
            ends_well(Command::new("/bin/sh").args(["-c", "\"$0\" -c \"$1\"; true"]).arg(&shell).arg(script));
        daemon_is(Signal::SIGCONT);
        assert!(done);
    });
    daemon.process.end(Signal::SIGTERM);
}
