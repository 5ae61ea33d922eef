//! What the line of each alert of a rule tells of the rule, as it is written there: `alert` makes it once.

/// See the module.
#[derive(Debug)]
pub(crate) struct InLine {
    /// `event.severity`, `event.risk_score` and `rule.version`.
    pub(crate) numbers: [String; 3],
    /// Ids of tactics, techniques and subtechniques, with commas between.
    pub(crate) threat: [String; 3],
    /// All texts that may hold a secret, each on a line.
    pub(crate) texts: String,
    /// How the sentence begins.
    pub(crate) head: String,
    /// The pairs, each behind a blank.
    pub(crate) pairs: String,
}
