//! The tables of the file, each over what stood before.

use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use syslog::Facility;

use super::super::secrets::SecretsConfig;
use super::super::triage::TriageConfig;
use super::values::{absolute, count, narrow, path, size, word};
use super::{
    AccountsConfig, AuditConfig, Config, DaemonConfig, EventQuery, EventsConfig, FileConfig, KernelRules,
    LabelsConfig, LineFormat, MOST_QUEUED, ProcessesConfig, StdoutConfig, StoreConfig, SyslogConfig,
    WithoutAuditing, destination,
};
use crate::audit::reassembler::Limits;
use crate::detect;
use crate::event::ancestry;
use crate::output::syslog::LEAST_LIMIT;
use crate::output::{Body, Bounds, Choice, Protocol};
use crate::rule::Severity;
use crate::toml_file::{Faults, Placed, Table};

const KERNEL_RULES: [(&str, KernelRules); 3] =
    [("off", KernelRules::Off), ("minimal", KernelRules::Minimal), ("all", KernelRules::All)];

/// What the file says, over what stood `before`.
pub(super) fn read(faults: &Faults, before: Config) -> Config {
    let Some(tree) = faults.parse() else { return before };
    let root = faults.root(&tree);
    let rules = || root.texts("rules").iter().filter_map(|path| absolute(&root, "rules", path)).collect();
    let config = Config {
        rules: if root.has("rules") { rules() } else { before.rules },
        user: root.text("user").and_then(user(faults)).or(before.user),
        kernel_rules: word(&root, "kernel_rules", &KERNEL_RULES).unwrap_or(before.kernel_rules),
        audit: section(root.table("audit"), before.audit, audit),
        processes: section(root.table("processes"), before.processes, processes),
        sequences: section(root.table("sequences"), before.sequences, sequences),
        accounts: section(root.table("accounts"), before.accounts, accounts),
        secrets: section(root.table("secrets"), before.secrets, SecretsConfig::read),
        labels: section(root.table("labels"), before.labels, LabelsConfig::read),
        syslog: section(root.table("syslog"), before.syslog, syslog),
        stdout: section(root.table("stdout"), before.stdout, stdout),
        file: section(root.table("file"), before.file, file),
        destinations: destination::read(root.tables("destination"), before.destinations),
        events: section(root.table("events"), before.events, events),
        store: section(root.table("store"), before.store, store),
        triage: section(root.table("triage"), before.triage, triage),
        daemon: section(root.table("daemon"), before.daemon, daemon),
    };
    root.done();
    config
}

/// A table, over what stood before.
fn section<T>(table: Option<Table<'_>>, before: T, read: impl FnOnce(Table<'_>, T) -> T) -> T {
    match table {
        Some(table) => read(table, before),
        None => before,
    }
}

/// An account name is not looked up here: `check` may run on another host than the daemon.
fn user<'a>(faults: &'a Faults) -> impl FnOnce(Placed<Cow<'a, str>>) -> Option<String> {
    |user| {
        let blank = user.value.is_empty() || user.value.contains(|c: char| c.is_whitespace() || c == ':');
        if blank || user.value == "root" || user.value == "0" {
            let help = "write an account other than root, or its number";
            faults.value("`user` cannot be this", user.span, help);
            return None;
        }
        Some(user.value.into_owned())
    }
}

fn audit(table: Table<'_>, default: AuditConfig) -> AuditConfig {
    let limits = default.limits;
    let least = i64::try_from(Limits::SMALLEST_EVENT).unwrap_or(i64::MAX);
    let place = table.place("total_bytes").unwrap_or(table.span());
    let config = AuditConfig {
        receive_buffer: size(&table, "receive_buffer", 4 << 10..=1 << 30).unwrap_or(default.receive_buffer),
        limits: Limits {
            open_events: count(&table, "open_events", 1..=1 << 20).unwrap_or(limits.open_events),
            event_bytes: size(&table, "event_bytes", least..=1 << 30).unwrap_or(limits.event_bytes),
            total_bytes: size(&table, "total_bytes", 2 * least..=4 << 30).unwrap_or(limits.total_bytes),
            timeout_ms: count(&table, "timeout_ms", 10..=60_000)
                .map_or(limits.timeout_ms, |millis| millis as u64),
            ..limits
        },
    };
    if config.limits.total_bytes < 2 * config.limits.event_bytes {
        let title = "`audit.total_bytes` holds less than two events of `audit.event_bytes`";
        table.faults().value(title, place, "make it at least twice as large, which is assumed");
    }
    table.done();
    config
}

fn processes(table: Table<'_>, before: ProcessesConfig) -> ProcessesConfig {
    let default = before.limits;
    let limits = ancestry::Limits {
        processes: count(&table, "entries", 256..=1 << 22).unwrap_or(default.processes),
        image_bytes: size(&table, "bytes", 64 << 10..=4 << 30).unwrap_or(default.image_bytes),
    };
    table.done();
    ProcessesConfig { limits }
}

fn sequences(table: Table<'_>, default: detect::Limits) -> detect::Limits {
    let millis = |key, range, unit: i64| {
        count(&table, key, range).and_then(|count| i64::try_from(count).ok()).map(|count| count * unit)
    };
    let limits = detect::Limits {
        reorder: millis("reorder_ms", 0..=10_000, 1).unwrap_or(default.reorder),
        span: millis("span_minutes", 1..=10_080, 60_000).unwrap_or(default.span),
        partials: count(&table, "partials", 16..=1 << 20).unwrap_or(default.partials),
        all_partials: count(&table, "all_partials", 16..=1 << 22).unwrap_or(default.all_partials),
        bytes: size(&table, "bytes", 64 << 10..=1 << 30).unwrap_or(default.bytes),
    };
    table.done();
    limits
}

fn accounts(table: Table<'_>, default: AccountsConfig) -> AccountsConfig {
    let config = AccountsConfig {
        root: path(&table, "root").unwrap_or(default.root),
        interval: count(&table, "interval_seconds", 1..=86_400)
            .map_or(default.interval, |seconds| Duration::from_secs(seconds as u64)),
    };
    table.done();
    config
}

fn syslog(table: Table<'_>, default: SyslogConfig) -> SyslogConfig {
    let config = SyslogConfig {
        enabled: table.boolean("enabled").map_or(default.enabled, |enabled| enabled.value),
        socket: path(&table, "socket").unwrap_or_else(|| default.socket.clone()),
        ..syslog_messages(&table, default)
    };
    table.done();
    config
}

/// How messages to a syslog receiver look, and what may wait for it.
pub(super) fn syslog_messages(table: &Table<'_>, default: SyslogConfig) -> SyslogConfig {
    let least = i64::try_from(LEAST_LIMIT).unwrap_or(i64::MAX);
    let protocols = [("rfc3164", Protocol::Rfc3164), ("rfc5424", Protocol::Rfc5424)];
    let bodies = [("text", Body::Text), ("json", Body::Json), ("cee", Body::CeeJson), ("cef", Body::Cef)];
    let limit = count(table, "limit", least..=1 << 18);
    SyslogConfig {
        protocol: word(table, "protocol", &protocols).unwrap_or(default.protocol),
        body: word(table, "format", &bodies).unwrap_or(default.body),
        facility: facility(table).unwrap_or(default.facility),
        limit: limit.unwrap_or(default.limit),
        line: limit.unwrap_or(default.line),
        enterprise: narrow(table, "enterprise", 1..=u32::MAX.into()).unwrap_or(default.enterprise),
        queue: queue(table, default.queue),
        choice: choice(table, &default.choice),
        ..default
    }
}

pub(super) fn facility(table: &Table<'_>) -> Option<Facility> {
    let text = table.text("facility")?;
    let facility = Facility::from_str(&text.value).ok();
    if facility.is_none() {
        let help = "write authpriv, auth, daemon, user, local0 to local7, …";
        table.faults().value("there is no such facility", text.span, help);
    }
    facility
}

pub(super) const FORMATS: [(&str, LineFormat); 4] = [
    ("text", LineFormat::Text),
    ("json", LineFormat::Json),
    ("cef", LineFormat::Cef),
    ("syslog", LineFormat::Syslog),
];

fn stdout(table: Table<'_>, default: StdoutConfig) -> StdoutConfig {
    let config = StdoutConfig {
        enabled: table.boolean("enabled").map_or(default.enabled, |enabled| enabled.value),
        format: word(&table, "format", &FORMATS).unwrap_or(default.format),
        choice: choice(&table, &default.choice),
    };
    table.done();
    config
}

pub(super) fn file(table: Table<'_>, before: Option<FileConfig>) -> Option<FileConfig> {
    let named = path(&table, "path");
    if !table.has("path") && before.is_none() {
        table.missing("path");
    }
    let default = before.unwrap_or_else(|| FileConfig {
        path: PathBuf::new(),
        mode: 0o600,
        format: LineFormat::Json,
        queue: Bounds::default(),
        choice: Choice::default(),
    });
    let config = FileConfig {
        path: named.unwrap_or(default.path),
        mode: narrow(&table, "mode", 0..=0o777).unwrap_or(default.mode),
        format: word(&table, "format", &FORMATS).unwrap_or(default.format),
        queue: queue(&table, default.queue),
        choice: choice(&table, &default.choice),
    };
    table.done();
    (!config.path.as_os_str().is_empty()).then_some(config)
}

fn events(table: Table<'_>, before: Option<EventsConfig>) -> Option<EventsConfig> {
    let named = path(&table, "path");
    if !table.has("path") && before.is_none() {
        table.missing("path");
    }
    let default = before.unwrap_or_else(|| EventsConfig {
        path: PathBuf::new(),
        mode: 0o600,
        queue_bytes: 64 << 20,
        query: None,
    });
    let query = table.text("query").and_then(|text| match EventQuery::new(&text.value) {
        Ok(query) => Some(query),
        Err(why) => {
            let title = format!("`{}` cannot be used: {why}", table.path("query"));
            table.faults().value(title, text.span, "`auditward eql` with it shows the place");
            None
        }
    });
    // Without the query it would be every event, which nobody asked for.
    let refused = table.has("query") && query.is_none();
    let config = EventsConfig {
        path: named.unwrap_or(default.path),
        mode: narrow(&table, "mode", 0..=0o777).unwrap_or(default.mode),
        queue_bytes: size(&table, "queue_bytes", 64 << 10..=4 << 30).unwrap_or(default.queue_bytes),
        query: query.or(default.query),
    };
    table.done();
    (!config.path.as_os_str().is_empty() && !refused).then_some(config)
}

fn store(table: Table<'_>, default: StoreConfig) -> StoreConfig {
    let config = StoreConfig {
        enabled: table.boolean("enabled").map_or(default.enabled, |enabled| enabled.value),
        path: path(&table, "path").or(default.path),
        days: narrow(&table, "days", 1..=3650).unwrap_or(default.days),
        megabytes: count(&table, "megabytes", 8..=1 << 20).map_or(default.megabytes, |count| count as u64),
    };
    table.done();
    config
}

fn triage(table: Table<'_>, default: TriageConfig) -> TriageConfig {
    let config = TriageConfig {
        enabled: table.boolean("enabled").map_or(default.enabled, |enabled| enabled.value),
        within: count(&table, "within_ms", 1..=10_000)
            .map_or(default.within, |millis| Duration::from_millis(millis as u64)),
    };
    table.done();
    config
}

fn daemon(table: Table<'_>, default: DaemonConfig) -> DaemonConfig {
    let words = [("stop", WithoutAuditing::Stop), ("wait", WithoutAuditing::Wait)];
    // A day at most, so that what is meant in seconds is not taken for minutes in silence.
    let minutes = |key, default: Option<Duration>| match count(&table, key, 0..=1440) {
        Some(0) => None,
        Some(minutes) => Some(Duration::from_secs(minutes as u64 * 60)),
        None => default,
    };
    let config = DaemonConfig {
        runtime_directory: path(&table, "runtime_directory").or(default.runtime_directory),
        state_directory: path(&table, "state_directory").or(default.state_directory),
        without_auditing: word(&table, "without_auditing", &words).unwrap_or(default.without_auditing),
        drain: count(&table, "drain_seconds", 0..=60)
            .map_or(default.drain, |seconds| Duration::from_secs(seconds as u64)),
        heartbeat: minutes("heartbeat_minutes", default.heartbeat),
        canary: minutes("canary_minutes", default.canary),
        prometheus_file: path(&table, "prometheus_file").or(default.prometheus_file),
    };
    table.done();
    config
}

pub(super) fn queue(table: &Table<'_>, default: Bounds) -> Bounds {
    Bounds {
        messages: count(table, "queue", 1..=MOST_QUEUED).unwrap_or(default.messages),
        bytes: size(table, "queue_bytes", 64 << 10..=4 << 30).unwrap_or(default.bytes),
    }
}

const SEVERITIES: [(&str, Severity); 4] = [
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

/// Which alerts a destination takes.
pub(super) fn choice(table: &Table<'_>, default: &Choice) -> Choice {
    let texts = |key, before: &Vec<String>| match table.has(key) {
        true => table.texts(key).into_iter().map(|text| text.value.into_owned()).collect(),
        false => {
            table.known(key);
            before.clone()
        }
    };
    Choice {
        severity: word(table, "severity", &SEVERITIES).or(default.severity),
        rules: texts("rules", &default.rules),
        tags: texts("tags", &default.tags),
        per_minute: count(table, "alerts_per_minute", 1..=1_000_000)
            .map_or(default.per_minute, |most| Some(most as u64)),
    }
}
