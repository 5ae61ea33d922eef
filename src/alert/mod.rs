//! An alert: the ECS document, and the one line an administrator reads in syslog.
//!
//! `source` gives an event with its parents, `document` builds the alert's document out of the rule and
//! the source events, `text` the line out of the document, `id` the name by which receivers know doubles.
//! Nothing is looked up here: what the line says is what the document holds.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::audit::Stamp;
use crate::rule::Rule;

mod document;
mod id;
pub(crate) mod json;
pub(crate) mod read;
#[cfg(test)]
pub(crate) mod sample;
mod source;
mod target;
pub(crate) mod text;

pub use document::ECS_VERSION;
pub use id::alert_id;
pub use source::{source, source_text};

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
    /// `event.created`: when the alert was made, by this host's clock.
    pub created: Timestamp,
    /// The ECS document as one line of JSON, clean as [`crate::clean::push_json`] writes it. As text, since
    /// alerts wait in queues, and a tree of objects takes ten times the memory: [`Alert::document`].
    pub json: Box<str>,
    /// The readable line, clean: one line, no control characters, not yet cut to any sink's limit.
    pub line: String,
}

impl Alert {
    /// Makes the alert of `rule` on `events`: the source events as nested ECS documents (for live events
    /// and recordings what [`source()`] gives), with their stamps, in the order in which they matched
    /// (one, or all of a sequence).
    ///
    /// The last event, which completed the match, is merged into the document; of several, all stand
    /// under `auditward.events` as well. `host_id` is `host.id`; `created` the time now.
    #[must_use]
    pub fn new(
        rule: &Arc<Rule>,
        events: &[Map<String, Value>],
        stamps: &[Stamp],
        host_id: &str,
        created: Timestamp,
    ) -> Self {
        let id = alert_id(&rule.uuid, host_id, stamps);
        let document = document::build(rule, events, stamps, &id, created);
        let mut line = text::line(rule.severity, &document);
        line.shrink_to_fit();
        let stamp = stamps.last().copied().unwrap_or(Stamp { millis: 0, serial: 0 });
        let mut text = Vec::with_capacity(8192);
        json::push_object(&mut text, &document, json::Charset::Utf8);
        // What is pushed is UTF-8 throughout.
        let json = String::from_utf8(text).unwrap_or_default().into();
        Self { rule: Arc::clone(rule), id, stamp, created, json, line }
    }

    /// An alert of the daemon about itself, on no audit event: `document` holds `event.reason`, the sentence,
    /// and whatever else is to be told. `time` is that of the alert.
    #[must_use]
    pub fn about_itself(
        rule: &Arc<Rule>,
        mut document: Map<String, Value>,
        host_id: &str,
        time: Timestamp,
    ) -> Self {
        let reason = read::text(&document, "event.reason").unwrap_or_default().into_owned();
        let millis = u64::try_from(time.as_millisecond()).unwrap_or(0);
        let stamp = Stamp { millis, serial: 0 };
        // Two reasons in one millisecond are two alerts.
        let id = alert_id(&rule.uuid, &format!("{host_id} {reason}"), &[stamp]);
        document.insert("@timestamp".to_owned(), document::rfc3339(time).into());
        document.insert("auditward".to_owned(), serde_json::json!({ "about_itself": true }));
        let document = document::build(rule, &[document], &[], &id, time);
        let mut line = text::line(rule.severity, &document);
        line.shrink_to_fit();
        let mut text = Vec::with_capacity(2048);
        json::push_object(&mut text, &document, json::Charset::Utf8);
        let json = String::from_utf8(text).unwrap_or_default().into();
        Self { rule: Arc::clone(rule), id, stamp, created: time, json, line }
    }

    /// The ECS document, as nested objects.
    #[must_use]
    pub fn document(&self) -> Map<String, Value> {
        serde_json::from_str(&self.json).unwrap_or_default()
    }

    /// When the (last) event happened.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        document::time_of(self.stamp)
    }

    /// The line in at most `limit` bytes: long values are shortened in the middle, with their length
    /// told and `truncated=yes` set.
    #[must_use]
    pub fn line_within(&self, limit: usize) -> std::borrow::Cow<'_, str> {
        if self.line.len() <= limit {
            return std::borrow::Cow::Borrowed(&self.line);
        }
        std::borrow::Cow::Owned(text::line_within(self.rule.severity, &self.document(), limit))
    }
}
