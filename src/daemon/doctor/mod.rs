//! Everything that makes this host blind, silent or noisy, one line each with its mend.
//!
//! The checks read a [`Place`] (the host's root directory, or one that stands for it in a test) and the
//! [`Kernel`]'s answers, and change nothing.

pub mod bundle;
mod daemon;
mod host;
mod kernel;
mod redact;
mod syslog;

pub use kernel::Kernel;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::config::Config;
use super::ruleset::RuleSet;
use super::status::Report;
use crate::audit::kernel_rules::Plan;
use crate::clean;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// Something to know, nothing to mend.
    Note,
    /// This account may not see it.
    Unseen,
    /// Something makes the host blind, silent or noisy.
    Mend,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Unseen => "unseen",
            Self::Mend => "MEND",
        }
    }
}

/// One line of the doctor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's name, one of [`CHECKS`].
    pub check: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub text: String,
    /// What to do about it; empty where nothing is to be done.
    pub mend: String,
}

impl fmt::Display for Finding {
    /// One line, control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = clean::text(self.text.as_bytes());
        write!(f, "{:<6} {:<15} {text}", self.verdict.word(), self.check)?;
        if self.mend.is_empty() { Ok(()) } else { write!(f, ": {}", clean::text(self.mend.as_bytes())) }
    }
}

/// Every check: its name and what it is about, in the order in which they are told.
pub const CHECKS: &[(&str, &str)] = &[
    ("kernel", "the kernel has auditing, and it is not switched off at boot (audit=0)"),
    ("namespaces", "this is the host and no container, where the audit group is not to be had"),
    ("enabled", "auditing is switched on"),
    ("rules-loaded", "the kernel rules that the detection rules need are loaded"),
    ("never-task", "no rule `-a never,task` keeps whole processes from being recorded"),
    ("exclude", "no rule takes record types or events away"),
    ("old-processes", "programs with a terminal that were started before auditing was on"),
    ("backlog", "the kernel's own queue is large enough and has lost nothing"),
    ("failure-mode", "a full queue does not bring the host down"),
    ("console", "records do not flood the kernel's log and the console"),
    ("readers", "who else reads the audit group"),
    ("daemon", "the daemon runs and answers"),
    ("probe", "what needs privilege is read for the daemon"),
    ("buffer", "the daemon's receive buffer is as large as asked for, and nothing was lost in it"),
    ("destinations", "alerts go out"),
    ("canary", "a canary was seen lately"),
    ("accounts", "the account files are read and watched"),
    ("detection-rules", "every rule could be read and can match on this host"),
    ("configuration", "the configuration has no fault"),
    ("syslog", "the log socket takes messages"),
    ("rate-limits", "the system's logger does not throw lines away"),
    ("hidepid", "other users' processes can be seen in /proc"),
    ("mounts", "mounts of the host are seen by services"),
    ("clock", "the clock is set, and by somebody"),
];

/// A host's root directory.
#[derive(Clone, Debug)]
pub struct Place(PathBuf);

impl Place {
    /// The host as it is (`/`), or a directory that stands for one.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self(root.to_owned())
    }

    fn path(&self, absolute: &str) -> PathBuf {
        self.0.join(absolute.trim_start_matches('/'))
    }

    /// The text of a file; none where it is not there or cannot be read.
    fn read(&self, absolute: &str) -> Option<String> {
        self.try_read(absolute).ok()
    }

    fn try_read(&self, absolute: &str) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.path(absolute))?).into_owned())
    }

    fn has(&self, absolute: &str) -> bool {
        self.path(absolute).exists()
    }

    /// The files of a directory whose names end so, in order; none where it cannot be read.
    fn files(&self, directory: &str, ending: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut files: Vec<String> =
            names.filter(|name| name.ends_with(ending)).map(|name| format!("{directory}/{name}")).collect();
        files.sort();
        files
    }
}

/// All that the checks look at.
#[derive(Debug)]
pub struct Patient<'a> {
    /// The host.
    pub place: &'a Place,
    /// What its kernel says of auditing.
    pub kernel: &'a Kernel,
    /// The settings, and their faults in one sentence each.
    pub config: &'a Config,
    /// The faults of the configuration, each in one sentence.
    pub config_faults: &'a [String],
    /// The detection rules.
    pub rules: &'a RuleSet,
    /// The kernel rules that they need.
    pub plan: &'a Plan,
    /// What the running daemon says; or why it says nothing, and whether none runs.
    pub report: &'a Result<Report, (bool, String)>,
}

/// Runs every check.
#[must_use]
pub fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    kernel::check(patient, &mut findings);
    host::check(patient, &mut findings);
    daemon::check(patient, &mut findings);
    syslog::check(patient, &mut findings);
    let place = |finding: &Finding| CHECKS.iter().position(|(name, _)| *name == finding.check);
    findings.sort_by_key(place);
    findings
}

fn find(to: &mut Vec<Finding>, check: &'static str, verdict: Verdict, text: impl Into<String>, mend: &str) {
    to.push(Finding { check, verdict, text: text.into(), mend: mend.to_owned() });
}

fn fine(to: &mut Vec<Finding>, check: &'static str, text: impl Into<String>) {
    find(to, check, Verdict::Fine, text, "");
}

#[cfg(test)]
mod tests;
