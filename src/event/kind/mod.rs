//! What an event is: its acts, each with the categories, types and words that ECS producers have for it.
//!
//! Decided from record types, the system call's number and the roles of its PATH records alone: no string
//! is decoded, so that dispatch can ask every event. The words follow Elastic's auditd integration where
//! it has one (`executed`, `opened-file`); the other producers' words for the same act answer in matching.

mod acts;
mod calls;
mod messages;
pub(crate) mod operation;

pub use acts::{Act, ActRow};
pub(crate) use calls::{Call, CallKind, Dirs, IN_RECORD, NO_FLAGS, call, calls_of};

use crate::audit::RecordType;

/// Most acts of one event: a system call and two messages about it.
const MOST_ACTS: usize = 3;

/// The acts of one event, the leading one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    acts: [Act; MOST_ACTS],
    len: u8,
}

impl Kind {
    /// An event that is this one act.
    #[must_use]
    pub fn one(act: Act) -> Self {
        Self { acts: [act; MOST_ACTS], len: 1 }
    }

    /// Adds an act; one that is there already, or one too many, is left out.
    pub(crate) fn push(&mut self, act: Act) {
        if self.acts().contains(&act) {
            return;
        }
        if let Some(slot) = self.acts.get_mut(usize::from(self.len)) {
            *slot = act;
            self.len += 1;
        }
    }

    /// The acts, the leading one first.
    #[must_use]
    pub fn acts(&self) -> &[Act] {
        self.acts.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// What tells it from every other: how many acts there are, and the number of each; behind the last that of the first
    /// again.
    pub(crate) fn numbers(&self) -> [u8; MOST_ACTS + 1] {
        let [first, second, third] = self.acts;
        [self.len, first.number(), second.number(), third.number()]
    }

    /// The leading act.
    #[must_use]
    pub fn lead(&self) -> Act {
        self.acts[0]
    }

    /// Whether the event is `act` (among others).
    #[must_use]
    pub fn is(&self, act: Act) -> bool {
        self.acts().contains(&act)
    }
}

/// The act that a record of this type tells by itself; `None` for the records that only accompany a
/// system call (SYSCALL, PATH, CWD …).
#[must_use]
pub(crate) fn of_record(kind: RecordType, body: &[u8]) -> Option<Act> {
    messages::act(kind, body)
}
