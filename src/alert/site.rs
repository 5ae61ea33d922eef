//! What a site says of itself, and the rules in force: in every alert of a running daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::telling::Item;

/// The labels that the line tells too; ECS's `labels` holds these and all others.
pub(super) const IN_LINE: [(&str, Item); 4] = [
    ("environment", Item::Environment),
    ("role", Item::Role),
    ("owner", Item::Owner),
    ("runbook", Item::Runbook),
];

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// `labels.*`, by their names.
    pub labels: BTreeMap<String, String>,
    /// SHA-256 of the rule set, in hex; none: it is not told.
    pub ruleset: Option<String>,
}

/// What stands in the alerts that are made from now on; none: nothing, as in a replay.
static SITE: RwLock<Option<Arc<Site>>> = RwLock::new(None);

/// Has all alerts of this process tell `site`.
pub fn tell(site: Site) {
    *SITE.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(site));
}

/// What is told, if anything is.
pub(super) fn told() -> Option<Arc<Site>> {
    SITE.read().unwrap_or_else(PoisonError::into_inner).clone()
}
