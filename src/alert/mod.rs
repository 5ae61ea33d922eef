//! An alert: the ECS document, and the one line an administrator reads in syslog.
//!
//! `source` gives an event with its parents, `document` builds the alert's document out of the rule and
//! the source events, `text` the line out of the document or out of as much of it as the line tells (`brief`),
//! `id` the name by which receivers know doubles. Nothing is looked up here: what the line says is what the
//! document holds. What others gather about it on the host comes into a `slot`, and stands in the document then.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::audit::Stamp;
use crate::detect::{Evidence, Source};
use crate::event::{AuditDocument, Stored};
use crate::rule::{Rule, Severity};
use crate::shares::Holder;
use case::{Finding, Told};
use document::Parts;
use slot::Slot;

mod brief;
pub mod case;
mod document;
mod harmless;
mod id;
mod in_line;
pub(crate) mod json;
pub(crate) mod read;
#[cfg(test)]
pub(crate) mod sample;
pub mod site;
mod slot;
mod source;
pub mod suppress;
mod target;
pub(crate) mod telling;
pub(crate) mod text;
mod who;

pub use document::on_one_line;
pub use id::alert_id;
pub(crate) use slot::MOST as MOST_TRIAGE;
pub use source::{source, source_text, text_of};
pub use suppress::{Counted, Rest, RestKey, Untold, Why};
pub use who::Who;

/// One alert. Its line is complete; its document may be awaiting what is gathered on the host.
#[derive(Debug)]
pub struct Alert {
    /// The rule that matched.
    pub rule: Arc<Rule>,
    /// The other rules that matched the same act, the strongest first.
    pub also: Box<[Arc<Rule>]>,
    /// The rank: the rule's, or a lower one where more is known than its query asks.
    pub severity: Severity,
    /// `event.id`: hash of rule uuid, host id, and stamp and serial of the events; the same in every
    /// run over the same records.
    pub id: String,
    /// Stamp of the (last) event.
    pub stamp: Stamp,
    /// `event.created`: when the alert was made, by this host's clock.
    pub created: Timestamp,
    /// Whose the act was, for fair shares of what alerts are asked about.
    pub holder: Holder,
    /// How long it waited for stronger evidence, by a real clock.
    pub waited: Duration,
    /// Whether it raises the rank of a case that was told before.
    pub raised: bool,
    /// The readable line, clean: one line, no control characters, not yet cut to any sink's limit.
    pub line: String,
    /// Of which alerts that were kept back it tells the number: no limit keeps it back.
    pub tells: Option<(RestKey, u64)>,
    /// Who is not sent it, where not every destination is; told once, before it is stored.
    pub kept_from: OnceLock<KeptFrom>,
    content: Content,
    triage: Slot,
    unstored: AtomicBool,
}

/// Which destinations are not sent an alert, and why: see [`Alert::kept_from`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFrom {
    /// Their names as `|far|file|`; `*` for all of them.
    pub destinations: String,
    /// Why, where somebody asked for it who would have got it: `building_block`, `alert_suppression`, `max_signals`,
    /// `alerts_per_minute`. None: it is not what these destinations ask for.
    pub why: Option<&'static str>,
    /// The rests that will tell of it.
    pub counted: Vec<Counted>,
}

/// What the document of an alert is made of. Alerts wait in queues, and a tree of objects takes ten times the
/// memory.
#[derive(Debug)]
enum Content {
    /// The document, written.
    Document(Box<str>),
    /// What was kept of its events: many alerts are wanted as a line only.
    Events { events: Box<[Source]>, stamps: Box<[Stamp]> },
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
        let severity = rule.severity;
        let document = document::build(Parts {
            rule,
            severity,
            source: events.last().cloned().unwrap_or_default(),
            stamp: stamps.last().copied(),
            events,
            stamps,
            id: &id,
            created,
            case: None,
        });
        let stamp = stamps.last().copied().unwrap_or(Stamp { millis: 0, serial: 0 });
        Self::made(rule, severity, id, stamp, created, &document)
    }

    /// The alert of a case: on the strongest of its matches, with the events of all.
    fn of_case(strongest: &Finding, findings: &[Finding], case: &Told<'_>) -> Self {
        let Finding { rule, severity, events, stamps, host, created } = strongest;
        let severity = *severity;
        let mut source = events.last().cloned().unwrap_or_default();
        let mut all = BTreeMap::new();
        for finding in findings {
            for (event, stamp) in finding.events.iter().zip(&finding.stamps) {
                document::complete(&mut source, event);
                all.entry((stamp.millis, stamp.serial)).or_insert(event);
            }
        }
        let (all_stamps, all_events): (Vec<_>, Vec<_>) = all
            .into_iter()
            .map(|((millis, serial), event)| (Stamp { millis, serial }, event.clone()))
            .unzip();
        let id = if case.first { case.id.to_owned() } else { alert_id(&rule.uuid, host, stamps) };
        let document = document::build(Parts {
            rule,
            severity,
            source,
            stamp: stamps.last().copied(),
            events: &all_events,
            stamps: &all_stamps,
            id: &id,
            created: *created,
            case: Some(case),
        });
        let stamp = stamps.last().copied().unwrap_or(Stamp { millis: 0, serial: 0 });
        let also = case.rules.iter().map(|matched| &matched.rule).filter(|other| other.uuid != rule.uuid);
        Self {
            also: also.cloned().collect(),
            raised: case.raised_from.is_some(),
            ..Self::made(rule, severity, id, stamp, *created, &document)
        }
    }

    /// With the line and the text of its document.
    fn made(
        rule: &Arc<Rule>,
        severity: Severity,
        id: String,
        stamp: Stamp,
        created: Timestamp,
        document: &Map<String, Value>,
    ) -> Self {
        let mut text = Vec::with_capacity(8192);
        json::push_object(&mut text, document, json::Charset::Utf8);
        // What is pushed is UTF-8 throughout.
        let content = Content::Document(String::from_utf8(text).unwrap_or_default().into());
        let line = text::line(severity, document);
        let holder = Holder::of(read::text(document, "user.audit.id").and_then(|auid| auid.parse().ok()));
        Self { severity, holder, ..Self::with(rule, id, stamp, created, line, content) }
    }

    fn with(
        rule: &Arc<Rule>,
        id: String,
        stamp: Stamp,
        created: Timestamp,
        mut line: String,
        content: Content,
    ) -> Self {
        line.shrink_to_fit();
        let (waited, raised, tells) = (Duration::ZERO, false, None);
        let (severity, kept_from, triage) = (rule.severity, OnceLock::new(), Slot::default());
        let (rule, also) = (Arc::clone(rule), Box::default());
        Self {
            rule,
            also,
            severity,
            id,
            stamp,
            created,
            holder: Holder::NoLogin,
            waited,
            raised,
            line,
            tells,
            kept_from,
            content,
            triage,
            unstored: AtomicBool::new(false),
        }
    }

    /// [`Alert::new`] of what was kept of the events. Its document is written when it is asked for.
    ///
    /// `event` is the document of the last one, where it is at hand; of which nothing was kept, it has to be.
    #[must_use]
    pub fn of_events(
        rule: &Arc<Rule>,
        events: &[impl Deref<Target = Evidence>],
        event: Option<&AuditDocument<'_>>,
        created: Timestamp,
    ) -> Self {
        let last = events.last();
        let unwanted = last.is_some_and(|last| matches!(last.source, Source::Unwanted));
        debug_assert!(event.is_some() || !unwanted, "the line would be of nothing");
        let stamps: Box<[Stamp]> = events.iter().map(|event| event.stamp()).collect();
        let host = event
            .map(|event| event.host_id())
            .or_else(|| last.map(|last| last.host_id()))
            .unwrap_or_default();
        let id = alert_id(&rule.uuid, &host, &stamps);
        let holder = last.map_or(Holder::NoLogin, |last| last.holder);
        let brief = |event: &AuditDocument<'_>| brief::line(rule, event, &stamps, &id);
        let line = match (event, last.map(|last| &last.source)) {
            (Some(event), _) => brief(event),
            (None, Some(Source::Event(event))) => event.with_document(brief).flatten(),
            _ => None,
        };
        let events: Box<[Source]> = events.iter().map(|event| event.source.clone()).collect();
        let line = line.unwrap_or_else(|| {
            // The last event alone tells the line.
            let last = event.filter(|_| unwanted).map(|event| [Source::Event(Stored::of(event))]);
            let events = last.as_ref().map_or(&events[..], |last| &last[..]);
            text::line(rule.severity, &document::of_sources(rule, events, &stamps, &id, created).0)
        });
        let stamp = stamps.last().copied().unwrap_or(Stamp { millis: 0, serial: 0 });
        let content = Content::Events { events, stamps };
        Self { holder, ..Self::with(rule, id, stamp, created, line, content) }
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
        document.insert("@timestamp".to_owned(), document::rfc3339(time).into());
        document.insert("auditward".to_owned(), serde_json::json!({ "about_itself": true }));
        Self::of_no_event(rule, document, &format!("{host_id} {reason}"), time)
    }

    /// An alert that no audit event is behind, made of `source`. `what` tells it from others of the rule in the same
    /// millisecond.
    fn of_no_event(rule: &Arc<Rule>, source: Map<String, Value>, what: &str, time: Timestamp) -> Self {
        let stamp = Stamp { millis: u64::try_from(time.as_millisecond()).unwrap_or(0), serial: 0 };
        let id = alert_id(&rule.uuid, what, &[stamp]);
        let document = document::build(Parts {
            rule,
            severity: rule.severity,
            source,
            stamp: None,
            events: &[],
            stamps: &[],
            id: &id,
            created: time,
            case: None,
        });
        Self::made(rule, rule.severity, id, stamp, time, &document)
    }

    /// From now on what is gathered about it on the host is awaited, until then: see [`Alert::set_triage`].
    pub fn expect_triage(&mut self, until: Instant) {
        self.triage = Slot::awaited(until);
    }

    /// Nothing is gathered about it, since too many came at once; its document says so.
    pub fn refuse_triage(&mut self) {
        self.triage = Slot::crowded_out();
    }

    /// What is awaited is not gathered after all, since more came at once than can be asked about.
    pub fn crowd_out_triage(&self) {
        self.triage.crowd_out();
    }

    /// Writes what was gathered as `auditward.triage`; false where it is not awaited, or no longer.
    pub fn set_triage(&self, triage: &Map<String, Value>) -> bool {
        let mut text = Vec::with_capacity(8192);
        json::push_object(&mut text, triage, json::Charset::Utf8);
        self.triage.write(String::from_utf8(text).unwrap_or_default())
    }

    /// Whether the document will not change any more, or need not be waited for any longer.
    #[must_use]
    pub fn is_settled(&self, now: Instant) -> bool {
        self.triage.is_settled(now)
    }

    /// Waits until the document will not change any more, as long as is awaited; then it is as it is, for everybody.
    pub fn wait_and_settle(&self) {
        self.triage.wait();
        self.settle();
    }

    /// What is awaited still is given up, and that is said in the document: it will not change any more.
    pub fn settle(&self) {
        self.triage.give_up();
    }

    /// It could not be stored: its line and its document say so from now on. Before it is let go.
    pub(crate) fn mark_unstored(&self) {
        self.unstored.store(true, Ordering::Relaxed);
    }

    /// The document, where it is written and nothing is to be added to it.
    fn ready(&self) -> Option<&str> {
        match (&self.content, self.triage.written()) {
            (Content::Document(json), None) if !self.is_unstored() => Some(json),
            _ => None,
        }
    }

    fn is_unstored(&self) -> bool {
        self.unstored.load(Ordering::Relaxed)
    }

    /// The ECS document as one line of JSON, clean as [`crate::clean::push_json`] writes it. Mostly written
    /// anew each time: ask once. With what was gathered about it so far: see [`Alert::settle`].
    #[must_use]
    pub fn json(&self) -> Cow<'_, str> {
        self.ready().map_or_else(|| Cow::Owned(self.written().0), Cow::Borrowed)
    }

    /// [`Alert::json`], and by what it is looked up.
    #[must_use]
    pub(crate) fn json_and_who(&self) -> (Cow<'_, str>, Who) {
        if let Some(json) = self.ready() {
            return (Cow::Borrowed(json), Who::of(&self.document()));
        }
        let (json, document) = self.written();
        (Cow::Owned(json), Who::of(&document))
    }

    /// The document as text, with what was gathered, and all of it but the list of its events as objects.
    fn written(&self) -> (String, Map<String, Value>) {
        let (mut document, texts) = match &self.content {
            Content::Document(json) => (serde_json::from_str(json).unwrap_or_default(), Vec::new()),
            Content::Events { events, stamps } => {
                document::of_sources(&self.rule, events, stamps, &self.id, self.created)
            }
        };
        let triage = self.triage.written();
        if let Some(triage) = triage.and_then(|triage| serde_json::from_str::<Value>(&triage).ok()) {
            document::add_own(&mut document, "triage", triage);
        }
        if self.is_unstored() {
            document::add_own(&mut document, "stored", false.into());
        }
        let mut text = Vec::with_capacity(8192);
        if texts.len() > 1 {
            json::push_with_list(&mut text, &document, ("auditward", "events"), &texts);
        } else {
            json::push_object(&mut text, &document, json::Charset::Utf8);
        }
        (String::from_utf8(text).unwrap_or_default(), document)
    }

    /// The ECS document, as nested objects.
    #[must_use]
    pub fn document(&self) -> Map<String, Value> {
        serde_json::from_str(&self.json()).unwrap_or_default()
    }

    /// The host that it is of: its id, else its name.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let document = self.document();
        ["host.id", "host.name"].iter().find_map(|path| read::text(&document, path).map(Cow::into_owned))
    }

    /// The accounts that it is about: who logged in, or else as whom it was done, and to whom.
    #[must_use]
    pub fn accounts(&self) -> Vec<String> {
        match &self.content {
            Content::Document(_) => who::concerned(&self.document()),
            Content::Events { events, stamps } => {
                who::concerned(&document::of_sources(&self.rule, events, stamps, &self.id, self.created).0)
            }
        }
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let content = match &self.content {
            Content::Document(json) => json.len(),
            Content::Events { events, .. } => events.iter().map(Source::size).sum(),
        };
        size_of::<Self>() + self.line.len() + content + self.triage.size()
    }

    /// When the (last) event happened.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        document::time_of(self.stamp)
    }

    /// The line in at most `limit` bytes: long values are shortened in the middle, with their length
    /// told and `truncated=yes` set.
    #[must_use]
    pub fn line_within(&self, limit: usize) -> Cow<'_, str> {
        if self.is_unstored() {
            let line = text::line(self.severity, &self.document());
            if line.len() <= limit {
                return Cow::Owned(line);
            }
        } else if self.line.len() <= limit {
            return Cow::Borrowed(&self.line);
        }
        Cow::Owned(text::line_within(self.severity, &self.document(), limit))
    }
}
