//! `alerts show --html`: the page in a real browser, with hostile texts in it.
//!
//! Needs Chromium (`apt-get install chromium`) for the test in the browser; where it is missing that one prints so and passes,
//! with `AUDITWARD_LIVE=1` it fails.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::audit::Stamp;
use auditward::rule::load;
use auditward::store::{Settings, Store};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

const RULES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml");

/// What a process could try on whoever reads its arguments in a browser.
const HOSTILE: [&str; 8] = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</pre></section><style>body{display:none}</style>",
    "\"><a href=javascript:alert(1)>x</a>",
    "<iframe src=http://192.0.2.1/></iframe>",
    "{{ nonce }}{% for x in y %}",
    "\u{202e}desrever\u{1b}[31m\n<h1>line two</h1>",
    "&lt;b&gt;&amp;",
];

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn event(args: &[&str]) -> Map<String, Value> {
    object(json!({
        "@timestamp": "2026-09-21T14:15:00.181Z",
        "event": { "kind": "event", "module": "auditd", "category": ["process"], "action": "executed", "outcome": "success" },
        "host": { "name": "web1", "id": "7e0b37f5f03fca0d1d0448ebc1ce866c" },
        "process": { "pid": 4711, "name": "usermod", "executable": "/usr/sbin/usermod", "args": args, "working_directory": "/root" },
        "user": { "id": "0", "name": "root", "audit": { "id": "1000", "name": "alice" } },
        "auditd": { "session": "3", "data": { "tty": "pts1" } },
    }))
}

fn triage(args: &[&str]) -> Map<String, Value> {
    let deep: Vec<Value> = (0..14)
        .map(|n| json!({ "pid": 4000 - n, "name": format!("parent{n}"), "args": ["sh", HOSTILE[n % 8]], "start": "2026-09-21T14:00:00.000Z", "state": "running" }))
        .collect();
    let mut processes = vec![
        json!({ "pid": 4711, "name": "usermod", "args": args, "state": "ended", "source": { "ip": "192.0.2.7" } }),
    ];
    processes.extend(deep);
    object(json!({
        "time": "2026-09-21T14:15:00.200Z",
        "processes": processes,
        "uid_0": [{ "name": "bob", "id": "0", "group_id": "100", "description": HOSTILE[0], "home": "/home/bob", "shell": "/bin/sh" }],
        "users": [{
            "role": "target", "name": "bob", "id": "0", "description": HOSTILE[1], "home": "/home/bob", "shell": "/bin/sh",
            "groups": [{ "name": "sudo", "id": "27" }], "privileged_groups": [{ "name": "sudo", "id": "27" }],
            "process_count": 1, "processes": [{ "pid": 9, "command_line": HOSTILE[2], "terminal": "pts/1", "start": "2026-09-21T14:01:00.000Z" }],
            "session_count": 1, "sessions": [{ "terminal": "pts/1", "host": HOSTILE[3], "since": "2026-09-21T13:00:00.000Z" }],
        }],
        "guide": [
            { "label": "an answer", "query": "SELECT username FROM users WHERE username LIKE 'a\\_%' ESCAPE '\\'", "rows": [{ "username": "answer-is-bob", "description": HOSTILE[4] }], "row_count": 1 },
            { "label": "no answer", "query": "SELECT {{file.path}}", "not_answered": "the alert has no value for file.path" },
        ],
        "related": { "hours": 48, "user": [{ "rule": { "id": "r", "name": HOSTILE[5] }, "count": 3, "newest": "2026-09-21T10:00:00.000Z" }] },
        "missing": [{ "what": "sessions", "reason": HOSTILE[0] }],
    }))
}

/// A store with one alert, whose texts are hostile; gives the file.
fn stored(folder: &Path) -> PathBuf {
    let rules = load::effective(&[RULES.into()], folder).rules;
    let rule = rules.first().expect("the rule");
    let path = folder.join("alerts.db");
    let store = Store::open(Settings { path: path.clone(), days: 3650, bytes: 64 << 20 }).expect("a store");
    let mut args = vec!["usermod", "-u", "0", "-o", "bob"];
    args.extend(HOSTILE);
    let stamp = Stamp { millis: 1_790_000_100_181, serial: 581 };
    let mut alert = Alert::new(
        rule,
        &[event(&args)],
        &[stamp],
        "host",
        Timestamp::from_millisecond(1_790_000_100_681).expect("a time"),
    );
    alert.expect_triage(Instant::now() + Duration::from_secs(600));
    assert!(alert.set_triage(&triage(&args)));
    assert!(store.hand_over(&Arc::new(alert)).is_some());
    assert!(store.close(Instant::now() + Duration::from_secs(60)));
    path
}

fn show(store: &Path, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["alerts", "show", "last", "--rules", RULES, "--store"])
        .arg(store)
        .args(more)
        .output()
        .expect("auditward");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn page(folder: &Path) -> PathBuf {
    let file = folder.join("alert.html");
    show(&stored(folder), &["--html", file.to_str().expect("UTF-8")]);
    file
}

#[test]
fn hostile_text_is_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = fs::read_to_string(page(folder.path())).expect("the page");
    for tag in ["<script", "<img", "<iframe", "<h1>line", "<a href=javascript", "onerror=\""] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert_eq!(page.matches("<style").count(), 1);
    assert!(!page.contains(['\u{202e}', '\u{1b}']));
    assert!(page.contains("default-src 'none'; style-src 'nonce-"));
    assert!(page.contains("{{ nonce }}{% for x in y %}"), "what looks like a template is a text");
    // The sentence is as the line has it: an escape in it is not escaped again.
    assert!(page.contains("<h1>MEDIUM") && !page.contains("\\\\u{202e}"), "{page}");
    assert!(
        page.replace("&#x27;", "&#39;").contains("LIKE &#39;a\\_%&#39; ESCAPE &#39;\\&#39;"),
        "a query is as it is typed"
    );
    let order = |part: &str| page.find(part).expect("a moment");
    assert!(order("parent13 (3987) began") < order("parent0 (4000) began"), "parents come first");
    for part in ["answer-is-bob", "not answered: the alert has no value for file.path", "4711", "ATT&amp;CK"]
    {
        assert!(page.contains(part), "{part}");
    }
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(folder.path().join("alert.html")).expect("the page").mode() & 0o777, 0o600);
}

#[test]
fn an_exception_is_ready_and_counts_what_it_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let shown = show(&stored(folder.path()), &["--as-exception"]);
    assert!(shown.contains("it would have taken 1, this one among them"), "{shown}");
    let site = folder.path().join("site");
    fs::create_dir_all(site.join("exceptions.d")).expect("a directory");
    fs::write(site.join("exceptions.d/one.toml"), &shown).expect("written");
    let loaded = load::effective(&[RULES.into()], &site);
    let told: Vec<_> = loaded.diagnostics.iter().map(|fault| fault.one_line()).collect();
    assert_eq!(told, Vec::<String>::new(), "{shown}");
    let applied = &loaded.rules.first().expect("the rule").exceptions;
    let condition = &applied.first().expect("an exception").exception.condition;
    for part in [
        "host.id == ",
        "user.audit.id == \"1000\"",
        "user.id == \"0\"",
        "process.executable == \"/usr/sbin/usermod\"",
    ] {
        assert!(condition.contains(part), "{condition}");
    }
}

fn chromium() -> Option<&'static str> {
    let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    found.into_iter().find(|path| Path::new(path).exists())
}

/// Lets the browser open the page; what it wrote to standard output and error.
fn browse(folder: &Path, page: &Path, more: &[&str]) -> Option<(String, String)> {
    let Some(program) = chromium() else {
        assert!(
            std::env::var_os("AUDITWARD_LIVE").is_none_or(|live| live != "1"),
            "AUDITWARD_LIVE=1, but no Chromium"
        );
        println!("skipped: there is no Chromium");
        return None;
    };
    let output = Command::new(program)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--log-net-log={}", folder.join("net.json").display()))
        .args(more)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .env("HOME", folder)
        .output()
        .expect("Chromium");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((text(&output.stdout), text(&output.stderr)))
}

#[test]
fn a_browser_shows_all_of_it_and_asks_for_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = page(folder.path());
    let Some((dom, told)) = browse(folder.path(), &page, &["--dump-dom"]) else { return };
    // The title is as it was written: no script of the arguments has run.
    assert!(dom.contains("<title>MEDIUM Potential Linux Backdoor"), "{dom}");
    for part in [
        "answer-is-bob",
        "id=\"tree\"",
        "usermod (4711)",
        "parent13",
        "id=\"timeline\"",
        "id=\"missing\"",
        "192.0.2.7",
    ] {
        assert!(dom.contains(part), "{part}");
    }
    for tag in ["<script", "<img", "<iframe", "<a href=\"javascript"] {
        assert!(!dom.contains(tag), "{tag}");
    }
    let said: Vec<_> = told.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert_eq!(said, Vec::<&str>::new(), "the page says something to the console");
    let net = fs::read_to_string(folder.path().join("net.json")).unwrap_or_default();
    assert!(!net.contains("192.0.2.1"), "a request was made");
    for (name, size) in [("wide", "1400,2600"), ("narrow", "390,3600")] {
        // A place to look at them: AUDITWARD_SCREENSHOTS=/some/folder.
        let to =
            std::env::var_os("AUDITWARD_SCREENSHOTS").map_or_else(|| folder.path().to_owned(), PathBuf::from);
        let shot = to.join(format!("alert-{name}.png"));
        let (shot_to, window) = (format!("--screenshot={}", shot.display()), format!("--window-size={size}"));
        browse(folder.path(), &page, &["--hide-scrollbars", &shot_to, &window]);
        assert!(fs::metadata(&shot).is_ok_and(|shot| shot.len() > 10_000), "{name}");
    }
}
