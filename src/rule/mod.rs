//! Rule files in the TOML shape of Elastic's detection-rules repository, read and compiled.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source};
use crate::eql;

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
}

/// A tactic, technique or subtechnique of MITRE ATT&CK.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct ThreatItem {
    /// `TA0003`, `T1136`, `T1136.001`.
    pub id: String,
    /// `Persistence`.
    pub name: String,
    /// Its page.
    pub reference: String,
}

/// A technique with its subtechniques.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Technique {
    /// `T1136`.
    pub id: String,
    /// `Create Account`.
    pub name: String,
    /// Its page.
    pub reference: String,
    /// Its subtechniques.
    #[serde(default)]
    pub subtechnique: Vec<ThreatItem>,
}

/// One `[[rule.threat]]`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Threat {
    /// `MITRE ATT&CK`.
    pub framework: String,
    /// The tactic.
    pub tactic: ThreatItem,
    /// Its techniques.
    #[serde(default)]
    pub technique: Vec<Technique>,
}

/// A rule: what its file says, and its compiled query.
#[derive(Debug)]
pub struct Rule {
    /// `rule_id`: the uuid.
    pub uuid: String,
    /// `[auditward] id`, or the file's stem cut to 32 printable ASCII characters: `rule.id` and MSGID.
    pub id: String,
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
    pub index: Vec<String>,
    /// `from`, e.g. `now-9m`.
    pub from: String,
    /// `interval`, `5m` when absent.
    pub interval: String,
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
    /// `query` as written.
    pub query: String,
    /// The compiled query.
    pub program: eql::Program,
    /// Name of the set it came from: `embedded`, `vendor`, `site`, or the path given.
    pub ruleset: String,
    /// Where it was read; none for embedded rules.
    pub path: Option<PathBuf>,
    /// The file's text, for later diagnostics.
    pub source: Arc<Source>,
}

/// What reading rules gave: all that is sound, and every fault of the rest.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The rules that can run, in the order of their files.
    pub rules: Vec<Arc<Rule>>,
    /// All faults, warnings too.
    pub diagnostics: Vec<Diagnostic>,
    /// Files read.
    pub files: usize,
}
