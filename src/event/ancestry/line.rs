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
    /// Its entry leader, where that stands in the line, and so many steps up.
    entry: Option<(ProcessRef, usize)>,
    size: usize,
}

/// The most parents of a process that are told.
pub(crate) const LONGEST: usize = 64;

/// So many lines are remembered.
const REMEMBERED: usize = 64;

/// Lines that were asked for lately.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// By slots, with the epoch in which each was found to be as it is.
    known: RefCell<Vec<Option<Found>>>,
    /// Counts the changes of processes that stand in a line, and of no others.
    epoch: u64,
    /// Which slots are of such processes, one bit each.
    told: RefCell<Vec<u64>>,
}

/// A line, and the epoch.
type Found = (Arc<Line>, u64);

impl Lines {
    /// A process is about to change.
    pub(super) fn changes(&mut self, at: ProcessRef) {
        self.removes(at.slot());
    }

    /// The process of a slot goes.
    pub(super) fn removes(&mut self, slot: u32) {
        if let Some(word) = self.told.get_mut().get_mut(slot as usize / 64) {
            let bit = 1 << (slot % 64);
            self.epoch += u64::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    /// The process of a slot stands in a line.
    fn tells(told: &mut Vec<u64>, slot: u32) {
        let at = slot as usize / 64;
        if told.len() <= at {
            told.resize(at + 1, 0);
        }
        if let Some(word) = told.get_mut(at) {
            *word |= 1 << (slot % 64);
        }
    }
}

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

    /// How many steps up the process of a reference stands.
    pub(super) fn place_of(&self, at: ProcessRef) -> Option<usize> {
        if let Some((entry, place)) = self.entry
            && entry == at
        {
            return Some(place);
        }
        let lines = std::iter::successors(Some(self), |line| line.parent.as_deref());
        lines.enumerate().find(|(_, line)| line.at == at).map(|(place, _)| place)
    }

    /// Bytes of memory, with its parents.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    fn new(at: ProcessRef, process: &Process, parent: Option<Arc<Self>>) -> Arc<Self> {
        let place = |entry| if entry == at { Some(0) } else { Some(parent.as_ref()?.place_of(entry)? + 1) };
        let entry = process.entry.and_then(|entry| Some((entry, place(entry)?)));
        let process = process.detached();
        let own = size_of::<Self>() + process.image.as_ref().map_or(0, |image| image.size());
        let size = own + parent.as_ref().map_or(0, |parent| parent.size);
        Arc::new(Self { at, process, parent, entry, size })
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
    /// In which places of `line`, the parents of `process`, its leaders stand as [`ProcessTable::leaders`] has them;
    /// none where one of them stands elsewhere.
    pub(crate) fn leaders_in(
        &self,
        process: &Process,
        line: Option<&Arc<Line>>,
    ) -> Option<[Option<usize>; 3]> {
        let [session, group] = process.leaders.as_deref().copied().unwrap_or_default();
        let mut places = [None; 3];
        for (place, at) in places.iter_mut().zip([session, group, process.entry]) {
            if let Some(at) = at {
                *place = Some(line?.place_of(at)?);
            }
        }
        Some(places)
    }

    /// The process of a reference and its parents as they are now; none when it was evicted.
    pub(crate) fn line(&self, at: ProcessRef) -> Option<Arc<Line>> {
        let mut lines = self.lines.known.borrow_mut();
        let epoch = self.lines.epoch;
        if let Some(Some((known, found))) = lines.get(at.slot() as usize % REMEMBERED)
            && known.at == at
            && *found == epoch
        {
            return Some(Arc::clone(known));
        }
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
        lines.resize(REMEMBERED, None);
        let mut told = self.lines.told.borrow_mut();
        let mut line = None;
        for (at, process) in chain.iter().rev().flatten() {
            let place = lines.get_mut(at.slot() as usize % REMEMBERED);
            if whole {
                Lines::tells(&mut told, at.slot());
            }
            line = Some(match place {
                Some(Some((known, found))) if known.is_of(*at, process, line.as_ref()) => {
                    if whole {
                        *found = epoch;
                    }
                    Arc::clone(known)
                }
                // What is cut is no other's line.
                Some(place) if whole => Arc::clone(&place.insert((Line::new(*at, process, line), epoch)).0),
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

    /// Whatever is seen, executed, ended and evicted: a line says what walking the table says, and where leaders stand
    /// is where the line has them.
    #[test]
    fn what_is_remembered_is_what_the_table_has_now() {
        let mut table = ProcessTable::new(Limits { processes: 12, image_bytes: 1 << 20 });
        let (mut known, mut random, mut lines) = (Vec::new(), 1_u32, 0);
        let mut next = |most: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % most
        };
        for step in 0..5_000 {
            let (pid, ppid) = (10 + next(20), 10 + next(20));
            let at = table.seen(&sighting(pid, ppid), &mut NoGaps);
            match next(6) {
                0 => {
                    let program = format!("/bin/{step}");
                    table.exec(at, Image::new(Some(program.as_bytes()), None, None, None), &mut NoGaps);
                }
                1 => table.exited(at, 2_000),
                2 => table.set_session(at),
                _ => {}
            }
            known.push(at);
            for at in known.iter().rev().take(8) {
                let walked: Vec<_> =
                    std::iter::successors(table.get(*at), |process| table.get(process.parent?))
                        .take(LONGEST)
                        .map(|process| (process.pid, process.exited, process.image.clone()))
                        .collect();
                let line = table.line(*at);
                let told: Vec<_> = (0..LONGEST)
                    .map_while(|given| line.as_ref()?.nth(given))
                    .map(|process| (process.pid, process.exited, process.image.clone()))
                    .collect();
                assert_eq!(told, walked);
                lines += told.len();
                let Some(process) = table.get(*at) else { continue };
                if let Some(places) = table.leaders_in(process, line.as_ref()) {
                    for (place, leader) in places.into_iter().zip(table.leaders(process)) {
                        let there = place.and_then(|given| Some(line.as_ref()?.nth(given)?.entity));
                        assert_eq!(there, leader.map(|leader| leader.entity));
                    }
                }
            }
        }
        assert!(lines > 20_000, "{lines}");
    }
}
