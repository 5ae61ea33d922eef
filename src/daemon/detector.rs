//! The second half of the path, the same live and in replay: events in, alerts out.

use std::sync::Arc;

use jiff::Timestamp;

use super::excepted;
use crate::alert::{Alert, source};
use crate::audit::Stamp;
use crate::detect::Engine;
use crate::event::AuditDocument;
use crate::rule::{Applied, Rule};

/// Which time `event.created` of an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The clock's, at the match.
    Now,
    /// The event's own, so that a replay gives the same documents each time.
    Stamp,
}

/// Rules over events; each match becomes an alert at once.
#[derive(Debug)]
pub struct Detector {
    engine: Engine,
    created: Created,
}

impl Detector {
    /// A detector for `rules`.
    #[must_use]
    pub fn new(rules: Vec<Arc<Rule>>, created: Created) -> Self {
        Self { engine: Engine::new(rules), created }
    }

    /// The rules and their counts.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Asks the rules about `event`.
    pub fn event(&mut self, event: &AuditDocument<'_>, emit: &mut dyn FnMut(Alert)) {
        let created = self.created;
        let millis = i64::try_from(event.event.stamp.millis).unwrap_or(i64::MAX);
        self.engine.process(event, |matched| {
            if !excepted::takes(matched.rule, matched.events, millis) {
                emit(alert(matched.rule, matched.events, created));
            }
        });
    }

    /// One line for each rule and exception that has taken matches of it.
    #[must_use]
    pub fn told_of_exceptions(&self) -> Vec<String> {
        let line = |(rule, applied): (&Arc<Rule>, &Applied)| {
            format!("{} taken by exception {}: {}", applied.taken(), applied.exception.id, rule.name)
        };
        self.excepted().map(line).collect()
    }

    /// Each exception that has taken matches: of which rule, and how many.
    pub fn excepted(&self) -> impl Iterator<Item = (&Arc<Rule>, &Applied)> {
        let rules = self.engine.rules().iter();
        let applied = rules.flat_map(|rule| rule.exceptions.iter().map(move |applied| (rule, applied)));
        applied.filter(|(_, applied)| applied.taken() > 0)
    }
}

fn alert(rule: &Arc<Rule>, events: &[&AuditDocument<'_>], created: Created) -> Alert {
    let documents: Vec<_> = events.iter().map(|document| source(document)).collect();
    let stamps: Vec<_> = events.iter().map(|document| document.event.stamp).collect();
    let host = events.last().map(|document| document.host_id()).unwrap_or_default();
    Alert::new(rule, &documents, &stamps, &host, created.of(stamps.last()))
}

impl Created {
    fn of(self, stamp: Option<&Stamp>) -> Timestamp {
        let stamped = stamp.and_then(|s| i64::try_from(s.millis).ok());
        match (self, stamped.and_then(|millis| Timestamp::from_millisecond(millis).ok())) {
            (Self::Stamp, Some(time)) => time,
            _ => Timestamp::now(),
        }
    }
}
