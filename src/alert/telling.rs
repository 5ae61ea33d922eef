//! What the line of an alert is made of: a document, or as much of it as the line tells.

use std::borrow::Cow;

use serde_json::{Map, Value};
use smallvec::SmallVec;

use super::read;
use crate::rule::InLine;

macro_rules! items {
    ($($item:ident = $name:literal,)*) => {
        /// A single text that a line asks for, by the name that it has in a document.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Item { $(#[doc = $name] $item,)* }

        impl Item {
            /// How many there are.
            pub(crate) const COUNT: usize = [$($name,)*].len();

            /// Its dotted name.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$item => $name,)* }
            }
        }
    };
}

items! {
    AboutItself = "auditward.about_itself",
    AccountFile = "auditward.account.file",
    AccountWriter = "auditward.account.writer",
    ActorPrimary = "auditd.summary.actor.primary",
    AlertId = "event.id",
    CaseId = "auditward.case.id",
    CaseRaisedFrom = "auditward.case.raised.from",
    CaseRaisedTo = "auditward.case.raised.to",
    CommandLine = "process.command_line",
    Container = "container.id",
    Effect = "auditward.effect",
    EffectiveId = "user.effective.id",
    EffectiveName = "user.effective.name",
    Environment = "labels.environment",
    EventAction = "event.action",
    Executable = "process.executable",
    FilePath = "file.path",
    GuessedTarget = "auditward.target.user.name",
    HostName = "host.name",
    LoginId = "user.audit.id",
    LoginName = "user.audit.name",
    MessageType = "auditd.message_type",
    OriginalPath = "file.Ext.original.path",
    Outcome = "event.outcome",
    Owner = "labels.owner",
    ParentPid = "process.parent.pid",
    Pid = "process.pid",
    ProcessName = "process.name",
    ProcessTty = "process.tty",
    Reason = "event.reason",
    Risk = "event.risk_score",
    Role = "labels.role",
    RootEvidence = "auditward.root.evidence",
    RootNamespace = "auditward.root.mount_namespace",
    RootPath = "auditward.root.path",
    RuleId = "rule.id",
    RuleName = "rule.name",
    RuleUuid = "rule.uuid",
    RuleVersion = "rule.version",
    Ruleset = "auditward.ruleset.hash",
    Runbook = "labels.runbook",
    Session = "auditd.session",
    Severity = "event.severity",
    Stored = "auditward.stored",
    SuppressedCount = "auditward.suppressed.count",
    TargetId = "user.target.id",
    TargetName = "user.target.name",
    Time = "@timestamp",
    Tty = "auditd.data.tty",
    TtyName = "process.tty.name",
    UserId = "user.id",
    UserName = "user.name",
    WorkingDirectory = "process.working_directory",
}

/// See the module.
pub(crate) trait Telling {
    /// The text of a single value, of a list the first; empty text counts as absent.
    fn text(&self, item: Item) -> Option<Cow<'_, str>>;

    /// The ids of the events' records with commas between, `auditward.audit_id`; none where there is none.
    fn audit_ids(&self) -> Option<Cow<'_, str>>;

    /// The ids of tactics, techniques and the most exact subtechniques with commas between: `TA0003,T1136,T1136.001`.
    fn threat(&self) -> Option<Cow<'_, str>>;

    /// What is written of the rule already; none where that is to be made of the items.
    fn in_line(&self) -> Option<&InLine> {
        None
    }

    /// The arguments of the process, as exact bytes.
    fn args(&self) -> Cow<'_, [Cow<'_, [u8]>]>;

    /// The line of parents, nearest first, as far as it is known.
    fn parents(&self) -> Cow<'_, [Parent<'_>]>;

    /// The objects of a list.
    fn objects(&self, path: &str) -> Vec<&Map<String, Value>>;

    /// The texts of a list.
    fn texts(&self, path: &str) -> Vec<&str>;
}

/// A parent, as the line tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parent<'a> {
    /// Its name, or else its program.
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) pid: Option<Cow<'a, str>>,
}

impl Telling for Map<String, Value> {
    fn text(&self, item: Item) -> Option<Cow<'_, str>> {
        read::text(self, item.name())
    }

    fn audit_ids(&self) -> Option<Cow<'_, str>> {
        joined(self, "auditward.audit_id")
    }

    fn threat(&self) -> Option<Cow<'_, str>> {
        let paths = ["threat.tactic.id", "threat.technique.id", "threat.technique.subtechnique.id"];
        let ids: SmallVec<[Cow<'_, str>; 3]> = paths.iter().filter_map(|path| joined(self, path)).collect();
        (!ids.is_empty()).then(|| ids.join(",").into())
    }

    fn args(&self) -> Cow<'_, [Cow<'_, [u8]>]> {
        Cow::Owned(read::args(self))
    }

    fn parents(&self) -> Cow<'_, [Parent<'_>]> {
        let known = read::get(self, "auditward.ancestors").and_then(Value::as_array);
        let parent = read::get(self, "process.parent").filter(|p| p.is_object());
        let chain: Vec<&Value> = match known {
            Some(list) if !list.is_empty() => list.iter().collect(),
            _ => parent.into_iter().collect(),
        };
        let parent = |process: &Map<String, Value>| Parent {
            name: read::text(process, "name").or_else(|| read::text(process, "executable")).map(own),
            pid: read::text(process, "pid").map(own),
        };
        Cow::Owned(chain.into_iter().filter_map(Value::as_object).map(parent).collect())
    }

    fn objects(&self, path: &str) -> Vec<&Map<String, Value>> {
        let list = read::get(self, path).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_object).collect()
    }

    fn texts(&self, path: &str) -> Vec<&str> {
        let list = read::get(self, path).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// The values of a list with commas between; none where there is none.
fn joined<'a>(document: &'a Map<String, Value>, path: &str) -> Option<Cow<'a, str>> {
    match read::get(document, path)? {
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) => {
            Some(Cow::Owned(list.iter().filter_map(read::scalar).collect::<Vec<_>>().join(",")))
        }
        one => read::scalar(one),
    }
}

fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}
