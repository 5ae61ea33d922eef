//! Reading the configuration: defaults, faults, drop-ins, and that the table of settings is whole.

use super::settings::{SETTINGS, TABLES};
use super::*;

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
    let (mut config, faults) = read_text(&whole(|table| table != "file"), Mode::Check);
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(config.user.take().as_deref(), Some("auditward"));
    assert_eq!(config.daemon.prometheus_file.take(), Some("/var/lib/node_exporter/auditward.prom".into()));
    assert_eq!(config.store.path.take(), Some("/var/lib/auditward/alerts.db".into()));
    assert_eq!(config.daemon.runtime_directory.take(), Some("/run/auditward".into()));
    assert_eq!(config.daemon.state_directory.take(), Some("/var/lib/auditward".into()));
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn every_key_that_is_read_is_in_the_table() {
    let text = whole(|_| true);
    let faults =
        Faults::new(crate::diagnostic::Source { name: "x".into(), text }.into(), Codes::CONFIG, Level::Error);
    read_tree(&faults, Config::default());
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
    let read = sizes.map(bytes);
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
