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
}

impl Rest {
    /// With its first; the span that is told began `since`.
    #[must_use]
    pub fn of(alert: &Alert, since: Instant) -> Self {
        Self::with(alert, &alert.document(), Vec::new(), since)
    }

    pub(super) fn with(
        alert: &Alert,
        document: &Map<String, Value>,
        common: Vec<(String, String)>,
        since: Instant,
    ) -> Self {
        let host = document.get("host").cloned().unwrap_or_default();
        let (rule, time) = (Arc::clone(&alert.rule), alert.time());
        Self { rule, count: 1, since, from: time, to: time, host, common }
    }

    /// One more.
    pub fn add(&mut self, alert: &Alert) {
        self.count += 1;
        // Events of several processors may come out of order.
        let time = alert.time();
        (self.from, self.to) = (self.from.min(time), self.to.max(time));
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
        let Self { rule, count, since, from, to, host, common } = self;
        let span = now.saturating_duration_since(since);
        let mut reason = format!("{} more", grouped(count));
        for (n, (field, value)) in common.iter().enumerate() {
            let value = clean::cut(value, VALUE);
            let _ = write!(reason, "{} {field} {value}", if n == 0 { " of" } else { "," });
        }
        let _ = write!(reason, " in {} s, ", span.as_secs_f64().round());
        match why {
            Why::Suppression => reason.push_str("not sent: alike (alert_suppression)"),
            Why::MaxSignals(most, window) => {
                let _ = write!(reason, "not sent: {most} in {} s at most (max_signals)", window.as_secs());
            }
            Why::Rate { destination, limit } => {
                let _ = write!(reason, "not sent to {destination}: {limit} a minute at most");
            }
        }
        let time = Timestamp::now();
        let terms: Vec<Value> =
            common.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect();
        let mut suppressed = json!({
            "count": count,
            "by": why.word(),
            "seconds": span.as_secs(),
        });
        if let (Some(fields), false) = (suppressed.as_object_mut(), terms.is_empty()) {
            fields.insert("terms".to_owned(), terms.into());
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
        Alert { is_rest: true, ..Alert::of_no_event(&rule, source, &what, time) }
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
