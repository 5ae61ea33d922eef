//! Lines of parents that outlive the table's entries: what is kept of an event tells of the processes it comes
//! from as they were then. Events of one process, and of one parent, share them as long as nothing of it changes.

use std::cell::RefCell;
use std::sync::Arc;

use super::process::Process;
use super::slots::ProcessRef;
use super::table::ProcessTable;

/// A process as it was, and its parent.
#[derive(Debug)]
pub(crate) struct Line {
    at: ProcessRef,
    process: Process,
    parent: Option<Arc<Line>>,
    size: usize,
}

/// The most parents of a process that are told.
pub(crate) const LONGEST: usize = 64;

/// So many lines are remembered.
const REMEMBERED: usize = 64;

/// Lines that were asked for lately, by slots.
#[derive(Debug, Default)]
pub(super) struct Lines(RefCell<Vec<Option<Arc<Line>>>>);

impl Line {
    /// The process.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// The process `given` steps up, where it is known.
    pub(crate) fn nth(&self, given: usize) -> Option<&Process> {
        let mut this = self;
        for _ in 0..given {
            this = this.parent.as_deref()?;
        }
        Some(&this.process)
    }

    /// Bytes of memory, with its parents.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    fn new(at: ProcessRef, process: &Process, parent: Option<Arc<Self>>) -> Arc<Self> {
        let process = process.detached();
        let own = size_of::<Self>() + process.image.as_ref().map_or(0, |image| image.size());
        let size = own + parent.as_ref().map_or(0, |parent| parent.size);
        Arc::new(Self { at, process, parent, size })
    }

    fn is_of(&self, at: ProcessRef, process: &Process, parent: Option<&Arc<Self>>) -> bool {
        let same_parent = match (&self.parent, parent) {
            (Some(this), Some(other)) => Arc::ptr_eq(this, other),
            (None, None) => true,
            _ => false,
        };
        self.at == at && self.process.version == process.version && same_parent
    }
}

impl ProcessTable {
    /// The process of a reference and its parents as they are now; none when it was evicted.
    pub(crate) fn line(&self, at: ProcessRef) -> Option<Arc<Line>> {
        let mut chain = [None; LONGEST];
        let (mut next, mut whole) = (Some(at), false);
        for place in &mut chain {
            *place = next.and_then(|at| Some((at, self.get(at)?)));
            let Some((_, process)) = place else {
                whole = true;
                break;
            };
            next = process.parent;
        }
        let mut lines = self.lines.0.borrow_mut();
        lines.resize(REMEMBERED, None);
        let mut line = None;
        for (at, process) in chain.iter().rev().flatten() {
            let place = lines.get_mut(at.slot() as usize % REMEMBERED);
            line = Some(match place {
                Some(Some(known)) if known.is_of(*at, process, line.as_ref()) => Arc::clone(known),
                // What is cut is no other's line.
                Some(place) if whole => Arc::clone(place.insert(Line::new(*at, process, line))),
                _ => Line::new(*at, process, line),
            });
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Image, Limits, NoGaps, Sighting, Terminal};
    use super::*;

    fn sighting(pid: u32, ppid: u32) -> Sighting<'static> {
        Sighting {
            node: 0,
            host: b"h",
            pid,
            ppid: Some(ppid),
            login: None,
            ids: None,
            terminal: Terminal::Unknown,
            millis: 1_000,
            exec: false,
            executable: Some(b"/bin/sh"),
            name: Some(b"sh"),
        }
    }

    fn pids(line: &Line) -> Vec<u32> {
        (0..).map_while(|given| line.nth(given)).map(|process| process.pid).collect()
    }

    #[test]
    fn a_line_is_shared_until_something_of_it_changes() {
        let mut table = ProcessTable::new(Limits::default());
        let seen = |table: &mut ProcessTable, pid, ppid| table.seen(&sighting(pid, ppid), &mut NoGaps);
        let [first, second, third] =
            [(10, 1), (11, 10), (12, 11)].map(|(pid, ppid)| seen(&mut table, pid, ppid));
        let line = table.line(third).unwrap();
        assert_eq!(pids(&line), [12, 11, 10]);
        // Seen again, with a child: nothing of what is told is another.
        seen(&mut table, 11, 10);
        seen(&mut table, 13, 11);
        assert!(Arc::ptr_eq(&line, &table.line(third).unwrap()));
        let image = Image::new(Some(b"/bin/other"), None, Some(b"other"), None);
        table.exec(first, image, &mut NoGaps);
        let now = table.line(third).unwrap();
        let names = |line: &Line| {
            let name = |given| Some(line.nth(given)?.image.as_ref()?.name()?.to_vec());
            (0..3).map(|given| name(given).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(names(&now), [&b"sh"[..], b"sh", b"other"]);
        assert_eq!(names(&line), [&b"sh"[..], b"sh", b"sh"], "what was is not changed");
        assert!(Arc::ptr_eq(&table.line(second).unwrap(), now.parent.as_ref().unwrap()));
        assert!(now.size() > 3 * size_of::<Line>());
    }

    #[test]
    fn a_line_is_as_long_as_is_told_and_says_what_the_table_says() {
        let mut table = ProcessTable::new(Limits::default());
        let refs: Vec<ProcessRef> =
            (10..200).map(|pid| table.seen(&sighting(pid, pid - 1), &mut NoGaps)).collect();
        for at in refs.iter().chain(refs.iter().rev()) {
            let line = table.line(*at).unwrap();
            let pid = table.get(*at).unwrap().pid;
            let expected: Vec<u32> = (10..=pid).rev().take(LONGEST).collect();
            assert_eq!(pids(&line), expected);
        }
    }
}
