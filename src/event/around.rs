//! What a document asks beside its own records: the host, names, the processes around its own.

use std::cell::RefCell;
use std::sync::Arc;

use super::ancestry::{Gaps, Line, Process, ProcessTable};
use super::host::Host;
use super::names::Names;
use super::places::Places;
use crate::audit::execve::Arguments;

/// What events have in common until it changes. What is kept of an event shares it as it was.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// The host that events without `node=` belong to.
    pub(crate) host: Host,
    /// The names of its users and groups.
    pub(crate) names: Names,
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Around<'e> {
    pub(crate) common: &'e Arc<Common>,
    /// Those of the event's EXECVE records.
    pub(crate) arguments: &'e Arguments,
    pub(crate) kin: Kin<'e>,
    pub(crate) gaps: &'e RefCell<Box<dyn Gaps + Send>>,
    pub(crate) places: &'e RefCell<Places>,
}

/// The processes that an event's process comes from.
#[derive(Clone, Copy)]
pub(crate) enum Kin<'e> {
    /// Those of the table.
    Table(&'e ProcessTable),
    /// Those that were stored with the event: its parents, and its leaders.
    Stored(Option<&'e Arc<Line>>, [Option<&'e Process>; 3]),
}

impl<'e> Kin<'e> {
    /// The parent of `process`, which is the `given`th in the event's line of parents, counted from 1.
    pub(super) fn parent(self, process: &Process, given: usize) -> Option<&'e Process> {
        match self {
            Self::Table(table) => process.parent.and_then(|at| table.get(at)),
            Self::Stored(line, _) => line?.nth(given),
        }
    }

    /// The line of `parent`, the parent of the event's `process`, in memory of its own.
    pub(super) fn line(self, process: &Process, parent: &Process) -> Option<Arc<Line>> {
        match self {
            Self::Table(table) => {
                let at = process.parent.filter(|at| table.get(*at).is_some_and(|p| std::ptr::eq(p, parent)));
                at.and_then(|at| table.line(at))
            }
            Self::Stored(line, _) => line.cloned(),
        }
    }

    /// In which places of `line`, the parents of `process`, its leaders stand, where that is all there is to say.
    pub(super) fn leaders_in(
        self,
        process: &Process,
        line: Option<&Arc<Line>>,
    ) -> Option<[Option<usize>; 3]> {
        match self {
            Self::Table(table) => table.leaders_in(process, line),
            Self::Stored(..) => None,
        }
    }

    /// Session leader, group leader and entry leader of the event's `process`.
    pub(super) fn leaders(self, process: &Process) -> [Option<&'e Process>; 3] {
        match self {
            Self::Table(table) => table.leaders(process),
            Self::Stored(_, leaders) => leaders,
        }
    }

    /// The last of them alone.
    pub(super) fn entry_leader(self, process: &Process) -> Option<&'e Process> {
        match self {
            Self::Table(table) => table.entry_leader(process),
            Self::Stored(_, [_, _, entry]) => entry,
        }
    }
}
