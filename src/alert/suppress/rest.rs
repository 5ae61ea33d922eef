//! What was kept back of one kind, and the one alert that tells of it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::alert::document::rfc3339;
use crate::alert::{Alert, read};
use crate::clean;
use crate::rule::Rule;

/// Bytes of one value in the sentence.
const VALUE: usize = 64;
/// Accounts that are named.
const ACCOUNTS: usize = 16;

/// Alerts of one rule that were not sent, since they were last told.
#[derive(Clone, Debug)]
pub struct Rest {
    rule: Arc<Rule>,
    count: u64,
    /// When the span began that is told.
    since: Instant,
    /// Times of the first and the last.
    from: Timestamp,
    to: Timestamp,
    /// `host` of the first.
    host: Value,
    /// What they have in common: fields and their values.
    common: Vec<(String, String)>,
    /// The group of `alert_suppression`, else empty.
    group: String,
    /// Accounts concerned, the first of them, and whether there were more.
    accounts: Vec<String>,
    more_accounts: bool,
    /// The run before this one has counted them.
    before: bool,
}

/// By what the store knows a [`Rest`] of a rule while nobody was told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestKey {
    /// [`Why::word`].
    pub by: String,
    /// The uuid of the rule.
    pub rule_uuid: String,
    /// The destination whose limit it is, else empty.
    pub destination: String,
    /// The group of `alert_suppression`, else empty.
    pub group: String,
}

/// A [`Rest`] that an alert is counted in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Which one.
    pub key: RestKey,
    /// Why, as it is told.
    pub why: String,
    /// What its alerts have in common: fields and their values.
    pub common: Vec<(String, String)>,
}

/// A [`Rest`] that the store has of a run which ended before it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Which one, and why.
    pub counted: Counted,
    /// The name of the rule.
    pub rule_name: String,
    /// How many alerts.
    pub count: u64,
    /// Times of the first and the last.
    pub from: Timestamp,
    /// See `from`.
    pub to: Timestamp,
}

impl Untold {
    /// The alert that tells of it. `host` is that of alerts (`id` and `name`).
    #[must_use]
    pub fn told(self, rule: &Arc<Rule>, host: Value) -> Alert {
        let Self { counted: Counted { key, why, common }, count, from, to, .. } = self;
        let now = Instant::now();
        let span = to.duration_since(from).unsigned_abs();
        let rest = Rest {
            rule: Arc::clone(rule),
            count,
            since: now.checked_sub(span).unwrap_or(now),
            from,
            to,
            host,
            common,
            group: String::new(),
            accounts: Vec::new(),
            more_accounts: false,
            before: true,
        };
        rest.tell(key, &why, now)
    }
}

/// Why alerts were kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The rule's `alert_suppression`.
    Suppression,
    /// The rule's `max_signals`, so many in such a span.
    MaxSignals(u64, Duration),
    /// A destination's own limit.
    Rate {
        /// The destination.
        destination: String,
        /// Alerts a minute.
        limit: u64,
    },
}

impl Why {
    /// The word for it, in documents and in the store.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Suppression => "alert_suppression",
            Self::MaxSignals(..) => "max_signals",
            Self::Rate { .. } => "alerts_per_minute",
        }
    }

    /// The rest of `rule` that it makes.
    #[must_use]
    pub fn counted(&self, rule: &Rule, group: String, common: Vec<(String, String)>) -> Counted {
        let (by, rule_uuid) = (self.word().to_owned(), rule.uuid.clone());
        let destination = match self {
            Self::Rate { destination, .. } => destination.clone(),
            Self::Suppression | Self::MaxSignals(..) => String::new(),
        };
        Counted { key: RestKey { by, rule_uuid, destination, group }, why: self.to_string(), common }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Suppression => f.write_str("not sent: alike (alert_suppression)"),
            Self::MaxSignals(most, window) => {
                write!(f, "not sent: {most} in {} s at most (max_signals)", window.as_secs())
            }
            Self::Rate { destination, limit } => {
                write!(f, "not sent to {destination}: {limit} a minute at most")
            }
        }
    }
}

impl Rest {
    /// With its first; the span that is told began `since`.
    #[must_use]
    pub fn of(alert: &Alert, since: Instant) -> Self {
        Self::with(alert, &alert.document(), String::new(), Vec::new(), since)
    }

    pub(super) fn with(
        alert: &Alert,
        document: &Map<String, Value>,
        group: String,
        common: Vec<(String, String)>,
        since: Instant,
    ) -> Self {
        let host = document.get("host").cloned().unwrap_or_default();
        let (rule, time) = (Arc::clone(&alert.rule), alert.time());
        let (accounts, more_accounts, before) = (Vec::new(), false, false);
        let (count, from, to) = (1, time, time);
        Self { rule, count, since, from, to, host, common, group, accounts, more_accounts, before }
    }

    /// One more.
    pub fn add(&mut self, alert: &Alert) {
        self.count += 1;
        // Events of several processors may come out of order.
        let time = alert.time();
        (self.from, self.to) = (self.from.min(time), self.to.max(time));
    }

    /// These accounts are concerned.
    pub(super) fn name(&mut self, accounts: Vec<String>) {
        for account in accounts {
            let account = clean::cut(&account, VALUE);
            if self.accounts.iter().any(|known| known == account) {
                continue;
            }
            match self.accounts.len() < ACCOUNTS {
                true => self.accounts.push(account.to_owned()),
                false => self.more_accounts = true,
            }
        }
    }

    /// When the span began that is told.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whose alerts they are.
    #[must_use]
    pub fn rule(&self) -> &Arc<Rule> {
        &self.rule
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The alert that tells of them: of the same rule, with their number and span.
    #[must_use]
    pub fn told(self, why: &Why, now: Instant) -> Alert {
        let key = why.counted(&self.rule, self.group.clone(), Vec::new()).key;
        self.tell(key, &why.to_string(), now)
    }

    fn tell(self, key: RestKey, why: &str, now: Instant) -> Alert {
        let Self { rule, count, since, from, to, host, common, accounts, more_accounts, before, .. } = self;
        let span = now.saturating_duration_since(since);
        let mut reason = format!("{} more", grouped(count));
        for (n, (field, value)) in common.iter().enumerate() {
            let value = clean::cut(value, VALUE);
            let _ = write!(reason, "{} {field} {value}", if n == 0 { " of" } else { "," });
        }
        let _ = write!(reason, " in {} s, {why}", span.as_secs_f64().round());
        if before {
            reason.push_str(", counted by the run before this one");
        }
        if !accounts.is_empty() {
            let more = if more_accounts { " and more" } else { "" };
            let _ = write!(reason, ", accounts {}{more}", accounts.join(" "));
        }
        let time = Timestamp::now();
        let terms: Vec<Value> =
            common.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect();
        let mut suppressed = json!({
            "count": count,
            "by": key.by,
            "seconds": span.as_secs(),
        });
        if let (Some(fields), false) = (suppressed.as_object_mut(), terms.is_empty()) {
            fields.insert("terms".to_owned(), terms.into());
        }
        if let (Some(fields), false) = (suppressed.as_object_mut(), accounts.is_empty()) {
            fields.insert("accounts".to_owned(), accounts.into());
        }
        let source = json!({
            "@timestamp": rfc3339(time),
            "event": {
                "category": ["process"],
                "type": ["info"],
                "action": "alerts-suppressed",
                "reason": reason,
                "start": rfc3339(from),
                "end": rfc3339(to),
            },
            "host": host,
            "auditward": { "suppressed": suppressed },
        });
        let source = source.as_object().cloned().unwrap_or_default();
        let host = read::text(&source, "host.id").unwrap_or_default();
        let what = format!("{host} {reason} {from} {to}");
        Alert { tells: Some((key, count)), ..Alert::of_no_event(&rule, source, &what, time) }
    }
}

/// `4,812`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::sample;

    #[test]
    fn numbers_are_grouped() {
        let written = [0, 7, 999, 1000, 4812, 1_234_567].map(grouped);
        assert_eq!(written, ["0", "7", "999", "1,000", "4,812", "1,234,567"]);
    }

    #[test]
    fn the_alert_that_tells_is_of_the_same_rule_with_number_and_span() {
        let start = Instant::now();
        let alert = sample::plain();
        let mut rest = Rest::of(&alert, start);
        (1..4812).for_each(|_| rest.add(&alert));
        let told =
            rest.told(&Why::MaxSignals(100, Duration::from_secs(300)), start + Duration::from_secs(60));
        let name = &alert.rule.name;
        let begin = format!(
            "MEDIUM {name}: 4,812 more in 60 s, not sent: 100 in 300 s at most (max_signals) on web1; time="
        );
        assert!(told.line.starts_with(&begin), "{}", told.line);
        let document = told.document();
        let get = |path| read::text(&document, path).map(|text| text.into_owned());
        assert_eq!(get("auditward.suppressed.count").as_deref(), Some("4812"));
        assert_eq!(get("auditward.suppressed.by").as_deref(), Some("max_signals"));
        assert_eq!(get("event.kind").as_deref(), Some("alert"));
        assert_eq!(get("event.start").as_deref(), Some("2026-09-21T14:15:00.181Z"));
        assert_eq!(get("rule.uuid"), Some(alert.rule.uuid.clone()));
    }
}
