//! The configurations in packaging/contrib/rsyslog: rsyslogd reads each, and two are run here, the one for a file and, against
//! a stand-in for Elasticsearch's bulk API, the one for a cluster. The two for a relay are what tests/tls.rs and tests/fleet.rs run
//! with their own names and certificates.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use auditward::output::Outputs;
use serde_json::{Value, json};
use syslog_support::rsyslog::rsyslogd;
use syslog_support::{alerts, configured, until};

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/contrib/rsyslog").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The modules that the text loads and this machine has not.
fn missing_modules(text: &str) -> Vec<String> {
    let places =
        ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog", "/usr/lib64/rsyslog"];
    let named = text.split("module(load=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let named = named.chain(text.contains("gtls").then_some("lmnsd_gtls"));
    named
        .filter(|module| !places.iter().any(|place| Path::new(place).join(format!("{module}.so")).exists()))
        .map(str::to_owned)
        .collect()
}

/// A whole configuration with `example` in it, everything below `here`.
fn configuration(here: &Path, example: &str) -> PathBuf {
    let folder = here.display();
    let text = format!(
        "global(workDirectory=\"{folder}\" maxMessageSize=\"256k\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imuxsock\" Socket=\"{folder}/socket\" CreatePath=\"off\" RateLimit.Interval=\"0\")\n{}\n",
        example
            .replace("/var/log/", &format!("{folder}/"))
            .replace("/var/spool/rsyslog", &folder.to_string())
    );
    let file = here.join("rsyslog.conf");
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn rsyslogd_reads_every_example() {
    let Some(program) = rsyslogd() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/contrib/rsyslog");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(kind) = name.strip_suffix(".conf") else { continue };
        let here = tempfile::tempdir().unwrap();
        let mut text = example(&name);
        let missing = missing_modules(&text);
        if !missing.is_empty() {
            println!("skipped: {kind}: rsyslog has no {missing:?} here");
            continue;
        }
        // Certificates are looked at, and these names are the reader's to choose.
        for file in ["ca.pem", "host.pem", "host.key", "relay.pem", "relay.key"] {
            let path = here.path().join(file);
            std::fs::write(&path, "").unwrap();
            text = text.replace(&format!("/etc/rsyslog.d/tls/{file}"), path.to_str().unwrap());
        }
        // A relay's own `global(maxMessageSize)` stands before that of the frame.
        let text = text.replace("    maxMessageSize=\"256k\"\n", "");
        let file = configuration(here.path(), &text);
        let said = Command::new(&program).arg("-N1").arg("-f").arg(file).output().unwrap();
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success() && !told.contains("error"), "{name}: {told}");
        read += 1;
    }
    assert!(read >= 2, "{read}");
}

/// An rsyslogd that is ended when dropped, and what sends alerts to it.
struct Running {
    child: Child,
    outputs: Outputs,
    here: tempfile::TempDir,
}

impl Running {
    fn start(program: &Path, change: impl FnOnce(String, &Path) -> String, name: &str) -> Self {
        let here = tempfile::tempdir().unwrap();
        let file = configuration(here.path(), &change(example(name), here.path()));
        let log = std::fs::File::create(here.path().join("own.log")).unwrap();
        let child = Command::new(program)
            .arg("-n")
            .arg("-f")
            .arg(file)
            .arg("-i")
            .arg(here.path().join("pid"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let socket = here.path().join("socket");
        until("its socket", || socket.exists());
        let socket = socket.display();
        let outputs = configured(&format!(
            "[[destination]]\nname = \"near\"\ntype = \"unix\"\npath = \"{socket}\"\nformat = \"json\"\nlimit = 131072\n"
        ));
        Self { child, outputs, here }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_file_has_a_document_a_line() {
    let Some(program) = rsyslogd() else { return };
    let rsyslog = Running::start(&program, |text, _| text, "file.conf");
    let sent = alerts(200);
    sent.iter().for_each(|alert| rsyslog.outputs.push(alert));
    let file = rsyslog.here.path().join("auditward-alerts.ndjson");
    let lines = || std::fs::read_to_string(&file).unwrap_or_default();
    until("all in the file", || lines().lines().count() >= sent.len());
    let read: Vec<Value> = lines().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Vec<Value> = sent.iter().map(|alert| Value::Object(alert.document())).collect();
    assert_eq!(read, expected, "whole, in order, each once");
}

/// What the bulk API was sent: documents by id, and how often each answer was given.
#[derive(Default)]
struct Bulk {
    requests: usize,
    stored: BTreeMap<String, Value>,
    answers: BTreeMap<u64, usize>,
    indices: Vec<String>,
}

impl Bulk {
    /// The answer to a bulk request; none: the connection is cut.
    fn take(&mut self, body: &str) -> Option<Value> {
        self.requests += 1;
        if self.requests == 1 {
            return None;
        }
        let mut items = Vec::new();
        let mut lines = body.lines();
        while let (Some(action), Some(document)) = (lines.next(), lines.next()) {
            let action: Value = serde_json::from_str(action).unwrap();
            let create = &action["create"];
            let id = create["_id"].as_str().expect("an id of ours").to_owned();
            self.indices.push(create["_index"].as_str().unwrap_or_default().to_owned());
            // The third of all is refused once as busy.
            let busy = self.stored.len() == 3 && !self.answers.contains_key(&429);
            let status = if busy {
                429
            } else if self.stored.contains_key(&id) {
                409
            } else {
                self.stored.insert(id.clone(), serde_json::from_str(document).unwrap());
                201
            };
            *self.answers.entry(status).or_default() += 1;
            let mut item = json!({ "_index": create["_index"], "_id": id, "status": status });
            if status >= 400 {
                item["error"] = json!({ "type": "es_rejected_execution_exception", "reason": "queue full" });
            }
            items.push(json!({ "create": item }));
        }
        let errors = items.iter().any(|item| item["create"]["status"].as_u64() >= Some(400));
        Some(json!({ "took": 1, "errors": errors, "items": items }))
    }
}

/// Answers requests of HTTP/1.1 on one connection until it ends.
fn serve(stream: TcpStream, bulk: &Mutex<Bulk>) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
        let (mut length, mut waits) = (0, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            waits |= line.starts_with("expect:");
        }
        if waits {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let answer = if head.starts_with("POST") && head.contains("_bulk") {
            let Some(answer) = bulk.lock().unwrap().take(&String::from_utf8(body).unwrap()) else {
                return Ok(());
            };
            answer
        } else {
            json!({ "status": "green" })
        };
        let answer = answer.to_string();
        write!(
            writer,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
    }
}

#[test]
fn a_cluster_gets_each_document_once_though_it_was_away_and_busy() {
    let Some(program) = rsyslogd() else { return };
    let missing = missing_modules(&example("elasticsearch.conf"));
    if !missing.is_empty() {
        println!("skipped: rsyslog has no {missing:?} here (package rsyslog-elasticsearch)");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bulk = Arc::<Mutex<Bulk>>::default();
    let server = Arc::clone(&bulk);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let server = Arc::clone(&server);
            // A connection that is cut is what the client makes of it.
            std::thread::spawn(move || _ = serve(stream, &server));
        }
    });
    let here = |text: String, _: &Path| {
        // The pauses are those of a cluster; here a second does.
        text.replace("serverport=\"9200\"", &format!("serverport=\"{port}\""))
            .replace("action.resumeInterval=\"5\"", "action.resumeInterval=\"1\"")
    };
    let rsyslog = Running::start(&program, here, "elasticsearch.conf");
    let sent = alerts(60);
    sent.iter().for_each(|alert| rsyslog.outputs.push(alert));
    until("all in the cluster", || bulk.lock().unwrap().stored.len() == sent.len());
    let bulk = bulk.lock().unwrap();
    let expected: BTreeMap<String, Value> =
        sent.iter().map(|alert| (alert.id.clone(), Value::Object(alert.document()))).collect();
    assert_eq!(bulk.stored, expected);
    assert_eq!(bulk.answers.get(&429), Some(&1), "{:?}", bulk.answers);
    assert!(bulk.requests > 2 && bulk.indices.iter().all(|index| index == "logs-auditward.alert-default"));
}
