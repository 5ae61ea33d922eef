//! What is known to be missing from an event.
//!
//! Records can be lost (the kernel's backlog, a full socket) or excluded by the administrator
//! (`auditctl -a always,exclude`); the ones that came tell some of that.

use std::fmt;

use super::super::execve::{self, Arguments};
use super::super::syscall::Syscall;
use super::super::syscalls::Arch;
use super::super::types::{Place, RecordType};
use super::super::value;
use super::event::Slot;

/// A set of [`Gap`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gaps(u8);

/// One way in which an event is known to be incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Gap {
    /// There are records that only come beside a SYSCALL (or URINGOP) record, and none such.
    Syscall = 1,
    /// A successful execve or execveat has no EXECVE record.
    Execve = 1 << 1,
    /// EXECVE's `argc=` announces arguments that no record brought, or not all pieces of one came.
    Arguments = 1 << 2,
    /// SYSCALL's `items=` announces more PATH records than came.
    Paths = 1 << 3,
    /// Neither EOE nor PROCTITLE, which stand at the end, came, though this input has had some.
    End = 1 << 4,
    /// Records were dropped, or one was cut, at [`Limits::event_bytes`](super::Limits::event_bytes); or a message came
    /// that ends before its closing quote.
    Cut = 1 << 5,
}

impl Gap {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Syscall, Self::Execve, Self::Arguments, Self::Paths, Self::End, Self::Cut];

    /// A word for it, as counters and messages show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Syscall => "syscall",
            Self::Execve => "execve",
            Self::Arguments => "arguments",
            Self::Paths => "paths",
            Self::End => "end",
            Self::Cut => "cut",
        }
    }
}

impl Gaps {
    /// Whether nothing is known to be missing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `gap` is among them.
    #[must_use]
    pub fn has(self, gap: Gap) -> bool {
        self.0 & gap as u8 != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Gap> {
        Gap::ALL.into_iter().filter(move |gap| self.has(*gap))
    }

    pub(super) fn add(&mut self, gap: Gap) {
        self.0 |= gap as u8;
    }
}

impl FromIterator<Gap> for Gaps {
    fn from_iter<I: IntoIterator<Item = Gap>>(gaps: I) -> Self {
        let mut all = Self::default();
        gaps.into_iter().for_each(|gap| all.add(gap));
        all
    }
}

impl fmt::Display for Gaps {
    /// The names, separated by blanks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, gap) in self.iter().enumerate() {
            f.write_str(if at > 0 { " " } else { "" })?;
            f.write_str(gap.name())?;
        }
        Ok(())
    }
}

/// What the records of an event say about those that are not there. `arguments` is lent as a buffer.
pub(super) fn of_records(slots: &[Slot], bytes: &[u8], arguments: &mut Arguments) -> Gaps {
    let mut gaps = Gaps::default();
    let (mut part, mut head, mut paths, mut execs) = (false, None, 0, 0);
    for slot in slots {
        match slot.kind {
            RecordType::SYSCALL => head = head.or(Some(*slot)),
            RecordType::URINGOP => head = head.or(Some(*slot)),
            RecordType::PATH => paths += 1,
            RecordType::EXECVE => execs += 1,
            kind => part |= kind.place() == Place::Part,
        }
    }
    match head {
        Some(head) => {
            let call = Syscall::parse_head(head.body(bytes));
            let items = value::unsigned(call.items).unwrap_or(0);
            if items > paths + u64::from(items == paths + 1 && hides_a_name(&call)) {
                gaps.add(Gap::Paths);
            }
            if execs == 0 && call.success == b"yes" && matches!(name(&call), Some("execve" | "execveat")) {
                gaps.add(Gap::Execve);
            }
        }
        None if part || paths > 0 || execs > 0 => gaps.add(Gap::Syscall),
        None => {}
    }
    if execs > 0 && !has_all_arguments(slots, bytes, execs, arguments) {
        gaps.add(Gap::Arguments);
    }
    gaps
}

fn has_all_arguments(slots: &[Slot], bytes: &[u8], execs: usize, arguments: &mut Arguments) -> bool {
    let bodies = slots.iter().filter(|slot| slot.kind == RecordType::EXECVE).map(|slot| slot.body(bytes));
    if execs == 1 && bodies.clone().next().is_some_and(execve::ends_with_last_argument) {
        return true;
    }
    arguments.read_bodies(bodies);
    arguments.is_whole()
}

/// The name of the call that a SYSCALL record tells of.
fn name(call: &Syscall<'_>) -> Option<&'static str> {
    let arch = value::hexadecimal(call.arch).and_then(|arch| u32::try_from(arch).ok())?;
    let number = value::unsigned(call.syscall).and_then(|number| u32::try_from(number).ok())?;
    Arch(arch).syscall_name(number)
}

/// The kernel counts the root of the message queues among the items of these calls, and writes no record
/// for it (`ipc/mqueue.c`, `audit_inode_parent_hidden`).
fn hides_a_name(call: &Syscall<'_>) -> bool {
    matches!(name(call), Some("mq_open" | "mq_unlink"))
}
