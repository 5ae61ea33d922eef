use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::alert::sample;
use crate::audit::Stamp;
use crate::rule::{Osquery, Rule};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000:Alice:/home/alice:/bin/bash\n\
                      bob:x:0:100:Bob's desk:/home/bob:/bin/sh\n";
const GROUP: &str = "root:x:0:\nsudo:x:27:alice,bob\nusers:x:100:\nalice:x:1000:\n";

fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    let write = |path: &str, bytes: &[u8]| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, bytes).expect("written");
    };
    write("etc/passwd", PASSWD.as_bytes());
    write("etc/group", GROUP.as_bytes());
    let now = u32::try_from(Timestamp::now().as_second()).expect("this century");
    write("run/utmp", &sessions::utmp_record("alice", "pts/0", "192.0.2.7", 4242, now));
    root
}

/// With the questions of the guide of the rule that this is all about, in our own words.
fn rule() -> Rule {
    let question = |label: &str, query: &str| Osquery { label: label.to_owned(), query: query.to_owned() };
    let osquery = vec![
        question(
            "roots",
            "SELECT username, description FROM users WHERE username != 'root' AND uid LIKE '0'",
        ),
        question("user", "SELECT * FROM users WHERE username = {{user.name}}"),
        question("logged in", "SELECT tty, host FROM logged_in_users WHERE user = {{user.name}}"),
        question("group", "SELECT groupname, gid FROM groups WHERE groupname = {{group.name}}"),
        question("file", "SELECT * FROM file WHERE path = {{file.path}}"),
        question("sockets", "SELECT pid FROM process_open_sockets"),
    ];
    Rule { osquery, ..sample::rule() }
}

/// The alert of this very process: `usermod` by its name, so that its argument names the target.
fn alert(rule: Rule, args: &[&str]) -> Alert {
    let mut event = sample::usermod(args);
    event["process"]["pid"] = std::process::id().into();
    let now = u64::try_from(Timestamp::now().as_millisecond()).expect("after 1970");
    Alert::new(&Arc::new(rule), &[event], &[Stamp { millis: now, serial: 1 }], "host", Timestamp::now())
}

fn gather(root: &Path, alert: &Alert) -> Value {
    let until = Instant::now() + Duration::from_secs(600);
    Host::new(root.to_owned()).gather(alert, until).into()
}

fn of<'v>(triage: &'v Value, label: &str) -> Vec<(&'v str, Value)> {
    let guide = triage["guide"].as_array().expect("a list");
    let wanted = guide.iter().filter(|one| one["label"] == label);
    wanted
        .map(|one| {
            let answer = one.get("rows").or_else(|| one.get("not_answered"));
            (one["role"].as_str().unwrap_or(""), answer.expect("an answer").clone())
        })
        .collect()
}

#[test]
fn the_questions_of_the_guide_are_answered_for_each_user() {
    let root = tree();
    let triage = gather(root.path(), &alert(rule(), &["usermod", "-u", "0", "-o", "bob"]));
    assert_eq!(of(&triage, "roots"), [("", json!([{ "username": "bob", "description": "Bob's desk" }]))]);
    let users = of(&triage, "user");
    let roles: Vec<_> = users.iter().map(|(role, rows)| (*role, rows[0]["username"].as_str())).collect();
    assert_eq!(roles, [("actor", Some("root")), ("login", Some("alice")), ("target", Some("bob"))]);
    assert_eq!(users[2].1[0]["shell"], "/bin/sh");
    let logged_in = of(&triage, "logged in");
    assert_eq!(logged_in[0].1, json!([]));
    assert_eq!(logged_in[1].1, json!([{ "tty": "pts/0", "host": "192.0.2.7" }]));
    let groups = of(&triage, "group");
    assert_eq!(groups[2], ("target", json!([{ "groupname": "users", "gid": "100" }])));
    assert_eq!(of(&triage, "file"), [("", json!("the alert has no value for file.path"))]);
    assert_eq!(
        of(&triage, "sockets"),
        [("", json!("the table process_open_sockets is not built in: ask osqueryi"))]
    );
    let file = triage["guide"].as_array().expect("a list").iter().find(|one| one["label"] == "file");
    let file = file.expect("the question");
    assert_eq!(file["query"], "SELECT * FROM file WHERE path = {{file.path}}");
    assert_eq!(file["unfilled"], json!(["file.path"]));
}

/// The strongest rule of a case leads its alert, and asks nothing itself.
#[test]
fn the_questions_of_every_rule_that_matched_are_asked_once() {
    let root = tree();
    let strongest = Rule { uuid: "stronger".to_owned(), id: "stronger".to_owned(), ..sample::rule() };
    let third = Rule { uuid: "third".to_owned(), id: "third".to_owned(), ..rule() };
    let mut alert = alert(strongest, &["usermod", "-u", "0", "-o", "bob"]);
    alert.also = [Arc::new(rule()), Arc::new(third)].into();
    let triage = gather(root.path(), &alert);
    let roles: Vec<_> = of(&triage, "user").iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, ["actor", "login", "target"]);
    let of_rule = |one: &Value| one["rule"]["id"] == "uid0-account-usermod";
    assert!(triage["guide"].as_array().expect("a list").iter().all(of_rule), "{triage:#}");
}

/// F57: root has another name beside its own, and then carol is the first of that number: all names are told, she as whom it
/// was done to.
#[test]
fn f57_all_names_of_uid_0_are_told_and_the_new_one_is_the_target() {
    let root = tree();
    let before = "r00t:x:0:0::/root:/bin/sh\nroot:x:0:0::/root:/bin/sh\n";
    std::fs::write(root.path().join("etc/passwd"), format!("carol:x:0:0::/:/bin/sh\n{before}"))
        .expect("written");
    let triage = gather(root.path(), &alert(rule(), &["usermod", "-u", "0", "-o", "carol"]));
    let names: Vec<_> = triage["uid_0"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["carol", "r00t"], "beside root");
    let users = triage["users"].as_array().expect("a list");
    let target = users.iter().find(|user| user["role"] == "target").expect("to whom it was done");
    assert_eq!((&target["name"], &target["id"]), (&json!("carol"), &json!("0")));
}

#[test]
fn the_accounts_concerned_are_told_whole() {
    let root = tree();
    let triage = gather(root.path(), &alert(rule(), &["usermod", "-u", "0", "-o", "bob"]));
    let users = triage["users"].as_array().expect("a list");
    let bob = &users[2];
    assert_eq!((&bob["role"], &bob["name"], &bob["id"]), (&json!("target"), &json!("bob"), &json!("0")));
    assert_eq!(bob["description"], "Bob's desk");
    assert_eq!(bob["groups"], json!([{ "name": "users", "id": "100" }, { "name": "sudo", "id": "27" }]));
    assert_eq!(bob["privileged_groups"], json!([{ "name": "sudo", "id": "27" }]));
    let alice = &users[1];
    assert_eq!(alice["sessions"][0]["host"], "192.0.2.7");
    assert_eq!(alice["session_count"], 1);
    assert!(users[0]["process_count"].as_u64().expect("a number") > 0, "root runs something");
    assert_eq!(triage["uid_0"].as_array().map(Vec::len), Some(1));
    assert_eq!(triage["uid_0"][0]["name"], "bob");
}

#[test]
fn the_chain_reaches_up_to_init() {
    let root = tree();
    let triage = gather(root.path(), &alert(rule(), &["usermod", "-u", "0", "-o", "bob"]));
    let processes = triage["processes"].as_array().expect("a list");
    assert_eq!(processes[0]["pid"], std::process::id());
    assert_eq!(processes[0]["state"], "running");
    assert_eq!(processes[0]["terminal"], "pts/0");
    assert_eq!(processes[0]["user"], json!({ "id": "0", "name": "root" }));
    assert_eq!(processes[0]["login_user"], json!({ "id": "1000", "name": "alice" }));
    // The records of the sample name another parent than this process has: it has ended long ago.
    let last = processes.last().expect("a process");
    assert!(last["pid"] == 1 || triage["missing"].to_string().contains("a parent had ended"), "{triage:#}");
}

#[test]
fn a_parent_that_has_ended_is_told_as_the_records_saw_it() {
    let root = tree();
    let mut event = sample::usermod(&["usermod", "-u", "0", "-o", "bob"]);
    event["process"]["pid"] = std::process::id().into();
    // Beyond `PID_MAX_LIMIT`: such a process does not run.
    let parent = json!({
        "pid": 4_194_305, "name": "sudo", "executable": "/usr/bin/sudo", "args": ["sudo", "-i"], "working_directory": "/",
        "start": "2026-09-21T14:14:50.000Z", "terminal": "pts/7", "session": "3", "container": { "id": "c0ffee" },
        "user": { "id": "0", "effective": { "id": "0" }, "audit": { "id": "1000" } },
    });
    event.insert("auditward".to_owned(), json!({ "ancestors": [parent, { "pid": 4_194_306 }] }));
    let now = u64::try_from(Timestamp::now().as_millisecond()).expect("after 1970");
    let stamp = Stamp { millis: now, serial: 1 };
    let alert = Alert::new(&Arc::new(rule()), &[event], &[stamp], "host", Timestamp::now());
    let triage = gather(root.path(), &alert);
    let ended = &triage["processes"][1];
    assert_eq!((&ended["state"], &ended["terminal"]), (&json!("ended"), &json!("pts/7")));
    assert_eq!(ended["user"], json!({ "id": "0", "name": "root" }));
    assert_eq!(ended["login_user"], json!({ "id": "1000", "name": "alice" }));
    assert_eq!((&ended["session"], &ended["container"]["id"]), (&json!("3"), &json!("c0ffee")));
    assert_eq!(ended["missing"]["what"], json!(["unit"]));
    // Of a parent of which the records have the number alone, that is told.
    let last = &triage["processes"][2];
    let unknown: Vec<_> = last["missing"]["what"].as_array().expect("a list").iter().collect();
    assert!(["name", "user", "terminal"].iter().all(|what| unknown.contains(&&json!(what))), "{last:#}");
    assert!(triage["missing"].to_string().contains("a parent had ended"));
}

#[test]
fn what_is_missing_is_named() {
    let root = tempfile::tempdir().expect("a directory");
    let triage = gather(root.path(), &alert(rule(), &["true"]));
    let missing: Vec<_> =
        triage["missing"].as_array().expect("a list").iter().map(|one| &one["what"]).collect();
    for what in ["/etc/passwd", "/etc/group", "sessions", "target user"] {
        assert!(missing.contains(&&json!(what)), "{what}: {missing:?}");
    }
    assert_eq!(triage["users"][0]["missing"]["what"], json!(["entry", "groups"]));
    let (mut capturer, _) = Host::new(root.path().to_owned()).split();
    let alone =
        capturer.capture(&alert(rule(), &["true"]), Instant::now()).alone("too many alerts came at once");
    let captured = Value::from(alone);
    assert!(captured["missing"].to_string().contains("too many alerts came at once"));
    assert!(captured["processes"][0]["pid"].is_number() && captured.get("guide").is_none());
    assert_eq!(captured["advice"]["references"], "none");
    let late = Host::new(root.path().to_owned()).gather(&alert(rule(), &["true"]), Instant::now());
    assert!(json!(late["missing"]).to_string().contains("there was no time left"), "{late:?}");
}

#[test]
fn an_alert_holds_no_more_than_it_may() {
    let root = tree();
    let long = "SELECT username, ".to_owned() + &vec!["description"; 400].join(", ") + " FROM users";
    let question =
        |n: usize| Osquery { label: "long".to_owned(), query: format!("{long} LIMIT {}", 100 + n) };
    let osquery = (0..32).map(question).collect();
    let rule = Rule { osquery, ..sample::rule() };
    let triage = gather(root.path(), &alert(rule, &["usermod", "-u", "0", "-o", "bob"]));
    assert!(triage.to_string().len() <= MOST_TRIAGE);
    assert!(triage["missing"].to_string().contains("longer than an alert may be"));
    assert!(triage["users"].is_array());
}

#[test]
fn what_is_gathered_stands_in_the_document_and_secrets_do_not() {
    let root = tree();
    let mut alert = alert(rule(), &["usermod", "-p", "sekrit-of-bob", "bob"]);
    alert.expect_triage(Instant::now() + Duration::from_secs(600));
    let mut child = std::process::Command::new("sleep").arg("600").env_clear().spawn().expect("sleep");
    let alone = alert.document();
    let triage = gather(root.path(), &alert);
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert!(alert.set_triage(triage.as_object().expect("an object")));
    let document = alert.document();
    assert_eq!(document["auditward"]["triage"], triage);
    assert_eq!(document["auditward"]["audit_id"], alone["auditward"]["audit_id"]);
    assert!(alone["auditward"].get("triage").is_none());
    assert!(!alert.json().contains("sekrit-of-bob"));
}

/// A host with every source that there is, in a folder of its own: account files, sessions, lists of dpkg, a store, a probe.
fn whole_host() -> (tempfile::TempDir, Host) {
    let root = tree();
    let at = |path: &str| root.path().join(path);
    std::fs::create_dir_all(at("run/systemd/sessions")).expect("a directory");
    std::fs::create_dir_all(at("var/lib/dpkg/info")).expect("a directory");
    let path = at("alerts.db");
    drop(crate::store::Store::open(crate::store::Settings { path: path.clone(), days: 1, bytes: 8 << 20 }));
    let listening = probe::server::listener(&at("probe"));
    let uid = nix::unistd::geteuid().as_raw();
    std::thread::spawn(move || probe::server::serve(&listening, uid, None));
    let client = || Client::new((&*at("probe")).into(), Duration::from_secs(60), Arc::default());
    let host = Host::new(root.path().to_owned()).with([client(), client()], Some(path));
    (root, host)
}

/// Everything that is named as missing, by the whole, by a process, by a program.
fn named(triage: &Map<String, Value>) -> String {
    let mut all = vec![json!(triage.get("missing"))];
    for process in triage["processes"].as_array().into_iter().flatten() {
        all.extend([process["missing"].clone(), process["file"]["missing"].clone()]);
    }
    json!(all).to_string()
}

#[test]
fn each_source_that_is_taken_away_is_named() {
    /// What takes a source away, and what is named then.
    type Taken = (&'static str, fn(&Path, &mut Host), &'static str);
    let remove = |root: &Path, path: &str| {
        let path = root.join(path);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
            .expect("removed");
    };
    let sources: [Taken; 9] = [
        ("/etc/passwd", |_, _| (), "/etc/passwd"),
        ("/etc/group", |_, _| (), "/etc/group"),
        ("/run/utmp and logind's files", |_, _| (), "neither /run/systemd/sessions nor /run/utmp"),
        ("dpkg's lists", |_, _| (), "this host has no database of dpkg or rpm"),
        ("the store", |_, host| host.enricher.store = Some("/nonexistent".into()), "other alerts"),
        ("no store", |_, host| host.enricher.store = None, "alerts are not stored"),
        ("the probe", |_, host| host.enricher.probe = None, "there is no probe to ask"),
        (
            "a probe that is gone",
            |_, host| {
                let nobody =
                    Client::new(Path::new("/nonexistent").into(), Duration::from_secs(60), Arc::default());
                host.enricher.probe = Some(nobody);
            },
            "not readable: the probe is not there",
        ),
        ("/proc", |root, host| host.enricher.proc = root.join("nothing"), "/proc cannot be read"),
    ];
    let alert = alert(rule(), &["usermod", "-u", "0", "-o", "bob"]);
    let soon = || Instant::now() + Duration::from_secs(600);
    for (source, take, told) in sources {
        let (root, mut host) = whole_host();
        let whole = named(&host.gather(&alert, soon()));
        assert!(!whole.contains(told), "{source}, before it was taken away: {whole}");
        match source {
            "/run/utmp and logind's files" => {
                ["run/utmp", "run/systemd/sessions"].iter().for_each(|path| remove(root.path(), path));
            }
            "dpkg's lists" => remove(root.path(), "var/lib/dpkg/info"),
            file if file.starts_with("/etc/") => remove(root.path(), &file[1..]),
            _ => take(root.path(), &mut host),
        }
        // What was remembered of programs is not what this is about.
        host.enricher.programs = executables::Known::default();
        let without = named(&host.gather(&alert, soon()));
        assert!(without.contains(told), "{source}: {without}");
    }
}

/// Elastic's own guides, where they are at hand (they are under another licence, and so not in this repository).
#[test]
fn every_question_of_elastics_guides_is_filled_and_those_of_our_tables_are_answered() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/elastic-rules");
    if !corpus.is_dir() {
        println!("skipped: {} is not there", corpus.display());
        return;
    }
    let root = tree();
    let loaded = crate::rule::load::effective(&[corpus], root.path());
    let (mut asked, mut answered) = (0, 0);
    for one in loaded.rules.iter().filter(|rule| !rule.osquery.is_empty()) {
        let rule = Rule { osquery: one.osquery.clone(), note: one.note.clone(), ..sample::rule() };
        let triage = gather(root.path(), &alert(rule, &["usermod", "-u", "0", "-o", "bob"]));
        let guide = triage["guide"].as_array().unwrap_or_else(|| panic!("{}: {triage:#}", one.id));
        asked += one.osquery.len();
        for question in &one.osquery {
            let of = |told: &&Value| told["label"] == question.label.as_str();
            assert!(guide.iter().any(|told| of(&told)), "{}: {}", one.id, question.label);
        }
        for told in guide {
            let Some(why) = told["not_answered"].as_str() else {
                assert!(told["rows"].is_array(), "{told:#}");
                answered += 1;
                continue;
            };
            let others = ["process_open_sockets", "listening_ports", "file", "crontab", "kernel_modules"];
            let other = |table: &&str| why == format!("the table {table} is not built in: ask osqueryi");
            let known = others.iter().any(other) || why == "the alert has no value for file.path";
            assert!(known, "{}: {told:#}", one.id);
        }
    }
    assert!(asked > 50 && answered > 50, "{asked} asked, {answered} answered");
    println!("{asked} questions, {answered} answers");
}
