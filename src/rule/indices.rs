//! The names of indices that a rule is for.

use std::sync::OnceLock;

use crate::eql::{Pattern, PatternSet};

/// `index` of a rule: names in which `*` is any text; those that begin with `-` take away.
#[derive(Debug)]
pub struct Indices {
    /// As written.
    pub names: Vec<String>,
    /// What they take and what they leave out. Only documents are of an index: made for the first.
    sets: OnceLock<(PatternSet, PatternSet)>,
}

impl Indices {
    /// Those of these names.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self { names, sets: OnceLock::new() }
    }

    fn sets(&self) -> &(PatternSet, PatternSet) {
        let set = |names: Vec<&str>| {
            PatternSet::new(names.into_iter().map(|name| Pattern::wildcard(name.as_bytes())), false)
        };
        let names = self.names.iter().map(String::as_str);
        self.sets.get_or_init(|| {
            let taken = set(names.clone().filter(|name| !name.starts_with('-')).collect());
            (taken, set(names.filter_map(|name| name.strip_prefix('-')).collect()))
        })
    }

    /// Whether a document of `index` is for the rule. One that names no index is for all but those that begin with
    /// a dot, which hold alerts.
    #[must_use]
    pub fn take(&self, index: &str) -> bool {
        if self.names.is_empty() {
            return !index.starts_with('.');
        }
        let (taken, left_out) = self.sets();
        taken.is_match(index.as_bytes()) && !left_out.is_match(index.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_and_take_away() {
        let indices = |names: &[&str]| Indices::new(names.iter().map(|name| (*name).to_owned()).collect());
        let none = indices(&[]);
        assert!(none.take("x-1") && none.take("") && !none.take(".alerts-x"));
        let some = indices(&["auditbeat-*", "-auditbeat-8*", "logs-*.auditd-*", "exact"]);
        for (index, taken) in [
            ("auditbeat-9.0", true),
            ("auditbeat-", true),
            ("auditbeat-8.1", false),
            ("logs-auditd_manager.auditd-default", true),
            ("logs-auditd-default", false),
            ("exact", true),
            ("exactly", false),
            ("", false),
        ] {
            assert_eq!(some.take(index), taken, "{index}");
        }
    }
}
