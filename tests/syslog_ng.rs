//! A real syslog-ng over TCP, with the syslog protocol (RFC 5424, octet counting): what it parsed is read back field by
//! field.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use auditward::output::{Address, Body, Destination, Formatter, Framing, Protocol};
use serde_json::Value;
use syslog_support::{alert, free_port, outputs, pair, until};

/// The program and, where it was unpacked and not installed, the directory above `usr`.
fn syslog_ng() -> Option<(PathBuf, PathBuf)> {
    let root = std::env::var_os("AUDITWARD_SYSLOG_NG").map_or_else(|| "/".into(), PathBuf::from);
    let program = root.join("usr/sbin/syslog-ng");
    if program.exists() {
        return Some((program, root));
    }
    println!(
        "skipped: syslog-ng is not there (unpack syslog-ng-core and name the directory in AUDITWARD_SYSLOG_NG)"
    );
    None
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &Path, root: &Path, here: &Path, port: u16) -> Running {
    let config = format!(
        "@version: 3.35\noptions {{ keep-hostname(yes); log-msg-size(524288); }};\n\
         source s {{ syslog(ip(127.0.0.1) port({port}) transport(tcp)); }};\n\
         destination d {{ file(\"{}/received.json\" template(\"$(format-json --scope rfc5424 --key ISODATE)\\n\")); }};\n\
         log {{ source(s); destination(d); }};\n",
        here.display()
    );
    std::fs::write(here.join("conf"), config).unwrap();
    let libraries =
        ["usr/lib/syslog-ng", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|path| root.join(path));
    let modules =
        std::fs::read_dir(root.join("usr/lib/syslog-ng")).unwrap().map(|entry| entry.unwrap().path());
    let modules = modules.into_iter().find(|path| path.is_dir()).expect("modules");
    let mut command = Command::new(program);
    if root != Path::new("/") {
        command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap());
    }
    let file = |name: &str| here.join(name).display().to_string();
    let child = command
        .arg("-F")
        .arg("--no-caps")
        .arg(format!("--module-path={}", modules.display()))
        .args(["-f", &file("conf"), "-p", &file("pid"), "-c", &file("ctl"), "-R", &file("persist")])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(here.join("own.log")).unwrap())
        .spawn()
        .unwrap();
    Running(child)
}

#[test]
fn alerts_arrive_at_syslog_ng_and_its_fields_are_ours() {
    let Some((program, root)) = syslog_ng() else { return };
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let port = free_port();
    let running = start(&program, &root, here, port);
    let formatter = Box::new(Formatter::new(Protocol::Rfc5424, Body::Text));
    let address = Address::Tcp(format!("127.0.0.1:{port}").parse().unwrap(), Framing::OctetCounting);
    let outputs = outputs("far", Destination::Syslog { address, formatter });
    let arguments = [
        "quote\" ] \\ end",
        "line\n<84>1 - - auditward - - - forged\r\0end",
        "\u{1b}[2J\u{202e}\u{9b}31m",
        "; alert=0 rule=none [x@1 a=\"b\"]",
        "J\u{fc}rgen \u{1f980}",
    ];
    let long = "l".repeat(128 << 10);
    let sent: Vec<_> = (0..504)
        .map(|n| {
            let argument = arguments.get(n % 6).copied().unwrap_or(&long);
            let alert = alert(&["usermod", "-u", "0", "-o", "-c", argument, "bob"], n as u64 + 1);
            outputs.push(&alert);
            (alert.id.clone(), argument.to_owned())
        })
        .collect();
    let received = || -> Vec<Value> {
        let text = std::fs::read_to_string(here.join("received.json")).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        text[..whole]
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    };
    until("all at syslog-ng", || received().len() >= 504);
    drop(running);
    let received = received();
    assert_eq!(received.len(), 504, "each once: nothing that was forged is a message");
    for (message, (id, argument)) in received.iter().zip(&sent) {
        let get = |name: &str| message[name].as_str().unwrap_or_else(|| panic!("{name}: {message}"));
        assert_eq!(
            (get("PROGRAM"), get("HOST"), get("MSGID")),
            ("auditward", "web1", "linux_backdoor_user_creation")
        );
        assert_eq!((get("FACILITY"), get("PRIORITY")), ("authpriv", "warning"));
        let data = &message["_SDATA"]["auditward@32473"];
        let data = if data.is_null() { &message["SDATA"]["auditward@32473"] } else { data };
        assert_eq!(data["alert"].as_str(), Some(id.as_str()), "{message}");
        let line = get("MESSAGE");
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line}");
        assert_eq!(pair(line, "alert"), Some(id.clone().into_bytes()));
        if argument.len() < 100 {
            let exact = auditward::clean::unescape(data["a5"].as_str().unwrap()).unwrap();
            assert_eq!(exact, argument.as_bytes(), "{message}");
        }
    }
}
