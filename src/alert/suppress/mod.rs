//! Alerts that are kept back, never in silence: what a rule's `alert_suppression` and `max_signals` ask for.
//!
//! The first of its kind goes out at once; the rest is counted, and one alert tells how many they were in which
//! span. All of them are stored. Bounded: when too many groups are open, the oldest is told and closed early, so
//! that what comes of it later goes out: nobody is silenced for want of memory.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

mod rest;

pub use rest::{Counted, Rest, RestKey, Untold, Why};

use super::{Alert, read};
use crate::clean;
use crate::rule::{Rule, Suppression};

/// Groups that are open at one time.
const GROUPS: usize = 4096;
/// Accounts of a rule that are known in one span of `max_signals`; one that is not known yet is let through.
const ACCOUNTS: usize = 1024;
/// Bytes of a value that is told.
const VALUE: usize = 256;
/// How often is told what `max_signals` keeps back, as long as it does.
const TELL: Duration = Duration::from_secs(60);

/// What became of the alerts of rules; an alert is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Kept back by `alert_suppression`.
    pub suppressed: u64,
    /// Kept back by `max_signals`.
    pub capped: u64,
}

/// See the room's page. Time is an argument: a clock that is never set back.
#[derive(Debug, Default)]
pub struct Suppressor {
    groups: HashMap<Key, Group>,
    /// Keys by the order in which they were opened, some of them closed since.
    order: VecDeque<(Key, u64)>,
    opened: u64,
    caps: HashMap<String, Cap>,
    /// Groups that were closed early: told with the next that are due.
    early: Vec<Rest>,
    counts: Counts,
    hasher: RandomState,
}

/// Why an alert is kept back, and where it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Why.
    pub why: Why,
    /// The rest that will tell of it.
    pub counted: Counted,
}

/// The rule and the values, hashed: they may be as long as an argument.
type Key = [u8; 16];

/// Like alerts, from the first on.
#[derive(Debug)]
struct Group {
    number: u64,
    opened: Instant,
    span: Duration,
    rest: Option<Rest>,
}

/// `max_signals` of a rule.
#[derive(Debug)]
struct Cap {
    /// When the span of the moment began.
    opened: Instant,
    sent: u64,
    most: u64,
    window: Duration,
    /// Accounts concerned in this span, hashed.
    accounts: HashSet<u64>,
    rest: Option<Rest>,
}

impl Suppressor {
    /// Whether the alert is kept back, and why; it is counted then.
    pub fn take(&mut self, alert: &Alert, now: Instant) -> Option<Kept> {
        let rule = Arc::clone(&alert.rule);
        if let Some(suppression) = &rule.suppression
            && let Some(counted) = self.is_alike(alert, suppression, now)
        {
            self.counts.suppressed += 1;
            return Some(Kept { why: Why::Suppression, counted });
        }
        let why = self.is_beyond(alert, &rule, now)?;
        self.counts.capped += 1;
        let counted = why.counted(&rule, String::new(), Vec::new());
        Some(Kept { why, counted })
    }

    fn is_alike(&mut self, alert: &Alert, suppression: &Suppression, now: Instant) -> Option<Counted> {
        let document = alert.document();
        let (key, values) = key(&alert.rule, suppression, &document)?;
        let name = || key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let span = suppression.duration.unwrap_or(alert.rule.window);
        if let Some(group) = self.groups.get_mut(&key) {
            if now.saturating_duration_since(group.opened) < group.span {
                match &mut group.rest {
                    Some(rest) => rest.add(alert),
                    rest => {
                        *rest = Some(Rest::with(alert, &document, name(), values.clone(), group.opened));
                    }
                }
                return Some(Why::Suppression.counted(&alert.rule, name(), values));
            }
            self.close(&key);
        }
        while self.groups.len() >= GROUPS {
            let Some((oldest, number)) = self.order.pop_front() else { break };
            if self.groups.get(&oldest).is_some_and(|group| group.number == number) {
                self.close(&oldest);
            }
        }
        self.opened += 1;
        let number = self.opened;
        self.groups.insert(key, Group { number, opened: now, span, rest: None });
        self.order.push_back((key, number));
        if self.order.len() > 2 * GROUPS {
            let groups = &self.groups;
            self.order.retain(|(key, number)| groups.get(key).is_some_and(|group| group.number == *number));
        }
        None
    }

    fn close(&mut self, key: &Key) {
        if let Some(rest) = self.groups.remove(key).and_then(|group| group.rest) {
            self.early.push(rest);
        }
    }

    fn is_beyond(&mut self, alert: &Alert, rule: &Arc<Rule>, now: Instant) -> Option<Why> {
        let (most, window) = (rule.max_signals, rule.window);
        let cap = self.caps.entry(rule.uuid.clone()).or_insert_with(|| Cap {
            opened: now,
            sent: 0,
            most,
            window,
            accounts: HashSet::new(),
            rest: None,
        });
        // A reload may have changed them.
        (cap.most, cap.window) = (most, window);
        if now.saturating_duration_since(cap.opened) >= window {
            (cap.opened, cap.sent) = (now, 0);
            cap.accounts.clear();
        }
        // Whoever makes much noise about one account must not hide what is done to another.
        let accounts = alert.accounts();
        let mut new = false;
        for account in &accounts {
            new |= cap.accounts.len() < ACCOUNTS && cap.accounts.insert(self.hasher.hash_one(account));
        }
        if cap.sent < most {
            cap.sent += 1;
            return None;
        }
        if new {
            return None;
        }
        let rest = match &mut cap.rest {
            Some(rest) => {
                rest.add(alert);
                rest
            }
            rest => rest.insert(Rest::of(alert, now)),
        };
        rest.name(accounts);
        Some(Why::MaxSignals(most, window))
    }

    /// The alerts that tell of what was kept back and is due: a group's at the end of its span, the rest of
    /// `max_signals` every minute.
    #[must_use]
    pub fn due(&mut self, now: Instant) -> Vec<Alert> {
        self.tell(now, false)
    }

    /// Tells all that is left.
    #[must_use]
    pub fn finish(&mut self, now: Instant) -> Vec<Alert> {
        self.tell(now, true)
    }

    fn tell(&mut self, now: Instant, all: bool) -> Vec<Alert> {
        let over = |group: &Group| all || now.saturating_duration_since(group.opened) >= group.span;
        let ended = self.groups.extract_if(|_, group| over(group)).map(|(_, group)| group);
        let mut ended: Vec<Group> = ended.collect();
        ended.sort_by_key(|group| group.number);
        let mut told: Vec<Alert> = std::mem::take(&mut self.early)
            .into_iter()
            .map(|rest| rest.told(&Why::Suppression, now))
            .collect();
        told.extend(
            ended.into_iter().filter_map(|group| group.rest).map(|rest| rest.told(&Why::Suppression, now)),
        );
        let mut capped: Vec<(Rest, Why)> = Vec::new();
        for cap in self.caps.values_mut() {
            let due =
                |rest: &Rest| all || now.saturating_duration_since(rest.since()) >= TELL.min(cap.window);
            if cap.rest.as_ref().is_some_and(due)
                && let Some(rest) = cap.rest.take()
            {
                capped.push((rest, Why::MaxSignals(cap.most, cap.window)));
            }
        }
        capped.sort_by(|a, b| a.0.rule().uuid.cmp(&b.0.rule().uuid));
        told.extend(capped.into_iter().map(|(rest, why)| rest.told(&why, now)));
        told
    }

    /// What was kept back so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// The group of an alert, and its values; none when it lacks a field and such alerts are not suppressed.
fn key(
    rule: &Rule,
    suppression: &Suppression,
    document: &Map<String, Value>,
) -> Option<(Key, Vec<(String, String)>)> {
    let mut hash = Sha256::new();
    let mut values = Vec::with_capacity(suppression.group_by.len());
    hash.update((rule.uuid.len() as u64).to_be_bytes());
    hash.update(&rule.uuid);
    for field in &suppression.group_by {
        let value = read::get(document, field).filter(|value| !is_empty(value));
        if value.is_none() && !suppression.suppress_missing {
            return None;
        }
        let text = value.map_or_else(|| "none".to_owned(), text);
        hash.update([u8::from(value.is_some())]);
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(&text);
        values.push((field.clone(), clean::cut(&text, VALUE).to_owned()));
    }
    let mut key = Key::default();
    key.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    Some((key, values))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
