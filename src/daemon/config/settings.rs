//! Every setting: one row. The commented sample (packaging/auditward.toml) and the table of
//! docs/configuration.md are made from it; tests fail when they are stale.

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The table it stands in; empty for the top of the file.
    pub table: &'static str,
    /// The key.
    pub key: &'static str,
    /// What stands when it is absent, in TOML; for a setting without a default, an example.
    pub value: &'static str,
    /// Whether `value` is what stands when the key is absent.
    pub default: bool,
    /// What values it takes.
    pub takes: &'static str,
    /// What it does.
    pub doc: &'static str,
}

const fn row(
    (table, key): (&'static str, &'static str),
    value: &'static str,
    takes: &'static str,
    doc: &'static str,
) -> Setting {
    Setting { table, key, value, default: true, takes, doc }
}

const fn example(
    (table, key): (&'static str, &'static str),
    value: &'static str,
    takes: &'static str,
    doc: &'static str,
) -> Setting {
    Setting { table, key, value, default: false, takes, doc }
}

/// What each table is about, in the order of the sample.
pub const TABLES: &[(&str, &str)] = &[
    ("", ""),
    ("audit", "The way in: records of the kernel, and the events that they are put together to."),
    ("processes", "What is remembered of processes, so that alerts can name parents."),
    ("sequences", "What rules that join several events may hold."),
    ("accounts", "The account files, watched beside the records."),
    ("secrets", "Passwords and the like in arguments, which no alert shows."),
    ("labels", "What the site says of this host, in every alert."),
    ("syslog", "Alerts to the local syslog daemon."),
    ("stdout", "Alerts to standard output, one a line."),
    ("file", "Alerts to a file, one a line; written when a path is set."),
    (
        "destination",
        "A further receiver of alerts, as `[[destination]]` once for each: any number of them, each with its own place \
         in the store, so that one that hangs holds back no other. One of the same name in a later file takes the \
         place of the earlier.",
    ),
    (
        "events",
        "Events by themselves, beside the alerts, to a file: ECS documents, one a line, as `auditward events` gives them; \
         written when a path is set. They are what the kernel rules record, which this does not change.",
    ),
    ("store", "Alerts on disk, written before they are sent: a restart goes on where each output was."),
    ("triage", "What is gathered about each alert on this host, for those who get its document."),
    ("daemon", "The daemon's own life, and what it says of itself."),
];

/// All settings, in the order of [`TABLES`].
pub const SETTINGS: &[Setting] = &[
    row(
        ("", "rules"),
        "[]",
        "absolute paths of rule files and directories",
        "The rules to run. Directories are searched for *.toml, all levels down. When the list is empty: \
         /usr/share/auditward/rules (or, where no package put it, the rules inside the program) and \
         /etc/auditward/rules.d, whose rules take the place of those with the same rule_id.",
    ),
    example(
        ("", "user"),
        "\"auditward\"",
        "an account name or a number",
        "Who the process that reads records runs as, when started as root. Not set: the account auditward \
         where there is one, else a free numeric uid, told at the start.",
    ),
    row(
        ("", "kernel_rules"),
        "\"minimal\"",
        "off, minimal, all",
        "What the kernel is asked to record by auditward-kernel-rules.service and `auditward kernel-rules`: \
         nothing, executions of the programs that the detection rules can name, or every execution. Where the \
         last could harm the host it is refused, told, and minimal stands (see `auditward kernel-rules cost`).",
    ),
    row(
        ("audit", "receive_buffer"),
        "\"64M\"",
        "bytes, or with K, M, G; 4K to 1G",
        "The kernel's buffer for records that were not read yet. It takes memory only while records wait in \
         it; what does not fit is lost, counted and told. Without effect on a socket that systemd hands over \
         with a larger ReceiveBuffer=.",
    ),
    row(
        ("audit", "open_events"),
        "16384",
        "1 to 1048576",
        "The most events whose records are still awaited at one time; beyond it the oldest is given out as \
         it is, marked incomplete.",
    ),
    row(
        ("audit", "event_bytes"),
        "\"16M\"",
        "bytes, or with K, M, G; 128K to 1G",
        "The most bytes of records of one event. An execution with the most arguments that the kernel takes \
         has 12 MiB: with less, an argument can be pushed out of sight.",
    ),
    row(
        ("audit", "total_bytes"),
        "\"64M\"",
        "bytes, or with K, M, G; 256K to 4G",
        "The most bytes of records of all open events; at least twice event_bytes.",
    ),
    row(
        ("audit", "timeout_ms"),
        "2000",
        "milliseconds, 10 to 60000",
        "How long an event waits for its next record, where no end record comes.",
    ),
    row(
        ("processes", "entries"),
        "32768",
        "256 to 4194304",
        "The most processes in the table; of the login user who has most of them those that have ended give way first, then those \
         longest not heard of.",
    ),
    row(
        ("processes", "bytes"),
        "\"3840K\"",
        "bytes, or with K, M, G; 64K to 4G",
        "The most bytes of programs, directories and arguments in the table.",
    ),
    row(
        ("sequences", "reorder_ms"),
        "100",
        "milliseconds, 0 to 10000",
        "How long events of sequences wait for earlier ones: records are stamped when a system call begins, \
         and come when it ends. What comes later still is counted, told, and matched as it comes.",
    ),
    row(
        ("sequences", "span_minutes"),
        "60",
        "1 to 10080",
        "The longest time from the first event of a sequence to its last, for rules that name no maxspan.",
    ),
    row(
        ("sequences", "partials"),
        "4096",
        "16 to 1048576",
        "The most sequences of one rule that wait for further events; beyond it the login user who has most of \
         them gives up the oldest, counted and told.",
    ),
    row(("sequences", "all_partials"), "16384", "16 to 4194304", "The same of all rules together."),
    row(
        ("sequences", "bytes"),
        "\"8M\"",
        "bytes, or with K, M, G; 64K to 1G",
        "The most bytes of events that are kept for the alerts of sequences.",
    ),
    row(("syslog", "enabled"), "true", "true, false", "Whether alerts go to syslog."),
    row(
        ("accounts", "interval_seconds"),
        "60",
        "seconds, 1 to 86400",
        "How often the account files are read where nothing says that they changed: inotify, changes of mounts and \
         records of writes do so at once.",
    ),
    row(
        ("accounts", "root"),
        "\"/\"",
        "an absolute path",
        "Below which the account files are: /etc/passwd and /etc/group, /var/lib/extrausers, the userdb directories \
         of systemd, /etc/nsswitch.conf. Another than / is for tests.",
    ),
    row(
        ("secrets", "names"),
        "[]",
        "names of options or variables",
        "Beside those that are known: whose value is a secret, as in `--site-pin 1234` or SITE_PIN=1234. Case and \
         the kind of dash make no difference.",
    ),
    row(
        ("secrets", "patterns"),
        "[]",
        "regular expressions",
        "Beside those that are known: what a secret looks like, wherever it stands. A group (?<secret>…) is the \
         secret in what matches, else all of it is.",
    ),
    example(
        ("labels", "environment"),
        "\"production\"",
        "text, 1024 bytes at most",
        "What the host is for: `labels.environment` of every alert, and `environment=` of its line. Any further key of this table is a label too, in the documents only. An empty text takes away a label of an earlier file.",
    ),
    example(("labels", "role"), "\"web server\"", "text, 1024 bytes at most", "What the host does."),
    example(
        ("labels", "owner"),
        "\"team-web@example.org\"",
        "text, 1024 bytes at most",
        "Whom it belongs to.",
    ),
    example(
        ("labels", "runbook"),
        "\"https://wiki.example.org/runbooks/web\"",
        "text, 1024 bytes at most",
        "Where to read what to do.",
    ),
    row(
        ("syslog", "socket"),
        "\"/dev/log\"",
        "an absolute path",
        "The daemon's socket; awaited when it is not there yet.",
    ),
    row(
        ("syslog", "protocol"),
        "\"rfc3164\"",
        "rfc3164, rfc5424",
        "The header. Local daemons expect rfc3164; rsyslog takes rfc5424 on its local socket with \
         UseSpecialParser=\"off\".",
    ),
    row(
        ("syslog", "format"),
        "\"text\"",
        "text, json, cee, cef",
        "The text behind the header: the readable line, the ECS document, the document behind `@cee: `, or CEF.",
    ),
    row(
        ("syslog", "facility"),
        "\"authpriv\"",
        "auth, authpriv, cron, daemon, ftp, kern, local0 to local7, lpr, mail, news, syslog, user, uucp",
        "The facility. The level follows the rule's severity.",
    ),
    example(
        ("syslog", "limit"),
        "8192",
        "bytes, 480 to 262144",
        "The most bytes of one message. Long values are shortened in the middle, and the alert says so. Not set: 8192, and \
         1024 of them for the readable line; beside it rfc5424 has all facts as structured data.",
    ),
    row(
        ("syslog", "queue"),
        "10000",
        "alerts, 1 to 1000000",
        "The most alerts that wait while the daemon does not read; what falls off is counted and told.",
    ),
    row(("syslog", "queue_bytes"), "\"64M\"", "bytes, or with K, M, G; 64K to 4G", "The same in memory."),
    row(
        ("syslog", "enterprise"),
        "32473",
        "1 to 4294967295",
        "With rfc5424: the private enterprise number behind `auditward@` in structured data. The default is \
         the number for documentation (RFC 5612).",
    ),
    example(
        ("syslog", "severity"),
        "\"high\"",
        "low, medium, high, critical",
        "Only alerts of this severity or above. Not set: all. What severity, rules and tags ask for must all be so.",
    ),
    row(
        ("syslog", "rules"),
        "[]",
        "short ids, uuids or names of rules",
        "Only alerts of these rules; empty: of all.",
    ),
    row(
        ("syslog", "tags"),
        "[]",
        "tags of rules",
        "Only alerts of rules with one of these tags; empty: of all.",
    ),
    example(
        ("syslog", "alerts_per_minute"),
        "600",
        "1 to 1000000",
        "The most alerts a minute. The rest are stored and told as one line a rule, with their number. Not set: all go out.",
    ),
    row(
        ("stdout", "enabled"),
        "false",
        "true, false",
        "Whether alerts go to standard output (run --stdout).",
    ),
    row(
        ("stdout", "format"),
        "\"text\"",
        "text, json, cef, syslog",
        "The readable line, the ECS document, CEF, or as [syslog] writes it.",
    ),
    example(
        ("stdout", "severity"),
        "\"high\"",
        "low, medium, high, critical",
        "Only alerts of this severity or above. As under [syslog].",
    ),
    row(
        ("stdout", "rules"),
        "[]",
        "short ids, uuids or names of rules",
        "Only alerts of these rules; empty: of all.",
    ),
    row(
        ("stdout", "tags"),
        "[]",
        "tags of rules",
        "Only alerts of rules with one of these tags; empty: of all.",
    ),
    example(
        ("stdout", "alerts_per_minute"),
        "600",
        "1 to 1000000",
        "The most alerts a minute. The rest are stored and told as one line a rule, with their number. Not set: all go out.",
    ),
    example(
        ("file", "path"),
        "\"/var/log/auditward/alerts.ndjson\"",
        "an absolute path",
        "The file that alerts are appended to.",
    ),
    row(
        ("file", "format"),
        "\"json\"",
        "text, json, cef, syslog",
        "The readable line, the ECS document, CEF, or as [syslog] writes it.",
    ),
    row(("file", "mode"), "0o600", "0 to 0o777", "The permissions of a new file."),
    row(("file", "queue"), "10000", "alerts, 1 to 1000000", "As under [syslog], while the disk is slow."),
    row(("file", "queue_bytes"), "\"64M\"", "bytes, or with K, M, G; 64K to 4G", "The same in memory."),
    example(
        ("file", "severity"),
        "\"high\"",
        "low, medium, high, critical",
        "Only alerts of this severity or above. As under [syslog].",
    ),
    row(
        ("file", "rules"),
        "[]",
        "short ids, uuids or names of rules",
        "Only alerts of these rules; empty: of all.",
    ),
    row(
        ("file", "tags"),
        "[]",
        "tags of rules",
        "Only alerts of rules with one of these tags; empty: of all.",
    ),
    example(
        ("file", "alerts_per_minute"),
        "600",
        "1 to 1000000",
        "The most alerts a minute. The rest are stored and told as one line a rule, with their number. Not set: all go out.",
    ),
    example(
        ("destination", "name"),
        "\"loghost\"",
        "letters, digits, - and _, at most 32; not syslog, stdout, file",
        "What it is called in `auditward status`, in notices and in the store. Unique; needed.",
    ),
    example(
        ("destination", "type"),
        "\"tcp\"",
        "unix, udp, tcp, tls, journal, file",
        "A local syslog socket, syslog over UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425), journald by its own socket \
         (with fields), or a file. Needed. For udp, tcp \
         and tls the unit needs a drop-in: see examples/network-destinations.conf.",
    ),
    example(
        ("destination", "address"),
        "\"192.0.2.7:514\"",
        "an IP address and a port; IPv6 in brackets",
        "With udp, tcp and tls, where the receiver listens; names are not looked up. What udp and tcp carry is neither encrypted \
         nor signed.",
    ),
    example(
        ("destination", "framing"),
        "\"octet-counting\"",
        "octet-counting, line-feed",
        "With tcp: how a message ends. Not set: octet-counting.",
    ),
    example(
        ("destination", "ca"),
        "\"/etc/auditward/tls/ca.pem\"",
        "an absolute path",
        "With tls: PEM, the certificates of which one must have signed the receiver's. Needed. These files are read as the \
         daemon's account, anew for each connection.",
    ),
    example(
        ("destination", "certificate"),
        "\"/etc/auditward/tls/host.pem\"",
        "an absolute path",
        "With tls: PEM, the certificate that this host shows, with those that lead to its CA. Not set: none.",
    ),
    example(
        ("destination", "key"),
        "\"/etc/auditward/tls/host.key\"",
        "an absolute path",
        "With tls: PEM, the key of the certificate.",
    ),
    example(
        ("destination", "server_name"),
        "\"loghost.example\"",
        "a DNS name or an IP address",
        "With tls: whom the receiver's certificate must be for (subjectAltName). Not set: the address.",
    ),
    example(
        ("destination", "path"),
        "\"/run/log-sink\"",
        "an absolute path",
        "With unix the socket, with file the file. With journal not set: /run/systemd/journal/socket.",
    ),
    example(
        ("destination", "mode"),
        "0o600",
        "0 to 0o777",
        "With file: the permissions of a new one. Not set: 0o600.",
    ),
    example(
        ("destination", "protocol"),
        "\"rfc5424\"",
        "rfc3164, rfc5424",
        "The header, but for a file. Not set: rfc5424 with udp, tcp and tls, rfc3164 with unix.",
    ),
    example(
        ("destination", "format"),
        "\"text\"",
        "text, json, cee, cef; for a file text, json, cef, syslog",
        "As under [syslog] and [file]. Not set: text, for a file json.",
    ),
    example(
        ("destination", "facility"),
        "\"authpriv\"",
        "as under [syslog]",
        "The facility, but for a file. Not set: authpriv.",
    ),
    example(
        ("destination", "limit"),
        "8192",
        "bytes, 480 to 262144",
        "The most bytes of one message, but for a file. Not set: as under [syslog]; with udp 2048, which every receiver \
         should take (RFC 5426, 3.2). With journal: of one field, 49152.",
    ),
    row(("destination", "queue"), "10000", "alerts, 1 to 1000000", "As under [syslog]."),
    row(
        ("destination", "queue_bytes"),
        "\"64M\"",
        "bytes, or with K, M, G; 64K to 4G",
        "The same in memory.",
    ),
    example(
        ("destination", "enterprise"),
        "32473",
        "1 to 4294967295",
        "As under [syslog], but for a file. Not set: 32473.",
    ),
    example(
        ("destination", "severity"),
        "\"high\"",
        "low, medium, high, critical",
        "Only alerts of this severity or above. As under [syslog].",
    ),
    row(
        ("destination", "rules"),
        "[]",
        "short ids, uuids or names of rules",
        "Only alerts of these rules; empty: of all.",
    ),
    row(
        ("destination", "tags"),
        "[]",
        "tags of rules",
        "Only alerts of rules with one of these tags; empty: of all.",
    ),
    example(
        ("destination", "alerts_per_minute"),
        "600",
        "1 to 1000000",
        "The most alerts a minute. The rest are stored and told as one line a rule, with their number. Not set: all go out.",
    ),
    example(
        ("events", "path"),
        "\"/var/log/auditward/events.ndjson\"",
        "an absolute path",
        "The file that events are appended to, by the daemon's account. It grows without end: rotate it, and reload.",
    ),
    row(("events", "mode"), "0o600", "0 to 0o777", "The permissions of a new file."),
    example(
        ("events", "query"),
        "'process where event.type == \"start\"'",
        "an event query in EQL",
        "Only events that match it. Not set: all.",
    ),
    row(
        ("events", "queue_bytes"),
        "\"64M\"",
        "bytes, or with K, M, G; 64K to 4G",
        "The most memory that events take while the disk is slow; those beyond it are left out and counted.",
    ),
    row(("store", "enabled"), "true", "true, false", "Whether alerts are stored."),
    example(
        ("store", "path"),
        "\"/var/lib/auditward/alerts.db\"",
        "an absolute path",
        "The file, in a directory that the daemon's account may write. Not set: alerts.db in the state directory; \
         where there is none, alerts are not stored.",
    ),
    row(("store", "days"), "30", "1 to 3650", "Alerts older than so many days are deleted."),
    row(
        ("store", "megabytes"),
        "256",
        "8 to 1048576",
        "When the alerts take more space than this, the oldest are deleted. An ordinary alert takes 20 to 40 KB, most of it \
         what the host knew; without [triage] 6 to 7.",
    ),
    row(
        ("triage", "enabled"),
        "true",
        "true, false",
        "Whether processes, accounts and sessions are looked up, and the questions of the rule's guide answered.",
    ),
    row(
        ("triage", "within_ms"),
        "200",
        "milliseconds, 1 to 10000",
        "How long the document of an alert may wait for it; lines do not wait. What is not there by then is named.",
    ),
    example(
        ("daemon", "runtime_directory"),
        "\"/run/auditward\"",
        "an absolute path",
        "Where the sockets for `auditward status` and `auditward reload` are, and the lock that only one daemon \
         holds. Not set: the one that systemd made (RuntimeDirectory=), else /run/auditward.",
    ),
    example(
        ("daemon", "state_directory"),
        "\"/var/lib/auditward\"",
        "an absolute path",
        "Where alerts are stored and where is written, at a clean stop, what sequences hold, so that the next run goes \
         on with it, and that the daemon runs, so that the next one can say when it did not end as it should. Not set: the one that \
         systemd made (StateDirectory=), else /var/lib/auditward where it is there.",
    ),
    row(
        ("daemon", "without_auditing"),
        "\"stop\"",
        "stop, wait",
        "What to do where the audit group cannot be joined: end with status 4 (this kernel or namespace has \
         none) or 5 (not permitted), or try again every 30 s until it can.",
    ),
    row(
        ("daemon", "drain_seconds"),
        "5",
        "0 to 60",
        "How long the destinations have at the end to send what waits; less than TimeoutStopSec= of the unit.",
    ),
    row(
        ("daemon", "heartbeat_minutes"),
        "60",
        "0 to 1440",
        "How often a line with counts and the hash of the rule set goes to every destination; 0: never.",
    ),
    row(
        ("daemon", "canary_minutes"),
        "15",
        "0 to 1440",
        "How often `auditward canary` is run (auditward-canary.timer). Once one was seen, an alert tells when \
         none came for twice as long; one that was run and not seen within a minute is always an alert. 0: \
         neither.",
    ),
    example(
        ("daemon", "prometheus_file"),
        "\"/var/lib/node_exporter/auditward.prom\"",
        "an absolute path",
        "The metrics of `auditward status --format prometheus`, written there every 15 s for node_exporter's \
         textfile collector. The daemon must be allowed to write the directory.",
    ),
];

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::*;

    /// Words of `text` in lines of at most 96 characters behind `# `.
    fn comment(text: &str, out: &mut String) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if line.len() + 1 + word.len() > 98 {
                out.push_str(&line);
                out.push('\n');
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        out.push_str(&line);
        out.push('\n');
    }

    /// How a table begins.
    fn header(table: &str) -> String {
        if table == "destination" { format!("[[{table}]]") } else { format!("[{table}]") }
    }

    /// packaging/auditward.toml: every setting with its default, commented out.
    fn sample() -> String {
        let mut out = String::new();
        comment("The configuration of auditward, as /etc/auditward/auditward.toml.", &mut out);
        comment(
            "Every line that is commented out with # and no blank shows the default. After a change: \
             `auditward check`, then restart auditward.",
            &mut out,
        );
        for (table, about) in TABLES {
            if !table.is_empty() {
                out.push('\n');
                comment(about, &mut out);
                // The header of [file] alone would ask for a path, that of a destination for a name.
                let mark = if matches!(*table, "file" | "events" | "destination") { "#" } else { "" };
                let _ = writeln!(out, "{mark}{}", header(table));
            }
            for setting in SETTINGS.iter().filter(|setting| setting.table == *table) {
                out.push('\n');
                comment(setting.doc, &mut out);
                comment(&format!("Takes: {}.", setting.takes), &mut out);
                let _ = writeln!(out, "#{} = {}", setting.key, setting.value);
            }
        }
        out
    }

    /// The tables of docs/configuration.md.
    fn pages() -> String {
        let mut out = String::new();
        for (table, about) in TABLES {
            if !table.is_empty() {
                let _ = write!(out, "\n### `{}`\n\n{about}\n", header(table));
            }
            out.push_str("\n| key | default | takes | |\n|---|---|---|---|\n");
            for setting in SETTINGS.iter().filter(|setting| setting.table == *table) {
                let value =
                    if setting.default { format!("`{}`", setting.value) } else { "not set".to_owned() };
                let _ =
                    writeln!(out, "| `{}` | {value} | {} | {} |", setting.key, setting.takes, setting.doc);
            }
        }
        out
    }

    const BEGIN: &str = "<!-- begin: made from src/daemon/config/settings.rs -->\n";
    const END: &str = "\n<!-- end -->\n";

    /// Compares `made` with what the repository holds; `AUDITWARD_UPDATE=1 cargo test` writes it.
    fn guard(file: &str, make: impl Fn(&str) -> String) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        let made = make(&there);
        if std::env::var_os("AUDITWARD_UPDATE").is_some() {
            std::fs::write(&path, &made).expect("writable repository");
        } else {
            assert_eq!(there, made, "{file} is stale: AUDITWARD_UPDATE=1 cargo test settings");
        }
    }

    #[test]
    fn the_sample_is_made_from_the_table() {
        guard("packaging/auditward.toml", |_| sample());
    }

    #[test]
    fn the_page_is_made_from_the_table() {
        guard("docs/configuration.md", |there| {
            let (before, rest) = there.split_once(BEGIN).expect("a begin mark");
            let (_, after) = rest.split_once(END).expect("an end mark");
            format!("{before}{BEGIN}{}{END}{after}", pages())
        });
    }

    #[test]
    fn every_row_stands_under_a_table() {
        for setting in SETTINGS {
            assert!(TABLES.iter().any(|(table, _)| *table == setting.table), "{}", setting.key);
            assert!(setting.doc.ends_with('.') && !setting.takes.ends_with('.'), "{}", setting.key);
        }
    }
}
