//! `[labels]`: what the site says of this host, in every alert.

use std::collections::BTreeMap;

use crate::alert::site::{self, Site};
use crate::toml_file::Table;

/// `[labels]`: names and what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelsConfig(BTreeMap<String, String>);

/// Labels at most: they are in every alert.
const MOST: usize = 32;
/// Bytes of a name, and of what it says.
const LONGEST_NAME: usize = 64;
const LONGEST: usize = 1024;

impl LabelsConfig {
    /// Reads the table, over what stood before; an empty text takes a label away.
    pub(super) fn read(table: Table<'_>, before: Self) -> Self {
        let faults = table.faults();
        ["environment", "role", "owner", "runbook"].into_iter().for_each(|key| table.known(key));
        let mut labels = before.0;
        for (name, text) in table.into_texts() {
            // Elasticsearch takes a dot for an object.
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            if name.value.is_empty() || name.value.len() > LONGEST_NAME || !name.value.chars().all(plain) {
                let help = format!("write letters, digits, _ and -, at most {LONGEST_NAME}");
                faults.value("a label cannot be called so", name.span, help);
            } else if text.value.len() > LONGEST {
                faults.value("this label is too long", text.span, format!("write at most {LONGEST} bytes"));
            } else if text.value.is_empty() {
                labels.remove(&name.value);
            } else if labels.len() >= MOST && !labels.contains_key(&name.value) {
                faults.value("there are too many labels", name.span, format!("{MOST} are taken"));
            } else {
                labels.insert(name.value, text.value.into_owned());
            }
        }
        Self(labels)
    }

    /// Has all alerts of this process tell them, and the hash of the rule set.
    pub(in crate::daemon) fn apply(&self, ruleset: &str) {
        site::tell(Site { labels: self.0.clone(), ruleset: Some(ruleset.to_owned()) });
    }
}
