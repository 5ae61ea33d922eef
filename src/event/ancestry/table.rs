//! The table itself: look-up by node and pid, births and deaths, eviction.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use sha2::{Digest, Sha256};

use super::identity::Verdict;
use super::image::Image;
use super::known::Known;
use super::line::Lines;
use super::parents::Gaps;
use super::process::{Entry, Ids, Login, Origin, Process, Terminal};
use super::slots::{Full, ProcessRef, Slots};

/// Bounds of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most processes.
    pub processes: usize,
    /// Most bytes of programs, directories and arguments.
    pub image_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { processes: 32_768, image_bytes: 32_768 * 120 }
    }
}

/// What the table has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Processes that came into the table.
    pub born: u64,
    /// Processes that had ended and made room for others.
    pub evicted_exited: u64,
    /// Processes that made room although no end of theirs was seen: their children's parent is unknown.
    pub evicted_live: u64,
    /// Parents asked for and not known.
    pub parents_unknown: u64,
    /// Numbers found to belong to another process than before, though no end was seen.
    pub reused_unseen: u64,
    /// Look-ups in /proc.
    pub looked_up: u64,
}

/// A process in an event: what its record says of it.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Hash of the node.
    pub node: u64,
    /// The node's `host.id`.
    pub host: &'a [u8],
    /// Its pid.
    pub pid: u32,
    /// Its parent's pid.
    pub ppid: Option<u32>,
    /// Its login.
    pub login: Option<Login>,
    /// Its ids.
    pub ids: Option<Ids>,
    /// Its terminal.
    pub terminal: Terminal,
    /// Time of the event, milliseconds since the Unix epoch.
    pub millis: u64,
    /// Whether the event is its exec (then `executable` is what it runs from now on).
    pub exec: bool,
    /// Its program.
    pub executable: Option<&'a [u8]>,
    /// Its name.
    pub name: Option<&'a [u8]>,
}

/// What a fork's record says of the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// A child of the caller.
    Child,
    /// A child of the caller's parent (CLONE_PARENT).
    Sibling,
    /// A child or a thread: the flags of clone3 stand in no record.
    Maybe,
}

/// Programs that start containers: what they start may be in another one.
const RUNTIMES: [&[u8]; 8] = [
    b"runc",
    b"crun",
    b"youki",
    b"containerd-shim",
    b"conmon",
    b"lxc-start",
    b"systemd-nspawn",
    b"docker-init",
];

/// See the module above.
#[derive(Debug)]
pub struct ProcessTable {
    limits: Limits,
    slots: Slots,
    /// The slot of the process that has a number now.
    current: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    image_bytes: usize,
    /// Counts what happens: the order in which processes were seen.
    pub(super) order: u64,
    /// Counts the changes of processes.
    changes: u64,
    pub(super) lines: Lines,
    known: Known,
    /// When (in order) a number of this node was last found reused without an end having been seen.
    pub(super) reused: HashMap<u64, u64>,
    /// Processes of a snapshot whose parents are not linked yet.
    pub(super) unsettled: Vec<(ProcessRef, u32, u32)>,
    /// What was counted.
    pub counters: Counters,
}

impl ProcessTable {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots: Slots::new(),
            current: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            image_bytes: 0,
            order: 0,
            changes: 0,
            lines: Lines::default(),
            known: Known::default(),
            reused: HashMap::new(),
            unsettled: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// How many processes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.len() == 0
    }

    /// Bytes of programs, directories and arguments.
    #[cfg(test)]
    pub(super) fn image_bytes(&self) -> usize {
        self.image_bytes
    }

    /// Bytes of memory, as counted for the bound.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.image_bytes + self.slots.bytes() + self.current.allocation_size()
    }

    /// The process that has this number now, as far as is known.
    #[must_use]
    pub fn current(&self, node: u64, pid: u32) -> Option<ProcessRef> {
        let slots = &self.slots;
        let same = |slot: &u32| slots.has(*slot, node, pid);
        slots.at(*self.current.find(self.hash(node, pid), same)?)
    }

    fn hash(&self, node: u64, pid: u32) -> u64 {
        self.hasher.hash_one((node, pid))
    }

    /// Forgets that `slot` has this number now, if it has.
    fn unname(&mut self, node: u64, pid: u32, slot: u32) {
        let hash = self.hash(node, pid);
        if let Ok(entry) = self.current.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
    }

    /// The process of a reference; `None` when it was evicted.
    #[must_use]
    pub fn get(&self, at: ProcessRef) -> Option<&Process> {
        self.slots.get(at)
    }

    pub(super) fn get_mut(&mut self, at: ProcessRef) -> Option<&mut Process> {
        self.changes += 1;
        self.lines.changes(at);
        let process = self.slots.get_mut(at)?;
        process.version = self.changes;
        Some(process)
    }

    /// The same for those who change `last` and `order` alone.
    pub(super) fn touch(&mut self, at: ProcessRef) -> Option<&mut Process> {
        self.slots.get_mut(at)
    }

    /// The process's session leader, group leader and entry leader, where known.
    #[must_use]
    pub fn leaders(&self, process: &Process) -> [Option<&Process>; 3] {
        let [session, group] = process.leaders.as_deref().copied().unwrap_or_default();
        [session, group, process.entry].map(|at| at.and_then(|at| self.get(at)))
    }

    /// The last of them alone.
    pub(crate) fn entry_leader(&self, process: &Process) -> Option<&Process> {
        process.entry.and_then(|at| self.get(at))
    }

    /// The process of an event: the one the table knows, or a new one.
    pub fn seen(&mut self, sighting: &Sighting<'_>, gaps: &mut dyn Gaps) -> ProcessRef {
        self.settle();
        self.order += 1;
        let Some(at) = self.current(sighting.node, sighting.pid) else {
            return self.create(sighting, gaps);
        };
        match self.judge(at, sighting) {
            Verdict::Same => {
                self.refresh(at, sighting, gaps);
                at
            }
            Verdict::Other { surprise } => {
                let before = self.get(at).filter(|p| !p.exited);
                let before = before.map(|p| (p.login(), p.inherited(), p.relogged));
                self.retire(at, surprise);
                let now = self.create(sighting, gaps);
                // It may be the same process after all, handed on unseen: then it hands on what that did.
                if let Some((login, Some(inherited), relogged)) = before
                    && let Some(process) = self.get_mut(now)
                    && login == process.login()
                {
                    (process.inherited, process.relogged) = (inherited, relogged);
                }
                now
            }
        }
    }

    fn refresh(&mut self, at: ProcessRef, s: &Sighting<'_>, gaps: &mut dyn Gaps) {
        let order = self.order;
        let mut ask = None;
        let news = |p: &Process| {
            p.tentative
                || s.login.is_some() && !p.login_known
                || s.ids.is_some() && s.ids != p.ids()
                || s.terminal != Terminal::Unknown && s.terminal != p.terminal
                || s.ppid.is_some_and(|ppid| ppid != p.ppid)
        };
        let news = self.get(at).is_some_and(news);
        if let Some(process) = if news { self.get_mut(at) } else { self.touch(at) } {
            process.order = order;
            process.last = process.last.max(s.millis);
            process.tentative = false;
            if let (Some(login), false) = (s.login, process.login_known) {
                (process.login, process.inherited, process.login_known) = (login, login, true);
            }
            if let Some(ids) = s.ids {
                (process.ids, process.ids_known) = (ids, true);
            }
            if s.terminal != Terminal::Unknown {
                process.terminal = s.terminal;
            }
            if let Some(ppid) = s.ppid
                && (ppid != process.ppid || process.parent.is_none())
            {
                let gone = process.orphan && ppid == process.ppid;
                process.ppid = ppid;
                ask = Some((ppid, process.inherited(), gone));
            }
        }
        // Another has the parent's number and hands on the login that this process began with: the parent
        // itself, seen anew.
        if ask.is_none()
            && let Some(process) = self.get(at)
            && let Some(heir) = self.heir(process, process.ppid).and_then(|heir| self.get(heir))
            && (heir.hands_on(process.inherited()) || heir.relogged || process.relogged)
        {
            ask = Some((process.ppid, process.inherited(), false));
        }
        if let Some((ppid, login, gone)) = ask {
            let gaps = if gone { None } else { Some(gaps) };
            let parent = self.parent(s.node, s.host, ppid, login, s.millis, gaps);
            if let Some(process) = self.touch(at) {
                process.orphan = parent.is_none();
            }
            if self.get(at).is_some_and(|process| process.parent != parent)
                && let Some(process) = self.get_mut(at)
            {
                process.parent = parent;
            }
        }
        if !s.exec {
            self.correct_image(at, s);
        }
        if !self.get(at).is_some_and(|p| p.exited) {
            self.slots.renew(at, false);
        }
    }

    /// Takes in that a process runs another program than the table thought: its exec was not recorded.
    fn correct_image(&mut self, at: ProcessRef, s: &Sighting<'_>) {
        let stale = self.get(at).is_some_and(|p| s.executable.is_some() && !p.runs(s.executable));
        if stale {
            let image = Image::new(s.executable, None, s.name, None);
            self.set_image(at, image);
        }
    }

    fn create(&mut self, s: &Sighting<'_>, gaps: &mut dyn Gaps) -> ProcessRef {
        let parent = s.ppid.and_then(|ppid| self.parent(s.node, s.host, ppid, s.login, s.millis, Some(gaps)));
        let from = parent.and_then(|p| self.get(p));
        let same_terminal =
            from.is_some_and(|p| s.terminal.present() == Some(true) && p.terminal == s.terminal);
        let process = Process {
            node: s.node,
            pid: s.pid,
            ppid: s.ppid.unwrap_or(0),
            parent,
            orphan: parent.is_none() && s.ppid.is_some(),
            entry: from.and_then(|p| p.entry),
            entry_type: from.map_or(Entry::Unknown, |p| p.entry_type),
            origin: Origin::Seen,
            exited: false,
            tentative: false,
            foreign: from.and_then(|p| p.foreign),
            start: s.millis,
            last: s.millis,
            order: self.order,
            version: 0,
            entity: entity(s.host, s.pid, s.millis),
            login: s.login.unwrap_or_default(),
            inherited: s.login.unwrap_or_default(),
            login_known: s.login.is_some(),
            relogged: false,
            ids: s.ids.unwrap_or_default(),
            ids_known: s.ids.is_some(),
            // One terminal belongs to one session.
            leaders: from
                .filter(|_| same_terminal)
                .and_then(|p| p.leaders.as_deref()?[0])
                .map(|session| Box::new([Some(session), None])),
            terminal: s.terminal,
            image: from.and_then(|p| p.image.clone()),
            container: from.and_then(|p| p.container.clone()),
        };
        let at = self.insert(process);
        if !s.exec {
            self.correct_image(at, s);
        }
        self.find_entry(at, None);
        at
    }

    /// A process was made: `child` is the number that the call gave back to `caller`.
    pub fn forked(
        &mut self,
        caller: ProcessRef,
        host: &[u8],
        child: u32,
        millis: u64,
        how: Forked,
    ) -> Option<ProcessRef> {
        self.order += 1;
        let order = self.order;
        let from = self.get(caller)?;
        let (node, parent, ppid) = match how {
            Forked::Sibling => (from.node, from.parent, from.ppid),
            Forked::Child | Forked::Maybe => (from.node, Some(caller), from.pid),
        };
        if let Some(at) = self.current(node, child) {
            // The child's own records may come before the one of the call that made it.
            let known = self.get(at)?;
            if known.origin == Origin::Seen && known.ppid == ppid && known.start >= millis {
                let process = self.get_mut(at)?;
                process.parent = parent;
                return Some(at);
            }
            let surprise = !known.exited;
            self.retire(at, surprise);
        }
        let from = self.get(caller)?;
        let process = Process {
            pid: child,
            ppid,
            parent,
            orphan: how == Forked::Sibling && from.orphan,
            origin: Origin::Fork,
            exited: false,
            tentative: how == Forked::Maybe,
            start: millis,
            last: millis,
            order,
            entity: entity(host, child, millis),
            inherited: from.login,
            relogged: false,
            ..from.clone()
        };
        let at = self.insert(process);
        self.find_entry(at, None);
        Some(at)
    }

    /// The process runs another program now; gives what it ran before.
    pub fn exec(&mut self, at: ProcessRef, image: Image, gaps: &mut dyn Gaps) -> Option<Image> {
        self.get(at)?;
        let before = self.set_image(at, image);
        let runtime = |image: &Option<Image>| {
            let name = image.as_ref().and_then(Image::name).unwrap_or_default();
            RUNTIMES.iter().any(|r| name.starts_with(r))
        };
        let process = self.get(at)?;
        let parent = process.parent.and_then(|p| self.get(p)).and_then(|p| p.image.clone());
        if runtime(&before) || runtime(&parent) {
            let pid = process.pid;
            self.counters.looked_up += 1;
            if let Some(found) = gaps.place(pid)
                && let Some(process) = self.get_mut(at)
            {
                process.container = found.container.map(Arc::new).or_else(|| process.container.clone());
                process.foreign = found.foreign.or(process.foreign);
            }
        }
        self.find_entry(at, before.as_ref());
        before
    }

    /// The process ended.
    pub fn exited(&mut self, at: ProcessRef, millis: u64) {
        if let Some(process) = self.get_mut(at)
            && !process.exited
        {
            process.exited = true;
            process.last = millis;
            self.slots.renew(at, true);
        }
    }

    /// The process's login was set.
    pub fn set_login(&mut self, at: ProcessRef, login: Login) {
        if let Some(process) = self.get_mut(at) {
            process.relogged |= process.login_known && process.login != process.inherited;
            (process.login, process.login_known) = (login, true);
        }
    }

    /// The process began a session.
    pub fn set_session(&mut self, at: ProcessRef) {
        if let Some(process) = self.get_mut(at) {
            process.leaders = Some(Box::new([Some(at), Some(at)]));
        }
    }

    /// Says whether a process's namespaces are others than the host's.
    pub fn set_foreign(&mut self, at: ProcessRef, foreign: bool) {
        if let Some(process) = self.get_mut(at) {
            process.foreign = Some(foreign);
        }
    }

    /// A process runs another program now; gives what it ran before.
    pub(super) fn set_image(&mut self, at: ProcessRef, mut image: Image) -> Option<Image> {
        self.known.number(&mut image);
        self.image_bytes += image.size();
        let before = self.get_mut(at).and_then(|process| process.image.replace(image));
        self.forget(before.as_ref());
        self.make_room(0);
        before
    }

    /// An image was taken from a process.
    fn forget(&mut self, image: Option<&Image>) {
        if let Some(image) = image.filter(|image| image.is_last()) {
            self.image_bytes = self.image_bytes.saturating_sub(image.size());
        }
    }

    /// Its number belongs to another process now.
    pub(super) fn retire(&mut self, at: ProcessRef, surprise: bool) {
        let Some(process) = self.get_mut(at) else { return };
        let (node, pid, ended) = (process.node, process.pid, process.exited);
        process.exited = true;
        self.unname(node, pid, at.slot());
        if !ended {
            self.slots.renew(at, true);
        }
        if surprise {
            self.counters.reused_unseen += 1;
            if self.reused.len() >= 65_536 && !self.reused.contains_key(&node) {
                // Without the marks the table would trust too much: forget the processes with them.
                let limits = self.limits;
                let (counters, order, changes) = (self.counters, self.order, self.changes);
                *self = Self { counters, order, changes, ..Self::new(limits) };
            }
            self.reused.insert(node, self.order.saturating_sub(1));
        }
    }

    pub(super) fn insert(&mut self, mut process: Process) -> ProcessRef {
        self.counters.born += 1;
        self.changes += 1;
        process.version = self.changes;
        self.make_room(1);
        let (node, pid, tentative) = (process.node, process.pid, process.tentative);
        // What may be no process at all goes first when room is needed.
        let at = self.slots.insert(process, tentative);
        if let Some(before) = self.current(node, pid) {
            self.unname(node, pid, before.slot());
        }
        let (slots, hasher) = (&self.slots, &self.hasher);
        let rehash = |slot: &u32| hasher.hash_one(slots.key(*slot));
        self.current.insert_unique(self.hasher.hash_one((node, pid)), at.slot(), rehash);
        at
    }

    /// Makes a process the newest: it was seen, or was found to be a parent.
    pub(super) fn renew(&mut self, at: ProcessRef) {
        let ended = self.get(at).is_some_and(|p| p.exited);
        self.slots.renew(at, ended);
    }

    /// Evicts until the bounds hold with so many more: of whoever has most the ended first, then those not seen for longest.
    fn make_room(&mut self, more: usize) {
        let full = |table: &Self| match table.limits {
            Limits { image_bytes, .. } if table.image_bytes > image_bytes => Some(Full::Images),
            Limits { processes, .. } => (table.len() + more > processes.max(1)).then_some(Full::Processes),
        };
        while let Some(full) = full(self)
            && self.len() + more > 1
            && let Some((slot, process)) = self.slots.remove_next(full)
        {
            self.unname(process.node, process.pid, slot);
            self.lines.removes(slot);
            if process.exited || process.tentative {
                self.counters.evicted_exited += 1;
            } else {
                self.counters.evicted_live += 1;
            }
            self.forget(process.image.as_ref());
        }
    }
}

/// `process.entity_id` before it is written out: 96 bits of SHA-256 over host, pid and start.
#[must_use]
pub(super) fn entity(host: &[u8], pid: u32, start: u64) -> [u8; 12] {
    let mut hash = Sha256::new();
    hash.update(host);
    hash.update([0]);
    hash.update(pid.to_be_bytes());
    hash.update(start.to_be_bytes());
    hash.finalize().first_chunk().copied().unwrap_or_default()
}
