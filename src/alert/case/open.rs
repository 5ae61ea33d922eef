//! A case: what is known of one act.

use std::sync::Arc;
use std::time::Instant;

use super::act::Act;
use super::{Due, Finding, LONGEST, REACH, WithoutEffect, rank};
use crate::alert::{Alert, alert_id};
use crate::rule::{Rule, Severity};

/// Matches of which the events are kept until the case is told; of more, the rules are.
const KEPT: usize = 16;

/// What is known of one act.
#[derive(Debug)]
pub(super) struct Case {
    group: String,
    act: Act,
    id: String,
    /// The stamps of the first and the last match, in milliseconds.
    first: i64,
    last: i64,
    /// Every rule that matched, the strongest first.
    rules: Vec<Matched>,
    matches: u64,
    /// The rank that was told.
    told: Option<Severity>,
    /// The files that were told.
    files: Vec<String>,
    /// What is to be told next.
    kept: Vec<Finding>,
    /// Some of that found no room.
    crowded: bool,
    /// When that is; none when nothing is to be told.
    due: Option<Due>,
    /// Since when it waits.
    since: Option<Instant>,
}

/// A rule that matched the act, with the highest rank of its matches.
#[derive(Clone, Debug)]
pub(in crate::alert) struct Matched {
    pub(in crate::alert) rule: Arc<Rule>,
    pub(in crate::alert) severity: Severity,
}

/// What an alert tells of its case.
#[derive(Debug)]
pub(in crate::alert) struct Told<'c> {
    /// `event.id` of the case's first alert.
    pub(in crate::alert) id: &'c str,
    /// Whether this is the first.
    pub(in crate::alert) first: bool,
    pub(in crate::alert) group: &'c str,
    /// Every rule that matched, the strongest first.
    pub(in crate::alert) rules: &'c [Matched],
    pub(in crate::alert) matches: u64,
    /// The rank that an earlier alert told.
    pub(in crate::alert) raised_from: Option<Severity>,
}

impl Case {
    /// A case that begins with `finding`.
    pub(super) fn new(group: String, act: &Act, finding: &Finding) -> Self {
        let millis = finding.millis();
        Self {
            group,
            act: act.clone(),
            id: alert_id(&finding.rule.uuid, &finding.host, &finding.stamps),
            first: millis,
            last: millis,
            rules: Vec::new(),
            matches: 0,
            told: None,
            files: Vec::new(),
            kept: Vec::new(),
            crowded: false,
            due: None,
            since: None,
        }
    }

    /// Whether a match at `millis` is part of it.
    pub(super) fn takes(&self, group: &str, act: &Act, millis: i64) -> bool {
        let (first, last) = (self.first.min(millis), self.last.max(millis));
        let reached = millis >= self.first.saturating_sub(REACH) && millis <= self.last.saturating_add(REACH);
        reached && last.saturating_sub(first) <= LONGEST && self.group == group && self.act.is(act)
    }

    /// Whether nothing at `millis` or later is part of it.
    pub(super) fn is_over(&self, millis: i64) -> bool {
        millis > self.last.saturating_add(REACH)
    }

    /// When it is to be told.
    pub(super) fn due(&self) -> Option<Due> {
        self.due
    }

    /// Whether what is to be told cannot wait.
    pub(super) fn is_urgent(&self) -> bool {
        self.kept.iter().any(|finding| finding.severity >= Severity::High)
    }

    /// Every rule that matched, the strongest first.
    #[cfg(test)]
    pub(super) fn rules(&self) -> &[Matched] {
        &self.rules
    }

    /// Adds a match of it; when that is news, it is `due` to be told unless something is earlier.
    pub(super) fn add(&mut self, finding: Finding, act: Act, due: Due, now: Option<Instant>) {
        (self.first, self.last) = (self.first.min(finding.millis()), self.last.max(finding.millis()));
        self.act.learn(act);
        self.matches += 1;
        match self.rules.iter_mut().find(|known| known.rule.uuid == finding.rule.uuid) {
            Some(known) => known.severity = known.severity.max(finding.severity),
            None => {
                let (rule, severity) = (Arc::clone(&finding.rule), finding.severity);
                self.rules.push(Matched { rule, severity });
            }
        }
        self.rules.sort_by(|a, b| rank(&b.rule, b.severity).cmp(&rank(&a.rule, a.severity)));
        let news =
            self.told.is_none_or(|told| finding.severity > told || self.is_of_another_file(&finding, told));
        if self.due.is_none() && !news {
            return;
        }
        if self.due.is_none() {
            (self.due, self.since) = (Some(due), now);
        }
        if self.kept.len() < KEPT {
            self.kept.push(finding);
            return;
        }
        self.crowded = true;
        if self.kept.iter().all(|kept| kept.rank() < finding.rank()) {
            self.kept.pop();
            self.kept.push(finding);
        }
    }

    /// Whether a match of the rule that was told, and of the rank, is about a file that was not told: who has read of
    /// the one does not know of the other. So it is with files whose effect is judged for each; of a package's files the
    /// first one says it all. Where more rules have matched it is known what was done, and by which means.
    fn is_of_another_file(&self, finding: &Finding, told: Severity) -> bool {
        let judged = finding.rule.milder.without_effect.is_some();
        let like = judged && self.rules.len() == 1 && finding.severity == told && !self.files.is_empty();
        let file = finding.file().filter(|_| like && self.files.len() < KEPT);
        file.is_some_and(|file| !self.files.iter().any(|known| *known == file))
    }

    /// The alert that is to be told, if there is one; of the writes that are `seen` to be without effect, with the
    /// rank that their rules have for that.
    pub(super) fn tell(&mut self, seen: &[WithoutEffect]) -> Option<Alert> {
        self.due.take()?;
        let mut findings = std::mem::take(&mut self.kept);
        if !std::mem::take(&mut self.crowded) {
            findings.iter_mut().for_each(|finding| finding.lower(seen));
            self.rank_anew(&findings);
        }
        findings.sort_by(|a, b| b.rank().cmp(&a.rank()));
        let strongest = findings.first()?;
        let raised_from = self.told.filter(|told| strongest.severity > *told);
        let first = self.told.is_none();
        if self.told.is_some_and(|told| raised_from.is_none() && !self.is_of_another_file(strongest, told)) {
            return None;
        }
        self.told = self.told.max(Some(strongest.severity));
        for file in findings.iter().filter_map(Finding::file) {
            if !self.files.iter().any(|known| *known == file) {
                self.files.push(file.into_owned());
            }
        }
        let Self { id, group, rules, matches, .. } = &*self;
        let told = Told { id, first, group, rules, matches: *matches, raised_from };
        let mut alert = Alert::of_case(strongest, &findings, &told);
        alert.waited = self.since.take().map(|since| since.elapsed()).unwrap_or_default();
        Some(alert)
    }

    /// The rules' ranks are those of their matches, all of which are there while nothing was told.
    fn rank_anew(&mut self, findings: &[Finding]) {
        if self.told.is_some() {
            return;
        }
        for matched in &mut self.rules {
            let of = findings.iter().filter(|finding| finding.rule.uuid == matched.rule.uuid);
            if let Some(severity) = of.map(|finding| finding.severity).max() {
                matched.severity = severity;
            }
        }
        self.rules.sort_by(|a, b| rank(&b.rule, b.severity).cmp(&rank(&a.rule, a.severity)));
    }
}
