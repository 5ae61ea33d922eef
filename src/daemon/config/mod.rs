//! The configuration file, /etc/auditward/auditward.toml, and its drop-ins, /etc/auditward/auditward.d/*.toml.
//!
//! One reader, two modes: `auditward check` takes an unknown key for an error, since it is a setting that
//! somebody thinks is in force; the daemon at its start warns of it and goes on. What is broken is told
//! in both, and the daemon runs with the default in its place: a typing mistake must not blind a host.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use syslog::Facility;

use super::secrets::SecretsConfig;
use super::triage::TriageConfig;
use crate::audit::reassembler::Limits;
use crate::detect;
use crate::diagnostic::{Diagnostic, Level, Source};
use crate::eql::{Kind, Program};
use crate::event::ancestry;
use crate::event::schema::Live;
use crate::output::syslog::{DEFAULT_LIMIT, DEFAULT_LINE, EXAMPLE_ENTERPRISE};
use crate::output::{Address, Body, Bounds, Choice, Destination, Format, Formatter, Protocol, SinkConfig};
use crate::toml_file::{self, Codes, Faults};

mod destination;
mod drop_ins;
mod labels;
pub mod settings;
mod tables;
#[cfg(test)]
mod tests;
mod values;

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
    /// `[events]`; none: no file of events is written.
    pub events: Option<EventsConfig>,
    /// `[store]`
    pub store: StoreConfig,
    /// `[triage]`
    pub triage: TriageConfig,
    /// `[daemon]`
    pub daemon: DaemonConfig,
}

/// `[events]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsConfig {
    /// `path`
    pub path: PathBuf,
    /// `mode`, permission bits.
    pub mode: u32,
    /// `queue_bytes`
    pub queue_bytes: usize,
    /// `query`; none: every event.
    pub query: Option<EventQuery>,
}

/// An event query in EQL that compiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery(String);

impl EventQuery {
    /// Takes a text that is an event query without pipes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let query = Self(text.to_owned());
        let program = query
            .compile()
            .map_err(|faults| faults.first().map_or_else(String::new, |fault| fault.title.clone()))?;
        match program.kind() {
            Kind::Event if program.pipes().is_empty() => Ok(query),
            Kind::Event => {
                Err("it has a pipe: events have no end that a number could be taken from".to_owned())
            }
            _ => {
                Err("it joins events: write an event query, such as `process where event.type == \"start\"`"
                    .to_owned())
            }
        }
    }

    /// Compiles it.
    ///
    /// # Errors
    /// Each fault with its place.
    pub fn compile(&self) -> Result<Program, Vec<Diagnostic>> {
        let source = Arc::new(Source { name: "events.query".into(), text: self.0.clone() });
        Program::compile(&source, &Live)
    }
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
    /// The same of the readable line: shorter where no limit is set.
    pub line: usize,
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
            line: DEFAULT_LINE,
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
            line: self.line,
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
        let config = tables::read(&faults, before);
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
