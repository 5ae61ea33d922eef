//! An alert: the ECS document, and the one line an administrator reads in syslog.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::audit::Stamp;
use crate::rule::Rule;

/// One alert, complete: nothing is looked up after it was made.
#[derive(Debug)]
pub struct Alert {
    /// The rule that matched.
    pub rule: Arc<Rule>,
    /// `event.id`: hash of rule uuid, host id, and stamp and serial of the events; the same in every
    /// run over the same records.
    pub id: String,
    /// Stamp of the (last) event.
    pub stamp: Stamp,
    /// The ECS document (nested objects).
    pub document: Map<String, Value>,
    /// The readable line, clean: one line, no control characters, not yet cut to any sink's limit.
    pub line: String,
}
