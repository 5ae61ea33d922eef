//! Whether a sighting of a number is the process that the table knows.

use super::process::Process;
use super::slots::ProcessRef;
use super::table::{ProcessTable, Sighting};

/// Whether a sighting is the process that the table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    /// Another; a surprise when the table thought that the number was still taken.
    Other {
        surprise: bool,
    },
}

impl ProcessTable {
    /// Whether a sighting of its number is this process.
    pub(super) fn judge(&self, at: ProcessRef, s: &Sighting<'_>) -> Verdict {
        let Some(known) = self.get(at) else { return Verdict::Other { surprise: false } };
        if known.exited {
            return if s.millis <= known.last { Verdict::Same } else { Verdict::Other { surprise: false } };
        }
        if let (Some(now), Some(before)) = (s.login, known.login())
            && now != before
        {
            return Verdict::Other { surprise: true };
        }
        let Some(ppid) = s.ppid else { return Verdict::Same };
        let parent = known.parent.and_then(|p| self.get(p));
        if ppid != known.ppid {
            // A parent that ended hands its children on. Else this is another process, but for one that
            // still runs the same program: it was handed on unseen.
            let handed_on = known.parent.is_some() && parent.is_none_or(|p| p.exited);
            let same_program = !s.exec && known.runs(s.executable);
            return if handed_on || same_program {
                Verdict::Same
            } else {
                Verdict::Other { surprise: false }
            };
        }
        // The parent's number is the same. When another process has it now, one with which the login fits,
        // then this is a child of that one.
        let heir = self.heir(known, ppid).and_then(|heir| self.get(heir));
        let other_parent = heir.is_some_and(|heir| s.login.is_some() && heir.hands_on(s.login));
        if other_parent { Verdict::Other { surprise: false } } else { Verdict::Same }
    }

    /// Who has the number of a process's parent now, when that is not its parent.
    pub(super) fn heir(&self, process: &Process, ppid: u32) -> Option<ProcessRef> {
        process.parent?;
        self.current(process.node, ppid).filter(|heir| Some(*heir) != process.parent)
    }
}
