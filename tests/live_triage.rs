//! What the daemon gathers about an alert agrees with what the system's own tools say.
//!
//! Needs root, `auditctl` and `rsyslogd`; see [`live`]. The account files are those of a copied tree, which `getent`, `id` and
//! `who` are shown in a chroot of their own or by a file; the processes are the machine's.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use live::{Daemon, KernelAudit, eventually, private_usermod, run, scratch};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const RULE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml");

/// A number that no account of the machine has.
const CAROL: u32 = 61_234;

fn passwd() -> String {
    format!(
        "root:x:0:0:root:/root:/bin/bash\ncarol:x:{CAROL}:{CAROL}:Carol, of the night shift:/home/carol:/bin/sh\n\
         dave:x:0:100:Dave's door:/home/dave:/bin/sh\n"
    )
}

fn group() -> String {
    format!("root:x:0:\nadm:x:4:carol\nsudo:x:27:dave,carol\nusers:x:100:\nnight:x:{CAROL}:\n")
}

/// A record of utmp as login writes it, 384 bytes on this architecture.
fn utmp(user: &str, line: &str, host: &str, pid: u32, seconds: u32) -> Vec<u8> {
    let mut bytes = vec![0; 384];
    let mut put = |at: usize, what: &[u8]| {
        bytes.get_mut(at..at + what.len()).expect("room").copy_from_slice(what);
    };
    put(0, &7_i16.to_ne_bytes());
    put(4, &pid.to_ne_bytes());
    put(8, line.as_bytes());
    put(40, b"ts/7");
    put(44, user.as_bytes());
    put(76, host.as_bytes());
    put(340, &seconds.to_ne_bytes());
    bytes
}

struct Stage {
    // Dropped in this order: the daemon first, the kernel's state last.
    daemon: Daemon,
    tree: PathBuf,
    folder: tempfile::TempDir,
    usermod: PathBuf,
    _kernel: KernelAudit,
}

impl Stage {
    fn set() -> Option<Self> {
        Self::with(|rule| rule, "")
    }

    /// With the rule's text made another one, and with more settings.
    fn with(change: impl FnOnce(String) -> String, more: &str) -> Option<Self> {
        let kernel = KernelAudit::take()?;
        let folder = scratch();
        let tree = folder.path().join("tree");
        for directory in ["etc", "run/systemd/sessions"] {
            fs::create_dir_all(tree.join(directory)).expect("a directory");
        }
        fs::write(tree.join("etc/passwd"), passwd()).expect("passwd");
        fs::write(tree.join("etc/group"), group()).expect("group");
        fs::write(
            tree.join("run/utmp"),
            utmp("carol", "pts/77", "192.0.2.77", std::process::id(), 1_790_000_000),
        )
        .expect("utmp");
        let usermod = private_usermod(folder.path());
        kernel.record_executions_of(&usermod);
        let (configuration, rule) = (folder.path().join("auditward.toml"), folder.path().join("rule.toml"));
        fs::write(&rule, change(fs::read_to_string(RULE).expect("the rule"))).expect("written");
        let at = folder.path().display();
        let text = format!(
            "rules = [\"{at}/rule.toml\"]\n[accounts]\nroot = \"{}\"\n[syslog]\nenabled = false\n[triage]\nwithin_ms = 10000\n\
             [stdout]\nenabled = true\nformat = \"json\"\n\
             [daemon]\nstate_directory = \"{at}/state\"\nruntime_directory = \"{at}/run\"\n{}",
            tree.display(),
            more.replace("FOLDER", &at.to_string()),
        );
        fs::write(&configuration, text).expect("configuration");
        let daemon = Daemon::start(folder.path(), &["--config", configuration.to_str().expect("UTF-8")]);
        Some(Self { daemon, tree, folder, usermod, _kernel: kernel })
    }

    /// The document of the alert about `account`.
    fn alert(&self, account: &str) -> Value {
        eventually(&format!("an alert about {account}"), || {
            let text = live::growth::whole_lines(&self.folder.path().join("auditward.stdout"));
            let mut alerts = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let found = alerts.find(|alert| alert["auditward"]["target"]["user"]["name"] == account);
            found.ok_or_else(|| text.clone() + &self.daemon.stderr())
        })
    }

    fn auditward(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
            .args(arguments)
            .args(["--config"])
            .arg(self.folder.path().join("auditward.toml"))
            .output()
            .expect("auditward");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

/// The rows of the question whose label holds `label`, asked for `role`.
fn rows<'a>(triage: &'a Value, label: &str, role: &str) -> &'a Vec<Value> {
    let guide = triage["guide"].as_array().expect("answers");
    let of = |one: &&Value| {
        one["label"].as_str().is_some_and(|text| text.contains(label))
            && one["role"].as_str().unwrap_or("") == role
    };
    let found = guide.iter().find(of).unwrap_or_else(|| panic!("{label} for {role}: {guide:#?}"));
    found["rows"].as_array().unwrap_or_else(|| panic!("{found:#}"))
}

/// What `getent passwd NAME` would say, out of the row.
fn entry(row: &Value) -> String {
    let of = |key: &str| row[key].as_str().unwrap_or("?").to_owned();
    let fields = ["username", "uid", "gid", "description", "directory", "shell"].map(of);
    let [name, uid, gid, description, home, shell] = fields;
    format!("{name}:x:{uid}:{gid}:{description}:{home}:{shell}")
}

fn line_of<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(&format!("{name}:"))).expect("a line")
}

/// Starts `usermod -u 0 -o dave` as carol, from a process of hers that stays, and gives that one's pid.
fn take_over(stage: &Stage) -> live_child::Child {
    let line = format!("cd /; {} -u 0 -o dave; read line", stage.usermod.display());
    let child = Command::new("/bin/sh")
        .args(["-c", &line])
        .uid(CAROL)
        .gid(CAROL)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    live_child::Child(child)
}

mod live_child {
    /// Killed when its test is over.
    pub(crate) struct Child(pub(crate) std::process::Child);

    impl Drop for Child {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// What ps(1) says of `pid`.
fn ps(pid: u64, format: &str) -> String {
    run("ps", &["-o", &format!("{format}="), "-p", &pid.to_string()]).trim().to_owned()
}

#[test]
fn the_answers_agree_with_the_systems_own_tools() {
    let Some(stage) = Stage::set() else { return };
    let child = take_over(&stage);
    let alert = stage.alert("dave");
    let triage = &alert["auditward"]["triage"];

    // 1: accounts with UID 0, as awk finds them in the file.
    let roots = rows(triage, "UID 0", "");
    let file = stage.tree.join("etc/passwd");
    let awk = run("awk", &["-F:", "$3 == 0 && $1 != \"root\"", file.to_str().expect("UTF-8")]);
    assert_eq!(roots.iter().map(entry).collect::<Vec<_>>(), awk.lines().collect::<Vec<_>>());
    assert_eq!(triage["uid_0"].as_array().map(Vec::len), Some(1));

    // 2: what runs as carol, as ps knows it.
    let own = rows(triage, "Which processes", "actor");
    let pid = u64::from(child.0.id());
    let shell = own.iter().find(|row| row["pid"] == json!(pid.to_string())).expect("carol's shell");
    assert_eq!(shell["parent"], json!(ps(pid, "ppid")));
    assert_eq!(ps(pid, "uid"), CAROL.to_string());
    let all = run("ps", &["-o", "pid=", "-u", &CAROL.to_string()]);
    let known: Vec<_> = all.split_whitespace().collect();
    assert!(known.contains(&child.0.id().to_string().as_str()), "{known:?}");

    // 3: the entries of both, and 5: their groups, as the files have them.
    for (role, name) in [("actor", "carol"), ("target", "dave")] {
        let user = rows(triage, "account database", role);
        assert_eq!(user.iter().map(entry).collect::<Vec<_>>(), [line_of(&passwd(), name)], "{role}");
    }
    let groups: Vec<_> =
        rows(triage, "Which groups", "actor").iter().map(|row| row["groupname"].clone()).collect();
    assert_eq!(groups, ["adm", "sudo", "night"]);
    let carol = triage["users"]
        .as_array()
        .expect("users")
        .iter()
        .find(|user| user["name"] == "carol")
        .expect("carol");
    assert_eq!(
        carol["privileged_groups"],
        json!([{ "name": "adm", "id": "4" }, { "name": "sudo", "id": "27" }])
    );

    // 4: sessions, as who(1) reads the same file.
    let who = run("who", &[stage.tree.join("run/utmp").to_str().expect("UTF-8")]);
    let session = rows(triage, "logged in", "actor");
    assert_eq!(session.len(), who.lines().count(), "{who}");
    assert!(who.contains("carol") && who.contains("pts/77") && who.contains("192.0.2.77"), "{who}");
    assert_eq!((&session[0]["tty"], &session[0]["host"]), (&json!("pts/77"), &json!("192.0.2.77")));
    assert_eq!(session[0]["time"], "1790000000");

    chain(triage, &child);
    shown(&stage);
    told_in_the_store(&stage, &alert);
}

/// The chain is that of ps: the acting process, its parent, and so on up to init.
fn chain(triage: &Value, child: &live_child::Child) {
    let chain = triage["processes"].as_array().expect("a chain");
    assert_eq!(chain[0]["name"], "usermod");
    assert_eq!(chain[0]["args"], json!([chain[0]["args"][0], "-u", "0", "-o", "dave"]));
    assert_eq!(chain[0]["user"], json!({ "id": CAROL.to_string(), "name": "carol" }));
    assert_eq!(chain[1]["pid"], child.0.id());
    for pair in chain.windows(2).skip(1) {
        let [link, parent] = pair else { unreachable!("windows of two") };
        assert_eq!(parent["pid"].to_string(), ps(link["pid"].as_u64().expect("a pid"), "ppid"));
    }
    assert_eq!(chain.last().expect("a process")["pid"], 1);
    let shell = &chain[1];
    assert_eq!(shell["state"], "running");
    assert_eq!(shell["user"]["name"], "carol");
    assert_eq!(shell["working_directory"], "/");
    let file = &shell["file"];
    let sum = run("sha256sum", &["/bin/sh"]);
    assert_eq!(file["hash"]["sha256"].as_str(), sum.split_whitespace().next(), "{file:#}");
    assert_eq!((&file["usual_place"], &file["deleted"]), (&json!(true), &json!(false)));
    assert_eq!(file["world_writable"], false);
    let cgroup = fs::read_to_string(format!("/proc/{}/cgroup", child.0.id())).expect("cgroup");
    if let Some(unit) = shell["unit"].as_str() {
        assert!(cgroup.contains(unit), "{unit}: {cgroup}");
    }
}

/// `show` tells it all to a person.
fn shown(stage: &Stage) {
    // The document follows the line into the store.
    let shown = eventually("the stored document", || {
        let shown = stage.auditward(&["alerts", "show", "last", "--rules", RULE]);
        if shown.contains("the guide's questions:") { Ok(shown) } else { Err(shown) }
    });
    for part in [
        "processes, from parent to child:",
        "└─ usermod (",
        "accounts with UID 0 beside root:\n  dave (0), group 100, Dave's door, home /home/dave, shell /bin/sh",
        "the guide's questions:",
        "WHERE username = 'dave'",
        "pts/77, from 192.0.2.77, since 2026-09-21T14:13:20.000Z",
        "references:\n  none",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
}

/// What went out is what is stored.
fn told_in_the_store(stage: &Stage, alert: &Value) {
    let id = alert["event"]["id"].as_str().expect("an id");
    let stored: Value = eventually("the stored document", || {
        let text = stage.auditward(&["alerts", "show", id, "--format", "json"]);
        serde_json::from_str(text.trim()).map_err(|error| format!("{error}: {text}"))
    });
    assert_eq!(stored["auditward"]["triage"], alert["auditward"]["triage"]);
    let status = stage.auditward(&["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&status).expect("a report");
    assert!(status["triage"]["whole"].as_u64().is_some_and(|whole| whole >= 1), "{status:#}");
}

#[test]
fn a_name_that_is_sql_is_one_literal_in_the_query() {
    let Some(mut stage) = Stage::set() else { return };
    let name = "x' OR '1'='1";
    let status = Command::new(&stage.usermod).args(["-u", "0", "-o", name]).status().expect("usermod");
    assert!(status.success());
    let alert = stage.alert(name);
    let related = &alert["auditward"]["triage"]["related"];
    assert_eq!((&related["hours"], &related["host"]), (&json!(48), &json!([])), "the first of this store");
    assert_eq!(rows(&alert["auditward"]["triage"], "account database", "target").len(), 0);
    // The document follows the line into the store.
    eventually("the stored question", || {
        let shown = stage.auditward(&["alerts", "show", "last", "--rules", RULE]);
        if shown.contains("WHERE username = 'x'' OR ''1''=''1'") { Ok(()) } else { Err(shown) }
    });
    assert!(stage.daemon.process.end(Signal::SIGTERM).success());
    assert!(Path::new(&stage.tree).exists());
}

/// A question that takes as long as it may holds back the document and nobody else.
#[test]
fn a_line_goes_out_while_the_document_waits_for_what_is_gathered() {
    let endless = "[[transform.osquery]]\nlabel = \"Endless\"\nquery = \"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 \
                   FROM n) SELECT count(*) FROM n\"\n\n[rule]\n";
    let lines =
        "[[destination]]\nname = \"lines\"\ntype = \"file\"\nformat = \"text\"\npath = \"FOLDER/lines\"\n";
    let Some(stage) = Stage::with(|rule| rule.replacen("\n[rule]\n", &format!("\n{endless}"), 1), lines)
    else {
        return;
    };
    let _child = take_over(&stage);
    let read = |name: &str| fs::read_to_string(stage.folder.path().join(name)).unwrap_or_default();
    let line = eventually("the line", || {
        let text = read("lines");
        text.lines().find(|line| line.contains("account dave")).map(str::to_owned).ok_or(text)
    });
    assert!(!read("auditward.stdout").contains("dave"), "the document had not waited");
    let stored = stage.auditward(&["alerts", "list"]);
    assert!(stored.contains(&line), "the line is in the store before the document is: {stored}");
    let alert = stage.alert("dave");
    let guide = alert["auditward"]["triage"]["guide"].as_array().expect("answers");
    let endless = guide.iter().find(|one| one["label"] == "Endless").expect("the question");
    assert_eq!(endless["not_answered"], "it took too long");
    assert!(alert["auditward"]["triage"]["users"].is_array(), "what was gathered before is told");
}

/// What is not sent is stored with what would have been gone soon.
#[test]
fn an_alert_that_is_kept_back_has_its_processes() {
    let Some(stage) = Stage::with(|rule| rule.replacen("max_signals = 100", "max_signals = 1", 1), "") else {
        return;
    };
    // Beyond the limit, the second about an account is kept back.
    for _ in 0..2 {
        let done = Command::new(&stage.usermod).args(["-u", "0", "-o", "dave"]).status().expect("usermod");
        assert!(done.success());
    }
    stage.alert("dave");
    let kept: Value = eventually("the second alert, in the store", || {
        let text = stage.auditward(&["alerts", "list", "--suppressed", "--format", "json"]);
        let alert = text.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
        alert.filter(|alert| alert["auditward"]["triage"].is_object()).ok_or(text)
    });
    assert_eq!(kept["auditward"]["target"]["user"]["name"], "dave");
    let triage = &kept["auditward"]["triage"];
    assert_eq!(triage["processes"][0]["name"], "usermod");
    assert_eq!(triage["processes"][1]["pid"], std::process::id());
    let why = json!([{ "what": "all but the processes", "reason": "the alert was kept back" }]);
    assert_eq!(triage["missing"], why);
}
