//! What stands around an act, and comes again with the next: as whom, how it ended, in which container, from a terminal
//! or not, how its session began.

use super::schema::{FieldId, field};

/// A set of such fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances(u8);

impl Circumstances {
    /// `user.id`, `process.real_user.id`
    pub const USER: Self = Self(1);
    /// `user.effective.id`, `process.user.id`
    pub const EFFECTIVE_USER: Self = Self(2);
    /// `event.outcome`
    pub const OUTCOME: Self = Self(4);
    /// `container.id`
    pub const CONTAINER: Self = Self(8);
    /// `process.interactive`
    pub const INTERACTIVE: Self = Self(16);
    /// `process.entry_leader.entry_meta.type`
    pub const ENTRY: Self = Self(32);
    /// `group.id`, `process.real_group.id`
    pub const GROUP: Self = Self(64);
    /// `user.effective.group.id`, `process.group.id`
    pub const EFFECTIVE_GROUP: Self = Self(128);

    /// That of `field`.
    #[must_use]
    pub fn of(field: FieldId) -> Option<Self> {
        Some(match field {
            field::USER_ID | field::PROCESS_REAL_USER_ID => Self::USER,
            field::USER_EFFECTIVE_ID | field::PROCESS_USER_ID => Self::EFFECTIVE_USER,
            field::GROUP_ID | field::PROCESS_REAL_GROUP_ID => Self::GROUP,
            field::USER_EFFECTIVE_GROUP_ID | field::PROCESS_GROUP_ID => Self::EFFECTIVE_GROUP,
            field::EVENT_OUTCOME => Self::OUTCOME,
            field::CONTAINER_ID => Self::CONTAINER,
            field::PROCESS_INTERACTIVE => Self::INTERACTIVE,
            field::PROCESS_ENTRY_LEADER_ENTRY_META_TYPE => Self::ENTRY,
            _ => return None,
        })
    }

    /// Whether `other` is among them.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Self> for Circumstances {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        Self(all.into_iter().fold(0, |bits, one| bits | one.0))
    }
}
