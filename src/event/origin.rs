//! Which processes' programs the values of some fields follow from, so that what was worked out for one event
//! need not be asked of the next that has the same.

use super::audit_document::AuditDocument;
use super::schema::{FieldId, field};

/// A process of an event, as one that runs a program with arguments in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The event's own, which has just been started.
    Started,
    /// Its parent.
    Parent,
    /// Its entry leader.
    EntryLeader,
    /// Its group leader.
    GroupLeader,
    /// Its session leader.
    SessionLeader,
}

/// The number by which a program is known (see `ancestry`), none where there is no such process or nothing is known
/// of it. Of events with equal numbers all fields of that [`Origin`] have equal values.
pub type Number = Option<std::num::NonZeroU64>;

impl Origin {
    /// From what the values of `field` follow, if from nothing but that.
    #[must_use]
    pub fn of(field: FieldId) -> Option<Self> {
        Some(match field {
            field::PROCESS_NAME
            | field::PROCESS_EXECUTABLE
            | field::PROCESS_ARGS
            | field::PROCESS_COMMAND_LINE
            | field::PROCESS_WORKING_DIRECTORY => Self::Started,
            field::PROCESS_PARENT_NAME
            | field::PROCESS_PARENT_EXECUTABLE
            | field::PROCESS_PARENT_ARGS
            | field::PROCESS_PARENT_ARGS_COUNT
            | field::PROCESS_PARENT_COMMAND_LINE
            | field::PROCESS_PARENT_WORKING_DIRECTORY => Self::Parent,
            field::PROCESS_ENTRY_LEADER_NAME | field::PROCESS_ENTRY_LEADER_EXECUTABLE => Self::EntryLeader,
            field::PROCESS_GROUP_LEADER_NAME | field::PROCESS_GROUP_LEADER_EXECUTABLE => Self::GroupLeader,
            field::PROCESS_SESSION_LEADER_NAME | field::PROCESS_SESSION_LEADER_EXECUTABLE => {
                Self::SessionLeader
            }
            _ => return None,
        })
    }
}

impl AuditDocument<'_> {
    /// The number of a process's program; the outer none where only values will do.
    pub(super) fn number_of(&self, origin: Origin) -> Option<Number> {
        let process = match origin {
            Origin::Started => return self.started().map(Some),
            Origin::Parent => self.parent,
            Origin::SessionLeader => self.leaders()[0],
            Origin::GroupLeader => self.leaders()[1],
            Origin::EntryLeader => self.entry_leader(),
        };
        match process.and_then(|process| process.image.as_ref()) {
            None => Some(None),
            Some(image) => image.number().map(Some),
        }
    }

    /// The number of the program that this event has started, where the table has all of it.
    fn started(&self) -> Option<std::num::NonZeroU64> {
        let image = self.process.filter(|_| self.parts.is_exec())?.image.as_ref()?;
        let whole = self.parts.execve && image.is_exact() && image.holds_all(self.around.arguments.len());
        // Without it the values come from elsewhere.
        let named = self.parts.who.exe.is_some() && image.is_named();
        image.number().filter(|_| whole && named)
    }
}
