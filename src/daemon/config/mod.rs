//! The configuration file, /etc/auditward/auditward.toml, and its drop-ins, /etc/auditward/auditward.d/*.toml.
//!
//! One reader, two modes: `auditward check` takes an unknown key for an error, since it is a setting that
//! somebody thinks is in force; the daemon at its start warns of it and goes on. What is broken is told
//! in both, and the daemon runs with the default in its place: a typing mistake must not blind a host.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use syslog::Facility;

use super::secrets::SecretsConfig;
use super::triage::TriageConfig;
use crate::audit::reassembler::Limits;
use crate::detect;
use crate::diagnostic::{Diagnostic, Level};
use crate::event::ancestry;
use crate::output::syslog::{DEFAULT_LIMIT, EXAMPLE_ENTERPRISE, LEAST_LIMIT};
use crate::output::{Address, Body, Bounds, Choice, Destination, Format, Formatter, Protocol, SinkConfig};
use crate::rule::Severity;
use crate::toml_file::{self, Codes, Faults, Placed, Table};

mod destination;
mod drop_ins;
mod labels;
pub mod settings;
#[cfg(test)]
mod tests;

pub use destination::{DestinationConfig, To};
pub use labels::LabelsConfig;

/// Where the configuration is looked for when no other is named.
pub const CONFIG_FILE: &str = "/etc/auditward/auditward.toml";

/// The settings in force; [`settings::SETTINGS`] says what each does.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `rules`; empty: what is installed, or else embedded.
    pub rules: Vec<PathBuf>,
    /// `user`.
    pub user: Option<String>,
    /// `kernel_rules`
    pub kernel_rules: KernelRules,
    /// `[audit]`
    pub audit: AuditConfig,
    /// `[processes]`
    pub processes: ProcessesConfig,
    /// `[sequences]`
    pub sequences: detect::Limits,
    /// `[accounts]`
    pub accounts: AccountsConfig,
    /// `[secrets]`
    pub secrets: SecretsConfig,
    /// `[labels]`
    pub labels: LabelsConfig,
    /// `[syslog]`
    pub syslog: SyslogConfig,
    /// `[stdout]`
    pub stdout: StdoutConfig,
    /// `[file]`; none: no file is written.
    pub file: Option<FileConfig>,
    /// `[[destination]]`, in the order of their first mention.
    pub destinations: Vec<DestinationConfig>,
    /// `[store]`
    pub store: StoreConfig,
    /// `[triage]`
    pub triage: TriageConfig,
    /// `[daemon]`
    pub daemon: DaemonConfig,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// `enabled`
    pub enabled: bool,
    /// `path`; none: in the state directory.
    pub path: Option<PathBuf>,
    /// `days`
    pub days: u32,
    /// `megabytes`
    pub megabytes: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { enabled: true, path: None, days: 30, megabytes: 256 }
    }
}

/// `[accounts]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsConfig {
    /// `root`: below which the account files are.
    pub root: PathBuf,
    /// `interval_seconds`
    pub interval: Duration,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self { root: "/".into(), interval: Duration::from_secs(60) }
    }
}

/// What the kernel is asked to record: `kernel_rules`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KernelRules {
    /// Nothing: the administrator's own rules must do.
    Off,
    /// Executions of the programs that the detection rules can name.
    #[default]
    Minimal,
    /// Every execution.
    All,
}

/// `[daemon]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// `runtime_directory`; none: systemd's, else the default.
    pub runtime_directory: Option<PathBuf>,
    /// `state_directory`; none: systemd's, else the default where it is there.
    pub state_directory: Option<PathBuf>,
    /// `without_auditing`
    pub without_auditing: WithoutAuditing,
    /// `drain_seconds`
    pub drain: Duration,
    /// `heartbeat_minutes`; none: no heartbeat.
    pub heartbeat: Option<Duration>,
    /// `canary_minutes`; none: canaries are not awaited.
    pub canary: Option<Duration>,
    /// `prometheus_file`
    pub prometheus_file: Option<PathBuf>,
}

/// What a daemon does that cannot listen: `without_auditing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutAuditing {
    /// It ends, with a status that says why.
    #[default]
    Stop,
    /// It tries again until it can.
    Wait,
}

impl Default for DaemonConfig {
    fn default() -> Self {
        Self {
            runtime_directory: None,
            state_directory: None,
            without_auditing: WithoutAuditing::default(),
            drain: Duration::from_secs(5),
            heartbeat: Some(Duration::from_secs(3600)),
            canary: Some(Duration::from_secs(15 * 60)),
            prometheus_file: None,
        }
    }
}

/// `[audit]`
#[derive(Clone, Debug)]
pub struct AuditConfig {
    /// `receive_buffer`, in bytes.
    pub receive_buffer: usize,
    /// The bounds of the reassembler.
    pub limits: Limits,
}

/// `[processes]`
#[derive(Clone, Debug, Default)]
pub struct ProcessesConfig {
    /// `entries` and `bytes`: the bounds of the process table.
    pub limits: ancestry::Limits,
}

/// `[syslog]`
#[derive(Clone, Debug)]
pub struct SyslogConfig {
    /// `enabled`
    pub enabled: bool,
    /// `socket`
    pub socket: PathBuf,
    /// `protocol`
    pub protocol: Protocol,
    /// `format`
    pub body: Body,
    /// `facility`
    pub facility: Facility,
    /// `limit`, in bytes.
    pub limit: usize,
    /// `enterprise`
    pub enterprise: u32,
    /// `queue`, in alerts, and `queue_bytes`.
    pub queue: Bounds,
    /// `severity`, `rules`, `tags`, `alerts_per_minute`
    pub choice: Choice,
}

/// `[stdout]`
#[derive(Clone, Debug, Default)]
pub struct StdoutConfig {
    /// `enabled`
    pub enabled: bool,
    /// `format`
    pub format: LineFormat,
    /// As [`SyslogConfig::choice`].
    pub choice: Choice,
}

/// `[file]`
#[derive(Clone, Debug)]
pub struct FileConfig {
    /// `path`
    pub path: PathBuf,
    /// `mode`, permission bits.
    pub mode: u32,
    /// `format`
    pub format: LineFormat,
    /// `queue`, in alerts, and `queue_bytes`.
    pub queue: Bounds,
    /// As [`SyslogConfig::choice`].
    pub choice: Choice,
}

/// `format` of outputs that write lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// `text`
    #[default]
    Text,
    /// `json`
    Json,
    /// `cef`
    Cef,
    /// `syslog`: with the header that `[syslog]` asks for.
    Syslog,
}

/// The most that a queue can be set to.
const MOST_QUEUED: i64 = 1_000_000;

impl Default for AuditConfig {
    fn default() -> Self {
        Self { receive_buffer: crate::audit::netlink::DEFAULT_BUFFER, limits: Limits::default() }
    }
}

impl Default for SyslogConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            socket: "/dev/log".into(),
            protocol: Protocol::default(),
            body: Body::default(),
            facility: Facility::LOG_AUTHPRIV,
            limit: DEFAULT_LIMIT,
            enterprise: EXAMPLE_ENTERPRISE,
            queue: Bounds::default(),
            choice: Choice::default(),
        }
    }
}

impl Config {
    /// The destinations of alerts that the settings name.
    #[must_use]
    pub fn sinks(&self) -> Vec<SinkConfig> {
        let mut sinks = Vec::new();
        let mut add = |name: &str, destination, bounds, choice: &Choice| {
            sinks.push(SinkConfig { name: name.to_owned(), destination, bounds, choice: choice.clone() });
        };
        if self.syslog.enabled {
            add("syslog", self.syslog.destination(), self.syslog.queue, &self.syslog.choice);
        }
        if self.stdout.enabled {
            let destination = Destination::Stdout(self.lines(self.stdout.format));
            add("stdout", destination, Bounds::default(), &self.stdout.choice);
        }
        if let Some(FileConfig { path, mode, format, queue, choice }) = self.file.clone() {
            add("file", Destination::File { path, mode, format: self.lines(format) }, queue, &choice);
        }
        for DestinationConfig { name, to } in &self.destinations {
            match to {
                To::Syslog { address, syslog } => {
                    let formatter = Box::new(syslog.formatter());
                    let destination = Destination::Syslog { address: address.clone(), formatter };
                    add(name, destination, syslog.queue, &syslog.choice);
                }
                To::Journal { path, syslog } => {
                    let (path, facility, limit) = (path.clone(), syslog.facility, syslog.limit);
                    add(name, Destination::Journal { path, facility, limit }, syslog.queue, &syslog.choice);
                }
                To::File(FileConfig { path, mode, format, queue, choice }) => {
                    let (path, format) = (path.clone(), self.lines(*format));
                    add(name, Destination::File { path, mode: *mode, format }, *queue, choice);
                }
            }
        }
        sinks
    }

    fn lines(&self, format: LineFormat) -> Format {
        match format {
            LineFormat::Text => Format::Text,
            LineFormat::Json => Format::Json,
            LineFormat::Cef => Format::Cef,
            LineFormat::Syslog => Format::Syslog(Box::new(self.syslog.formatter())),
        }
    }
}

impl SyslogConfig {
    fn destination(&self) -> Destination {
        let formatter = Box::new(self.formatter());
        Destination::Syslog { address: Address::Unix(self.socket.clone()), formatter }
    }

    fn formatter(&self) -> Formatter {
        Formatter {
            facility: self.facility,
            limit: self.limit,
            enterprise: self.enterprise,
            ..Formatter::new(self.protocol, self.body)
        }
    }
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `auditward check`: an unknown key is an error.
    Check,
    /// The daemon: an unknown key is a warning.
    Start,
}

/// Reads a configuration and its drop-ins; what is faulty stands as it did before.
///
/// Drop-ins are the `*.toml` of the directory beside the file that is called as it is, with `.d` for `.toml`, in the order of
/// their names; each sets single keys over what came before, as those of systemd.unit(5) do. One that cannot be read is a
/// fault and left out.
///
/// # Errors
/// The file itself cannot be read at all (coded [`Codes::unreadable`]).
pub fn read(path: &Path, mode: Mode) -> Result<(Config, Vec<Diagnostic>), Box<Diagnostic>> {
    let unknown = match mode {
        Mode::Check => Level::Error,
        Mode::Start => Level::Warning,
    };
    let layer = |source, before: Config, told: &mut Vec<Diagnostic>| {
        let faults = Faults::new(source, Codes::CONFIG, unknown);
        let config = read_tree(&faults, before);
        told.extend(faults.finish());
        config
    };
    let mut told = Vec::new();
    let mut config = layer(toml_file::read(path, Codes::CONFIG)?, Config::default(), &mut told);
    for drop_in in drop_ins::paths(path) {
        match drop_in.and_then(|path| toml_file::read(&path, Codes::CONFIG)) {
            Ok(source) => config = layer(source, config, &mut told),
            Err(fault) => told.push(*fault),
        }
    }
    Ok((config, told))
}

const KERNEL_RULES: [(&str, KernelRules); 3] =
    [("off", KernelRules::Off), ("minimal", KernelRules::Minimal), ("all", KernelRules::All)];

/// What the file says, over what stood `before`.
fn read_tree(faults: &Faults, before: Config) -> Config {
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
fn syslog_messages(table: &Table<'_>, default: SyslogConfig) -> SyslogConfig {
    let least = i64::try_from(LEAST_LIMIT).unwrap_or(i64::MAX);
    let protocols = [("rfc3164", Protocol::Rfc3164), ("rfc5424", Protocol::Rfc5424)];
    let bodies = [("text", Body::Text), ("json", Body::Json), ("cee", Body::CeeJson), ("cef", Body::Cef)];
    SyslogConfig {
        protocol: word(table, "protocol", &protocols).unwrap_or(default.protocol),
        body: word(table, "format", &bodies).unwrap_or(default.body),
        facility: facility(table).unwrap_or(default.facility),
        limit: count(table, "limit", least..=1 << 18).unwrap_or(default.limit),
        enterprise: narrow(table, "enterprise", 1..=u32::MAX.into()).unwrap_or(default.enterprise),
        queue: queue(table, default.queue),
        choice: choice(table, &default.choice),
        ..default
    }
}

fn facility(table: &Table<'_>) -> Option<Facility> {
    let text = table.text("facility")?;
    let facility = Facility::from_str(&text.value).ok();
    if facility.is_none() {
        let help = "write authpriv, auth, daemon, user, local0 to local7, …";
        table.faults().value("there is no such facility", text.span, help);
    }
    facility
}

const FORMATS: [(&str, LineFormat); 4] = [
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

fn file(table: Table<'_>, before: Option<FileConfig>) -> Option<FileConfig> {
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

fn queue(table: &Table<'_>, default: Bounds) -> Bounds {
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
fn choice(table: &Table<'_>, default: &Choice) -> Choice {
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

fn path(table: &Table<'_>, key: &'static str) -> Option<PathBuf> {
    table.text(key).and_then(|text| absolute(table, key, &text))
}

fn absolute(table: &Table<'_>, key: &str, text: &Placed<Cow<'_, str>>) -> Option<PathBuf> {
    if !text.value.starts_with('/') {
        let title = format!("`{}` is no absolute path", table.path(key));
        table.faults().value(
            title,
            text.span,
            "write it from / on: the daemon runs in no directory of yours",
        );
        return None;
    }
    Some(PathBuf::from(text.value.as_ref()))
}

fn count(table: &Table<'_>, key: &'static str, range: RangeInclusive<i64>) -> Option<usize> {
    table.integer(key, range).and_then(|count| usize::try_from(count.value).ok())
}

fn narrow(table: &Table<'_>, key: &'static str, range: RangeInclusive<i64>) -> Option<u32> {
    table.integer(key, range).and_then(|number| u32::try_from(number.value).ok())
}

/// Bytes, as a number or as a text such as `64M` (binary multiples).
fn size(table: &Table<'_>, key: &'static str, range: RangeInclusive<i64>) -> Option<usize> {
    if !table.is_text(key) {
        return count(table, key, range);
    }
    let text = table.text(key)?;
    let bytes = bytes(&text.value).filter(|bytes| range.contains(bytes));
    if bytes.is_none() {
        let (least, most) = range.into_inner();
        let help =
            format!("write a number of bytes from {least} to {most}, or with K, M or G, such as \"64M\"");
        table.faults().value(format!("`{}` is no such size", table.path(key)), text.span, help);
    }
    usize::try_from(bytes?).ok()
}

fn bytes(text: &str) -> Option<i64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' => (text.get(..text.len() - 1)?, 10),
        b'M' => (text.get(..text.len() - 1)?, 20),
        b'G' => (text.get(..text.len() - 1)?, 30),
        _ => (text, 0),
    };
    digits.parse::<i64>().ok().filter(|count| *count >= 0)?.checked_mul(1 << shift)
}

fn word<T: Copy>(table: &Table<'_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let text = table.text(key)?;
    let found = words.iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = match toml_file::nearest(&text.value, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", known.join(" or ")),
        };
        table.faults().value(format!("`{}` cannot be this", table.path(key)), text.span, help);
    }
    found.map(|(_, value)| *value)
}
