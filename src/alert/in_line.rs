//! What the line of each alert of a rule tells of the rule: it is made once.

use smallvec::SmallVec;

use super::brief::Brief;
use super::text;
use crate::rule::{InLine, Rule};

/// See the module.
pub(super) fn of(rule: &Rule) -> InLine {
    let techniques = || rule.threat.iter().flat_map(|threat| &threat.technique);
    let subtechniques = techniques().flat_map(|technique| &technique.subtechnique);
    let threat = [
        each_once(rule.threat.iter().map(|threat| &*threat.tactic.id)),
        each_once(techniques().map(|technique| &*technique.id)),
        each_once(subtechniques.map(|item| &*item.id)),
    ];
    let [tactics, techniques, subtechniques] = &threat;
    let texts = [&rule.name, &rule.id, &rule.uuid, tactics, techniques, subtechniques];
    let texts = texts.map(String::as_str).join("\n");
    let numbers = [rule.severity.number().into(), rule.risk_score.into(), rule.version];
    let numbers = numbers.map(|number: u64| number.to_string());
    let mut own = InLine { numbers, threat, texts, head: String::new(), pairs: String::new() };
    (own.head, own.pairs) = text::of_rule(rule.severity, &Brief::of_rule(rule, &own));
    own
}

/// With commas between; what is empty is left out.
fn each_once<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let mut seen: SmallVec<[&str; 4]> = SmallVec::new();
    for id in ids.filter(|id| !id.is_empty()) {
        if !seen.contains(&id) {
            seen.push(id);
        }
    }
    seen.join(",")
}
