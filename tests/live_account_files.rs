//! The account files of a copied tree, watched by the real daemon: every way to write them is told with the account.
//!
//! Needs root, `auditctl` and `rsyslogd`; see [`live`]. The machine's own accounts are never touched.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use live::{Daemon, KernelAudit, auditctl, eventually, scratch};
use nix::sys::signal::Signal;
use serde_json::Value;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n\
                      alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n";
const GROUP: &str = "root:x:0:\nsudo:x:27:alice\nusers:x:100:\nalice:x:1000:\nbob:x:1001:\n";
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");

/// The daemon over a tree of account files, with kernel rules for changes in it.
struct Stage {
    // Dropped in this order: the daemon first, the kernel's state last.
    daemon: Option<Daemon>,
    tree: PathBuf,
    folder: tempfile::TempDir,
    kernel: KernelAudit,
}

impl Stage {
    fn set() -> Option<Self> {
        let mut stage = Self::unwatched()?;
        stage.start();
        Some(stage)
    }

    /// The tree alone.
    fn unwatched() -> Option<Self> {
        let kernel = KernelAudit::take()?;
        let folder = scratch();
        let tree = folder.path().join("tree");
        let stage = Self { daemon: None, tree, folder, kernel };
        stage.write("etc/passwd", PASSWD);
        stage.write("etc/group", GROUP);
        stage.write("etc/shadow", "root:*:1::::::\nalice:*:1::::::\nbob:*:1::::::\n");
        stage.write("etc/gshadow", "");
        stage.write("etc/login.defs", "");
        stage.kernel.turn_on();
        let etc = stage.tree.join("etc").display().to_string();
        auditctl(&["-w", &etc, "-p", "wa", "-k", stage.kernel.key()]);
        // What a ring opens there: the service loads more of this kind, beside each watch.
        let (call, passwd) = ("io_uring_enter", format!("path={etc}/passwd"));
        auditctl(&[
            "-a",
            "always,exit",
            "-F",
            "arch=b64",
            "-S",
            call,
            "-F",
            &passwd,
            "-k",
            stage.kernel.key(),
        ]);
        Some(stage)
    }

    fn configuration(&self) -> PathBuf {
        // The interval is beyond any test: what is told was heard of.
        self.configuration_of(&self.tree, 86_400)
    }

    /// With the account files below `root`, read that often.
    fn configuration_of(&self, root: &Path, interval: u32) -> PathBuf {
        let file = self.folder.path().join("auditward.toml");
        let folder = self.folder.path().display();
        let text = format!(
            "rules = [\"{RULES}\"]\n[accounts]\nroot = \"{}\"\ninterval_seconds = {interval}\n[syslog]\nenabled = false\n\
             [stdout]\nenabled = true\nformat = \"json\"\n\
             [daemon]\nstate_directory = \"{folder}/state\"\nruntime_directory = \"{folder}/run\"\n",
            root.display()
        );
        fs::write(&file, text).expect("configuration");
        file
    }

    fn start(&mut self) {
        let file = self.configuration();
        let daemon = Daemon::start(self.folder.path(), &["--config", file.to_str().expect("UTF-8 path")]);
        self.daemon = Some(daemon);
        self.wait_for_a_look();
    }

    /// The first look of a run is over when `status` tells of it.
    fn wait_for_a_look(&self) {
        eventually("the account files were read", || match self.status().get("accounts") {
            Some(accounts) if accounts.is_object() => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }

    fn status(&self) -> Value {
        live::status(&self.folder.path().join("run"))
    }

    fn stop(&mut self) {
        let status = self.daemon.as_mut().expect("a daemon").process.end(Signal::SIGTERM);
        assert!(status.success(), "{status}");
        self.daemon = None;
    }

    fn path(&self, below: &str) -> PathBuf {
        self.tree.join(below)
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        let folder = path.parent().expect("a parent");
        fs::create_dir_all(folder).expect("a directory");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    }

    /// The alerts that were written since the daemon's start.
    fn alerts(&self) -> Vec<Value> {
        let text = live::growth::whole_lines(&self.folder.path().join("auditward.stdout"));
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"]["kind"] == "alert").collect()
    }

    /// Waits for the alert that `account` has UID 0.
    fn expect_root(&self, account: &str) -> Value {
        self.expect("account_with_uid_0", account)
    }

    fn expect(&self, rule: &str, account: &str) -> Value {
        eventually(&format!("{rule} of {account}"), || {
            let alerts = self.alerts();
            let of =
                |alert: &&Value| alert["rule"]["id"] == rule && alert["user"]["target"]["name"] == account;
            let told = || alerts.iter().map(|a| a["message"].to_string()).collect::<Vec<_>>().join("\n");
            alerts.iter().find(of).cloned().ok_or_else(|| format!("{}\n{}", told(), self.stderr()))
        })
    }

    /// Waits for an alert of `rule` on the file of this path.
    fn expect_of_file(&self, rule: &str, file: &str) -> Value {
        eventually(&format!("{rule} of {file}"), || {
            let alerts = self.alerts();
            let of =
                |alert: &&Value| alert["rule"]["id"] == rule && alert["auditward"]["account"]["file"] == file;
            alerts.iter().find(of).cloned().ok_or_else(|| format!("{alerts:#?}\n{}", self.stderr()))
        })
    }

    fn stderr(&self) -> String {
        self.daemon.as_ref().map(Daemon::stderr).unwrap_or_default()
    }

    /// A shell command with $P the passwd of the tree, $T the tree, $F the folder and $L a line for `account`.
    fn shell(&self, account: &str, command: &str) {
        let status = Command::new("sh")
            .args(["-ec", command])
            .env("P", self.path("etc/passwd"))
            .env("T", &self.tree)
            .env("F", self.folder.path())
            .env("A", account)
            .env("URING", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/io_uring_append.py"))
            .env("L", format!("{account}:x:0:0::/:/bin/sh"))
            .stdin(Stdio::null())
            .status()
            .expect("sh runs");
        assert!(status.success(), "{command}");
    }
}

fn is_there(program: &str) -> bool {
    let there =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    there.is_ok_and(|status| status.success())
}

/// Of each way: its name, the program that it needs, what is run, and the writer that the alert must name; none where no
/// record of a write is to be had.
const WAYS: [(&str, &str, &str, Option<&str>); 27] = [
    ("cp", "cp", "{ cat $P; echo $L; } > $F/new; cp $F/new $P", Some("cp")),
    ("tee", "tee", "echo $L | tee -a $P > $F/null", Some("tee")),
    ("dd", "dd", "echo $L | dd of=$P oflag=append conv=notrunc status=none", Some("dd")),
    (
        "python",
        "python3",
        "python3 -c \"import os; open(os.environ['P'],'a').write(os.environ['L']+'\\n')\"",
        Some("python3"),
    ),
    ("perl", "perl", "perl -pi -e '$_ .= \"$ENV{L}\\n\" if /^bob:/' $P", Some("perl")),
    ("sed", "sed", "sed -i \"/^bob:/a $L\" $P", Some("sed")),
    ("busybox_sed", "busybox", "busybox sed -i \"/^bob:/a $L\" $P", Some("busybox")),
    ("rename", "mv", "mkdir -p $T/tmp; { cat $P; echo $L; } > $T/tmp/new; mv $T/tmp/new $P", Some("mv")),
    ("shell", "sh", "echo $L >> $P", Some("sh")),
    ("no_newline", "sh", "printf %s $L >> $P; sleep 1; echo >> $P", None),
    ("slowly", "sh", "exec 3>>$P; printf %s: $A >&3; sleep 0.3; echo x:0:0::/:/bin/sh >&3", Some("sh")),
    ("useradd", "useradd", "useradd -P $T -M -N -o -u 0 $A", Some("useradd")),
    (
        "usermod",
        "usermod",
        "(echo $A:x:1500:1500::/:/bin/sh >> $P); sleep 0.5; usermod -P $T -o -u 0 $A",
        Some("usermod"),
    ),
    ("vi", "vi", r#"printf '%s\n' '$a' "$L" . wq! | vi -es $P"#, Some("vi")),
    ("ed", "ed", r#"printf '%s\n' '$a' "$L" . w q | ed -s $P"#, Some("ed")),
    // In a mount namespace of its own, where /etc is the tree's.
    (
        "vipw",
        "vipw",
        r#"echo "echo $L >> \$1" > $F/editor; sleep 1.1; unshare -m sh -ec 'mount --bind $T/etc /etc; EDITOR="sh $F/editor" vipw'"#,
        None,
    ),
    (
        "usermod_root",
        "usermod",
        "(echo $A:x:1501:1501::/:/bin/sh >> $P); sleep 0.5; usermod -R $T -o -u 0 $A",
        None,
    ),
    (
        "usermod_symlink",
        "usermod",
        "(echo $A:x:1502:1502::/:/bin/sh >> $P); sleep 0.5; ln -s /usr/sbin/usermod $F/l; $F/l -P $T -o -u 0 $A",
        None,
    ),
    (
        "usermod_hard_link",
        "usermod",
        "(echo $A:x:1503:1503::/:/bin/sh >> $P); sleep 0.5; cp /usr/sbin/usermod $F/c; ln $F/c $F/h; $F/h -P $T -o -u 0 $A",
        None,
    ),
    (
        "usermod_memfd",
        "python3",
        r#"(echo $A:x:1504:1504::/:/bin/sh >> $P); sleep 0.5; python3 -c "
import os
tool = os.memfd_create('x')
os.write(tool, open('/usr/sbin/usermod', 'rb').read())
os.execve(tool, ['x', '-P', os.environ['T'], '-o', '-u', '0', os.environ['A']], os.environ)""#,
        None,
    ),
    (
        "rename_2",
        "python3",
        r#"mkdir -p $T/srv; { cat $P; echo $L; } > $T/srv/n; python3 -c "import os; os.rename(os.environ['T'] + '/srv/n', os.environ['P'])""#,
        Some("python3"),
    ),
    ("proc_root", "sh", "echo $L >> /proc/self/root$P", None),
    // Neither its open nor its write is a system call: the open is recorded by a rule for the call that the ring is entered by.
    ("io_uring", "python3", "python3 $URING $P $L", Some("python3")),
    ("hard_link", "ln", "ln $P $F/other; echo $L >> $F/other; rm $F/other", None),
    ("symbolic_link", "ln", "ln -s $P $F/link; echo $L >> $F/link", None),
    ("extrausers", "sh", "mkdir -p $T/var/lib/extrausers; echo $L > $T/var/lib/extrausers/passwd", None),
    (
        "userdb",
        "sh",
        "mkdir -p $T/etc/userdb; echo \"{\\\"userName\\\":\\\"$A\\\",\\\"uid\\\":0}\" > $T/etc/userdb/$A.user",
        None,
    ),
];

/// Whatever writes the file, the account is named; so is the writer where a record of a write is to be had.
#[test]
fn every_way_to_write_an_account_is_told_with_its_name() {
    let Some(stage) = Stage::set() else { return };
    let mut done = Vec::new();
    for (way, program, command, writer) in WAYS {
        if !is_there(program) {
            println!("skipped: {way}: {program} is not installed");
            continue;
        }
        let account = format!("eve_{way}");
        // Who wrote just now is a candidate until the file has been read once more.
        eventually("the writer before is settled", || match &stage.status()["accounts"]["writers"] {
            writers if *writers == 0 => Ok(()),
            writers => Err(writers.to_string()),
        });
        stage.shell(&account, command);
        let alert = stage.expect_root(&account);
        assert_eq!(alert["event"]["severity"], 99, "{way}");
        println!("{}", alert["message"]);
        if let Some(writer) = writer {
            // The tools' own files of before may be read between their call and its effect: then nobody is named, and never
            // somebody else.
            if matches!(way, "useradd" | "usermod") && alert["auditward"]["account"]["writer"] == "unknown" {
                done.push(account);
                continue;
            }
            assert_eq!(alert["auditward"]["account"]["writer"], "one", "{way}: {}", alert["message"]);
            // sh is dash or bash, python3 is python3.12.
            let shell = fs::canonicalize("/bin/sh").expect("a shell");
            let shell = shell.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let writer = if writer == "sh" { shell } else { writer };
            let name = alert["process"]["name"].as_str().unwrap_or_default();
            assert!(name.starts_with(writer), "{way}: {}", alert["message"]);
        }
        done.push(account);
    }
    // Each once, and nothing else of that rank.
    let mut told: Vec<String> = Vec::new();
    for alert in stage.alerts().iter().filter(|alert| alert["event"]["severity"].as_u64() >= Some(73)) {
        let name = alert["user"]["target"]["name"].as_str().unwrap_or_default().to_owned();
        if alert["rule"]["id"] == "account_with_uid_0" {
            told.push(name);
        } else {
            // The tool's own report, which comes before the file is read.
            assert_eq!(alert["rule"]["id"], "account_given_uid_0", "{}", alert["message"]);
        }
    }
    told.sort();
    done.sort();
    assert_eq!(told, done);
    let accounts = &stage.status()["accounts"];
    assert_eq!(accounts["uid_0"], done.len() + 1, "{accounts}");
    assert_eq!(accounts["unreadable"], serde_json::json!([]));
}

/// What is there at the first start alerts once, a change made while nobody watched at the next start, and a start without
/// either says nothing.
#[test]
fn what_changed_while_auditward_did_not_run_is_told_at_its_start() {
    let Some(mut stage) = Stage::unwatched() else { return };
    stage.write("etc/passwd", &format!("{PASSWD}toor:x:0:0::/root:/bin/sh\n"));
    stage.start();
    let alert = stage.expect_root("toor");
    assert_eq!(alert["event"]["action"], "account-found");
    assert_eq!(stage.alerts().len(), 1, "members of sudo are listed, not alerted");
    stage.stop();

    stage.start();
    stage.shell("eve_sign", "echo $L >> $P");
    stage.expect_root("eve_sign");
    assert_eq!(stage.alerts().len(), 1, "toor is known");
    stage.stop();

    stage.shell("eve_stopped", "echo $L >> $P");
    stage.start();
    let alert = stage.expect_root("eve_stopped");
    assert_eq!(alert["auditward"]["account"]["writer"], "unseen");
    let message = alert["message"].as_str().unwrap_or_default();
    assert!(
        message.contains(
            "account eve_stopped was added with UID 0, in /etc/passwd line 7, while auditward did not run"
        ),
        "{message}"
    );
    stage.stop();

    stage.start();
    stage.shell("eve_last", "echo $L >> $P");
    stage.expect_root("eve_last");
    assert_eq!(stage.alerts().len(), 1, "a start without a change says nothing");
}

#[test]
fn ordinary_work_and_a_file_that_is_written_slowly_are_no_alert() {
    let Some(stage) = Stage::set() else { return };
    for command in [
        "useradd -P $T -M -N -u 1700 carol",
        "usermod -P $T -c somebody carol",
        "usermod -P $T -u 1701 carol",
        "groupadd -P $T helpers",
        "userdel -P $T carol",
        // Emptied, and written again in pieces: a half-written file is no removal of accounts.
        "cp $P $F/copy; exec 3>$P; head -c 40 $F/copy >&3; sleep 0.2; tail -c +41 $F/copy >&3",
        "touch $P; chmod 600 $P; chmod 644 $P",
    ] {
        stage.shell("nobody", command);
        sleep(Duration::from_millis(100));
    }
    stage.shell("eve_sign", "echo $L >> $P");
    stage.expect_root("eve_sign");
    let told: Vec<String> = stage.alerts().iter().map(|alert| alert["message"].to_string()).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[test]
fn what_else_gives_somebody_more_is_told_live() {
    let Some(stage) = Stage::set() else { return };
    stage.shell("bob", "sed -i s/^bob:x:/bob::/ $P");
    let alert = stage.expect("account_password_emptied", "bob");
    assert_eq!(alert["process"]["name"], "sed");
    stage.shell("bob", "sed -i s/^sudo:.*/\\&,bob/ $T/etc/group");
    stage.expect("new_privileged_member", "bob");
    stage.shell("daemon", "sed -i s,/usr/sbin/nologin,/bin/bash, $P");
    stage.expect("system_account_shell", "daemon");
    stage.shell("root", "echo root:x:1800:1800::/:/bin/sh >> $P");
    stage.expect("account_named_root", "root");
}

/// Who may what by sudo, and which sources are asked about accounts: told with the writer, one alert each, and counted by file.
#[test]
fn sudoers_files_and_account_sources_are_told_live_and_counted() {
    let Some(mut stage) = Stage::unwatched() else { return };
    stage.write("etc/sudoers", "root ALL=(ALL:ALL) ALL\n");
    stage.write("etc/sudoers.d/ops", "%ops ALL=(ALL) ALL\n");
    stage.write("etc/nsswitch.conf", "passwd: files systemd\nhosts: files dns\n");
    stage.start();
    // What sudo passes over, as editors leave it for a moment.
    stage.shell("", "echo x > $T/etc/sudoers.d/.ops.swp; rm $T/etc/sudoers.d/.ops.swp");
    stage.shell("", "echo 'bob ALL=(ALL) NOPASSWD: ALL' | tee $T/etc/sudoers.d/zz > $F/null");
    let alert = stage.expect_of_file("sudoers_changed", "/etc/sudoers.d/zz");
    assert_eq!((&alert["event"]["severity"], &alert["process"]["name"]), (&21.into(), &"tee".into()));
    stage.shell("", "sed -i 's/^root.*/&\\nbob ALL=(ALL) ALL/' $T/etc/sudoers");
    let alert = stage.expect_of_file("sudoers_changed", "/etc/sudoers");
    assert_eq!(alert["process"]["name"], "sed");
    stage.shell("", "sed -i 's/^passwd:.*/& evil/' $T/etc/nsswitch.conf");
    let alert = stage.expect_of_file("unknown_account_source", "/etc/nsswitch.conf");
    assert_eq!((&alert["event"]["severity"], &alert["process"]["name"]), (&47.into(), &"sed".into()));
    assert_eq!(alert["auditward"]["account"]["to"], "passwd: files systemd evil");
    stage.shell("", "sed -i 's/dns/dns myhostname/; s/ systemd evil//' $T/etc/nsswitch.conf");
    let alert = stage.expect_of_file("account_sources_changed", "/etc/nsswitch.conf");
    assert_eq!(alert["event"]["severity"], 21);
    let told = stage.alerts();
    assert_eq!(told.len(), 4, "{told:#?}");
    let status = stage.status();
    let file = |path: &str| {
        let files = status["accounts"]["files"].as_array().expect("a list");
        files.iter().find(|one| one["file"] == path).expect("counted").clone()
    };
    for (path, differences) in
        [("/etc/sudoers", 1), ("/etc/sudoers.d", 1), ("/etc/nsswitch.conf", 2), ("/etc/passwd", 0)]
    {
        let file = file(path);
        assert_eq!((&file["differences"], &file["faults"]), (&differences.into(), &0.into()), "{file}");
        assert!(file["reads"].as_u64() > Some(0) && file["read_at"].is_string(), "{file}");
    }
}

/// The probe itself over the tree, whose /etc is theirs in a mount namespace of both: the daemon's user may not look into the
/// directory.
#[test]
fn the_probe_tells_of_a_sudoers_file_that_the_daemon_may_not_see() {
    let Some(mut stage) = Stage::unwatched() else { return };
    if !is_given_mounts_of_its_own() {
        return;
    }
    stage.write("etc/sudoers", "root ALL=(ALL:ALL) ALL\n");
    stage.write("etc/sudoers.d/ops", "%ops ALL=(ALL) ALL\n");
    stage.shell("", "chmod 440 $T/etc/sudoers $T/etc/sudoers.d/ops; chmod 750 $T/etc/sudoers.d");
    let (etc, file) = (stage.path("etc"), stage.configuration_of(Path::new("/"), 5));
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-ec"]);
    command.args([r#"mount --bind "$1" /etc; exec "$2" run --config "$3""#, "-"]);
    command.args([&etc, Path::new(env!("CARGO_BIN_EXE_auditward")), &file]);
    stage.daemon = Some(Daemon::start_by(&mut command, stage.folder.path()));
    stage.wait_for_a_look();
    let daemon = stage.daemon.as_ref().expect("a daemon").process.pid().to_string();
    let inside = |command: &str| {
        let status = Command::new("nsenter").args(["-t", &daemon, "-m", "sh", "-ec", command]).status();
        assert!(status.expect("nsenter runs").success(), "{command}");
    };
    let looks = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "ls", "/etc/sudoers.d"]
        .join(" ");
    inside(&format!("! {looks} 2>/dev/null"));

    // Which no record nominates: what is told is what the probe saw.
    inside("chmod 666 /etc/sudoers.d/ops");
    let alert = stage.expect_of_file("sudoers_changed", "/etc/sudoers.d/ops");
    assert_eq!(
        (&alert["event"]["severity"], &alert["event"]["action"]),
        (&21.into(), &"sudoers-changed".into())
    );
    let text = |field: &str| alert["auditward"]["account"][field].as_str().unwrap_or_default().to_owned();
    assert!(text("from").starts_with("mode 0440, owner 0:0, 19 bytes"), "{alert:#}");
    assert!(text("to").starts_with("mode 0666, owner 0:0, 19 bytes"), "{alert:#}");
    let probe = &stage.status()["probe"];
    assert!(probe["answers"] == true && probe["answered"].as_u64() > Some(1), "{probe}");
}

/// A mount hides the file without writing it: only the mounts tell.
#[test]
fn a_mount_over_the_file_is_seen() {
    let Some(mut stage) = Stage::unwatched() else { return };
    if !is_given_mounts_of_its_own() {
        return;
    }
    let file = stage.configuration();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", env!("CARGO_BIN_EXE_auditward"), "run", "--config"]);
    stage.daemon = Some(Daemon::start_by(command.arg(file), stage.folder.path()));
    stage.wait_for_a_look();
    let other = stage.folder.path().join("other");
    fs::write(&other, format!("{PASSWD}eve_mount:x:0:0::/:/bin/sh\n")).expect("a file");
    let pid = stage.daemon.as_ref().expect("a daemon").process.pid().to_string();
    mount_in(&pid, &other, &stage.path("etc/passwd"));
    let alert = stage.expect_root("eve_mount");
    assert_eq!(alert["auditward"]["account"]["writer"], "unknown");
}

/// Whether a daemon can have mounts of its own here, into which the test goes; says so where not.
fn is_given_mounts_of_its_own() -> bool {
    let is = is_there("unshare") && is_there("nsenter");
    if !is {
        println!("skipped: unshare or nsenter is not installed");
    }
    is
}

fn mount_in(pid: &str, from: &Path, to: &Path) {
    let status = Command::new("nsenter").args(["-t", pid, "-m", "mount", "--bind"]).args([from, to]).status();
    assert!(status.expect("nsenter runs").success());
}

#[test]
fn an_unreadable_file_is_told_and_does_not_hide_what_comes_after() {
    let Some(stage) = Stage::set() else { return };
    stage.shell("nobody", "mv $P $F/away");
    eventually("status names the file", || {
        let accounts = stage.status()["accounts"].clone();
        let unreadable = accounts["unreadable"].to_string();
        if unreadable.contains("/etc/passwd: No such file") { Ok(()) } else { Err(unreadable) }
    });
    stage.shell("eve_back", "echo $L >> $F/away; mv $F/away $P");
    stage.expect_root("eve_back");
    assert_eq!(stage.alerts().len(), 1, "nobody was removed and added");
}
