//! What is kept of an event that may be part of a sequence: what its alert needs, and no more.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::quality::FixedState;

use crate::audit::{Shelf, Stamp};
use crate::event::document::Value;
use crate::event::schema::field;
use crate::event::{Document, Resting, Stored, Values};
use crate::rule::Rule;
use crate::shares::Holder;

/// An event, reduced to what an alert tells of it.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Stamp in milliseconds since the Unix epoch.
    pub millis: u64,
    /// The kernel's serial.
    pub serial: u64,
    /// `host.id`, where the event itself does not tell it.
    pub host: Option<Box<str>>,
    /// Whose the act was, for fair shares of what is held.
    pub holder: Holder,
    /// The event itself.
    pub source: Source,
}

/// What is left of an event. Most that are kept never become part of an alert, so its text is written only
/// for one that does, or when it must outlive the process.
#[derive(Clone, Debug)]
pub enum Source {
    /// As it came.
    Event(Stored),
    /// As JSON, as [`crate::alert::source_text()`] gives it: what a former run left.
    Text(Arc<str>),
    /// Nothing: of its alert only the line is wanted, which the last event tells.
    Unwanted,
}

impl Source {
    /// Whether it is what is left of the same event.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Event(this), Self::Event(other)) => this.is(other),
            (Self::Text(this), Self::Text(other)) => Arc::ptr_eq(this, other),
            _ => false,
        }
    }

    /// Bytes of memory.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Event(event) => event.size(),
            Self::Text(text) => text.len(),
            Self::Unwanted => 0,
        }
    }
}

impl Evidence {
    /// The evidence of an event that has rested.
    pub(super) fn of_rested(event: Stored) -> Self {
        let Stamp { millis, serial } = event.stamp();
        // What the records say needs the document.
        let holder = match event.auid() {
            Some(auid) => Holder::of(Some(auid)),
            None => event.with_document(|event| holder(event)).unwrap_or_default(),
        };
        Self { millis, serial, host: None, holder, source: Source::Event(event) }
    }

    /// `host.id`.
    #[must_use]
    pub fn host_id(&self) -> Cow<'_, str> {
        match (&self.host, &self.source) {
            (Some(host), _) => Cow::Borrowed(host),
            (None, Source::Event(event)) => event.host_id(),
            (None, Source::Text(_) | Source::Unwanted) => Cow::Borrowed(""),
        }
    }

    /// The event's stamp.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { millis: self.millis, serial: self.serial }
    }
}

/// An event from which evidence can be taken.
pub trait Keep {
    /// The evidence; asked at most once an event, and only if the event may be part of a sequence.
    fn keep(&self) -> Evidence;

    /// The same without the event itself, where it can do without.
    fn keep_in_brief(&self) -> Evidence {
        self.keep()
    }

    /// Whether `rule` is not for such an event: a document of an index that the rule does not name.
    fn is_outside(&self, _rule: &Rule) -> bool {
        false
    }

    /// What tells its host from others, by [`host_key`]; 0 is this host, or one that nothing names. Sequences are
    /// followed on each host by itself.
    fn host_key(&self) -> u64 {
        0
    }

    /// Whether what is kept of it answers as it does itself, so that it can be asked later.
    fn can_rest(&self) -> bool {
        false
    }

    /// The event on a shelf; none where it cannot rest.
    fn rest(&self, _shelf: &mut Shelf) -> Option<Resting> {
        None
    }
}

/// Whose an act is: its login user's, where a document tells one (of documents of others what rules ask for is told).
#[must_use]
pub fn holder<D: Document + ?Sized>(document: &D) -> Holder {
    let auid = match document.values(field::USER_AUDIT_ID) {
        Values::One(Value::Text(number)) => {
            std::str::from_utf8(number).ok().and_then(|number| number.parse().ok())
        }
        _ => None,
    };
    Holder::of(auid)
}

/// The key of a host with this name or id; 0 where there is none.
#[must_use]
pub fn host_key(name: &[u8]) -> u64 {
    if name.is_empty() { 0 } else { FixedState::default().hash_one(name) | 1 }
}

/// Evidence in memory, shared by all that waits for more, and measured as long as any does.
#[derive(Clone, Debug)]
pub struct Kept(Arc<Measured>);

#[derive(Debug)]
struct Measured {
    evidence: Evidence,
    /// Which of the events processed it is, if it was kept as it came; else 0.
    number: u64,
    /// Its size, as `meter` counts it.
    size: usize,
    meter: Meter,
}

impl Kept {
    /// Of an event that is not at hand.
    pub(super) fn new(evidence: Evidence, meter: &Meter) -> Self {
        Self::of_number(0, evidence, meter)
    }

    /// Of the event that is the `number`th.
    pub(super) fn of_number(number: u64, evidence: Evidence, meter: &Meter) -> Self {
        let meter = meter.clone();
        // With what the allocator and the counters take.
        let size = evidence.source.size() + evidence.host.as_ref().map_or(0, |host| host.len()) + 128;
        meter.0.fetch_add(size, Ordering::Relaxed);
        Self(Arc::new(Measured { evidence, number, size, meter }))
    }

    /// Which of the events processed it is; 0 is none of them.
    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    /// Whose the act was.
    pub(super) fn holder(&self) -> Holder {
        self.holder
    }

    /// Its size, as it is measured.
    pub(super) fn size(&self) -> usize {
        self.0.size
    }

    /// Tells pieces of evidence apart.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl std::ops::Deref for Kept {
    type Target = Evidence;

    fn deref(&self) -> &Evidence {
        &self.0.evidence
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.meter.0.fetch_sub(self.size, Ordering::Relaxed);
    }
}

/// How many bytes of evidence there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<AtomicUsize>);

impl Meter {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
