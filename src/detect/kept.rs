//! What is kept of an event that may be part of a sequence: what its alert needs, and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::audit::Stamp;

/// An event, reduced to what an alert tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Stamp in milliseconds since the Unix epoch.
    pub millis: u64,
    /// The kernel's serial.
    pub serial: u64,
    /// `host.id`.
    pub host: Box<str>,
    /// The source event as JSON, as [`crate::alert::source()`] gives it.
    pub source: Box<str>,
}

impl Evidence {
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
}

/// Evidence in memory, shared by all that waits for more, and measured as long as any does.
#[derive(Clone, Debug)]
pub struct Kept(Arc<Measured>);

#[derive(Debug)]
struct Measured {
    evidence: Evidence,
    meter: Meter,
}

impl Kept {
    pub(super) fn new(evidence: Evidence, meter: &Meter) -> Self {
        let meter = meter.clone();
        meter.0.fetch_add(size(&evidence), Ordering::Relaxed);
        Self(Arc::new(Measured { evidence, meter }))
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
        self.meter.0.fetch_sub(size(&self.evidence), Ordering::Relaxed);
    }
}

/// Bytes, with what the allocator and the counters take.
fn size(evidence: &Evidence) -> usize {
    evidence.source.len() + evidence.host.len() + 128
}

/// How many bytes of evidence there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<AtomicUsize>);

impl Meter {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
