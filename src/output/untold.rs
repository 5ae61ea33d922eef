//! What was kept back and not yet told when an earlier run was killed: the store has counted it, and it is told now.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::{Outputs, Takes};
use crate::alert::Untold;
use crate::rule::Rule;

impl Outputs {
    /// Tells what an earlier run was killed before it told: as that run would have, by an alert of the same rule out of
    /// `rules`, to everybody or to the destination whose limit it was. `host` is that of alerts (`id` and `name`). What
    /// nobody can be told so, since the rule or the destination is gone, comes back as a sentence.
    pub fn tell_untold(&mut self, rules: &[Arc<Rule>], host: &Value) -> Vec<String> {
        let untold = self.store.as_mut().map(crate::store::Store::take_untold).unwrap_or_default();
        let mut sentences = Vec::new();
        for one in untold {
            let key = &one.counted.key;
            let rule = rules.iter().find(|rule| rule.uuid == key.rule_uuid);
            let to = self.sinks.iter().position(|sink| sink.name == key.destination);
            match (rule, to) {
                (Some(rule), None) if key.destination.is_empty() => {
                    self.push(&Arc::new(one.told(rule, host.clone())));
                }
                (Some(rule), Some(to)) => {
                    let alert = Arc::new(one.told(rule, host.clone()));
                    self.give(&alert, Instant::now(), &self.to_one(to), None);
                }
                _ => {
                    sentences.push(sentence(&one));
                    if let Some(store) = &self.store {
                        store.settle_untold(one.counted.key, one.count);
                    }
                }
            }
        }
        sentences
    }

    /// That destination `n` alone takes an alert.
    pub(super) fn to_one(&self, n: usize) -> Vec<Takes> {
        (0..self.sinks.len()).map(|one| if one == n { Takes::Yes } else { Takes::NotAsked }).collect()
    }
}

fn sentence(untold: &Untold) -> String {
    let Untold { counted, rule_name, count, from, to } = untold;
    let [from, to] = [from, to].map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ"));
    format!(
        "{count} more alerts of {rule_name} from {from} to {to}, {}, counted by the run before this one",
        counted.why
    )
}
