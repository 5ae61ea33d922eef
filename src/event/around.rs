//! What a document asks beside its own records: the host, names, the processes around its own.

use std::cell::RefCell;
use std::sync::Arc;

use super::ancestry::{Gaps, Process, ProcessTable};
use super::host::Host;
use super::names::Names;
use crate::audit::execve::Arguments;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Around<'e> {
    pub(crate) host: &'e Arc<Host>,
    pub(crate) names: &'e Names,
    /// Those of the event's EXECVE records.
    pub(crate) arguments: &'e Arguments,
    pub(crate) kin: Kin<'e>,
    pub(crate) gaps: &'e RefCell<Box<dyn Gaps + Send>>,
}

/// The processes that an event's process comes from.
#[derive(Clone, Copy)]
pub(crate) enum Kin<'e> {
    /// Those of the table.
    Table(&'e ProcessTable),
    /// Those that were stored with the event: its parents, nearest first, and its leaders.
    Stored(&'e [Process], [Option<&'e Process>; 3]),
}

impl<'e> Kin<'e> {
    /// The parent of `process`, which is the `given`th in the event's line of parents, counted from 1.
    pub(super) fn parent(self, process: &Process, given: usize) -> Option<&'e Process> {
        match self {
            Self::Table(table) => process.parent.and_then(|at| table.get(at)),
            Self::Stored(line, _) => line.get(given),
        }
    }

    /// Session leader, group leader and entry leader of the event's `process`.
    pub(super) fn leaders(self, process: &Process) -> [Option<&'e Process>; 3] {
        match self {
            Self::Table(table) => table.leaders(process),
            Self::Stored(_, leaders) => leaders,
        }
    }
}
