//! Which alerts a destination takes, and how many a minute.

use crate::alert::Counted;
use crate::rule::{Rule, Severity};

/// What a destination asks for. All that is given must be so; nothing given: every alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Of this severity or above.
    pub severity: Option<Severity>,
    /// Of one of these rules, each by its short id, uuid or name; empty: of any.
    pub rules: Vec<String>,
    /// Of a rule with one of these tags; empty: with whatever tags.
    pub tags: Vec<String>,
    /// Alerts a minute at most; the rest of the minute is rolled up. None: all.
    pub per_minute: Option<u64>,
}

impl Choice {
    /// Whether alerts of `rule` with this rank are for this destination.
    #[must_use]
    pub fn takes(&self, rule: &Rule, severity: Severity) -> bool {
        self.severity.is_none_or(|least| severity >= least)
            && (self.rules.is_empty() || self.rules.iter().any(|name| is_of(name, rule)))
            && (self.tags.is_empty() || self.tags.iter().any(|tag| rule.tags.contains(tag)))
    }
}

/// Whether an alert goes to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Yes,
    /// It is not what the destination asks for.
    NotAsked,
    /// There were too many: it is counted there.
    NotNow(Counted),
}

/// Whether `name` is a short id, uuid or name (in whatever case) of `rule`.
#[must_use]
pub fn is_of(name: &str, rule: &Rule) -> bool {
    name == rule.id || name == rule.uuid || name.eq_ignore_ascii_case(&rule.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::sample;

    #[test]
    fn a_destination_chooses_by_severity_rule_and_tag() {
        let rule = sample::rule();
        let of = |severity, rules: &[&str], tags: &[&str]| {
            let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
            Choice { severity, rules: texts(rules), tags: texts(tags), per_minute: None }
                .takes(&rule, rule.severity)
        };
        assert!(of(None, &[], &[]));
        assert!(of(Some(Severity::Low), &[], &[]) && of(Some(Severity::Medium), &[], &[]));
        assert!(!of(Some(Severity::High), &[], &[]));
        for name in [&*rule.id, &*rule.uuid, &*rule.name, "potential linux BACKDOOR user account creation"] {
            assert!(of(None, &["other", name], &[]), "{name}");
        }
        assert!(!of(None, &["uid0-account"], &[]), "not a part of it");
        assert!(of(None, &[], &["x", "OS: Linux"]) && !of(None, &[], &["OS: linux"]));
        assert!(!of(Some(Severity::Low), &[&rule.id], &["x"]), "all that is given must be so");
    }
}
