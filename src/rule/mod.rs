//! Rule files in the TOML shape of Elastic's detection-rules repository, read and compiled.
//!
//! [`load::load`] reads files and directories, [`load::default_rules`] what is installed, and
//! [`load::embedded`] the rules inside the program. One bad file never stops the others: its faults
//! stand in [`Loaded::diagnostics`], the sound rules in [`Loaded::rules`].

mod embedded;
mod export;
mod file;
mod in_line;
mod indices;
mod kibana;
pub mod load;
pub mod policy;
mod query;
mod test_case;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Level, Source};
use crate::eql;

pub(crate) use in_line::InLine;
pub use indices::Indices;
pub use policy::{Applied, Exception, Overridden, Policy};
pub use test_case::{Input, TestCase};

/// Severity words and their `event.severity` numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// 21
    Low,
    /// 47
    Medium,
    /// 73
    High,
    /// 99
    Critical,
}

impl Severity {
    /// 21, 47, 73 or 99, as Elastic's default risk scores have them.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Low => 21,
            Self::Medium => 47,
            Self::High => 73,
            Self::Critical => 99,
        }
    }

    /// All four, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// `low`, `medium`, `high` or `critical`, as rule files have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

impl std::str::FromStr for Severity {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|severity| severity.word() == word).ok_or(())
    }
}

/// A tactic, technique or subtechnique of MITRE ATT&CK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreatItem {
    /// `TA0003`, `T1136`, `T1136.001`.
    pub id: String,
    /// `Persistence`.
    pub name: String,
    /// Its page.
    pub reference: String,
}

/// A technique with its subtechniques.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Technique {
    /// `T1136`.
    pub id: String,
    /// `Create Account`.
    pub name: String,
    /// Its page.
    pub reference: String,
    /// Its subtechniques.
    pub subtechnique: Vec<ThreatItem>,
}

/// One `[[rule.threat]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threat {
    /// `MITRE ATT&CK`.
    pub framework: String,
    /// The tactic.
    pub tactic: ThreatItem,
    /// Its techniques.
    pub technique: Vec<Technique>,
}

/// A rule: what its file says, and its compiled query.
#[derive(Debug)]
pub struct Rule {
    /// `rule_id`: the uuid.
    pub uuid: String,
    /// `[auditward] id`, or the file's stem cut to 32 printable ASCII characters: `rule.id` and MSGID.
    pub id: String,
    /// `[auditward] group`: matches of rules of one group that tell of the same act are one alert.
    pub group: Option<String>,
    /// What lowers the rank of a match, and to what.
    pub milder: Milder,
    /// `name`.
    pub name: String,
    /// `description`.
    pub description: String,
    /// `author`.
    pub author: Vec<String>,
    /// `license`.
    pub license: String,
    /// `version` where given (Elastic's builds add it), else `[auditward] version`, else 1.
    pub version: u64,
    /// `severity`.
    pub severity: Severity,
    /// `risk_score`, 0 to 100.
    pub risk_score: u8,
    /// `index`.
    pub index: Indices,
    /// `from`, e.g. `now-9m`.
    pub from: String,
    /// `interval`, `5m` when absent.
    pub interval: String,
    /// `interval` as a length of time: the window that `max_signals` counts in.
    pub window: Duration,
    /// `max_signals`, 100 when absent.
    pub max_signals: u64,
    /// `tags`.
    pub tags: Vec<String>,
    /// `references`.
    pub references: Vec<String>,
    /// `false_positives`.
    pub false_positives: Vec<String>,
    /// `note`: the investigation guide, Markdown.
    pub note: String,
    /// `setup`, Markdown.
    pub setup: String,
    /// `[[rule.threat]]`.
    pub threat: Vec<Threat>,
    /// `[metadata]`.
    pub metadata: Metadata,
    /// `timestamp_override`; read and shown: events here are matched as they come, on their own time.
    pub timestamp_override: Option<String>,
    /// `building_block_type` is there: feeds other rules, pages nobody.
    pub building_block: bool,
    /// `timeline_id` and `timeline_title`.
    pub timeline: Option<Timeline>,
    /// `alert_suppression`.
    pub suppression: Option<Suppression>,
    /// `investigation_fields.field_names`: what an analyst looks at first.
    pub investigation_fields: Vec<String>,
    /// `[[transform.osquery]]`, which the note names `$osquery_0`, `$osquery_1`, …
    pub osquery: Vec<Osquery>,
    /// `[[transform.investigate]]`, which the note names `$investigate_0`, …
    pub investigate: Vec<Investigate>,
    /// `query` as written.
    pub query: String,
    /// What is compiled: the query with its lists put in and the conditions of filters and overrides added.
    pub effective: Arc<Source>,
    /// `[[auditward.test]]`.
    pub tests: Vec<TestCase>,
    /// The exceptions that are for it.
    pub exceptions: Vec<Applied>,
    /// The keys that an override changed.
    pub overridden: Vec<Overridden>,
    /// The ids in `exceptions_list`: Kibana's lists of exceptions.
    pub exception_lists: Vec<String>,
    /// The compiled query.
    pub program: eql::Program,
    /// Why it can match nothing here, if so: a field that it needs has no source.
    pub not_live: Option<String>,
    /// Name of the set it came from: `embedded`, `vendor`, `site`, or the path given.
    pub ruleset: String,
    /// Where it was read; none for embedded rules.
    pub path: Option<PathBuf>,
    /// The file's text, for later diagnostics.
    pub source: Arc<Source>,
    /// What the line of an alert tells of it, once there was one.
    pub(crate) in_line: OnceLock<InLine>,
}

/// Of `[auditward]`: the severity of a match of which more is known than the query asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Milder {
    /// `severity_in_other_root`: it changed the accounts of another root than the host's.
    pub in_other_root: Option<Severity>,
    /// `severity_without_effect`: the account file that was written gives nobody more than before.
    pub without_effect: Option<Severity>,
}

/// `[metadata]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `creation_date`, as written: `2023/03/07`.
    pub creation_date: Option<String>,
    /// `updated_date`, as written.
    pub updated_date: Option<String>,
    /// `maturity`: `production`, `development`, …
    pub maturity: Option<String>,
    /// `integration`: the sources that the rule was written for.
    pub integration: Vec<String>,
    /// `min_stack_version`, of Elastic's stack.
    pub min_stack_version: Option<String>,
    /// `min_stack_comments`.
    pub min_stack_comments: Option<String>,
}

/// A Timeline template of Kibana.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// `timeline_id`.
    pub id: String,
    /// `timeline_title`.
    pub title: String,
}

/// `alert_suppression`: like alerts within a span are told as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// `group_by`: one to three field names.
    pub group_by: Vec<String>,
    /// `duration`; none: per rule execution, that is [`Rule::window`].
    pub duration: Option<Duration>,
    /// `missing_fields_strategy`: whether alerts that lack a `group_by` field are suppressed too.
    pub suppress_missing: bool,
}

/// One `[[transform.osquery]]`: a question for the host, in osquery's SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Osquery {
    /// `label`.
    pub label: String,
    /// `query`, with `{{field}}` for values of the alert.
    pub query: String,
}

/// One `[[transform.investigate]]`: a search in Kibana, shown by its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Investigate {
    /// `label`.
    pub label: String,
    /// `description`.
    pub description: String,
}

/// A file or rule that was read and is not run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// `name`, where it has one.
    pub name: Option<String>,
    /// `rule_id`, where it has one.
    pub uuid: Option<String>,
    /// Why.
    pub reason: SkipReason,
}

/// Why a file or rule is not run although nothing is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Its `type` is another than `eql`.
    OtherEngine {
        /// `type`: `query`, `threshold`, `esql`, …
        kind: String,
    },
    /// It, or an override, says `enabled = false`.
    Disabled {
        /// The override's file and line.
        by: Option<String>,
    },
    /// A file of a later layer has the same `rule_id`.
    Replaced {
        /// That file.
        by: PathBuf,
    },
    /// A TOML file in a rules directory that holds no rule.
    NoRule,
    /// Its `maturity` says that its makers have given it up.
    Retired,
}

impl Rule {
    /// The stages of its query (from 1, in the order of the query) that can match nothing here although
    /// the rule as a whole can: what must not happen, and `until`; each with the reason.
    #[must_use]
    pub fn dead_stages(&self) -> Vec<(usize, String)> {
        use crate::event::Schema as _;
        let schema = &crate::event::schema::Live;
        let blocked = self.program.blocked(&|field| schema.filled(field)).into_iter().enumerate();
        let dead = blocked.filter_map(|(stage, why)| Some((stage + 1, query::reason(why?, schema))));
        if self.not_live.is_some() { Vec::new() } else { dead.collect() }
    }
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OtherEngine { kind } => write!(f, "not for this engine: its type is {kind}, not eql"),
            Self::Disabled { by: None } => write!(f, "switched off: enabled = false"),
            Self::Disabled { by: Some(place) } => write!(f, "switched off by {place}"),
            Self::Replaced { by } => write!(f, "replaced by {}", by.display()),
            Self::Retired => {
                write!(
                    f,
                    "given up by its makers: maturity = \"deprecated\" (an override with enabled = true runs it)"
                )
            }
            Self::NoRule => write!(f, "no rule file: it has neither [rule] nor [metadata]"),
        }
    }
}

/// What reading rules gave: all that is sound, and every fault of the rest.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The rules that can run, in the order of their files.
    pub rules: Vec<Arc<Rule>>,
    /// What was read and is not run, and why.
    pub skipped: Vec<Skipped>,
    /// All faults, warnings too.
    pub diagnostics: Vec<Diagnostic>,
    /// Files read.
    pub files: usize,
}

impl Loaded {
    /// How many diagnostics are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|fault| fault.level == Level::Error).count()
    }

    /// How many diagnostics are warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.diagnostics.len() - self.errors()
    }
}
