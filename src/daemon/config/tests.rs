//! Reading the configuration: defaults, faults, drop-ins, and that the table of settings is whole.

use super::settings::{SETTINGS, TABLES};
use super::*;
use crate::output::syslog::DEFAULT_LINE;
use crate::output::{Framing, Peer};
use crate::rule::Severity;

fn read_text(text: &str, mode: Mode) -> (Config, Vec<String>) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("auditward.toml");
    std::fs::write(&file, text).expect("written");
    let (config, faults) = read(&file, mode).expect("readable");
    (config, faults.into_iter().map(|fault| format!("{:?}: {}", fault.level, fault.title)).collect())
}

#[test]
fn drop_ins_set_single_keys_over_what_came_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("auditward.toml");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    std::fs::create_dir(directory.path().join("auditward.d")).expect("a directory");
    write(
        "auditward.toml",
        "rules = [\"/a\"]\n[syslog]\nlimit = 4096\nqueue = 7\n[file]\npath = \"/x\"\n[daemon]\nheartbeat_minutes = 5\n",
    );
    write("auditward.d/20-b.toml", "[syslog]\nqueue = 9\n[file]\nmode = 0o640\n");
    write("auditward.d/10-a.toml", "rules = []\n[syslog]\nqueue = 8\nenabled = false\n");
    write("auditward.d/30-c.toml", "[daemon]\nheartbeat_minuts = 1\ndrain_seconds = \"x\"\n");
    write("auditward.d/40-d.toml", "no toml");
    write("auditward.d/notes.txt", "no toml either");
    std::os::unix::fs::symlink("/nonexistent", directory.path().join("auditward.d/50-e.toml"))
        .expect("a link");
    let (config, faults) = read(&file, Mode::Start).expect("readable");
    assert_eq!(config.rules, Vec::<PathBuf>::new());
    assert_eq!((config.syslog.limit, config.syslog.enabled, config.syslog.queue.messages), (4096, false, 9));
    let out = config.file.expect("a file");
    assert_eq!((out.path.as_path(), out.mode), (Path::new("/x"), 0o640));
    // What is faulty stands as it did before.
    assert_eq!(config.daemon.heartbeat, Some(Duration::from_secs(300)));
    assert_eq!(config.daemon.drain, DaemonConfig::default().drain);
    let told: Vec<String> = faults.iter().map(Diagnostic::one_line).collect();
    assert_eq!(told.len(), 4, "{told:#?}");
    for (name, what) in [
        ("30-c.toml:2", "heartbeat_minuts"),
        ("30-c.toml:3", "drain_seconds"),
        ("40-d.toml:1", ""),
        ("50-e.toml", "No such file"),
    ] {
        assert!(told.iter().any(|line| line.contains(name) && line.contains(what)), "{name}: {told:#?}");
    }
    assert_eq!(read(&file, Mode::Check).expect("readable").1.len(), 4);
    // Where nothing is dropped in, nothing is said.
    std::fs::remove_dir_all(directory.path().join("auditward.d")).expect("removed");
    assert!(read(&file, Mode::Check).expect("readable").1.is_empty());
}

/// A destination of each type, with every key.
const DESTINATIONS: &str = r#"
[[destination]]
name = "loghost"
type = "tcp"
address = "192.0.2.7:601"
framing = "line-feed"
protocol = "rfc3164"
format = "cee"
facility = "local6"
limit = 4096
enterprise = 7
queue = 5
queue_bytes = "1M"
severity = "high"
rules = ["uid0-account-usermod"]
tags = ["OS: Linux"]
alerts_per_minute = 600
[[destination]]
name = "collector-6"
type = "udp"
address = "[2001:db8::7]:514"
[[destination]]
name = "local"
type = "unix"
path = "/run/sink"
[[destination]]
name = "sealed"
type = "tls"
address = "192.0.2.7:6514"
ca = "/ca.pem"
certificate = "/own.pem"
key = "/own.key"
server_name = "loghost.example"
[[destination]]
name = "journal"
type = "journal"
[[destination]]
name = "lines"
type = "file"
path = "/x"
mode = 0o640
format = "text"
"#;

/// Every setting of the table at the value given there.
fn whole(table_filter: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    for (table, _) in TABLES.iter().filter(|(table, _)| table_filter(table)) {
        if !table.is_empty() {
            text += &format!("[{table}]\n");
        }
        for setting in SETTINGS.iter().filter(|setting| setting.table == *table) {
            text += &format!("{} = {}\n", setting.key, setting.value);
        }
    }
    text
}

#[test]
fn the_tables_defaults_are_those_in_force() {
    let (mut config, faults) =
        read_text(&whole(|table| !matches!(table, "file" | "events" | "destination")), Mode::Check);
    assert_eq!(faults, Vec::<String>::new());
    assert_ne!(std::mem::take(&mut config.labels), LabelsConfig::default());
    assert_eq!(config.user.take().as_deref(), Some("auditward"));
    assert_eq!(config.daemon.prometheus_file.take(), Some("/var/lib/node_exporter/auditward.prom".into()));
    assert_eq!(config.store.path.take(), Some("/var/lib/auditward/alerts.db".into()));
    assert_eq!(config.daemon.runtime_directory.take(), Some("/run/auditward".into()));
    assert_eq!(config.daemon.state_directory.take(), Some("/var/lib/auditward".into()));
    // A limit that is set is that of the line too.
    assert_eq!(std::mem::replace(&mut config.syslog.line, DEFAULT_LINE), DEFAULT_LIMIT);
    for choice in [&mut config.syslog.choice, &mut config.stdout.choice] {
        assert_eq!((choice.severity.take(), choice.per_minute.take()), (Some(Severity::High), Some(600)));
    }
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn the_file_of_events_takes_an_event_query_only() {
    let path = "[events]\npath = \"/var/log/auditward/events.ndjson\"\n";
    let query = |query: &str| read_text(&format!("{path}query = '{query}'\n"), Mode::Check);
    let (config, faults) = query("process where event.type == \"start\"");
    assert_eq!((faults.len(), config.events.expect("a file").query.is_some()), (0, true));
    let (config, faults) = read_text(path, Mode::Check);
    assert_eq!((faults.len(), config.events.expect("a file").query), (0, None));
    for (wrong, why) in [
        ("process where no.such == 1", "unknown field no.such"),
        ("sequence [any where true] [any where true]", "it joins events"),
        ("any where true | head 5", "it has a pipe"),
        ("any where", "expected"),
    ] {
        let (config, faults) = query(wrong);
        assert!(faults.len() == 1 && faults[0].contains(why), "{faults:?}");
        assert_eq!(config.events, None, "not every event, which nobody asked for");
    }
}

#[test]
fn every_key_that_is_read_is_in_the_table() {
    let text = whole(|table| table != "destination") + DESTINATIONS;
    let faults =
        Faults::new(crate::diagnostic::Source { name: "x".into(), text }.into(), Codes::CONFIG, Level::Error);
    tables::read(&faults, Config::default());
    let mut asked = faults.asked();
    asked.retain(|path| !TABLES.iter().any(|(table, _)| path == table));
    asked.sort();
    asked.dedup();
    let mut rows: Vec<String> = SETTINGS
        .iter()
        .map(|row| if row.table.is_empty() { row.key.into() } else { format!("{}.{}", row.table, row.key) })
        .collect();
    rows.sort();
    assert_eq!(asked, rows);
    assert_eq!(faults.finish().len(), 0);
}

#[test]
fn the_sample_is_sound_and_changes_nothing() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/auditward.toml");
    let (config, faults) = read(Path::new(sample), Mode::Check).expect("readable");
    assert_eq!(faults.len(), 0);
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn all_faults_are_told_and_the_rest_is_in_force() {
    let text = "rulez = []\nrules = [\"rules.d\", \"/x\"]\nuser = \"root\"\n\
                [audit]\nreceive_buffer = \"lots\"\nopen_events = 0\ntimeout_ms = 500\n\
                [syslog]\nsocket = \"dev/log\"\nprotocol = \"rfc5425\"\nfacility = \"local9\"\nqueue = 5\n\
                [file]\nformat = \"json\"\n";
    let (config, faults) = read_text(text, Mode::Start);
    assert_eq!(
        faults,
        [
            "Warning: there is no key `rulez`",
            "Error: `rules` is no absolute path",
            "Error: `user` cannot be this",
            "Error: `audit.receive_buffer` is no such size",
            "Error: `audit.open_events` is out of range",
            "Error: `syslog.socket` is no absolute path",
            "Error: `syslog.protocol` cannot be this",
            "Error: there is no such facility",
            "Error: `file.path` is missing",
        ]
    );
    assert_eq!((config.audit.limits.timeout_ms, config.syslog.queue.messages), (500, 5));
    assert_eq!(config.audit.receive_buffer, AuditConfig::default().receive_buffer);
    assert_eq!(config.syslog.socket, Path::new("/dev/log"));
    assert_eq!(config.rules, [Path::new("/x")]);
    assert!(config.file.is_none() && config.user.is_none());
    assert_eq!(read_text(text, Mode::Check).1[0], "Error: there is no key `rulez`");
}

#[test]
fn a_file_that_is_no_toml_leaves_the_defaults() {
    let (config, faults) = read_text("[syslog\nenabled = false\n", Mode::Start);
    assert!(config.syslog.enabled);
    assert!(faults[0].starts_with("Error: not TOML"), "{faults:?}");
}

#[test]
fn the_total_holds_two_events() {
    let faults = read_text("[audit]\ntotal_bytes = \"1M\"\n", Mode::Check).1;
    assert_eq!(faults, ["Error: `audit.total_bytes` holds less than two events of `audit.event_bytes`"]);
}

#[test]
fn sinks_are_what_is_set() {
    let names = |text| {
        let (config, faults) = read_text(text, Mode::Check);
        assert_eq!(faults, Vec::<String>::new());
        config.sinks().into_iter().map(|sink| sink.name).collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["syslog"]);
    assert_eq!(names("[syslog]\nenabled = false\n"), Vec::<String>::new());
    assert_eq!(
        names("[stdout]\nenabled = true\n[file]\npath = \"/x\"\nmode = 0o640\n"),
        ["syslog", "stdout", "file"]
    );
}

#[test]
fn sizes() {
    let sizes = ["4096", "64K", "64M", "2G", "0", "-1", "1T", "K", "", "9223372036854775807G", "1.5M"];
    let read = sizes.map(values::bytes);
    assert_eq!(
        read,
        [
            Some(4096),
            Some(65_536),
            Some(67_108_864),
            Some(2_147_483_648),
            Some(0),
            None,
            None,
            None,
            None,
            None,
            None
        ]
    );
}

#[test]
fn an_absent_file_is_no_configuration() {
    let fault = read(Path::new("/nonexistent/auditward.toml"), Mode::Start).expect_err("absent");
    assert_eq!(fault.code, Codes::CONFIG.unreadable);
    assert!(fault.title.contains("/nonexistent/auditward.toml"));
}

#[test]
fn destinations_are_what_their_types_say() {
    let (config, faults) = read_text(DESTINATIONS, Mode::Check);
    assert_eq!(faults, Vec::<String>::new());
    let sinks = config.sinks();
    let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["syslog", "loghost", "collector-6", "local", "sealed", "journal", "lines"]);
    assert_eq!((sinks[1].bounds.messages, sinks[1].bounds.bytes), (5, 1 << 20));
    let choice = Choice {
        severity: Some(Severity::High),
        rules: vec!["uid0-account-usermod".to_owned()],
        tags: vec!["OS: Linux".to_owned()],
        per_minute: Some(600),
    };
    assert_eq!((&sinks[1].choice, &sinks[2].choice), (&choice, &Choice::default()));
    let told: Vec<_> = sinks[1..5]
        .iter()
        .map(|sink| match &sink.destination {
            Destination::Syslog { address, formatter: f } => {
                (address.clone(), f.protocol, f.body, f.facility as u8 >> 3, f.limit, f.enterprise)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let tcp = Address::Tcp("192.0.2.7:601".parse().expect("an address"), Framing::LineFeed);
    let peer = Peer {
        ca: "/ca.pem".into(),
        name: Some("loghost.example".to_owned()),
        own: Some(("/own.pem".into(), "/own.key".into())),
    };
    let tls = Address::Tls("192.0.2.7:6514".parse().expect("an address"), Box::new(peer));
    let udp = Address::Udp("[2001:db8::7]:514".parse().expect("an address"));
    assert_eq!(
        told,
        [
            (tcp, Protocol::Rfc3164, Body::CeeJson, 22, 4096, 7),
            (udp, Protocol::Rfc5424, Body::Text, 10, 2048, EXAMPLE_ENTERPRISE),
            (
                Address::Unix("/run/sink".into()),
                Protocol::Rfc3164,
                Body::Text,
                10,
                DEFAULT_LIMIT,
                EXAMPLE_ENTERPRISE
            ),
            (tls, Protocol::Rfc5424, Body::Text, 10, DEFAULT_LIMIT, EXAMPLE_ENTERPRISE),
        ]
    );
    let Destination::File { path, mode, format } = &sinks[6].destination else { panic!("{:?}", sinks[6]) };
    assert_eq!((path.as_path(), *mode, matches!(format, Format::Text)), (Path::new("/x"), 0o640, true));
}

#[test]
fn a_destination_that_cannot_be_is_told_and_left_out() {
    let one = |text: &str| {
        let (config, faults) = read_text(&format!("[[destination]]\n{text}"), Mode::Check);
        assert!(config.destinations.is_empty(), "{text}");
        faults
    };
    let tcp = |rest: &str| one(&format!("name = \"a\"\ntype = \"tcp\"\n{rest}"));
    assert_eq!(
        tcp("address = \"loghost.example:514\"\n"),
        ["Error: `destination.address` is no IP address and port"]
    );
    assert_eq!(tcp("address = \"192.0.2.7\"\n"), ["Error: `destination.address` is no IP address and port"]);
    assert_eq!(
        tcp("address = \"192.0.2.7:0\"\n"),
        ["Error: `destination.address` is no IP address and port"]
    );
    assert_eq!(tcp("").len(), 1);
    assert_eq!(one("type = \"file\"\npath = \"/x\"\n").len(), 1, "no name");
    assert_eq!(one("name = \"a\"\npath = \"/x\"\n").len(), 1, "no type");
    for name in ["syslog", "stdout", "file", "", "a b", "a/b", "\\u001b", &"x".repeat(33)] {
        let faults = one(&format!("name = \"{name}\"\ntype = \"file\"\npath = \"/x\"\n"));
        assert!(
            faults.len() == 1 && faults[0].starts_with("Error: `destination.name`"),
            "{name:?}: {faults:?}"
        );
    }
    let (config, faults) = read_text(
        "[[destination]]\nname = \"a\"\ntype = \"file\"\npath = \"/x\"\naddress = \"192.0.2.7:5\"\n\
         [[destination]]\nname = \"a\"\ntype = \"file\"\npath = \"/y\"\n",
        Mode::Check,
    );
    assert_eq!(
        faults,
        [
            "Error: `destination.address` has no meaning for this type",
            "Error: there are two destinations of this name",
        ]
    );
    assert_eq!(config.destinations.len(), 1, "the first stands");
    let tls =
        |rest: &str| one(&format!("name = \"a\"\ntype = \"tls\"\naddress = \"192.0.2.7:6514\"\n{rest}"));
    assert_eq!(tls(""), ["Error: `destination.ca` is missing"]);
    assert_eq!(tls("ca = \"ca.pem\"\n"), ["Error: `destination.ca` is no absolute path"]);
    let faults = |rest: &str| {
        let text =
            "[[destination]]\nname = \"a\"\ntype = \"tls\"\naddress = \"192.0.2.7:6514\"\nca = \"/x\"\n";
        read_text(&format!("{text}{rest}"), Mode::Check).1
    };
    assert_eq!(faults("key = \"/x\"\n"), ["Error: `destination.certificate` is missing"]);
    assert_eq!(faults("server_name = \"a b\"\n"), ["Error: `destination.server_name` is no name"]);
}

#[test]
fn a_destination_of_a_later_file_takes_the_place_of_the_one_of_its_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("auditward.toml");
    std::fs::create_dir(directory.path().join("auditward.d")).expect("a directory");
    let entry = |name: &str, path: &str| {
        format!("[[destination]]\nname = \"{name}\"\ntype = \"file\"\npath = \"{path}\"\n")
    };
    std::fs::write(&file, entry("a", "/1") + &entry("b", "/2")).expect("written");
    let drop_in = directory.path().join("auditward.d/10.toml");
    std::fs::write(drop_in, entry("c", "/3") + &entry("a", "/4")).expect("written");
    let (config, faults) = read(&file, Mode::Check).expect("readable");
    assert!(faults.is_empty(), "{faults:?}");
    let told: Vec<_> = config
        .destinations
        .iter()
        .map(|one| match &one.to {
            To::File(file) => (one.name.as_str(), file.path.to_str().expect("text")),
            _ => panic!("{one:?}"),
        })
        .collect();
    assert_eq!(told, [("a", "/4"), ("b", "/2"), ("c", "/3")]);
}

#[test]
fn labels_are_the_sites_own_words_and_bounded() {
    let (config, faults) = read_text("[labels]\nowner = \"a\"\nrack-7 = \"x\"\n", Mode::Check);
    assert_eq!(faults, Vec::<String>::new());
    assert!(
        format!("{:?}", config.labels).contains("\"owner\": \"a\", \"rack-7\": \"x\""),
        "{:?}",
        config.labels
    );
    let long = "x".repeat(1025);
    let (config, faults) =
        read_text(&format!("[labels]\n\"a.b\" = \"x\"\nrole = 7\nowner = \"{long}\"\n"), Mode::Check);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert_eq!(config.labels, LabelsConfig::default());
    let many: String = (0..40).map(|n| format!("l{n} = \"x\"\n")).collect();
    assert_eq!(read_text(&format!("[labels]\n{many}"), Mode::Check).1.len(), 8);
}
