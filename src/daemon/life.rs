//! What a running daemon keeps of itself, and does once a second beside its work.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::canary::Canary;
use super::config::DaemonConfig;
use super::directories::Directories;
use super::health::Health;
use super::losses::Spots;
use super::marker::{Former, Marker};
use super::probe::Line;
use super::ruleset::RuleSet;
use super::sight::Seen;
use super::status::{self, Lost, Rates, textfile};
use crate::detect::JoinCounts;

/// How often the metrics are written for node_exporter.
const TEXTFILE: Duration = Duration::from_secs(15);

/// How long an alert on lost records stands for those that follow.
const LOSS_ALERTS: Duration = Duration::from_secs(600);

/// What the daemon was started with, and what it has become.
pub(super) struct Start {
    /// `[daemon]`
    pub(super) config: DaemonConfig,
    /// The journal has notices by syslog: [`super::logging::by_syslog`].
    pub(super) journal_by_syslog: bool,
    /// The rules and what was read for them.
    pub(super) set: RuleSet,
    /// The faults of configuration and rules, each in one sentence.
    pub(super) faults: Vec<String>,
    /// The directories; dropped at the very end, with the lock.
    pub(super) directories: Directories,
    /// The file of the store; none where alerts are not stored.
    pub(super) store: Option<std::path::PathBuf>,
    /// The daemon's own alerts.
    pub(super) health: Health,
    /// What the kernel said of auditing.
    pub(super) seen: Option<Seen>,
    /// The line to the probe.
    pub(super) probe: Line,
}

/// See the module.
pub(super) struct Life {
    pub(super) start: Start,
    /// When the rules were read.
    pub(super) read_at: Timestamp,
    pub(super) up_since: Timestamp,
    pub(super) up: Instant,
    pub(super) lost: Lost,
    /// When losses were last looked at.
    pub(super) looked: (Timestamp, Instant),
    pub(super) spots: Spots,
    pub(super) rates: Rates,
    pub(super) canary: Canary,
    /// When the loss of records was last told as an alert.
    loss_alerted: Option<Instant>,
    /// Matches taken by exceptions of rules that are no longer there.
    pub(super) excepted_before: u64,
    /// What detectors before the present one counted of sequences.
    pub(super) joined_before: JoinCounts,
    pub(super) marker: Option<Marker>,
    heartbeat: Instant,
    textfile: Instant,
    textfile_failed: bool,
}

impl Life {
    pub(super) fn new(start: Start) -> Self {
        let (now, up_since) = (Instant::now(), Timestamp::now());
        Self {
            read_at: up_since,
            up_since,
            up: now,
            lost: Lost::default(),
            looked: (up_since, now),
            spots: Spots::default(),
            rates: Rates::default(),
            canary: Canary::new(start.directories.runtime.as_deref()),
            loss_alerted: None,
            excepted_before: 0,
            joined_before: JoinCounts::default(),
            marker: None,
            heartbeat: now,
            textfile: now,
            textfile_failed: false,
            start,
        }
    }

    /// Sets the marker; what is known of an unclean stop before this start.
    pub(super) fn mark(&mut self) -> Option<Former> {
        match Marker::set(self.start.directories.state.as_deref()?) {
            Ok((marker, former)) => {
                self.marker = Some(marker);
                former
            }
            Err(error) => {
                tracing::warn!(
                    "the state directory cannot be written: {error}: an unclean stop is not noticed"
                );
                None
            }
        }
    }

    /// Whether a loss of records is told as an alert now; the next one is then a while off. Every loss is told
    /// as a line of the daemon's own.
    pub(super) fn may_alert_of_loss(&mut self, now: Instant) -> bool {
        let may = self.loss_alerted.is_none_or(|at| now.saturating_duration_since(at) >= LOSS_ALERTS);
        if may {
            self.loss_alerted = Some(now);
        }
        may
    }

    /// Whether a heartbeat is due; the next one is then awaited.
    pub(super) fn heartbeat_due(&mut self, now: Instant) -> bool {
        let Some(every) = self.start.config.heartbeat else { return false };
        let due = now.saturating_duration_since(self.heartbeat) >= every;
        if due {
            self.heartbeat = now;
        }
        due
    }

    /// Whether the metrics are to be written now.
    pub(super) fn textfile_due(&mut self, now: Instant) -> bool {
        let due = self.start.config.prometheus_file.is_some()
            && now.saturating_duration_since(self.textfile) >= TEXTFILE;
        if due {
            self.textfile = now;
        }
        due
    }

    /// Writes the metrics; that they cannot be written is told once.
    pub(super) fn write_textfile(&mut self, report: &status::Report) {
        let Some(path) = &self.start.config.prometheus_file else { return };
        match textfile::replace(path, &status::prometheus(report)) {
            Ok(()) => self.textfile_failed = false,
            Err(error) if !self.textfile_failed => {
                self.textfile_failed = true;
                tracing::warn!("{}: {error}: the metrics are not written", path.display());
            }
            Err(_) => {}
        }
    }
}
