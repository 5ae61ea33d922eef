//! `replay --summary`: how many alerts there were, by rule and host.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::alert::Alert;
use crate::clean;
use crate::rule::{Rule, Severity};

/// The most rows; what finds none is counted in one.
const MOST: usize = 65_536;

/// Alerts by rule and host.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By severity (the highest first), name of the rule, its id, and host.
    rows: BTreeMap<(std::cmp::Reverse<Severity>, String, String, String), Row>,
    beyond: u64,
}

#[derive(Debug)]
struct Row {
    alerts: u64,
    /// Times of the first and the last one's event, in milliseconds since the Unix epoch.
    first: u64,
    last: u64,
}

impl Tally {
    pub(super) fn add(&mut self, alert: &Alert) {
        let rule: &Arc<Rule> = &alert.rule;
        let host = alert.host().unwrap_or_default();
        let key = (std::cmp::Reverse(alert.severity), rule.name.clone(), rule.uuid.clone(), host);
        let at = alert.stamp.millis;
        if !self.rows.contains_key(&key) && self.rows.len() >= MOST {
            self.beyond += 1;
            return;
        }
        let row = self.rows.entry(key).or_insert(Row { alerts: 0, first: at, last: at });
        row.alerts += 1;
        (row.first, row.last) = (row.first.min(at), row.last.max(at));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &str| {
            if host.is_empty() { "-".to_owned() } else { clean::text(host.as_bytes()).into_owned() }
        };
        let rule = |name: &str| clean::text(name.as_bytes()).into_owned();
        let width = self.rows.keys().map(|(.., name)| host(name).chars().count()).max().unwrap_or(0).max(4);
        writeln!(
            f,
            "{:>8}  {:8}  {:width$}  {:20}  {:20}  rule",
            "alerts", "severity", "host", "first", "last"
        )?;
        for ((severity, name, _, of), row) in &self.rows {
            let (first, last) = (time(row.first), time(row.last));
            let (severity, of) = (severity.0.word(), host(of));
            writeln!(
                f,
                "{:>8}  {severity:8}  {of:width$}  {first:20}  {last:20}  {}",
                row.alerts,
                rule(name)
            )?;
        }
        if self.beyond > 0 {
            writeln!(f, "{:>8}  of further rules and hosts", self.beyond)?;
        }
        Ok(())
    }
}

fn time(millis: u64) -> String {
    let time = i64::try_from(millis).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    time.map_or_else(|| millis.to_string(), |time| format!("{time:.0}"))
}
