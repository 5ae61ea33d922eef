//! One act, one case: what several rules of a correlation group say of the same act is one alert.
//!
//! A match below high waits for stronger evidence, [`WAIT`] at most: by the events' own clock in a replay,
//! by a real one live. High and critical leave at once, with all that has come until then. What comes later
//! is attached to the case; when it raises the rank, one more alert says so and names the first, and so does one about a
//! further account file. What is one act: `act.rs`, and docs/detection.md.
//!
//! Nothing is ever held back by a bound: what finds no room leaves at once.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Alert, read};
use crate::audit::Stamp;
use crate::rule::{Rule, Severity};
use act::Act;
use open::Case;

mod act;
mod open;
#[cfg(test)]
mod tests;

pub(super) use open::{Matched, Told};

/// The longest that a match waits for stronger evidence.
pub const WAIT: Duration = Duration::from_millis(50);

/// Matches so far apart, in milliseconds, are no longer of one act.
const REACH: i64 = 10_000;

/// No act is taken to last longer, in milliseconds.
const LONGEST: i64 = 60_000;

/// The most acts that wait at one time.
const WAITING: usize = 256;

/// The most writes without effect that are remembered.
const SEEN: usize = 16;

/// The most cases that are remembered.
const REMEMBERED: usize = 1_024;

/// The clock of a recording that goes back so far, in milliseconds, was set back, or another log begins.
const SET_BACK: i64 = 10_000;

/// A match of a rule, that no exception has taken.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The rank of this match: the rule's, or a lower one.
    pub severity: Severity,
    /// The source events as nested ECS documents, as [`super::source()`] gives them; at least one.
    pub events: Vec<Map<String, Value>>,
    /// Their stamps.
    pub stamps: Vec<Stamp>,
    /// `host.id`.
    pub host: String,
    /// When it was found.
    pub created: Timestamp,
}

impl Finding {
    fn alert(&self) -> Alert {
        Alert::new(&self.rule, &self.events, &self.stamps, &self.host, self.created)
    }

    fn stamp(&self) -> Stamp {
        self.stamps.last().copied().unwrap_or(Stamp { millis: 0, serial: 0 })
    }

    /// The file that it is about.
    fn file(&self) -> Option<Cow<'_, str>> {
        read::text(self.events.last()?, "file.path")
    }

    fn millis(&self) -> i64 {
        i64::try_from(self.stamp().millis).unwrap_or(i64::MAX)
    }

    /// Lowers the rank where the file that was written is `seen` to have had no effect.
    fn lower(&mut self, seen: &[WithoutEffect]) {
        let (Some(milder), millis) = (self.rule.milder.without_effect, self.millis()) else { return };
        let Some(event) = self.events.last_mut().filter(|event| read::get(event, "auditward.root").is_none())
        else {
            return;
        };
        let Some(path) = read::text(event, "file.path") else { return };
        let is_it = |one: &WithoutEffect| one.path == path && one.from < millis && millis <= one.until;
        if !seen.iter().any(is_it) {
            return;
        }
        self.severity = self.severity.min(milder);
        let own = event.entry("auditward").or_insert_with(|| Map::new().into());
        own.as_object_mut().map(|own| own.insert("effect".to_owned(), "none".into()));
    }

    /// Of the rules that match one act, the strongest comes first; of like ones always the same.
    fn rank(&self) -> (Severity, u8, std::cmp::Reverse<&str>) {
        rank(&self.rule, self.severity)
    }
}

fn rank(rule: &Rule, severity: Severity) -> (Severity, u8, std::cmp::Reverse<&str>) {
    (severity, rule.risk_score, std::cmp::Reverse(&rule.uuid))
}

/// What became of the matches of rules with a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaseCounts {
    /// Matches that became part of an alert beside others, or of a case that had been told.
    pub joined: u64,
    /// Alerts that raised the rank of a case.
    pub raised: u64,
    /// Cases told before their time, since too many waited.
    pub hurried: u64,
    /// Cases forgotten before their time, since too many were remembered.
    pub forgotten: u64,
    /// Acts that wait.
    pub waiting: u64,
}

/// An account file was read after it was written, and nobody had more by it than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutEffect {
    /// As records name it.
    pub path: String,
    /// Of acts after this time, in milliseconds since the Unix epoch.
    pub from: i64,
    /// And up to this one.
    pub until: i64,
}

/// When a case that waits is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// When an event has this stamp (milliseconds since the Unix epoch) or a later one.
    Stamp(i64),
    /// Then.
    Clock(Instant),
}

/// The cases that wait for evidence, and those that were told and may still be raised.
#[derive(Debug, Default)]
pub struct Cases {
    /// The oldest first.
    open: Vec<Case>,
    /// By the stamps of events.
    clock: i64,
    counts: CaseCounts,
    /// The last writes after which nobody had more than before.
    without_effect: Vec<WithoutEffect>,
}

impl Cases {
    /// Takes that writes had no effect; to be known before their alerts are told.
    pub fn without_effect(&mut self, seen: WithoutEffect) {
        if self.without_effect.len() >= SEEN {
            self.without_effect.remove(0);
        }
        self.without_effect.push(seen);
    }

    /// Something is written again: what was seen holds no more for what has not been told.
    pub fn doubt(&mut self) {
        self.without_effect.clear();
    }

    /// Takes a match; `now` is the real time where that is what counts. Gives out what is due to be told.
    pub fn take(&mut self, finding: Finding, now: Option<Instant>, emit: &mut dyn FnMut(Alert)) {
        let Some(group) = finding.rule.group.clone() else { return emit(finding.alert()) };
        let at = finding.millis();
        self.forget(at);
        let act = Act::of(finding.events.last().unwrap_or(&Map::new()), finding.stamp(), &finding.host);
        let place = self.open.iter().rposition(|case| case.takes(&group, &act, at));
        self.counts.joined += u64::from(place.is_some());
        let place = place.unwrap_or_else(|| {
            self.open.push(Case::new(group, &act, &finding));
            self.open.len() - 1
        });
        let due = match now {
            Some(now) => Due::Clock(now + WAIT),
            None => Due::Stamp(self.clock.max(at).saturating_add_unsigned(wait_millis())),
        };
        let Some(case) = self.open.get_mut(place) else { return };
        case.add(finding, act, due, now);
        if case.is_urgent() {
            self.tell(place, emit);
        }
        self.keep_within(emit);
    }

    /// An event with this stamp has come, and what waits by stamps is told if it is due.
    pub fn event_at(&mut self, millis: i64, emit: &mut dyn FnMut(Alert)) {
        let back = millis.saturating_add(SET_BACK) < self.clock;
        self.clock = if back { millis } else { self.clock.max(millis) };
        if self.counts.waiting > 0 {
            let clock = self.clock;
            self.tell_where(emit, |due| match due {
                Due::Stamp(at) => at <= clock || at > clock.saturating_add(SET_BACK),
                Due::Clock(_) => false,
            });
        }
    }

    /// The real clock stands at `now`.
    pub fn time_is(&mut self, now: Instant, emit: &mut dyn FnMut(Alert)) {
        if self.counts.waiting > 0 {
            self.tell_where(emit, |due| matches!(due, Due::Clock(at) if at <= now));
        }
    }

    /// When [`Cases::time_is`] has something to do next.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let due = self.open.iter().filter_map(|case| match case.due() {
            Some(Due::Clock(at)) => Some(at),
            _ => None,
        });
        if self.counts.waiting > 0 { due.min() } else { None }
    }

    /// Tells all that waits.
    pub fn finish(&mut self, emit: &mut dyn FnMut(Alert)) {
        self.tell_where(emit, |_| true);
    }

    /// What became of the matches.
    #[must_use]
    pub fn counts(&self) -> CaseCounts {
        self.counts
    }

    fn tell_where(&mut self, emit: &mut dyn FnMut(Alert), is_due: impl Fn(Due) -> bool) {
        for place in 0..self.open.len() {
            if self.open.get(place).and_then(Case::due).is_some_and(&is_due) {
                self.tell(place, emit);
            }
        }
        self.count_waiting();
    }

    fn tell(&mut self, place: usize, emit: &mut dyn FnMut(Alert)) {
        let Some(alert) = self.open.get_mut(place).and_then(|case| case.tell(&self.without_effect)) else {
            return;
        };
        self.counts.raised += u64::from(alert.raised);
        emit(alert);
    }

    fn count_waiting(&mut self) {
        self.counts.waiting = self.open.iter().filter(|case| case.due().is_some()).count() as u64;
    }

    /// What waits leaves when there is too much of it, and what was told is forgotten, the oldest first.
    fn keep_within(&mut self, emit: &mut dyn FnMut(Alert)) {
        self.count_waiting();
        while self.counts.waiting > WAITING as u64 {
            let Some(place) = self.open.iter().position(|case| case.due().is_some()) else { break };
            self.counts.hurried += 1;
            self.tell(place, emit);
            self.count_waiting();
        }
        while self.open.len() > REMEMBERED {
            let Some(place) = self.open.iter().position(|case| case.due().is_none()) else { break };
            self.counts.forgotten += 1;
            self.open.remove(place);
        }
    }

    /// Drops the cases that nothing at `millis` or later can be part of.
    fn forget(&mut self, millis: i64) {
        self.open.retain(|case| case.due().is_some() || !case.is_over(millis));
    }
}

fn wait_millis() -> u64 {
    u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX)
}
