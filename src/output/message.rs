//! What goes out: an alert, or a sentence of the daemon about itself.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use syslog::Severity as Level;

use crate::alert::Alert;
use crate::event::{ECS_VERSION, data_stream};
use crate::rule::Severity;
use crate::store::StoredAlert;

/// One message on its way to one destination.
#[derive(Clone, Debug)]
pub enum Message {
    /// An alert.
    Alert(Arc<Alert>),
    /// An alert read from the store.
    Stored(Box<StoredAlert>),
    /// The daemon's own: it started, it stops, something was lost.
    Notice(Notice),
}

/// A sentence of the daemon about itself.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What it is about.
    pub topic: Topic,
    /// The sentence, clean: see [`crate::clean::text`].
    pub text: String,
    /// How urgent.
    pub urgency: Urgency,
    /// When it was said.
    pub time: Timestamp,
}

/// What a notice is about: MSGID with RFC 5424, `event.action` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The daemon watches from now on.
    Started,
    /// The daemon has ended as it was told to.
    Stopped,
    /// The daemon before this one did not end as it should.
    UncleanStop,
    /// Records or events were lost.
    BlindSpot,
    /// Messages found no room in a queue.
    QueueFull,
    /// All is as it should be, said from time to time.
    Heartbeat,
    /// Rules and settings were read anew, or could not be.
    Reload,
    /// What exceptions have taken.
    Exceptions,
    /// What sequences hold over the end.
    Sequences,
    /// Something about the kernel's rules.
    KernelRules,
    /// Something about the account files.
    Accounts,
    /// Something about the store of alerts.
    Store,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Started,
        Self::Stopped,
        Self::UncleanStop,
        Self::BlindSpot,
        Self::QueueFull,
        Self::Heartbeat,
        Self::Reload,
        Self::Exceptions,
        Self::Sequences,
        Self::KernelRules,
        Self::Accounts,
        Self::Store,
    ];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::UncleanStop => "unclean-stop",
            Self::BlindSpot => "blind-spot",
            Self::QueueFull => "queue-full",
            Self::Heartbeat => "heartbeat",
            Self::Reload => "reload",
            Self::Exceptions => "exceptions",
            Self::Sequences => "sequences",
            Self::KernelRules => "kernel-rules",
            Self::Accounts => "accounts",
            Self::Store => "store",
        }
    }
}

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Urgency {
    /// Something was lost or does not work: syslog `warning`.
    Warning,
    /// All is as it should be: syslog `info`.
    Info,
}

impl Urgency {
    fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// The syslog severity of an alert: low `notice` (5), medium `warning` (4), high `err` (3), critical
/// `crit` (2).
///
/// `alert` and `emerg` are left to the system itself: stock configurations write `emerg` to every
/// logged-in terminal.
#[must_use]
pub fn level_of(severity: Severity) -> Level {
    match severity {
        Severity::Low => Level::LOG_NOTICE,
        Severity::Medium => Level::LOG_WARNING,
        Severity::High => Level::LOG_ERR,
        Severity::Critical => Level::LOG_CRIT,
    }
}

impl Message {
    /// Its syslog severity.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Alert(alert) => level_of(alert.severity),
            Self::Stored(alert) => level_of(alert.severity),
            Self::Notice(Notice { urgency: Urgency::Warning, .. }) => Level::LOG_WARNING,
            Self::Notice(Notice { urgency: Urgency::Info, .. }) => Level::LOG_INFO,
        }
    }

    /// When what it tells happened: the event's time, or that of the notice.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Alert(alert) => alert.time(),
            Self::Stored(alert) => alert.time,
            Self::Notice(notice) => notice.time,
        }
    }

    /// About how many bytes it holds in memory while it waits.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Alert(alert) => 256 + alert.size(),
            Self::Stored(alert) => 256 + alert.size(),
            Self::Notice(notice) => 128 + notice.text.len(),
        }
    }
}

impl Message {
    /// The alert, or else the notice.
    pub(crate) fn parts(&self) -> Result<AlertRef<'_>, &Notice> {
        match self {
            Self::Alert(alert) => Ok(AlertRef::Made(alert)),
            Self::Stored(alert) => Ok(AlertRef::Stored(alert)),
            Self::Notice(notice) => Err(notice),
        }
    }
}

/// An alert of this run, or one from the store: both are sent alike.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AlertRef<'a> {
    Made(&'a Alert),
    Stored(&'a StoredAlert),
}

impl<'a> AlertRef<'a> {
    pub(crate) fn id(self) -> &'a str {
        match self {
            Self::Made(alert) => &alert.id,
            Self::Stored(alert) => &alert.id,
        }
    }

    pub(crate) fn severity(self) -> Severity {
        match self {
            Self::Made(alert) => alert.severity,
            Self::Stored(alert) => alert.severity,
        }
    }

    /// The rule's short id.
    pub(crate) fn rule_id(self) -> &'a str {
        match self {
            Self::Made(alert) => &alert.rule.id,
            Self::Stored(alert) => &alert.rule_id,
        }
    }

    pub(crate) fn line_within(self, limit: usize) -> Cow<'a, str> {
        match self {
            Self::Made(alert) => alert.line_within(limit),
            Self::Stored(alert) => alert.line_within(limit),
        }
    }

    /// With what is gathered about it on the host, which is waited for.
    pub(crate) fn json(self) -> Cow<'a, str> {
        match self {
            Self::Made(alert) => {
                alert.wait_and_settle();
                alert.json()
            }
            Self::Stored(alert) => Cow::Borrowed(&alert.document),
        }
    }

    /// The same as nested objects.
    pub(crate) fn document(self) -> Map<String, Value> {
        serde_json::from_str(&self.json()).unwrap_or_default()
    }

    /// The document as far as it is at hand at once: the facts that go beside a line.
    pub(crate) fn facts(self) -> Map<String, Value> {
        match self {
            Self::Made(alert) => alert.document(),
            Self::Stored(alert) => alert.fields(),
        }
    }
}

impl Notice {
    /// As an ECS document.
    #[must_use]
    pub fn document(&self) -> Map<String, Value> {
        let document = json!({
            "@timestamp": self.time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            "message": self.text,
            "event": {
                "kind": "event",
                "action": self.topic.word(),
                "module": "auditward",
                "dataset": "auditward.log",
            },
            "log": { "level": self.urgency.word() },
            "data_stream": data_stream("auditward.log"),
            "ecs": { "version": ECS_VERSION },
            "agent": { "type": "auditward", "version": env!("CARGO_PKG_VERSION") },
        });
        match document {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}
