//! Overrides: single keys of a rule, changed without touching its file.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};
use crate::eql::narrow::Added;
use crate::rule::file::{max_signals, risk_score, severity, suppression};
use crate::rule::{Rule, Severity, Suppression};
use crate::toml_file::Table;

use super::list::Lists;

/// One `[[override]]`.
#[derive(Clone, Debug)]
pub struct Override {
    /// The `rule_id` or short id of the rule.
    pub rule: String,
    pub(super) rule_place: Span,
    /// `enabled`, and where.
    pub enabled: Option<(bool, Span)>,
    severity: Option<(Severity, Span)>,
    risk_score: Option<(u8, Span)>,
    max_signals: Option<(u64, Span)>,
    suppression: Option<(Suppression, Span)>,
    pub(in crate::rule) added: Option<(Added, Span)>,
    stage_place: Option<Span>,
    /// The file.
    pub source: Arc<Source>,
}

/// A key that an override or exception list changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overridden {
    /// The key.
    pub key: &'static str,
    /// What the rule's own file says.
    pub was: String,
    /// The file that says otherwise.
    pub file: PathBuf,
    /// The line there, from 1.
    pub line: usize,
}

pub(super) fn read(table: Table<'_>, lists: &Lists) -> Option<Override> {
    let faults = table.faults();
    let before = faults.errors();
    let rule = table.required_text("rule");
    let place = |key| table.place(key).unwrap_or_default();
    let enabled = table.boolean("enabled").map(|enabled| (enabled.value, enabled.span));
    let severity = table.has("severity").then(|| severity(&table)).flatten();
    let risk_score = table.has("risk_score").then(|| risk_score(&table)).flatten();
    let most = table.has("max_signals").then(|| max_signals(&table));
    let suppression = suppression(&table).map(|suppression| (suppression, place("alert_suppression")));
    let stage = super::stage(&table);
    let condition = table.text("condition");
    let added = condition.and_then(|text| {
        let (condition, _) = super::condition(faults, &text, lists)?;
        Some((Added { condition, stage: stage.map(|(stage, _)| stage) }, text.span))
    });
    table.known("reason");
    let change = Override {
        rule_place: rule.as_ref().map(|rule| rule.span).unwrap_or_default(),
        rule: rule?.value.into_owned(),
        enabled,
        severity: severity.map(|severity| (severity, place("severity"))),
        risk_score: risk_score.map(|score| (score, place("risk_score"))),
        max_signals: most.map(|most| (most, place("max_signals"))),
        suppression,
        added,
        stage_place: stage.map(|(_, place)| place),
        source: Arc::clone(faults.source()),
    };
    let span = table.span();
    table.done();
    if change.is_empty() && faults.errors() == before {
        let help = "write one of enabled, severity, risk_score, max_signals, alert_suppression, condition";
        faults.value("this override changes nothing", span, help);
    }
    Some(change)
}

impl Override {
    fn is_empty(&self) -> bool {
        self.enabled.is_none()
            && self.severity.is_none()
            && self.risk_score.is_none()
            && self.max_signals.is_none()
            && self.suppression.is_none()
            && self.added.is_none()
    }

    pub(in crate::rule) fn overridden(&self, key: &'static str, was: String, place: Span) -> Overridden {
        let line = super::line(&self.source, place);
        Overridden { key, was, file: self.source.name.clone(), line }
    }

    /// Changes `rule`, all but its query.
    pub(in crate::rule) fn apply(&self, rule: &mut Rule) {
        let mut told = Vec::new();
        if let Some((enabled, place)) = self.enabled {
            told.push(self.overridden("enabled", (!enabled).to_string(), place));
        }
        if let Some((severity, place)) = self.severity {
            let was = std::mem::replace(&mut rule.severity, severity);
            told.push(self.overridden("severity", was.to_string(), place));
        }
        if let Some((score, place)) = self.risk_score {
            let was = std::mem::replace(&mut rule.risk_score, score);
            told.push(self.overridden("risk_score", was.to_string(), place));
        }
        if let Some((most, place)) = self.max_signals {
            let was = std::mem::replace(&mut rule.max_signals, most);
            told.push(self.overridden("max_signals", was.to_string(), place));
        }
        if let Some((suppression, place)) = &self.suppression {
            let was = rule.suppression.replace(suppression.clone());
            let was = was.map_or_else(|| "none".to_owned(), |was| was.group_by.join(", "));
            told.push(self.overridden("alert_suppression", was, *place));
        }
        if let Some((_, place)) = &self.added {
            told.push(self.overridden("query", "without the added condition".to_owned(), *place));
        }
        rule.overridden.extend(told);
    }

    /// The fault that the added condition names no item, or one that is not there, of a query with
    /// `items` items.
    pub(in crate::rule) fn misplaced(&self, items: usize, event_query: bool) -> Option<Box<Diagnostic>> {
        let (added, place) = self.added.as_ref()?;
        let (title, help) = match added.stage {
            None if event_query => return None,
            Some(_) if event_query => {
                ("`stage` is for sequences and samples", "leave `stage` out".to_owned())
            }
            Some(stage) if stage < items => return None,
            Some(_) => ("the rule has no such stage", format!("write a number from 1 to {items}")),
            None => (
                "a condition that is added to a sequence says for which of its events",
                format!("write `stage = 1`, at most {items}"),
            ),
        };
        Some(Box::new(Diagnostic {
            code: codes::RULE_BAD_VALUE,
            level: Level::Error,
            title: title.to_owned(),
            source: Some(Arc::clone(&self.source)),
            primary: Some(Label { span: self.stage_place.unwrap_or(*place), text: String::new() }),
            context: Vec::new(),
            help: Some(help),
        }))
    }
}
