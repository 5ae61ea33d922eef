//! The table itself: look-up by node and pid, births and deaths, eviction.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use hashbrown::HashMap as FastMap;
use sha2::{Digest, Sha256};

use super::image::Image;
use super::process::{Entry, Found, Ids, Login, Origin, Process, Terminal};

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
        Self { processes: 32_768, image_bytes: 32_768 * 128 }
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

/// A process of the table, also after it was evicted (then it is found no more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRef {
    slot: u32,
    generation: NonZeroU32,
}

/// Where the table turns when it does not know a process: /proc in live operation, nothing in a replay.
pub trait Gaps {
    /// What is known of the process that has `pid` now; `None` where there is none or none may be asked.
    fn look(&mut self, pid: u32) -> Option<Found>;
}

/// Nothing is looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGaps;

impl Gaps for NoGaps {
    fn look(&mut self, _pid: u32) -> Option<Found> {
        None
    }
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

/// How long after the end of a process a child may still name it as its parent, in milliseconds: the
/// record of an end is stamped before the children are handed on, and no number is given again that soon
/// (the kernel goes through all others first, `alloc_pid`).
const HANDING_ON: u64 = 100;

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

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot {
    generation: NonZeroU32,
    older: u32,
    newer: u32,
    /// In which list it stands.
    ended: bool,
    process: Option<Process>,
}

/// A list of slots, oldest first.
#[derive(Debug)]
struct Ages {
    oldest: u32,
    newest: u32,
}

impl Default for Ages {
    fn default() -> Self {
        Self { oldest: NONE, newest: NONE }
    }
}

/// See the module above.
#[derive(Debug)]
pub struct ProcessTable {
    limits: Limits,
    slots: Vec<Slot>,
    free: Vec<u32>,
    current: FastMap<(u64, u32), u32, foldhash::fast::RandomState>,
    live: Ages,
    ended: Ages,
    len: usize,
    image_bytes: usize,
    order: u64,
    /// When (in order) a number of this node was last found reused without an end having been seen.
    reused: HashMap<u64, u64>,
    /// Processes of a snapshot whose parents are not linked yet.
    unsettled: Vec<(ProcessRef, u32, u32)>,
    /// What was counted.
    pub counters: Counters,
}

impl ProcessTable {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots: Vec::new(),
            free: Vec::new(),
            current: FastMap::default(),
            live: Ages::default(),
            ended: Ages::default(),
            len: 0,
            image_bytes: 0,
            order: 0,
            reused: HashMap::new(),
            unsettled: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// How many processes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory, as counted for the bound.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.image_bytes
            + self.slots.capacity() * size_of::<Slot>()
            + self.current.capacity() * (size_of::<((u64, u32), u32)>() + 1)
    }

    /// The process of a reference; `None` when it was evicted.
    #[must_use]
    pub fn get(&self, at: ProcessRef) -> Option<&Process> {
        let slot = self.slots.get(at.slot as usize)?;
        slot.process.as_ref().filter(|_| slot.generation == at.generation)
    }

    fn get_mut(&mut self, at: ProcessRef) -> Option<&mut Process> {
        let slot = self.slots.get_mut(at.slot as usize)?;
        slot.process.as_mut().filter(|_| slot.generation == at.generation)
    }

    /// The process that has this number now, as far as is known.
    #[must_use]
    pub fn current(&self, node: u64, pid: u32) -> Option<ProcessRef> {
        let slot = *self.current.get(&(node, pid))?;
        Some(ProcessRef { slot, generation: self.slots.get(slot as usize)?.generation })
    }

    /// The process's session leader, group leader and entry leader, where known.
    #[must_use]
    pub fn leaders(&self, process: &Process) -> [Option<&Process>; 3] {
        [process.session, process.group, process.entry].map(|at| at.and_then(|at| self.get(at)))
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
                self.retire(at, surprise);
                self.create(sighting, gaps)
            }
        }
    }

    /// Whether a sighting of its number is this process.
    fn judge(&self, at: ProcessRef, s: &Sighting<'_>) -> Verdict {
        let Some(known) = self.get(at) else { return Verdict::Other { surprise: false } };
        if known.exited {
            return if s.millis <= known.last { Verdict::Same } else { Verdict::Other { surprise: false } };
        }
        if let (Some(now), Some(before)) = (s.login, known.login)
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
        // The parent's number is the same: is the parent?
        let heir = self.current(s.node, ppid).filter(|heir| Some(*heir) != known.parent);
        let other_parent = known.parent.is_some()
            && heir
                .and_then(|heir| self.get(heir))
                .is_some_and(|heir| heir.born > known.born && heir.hands_on(s.login));
        if other_parent { Verdict::Other { surprise: false } } else { Verdict::Same }
    }

    fn refresh(&mut self, at: ProcessRef, s: &Sighting<'_>, gaps: &mut dyn Gaps) {
        let order = self.order;
        let mut ask = None;
        if let Some(process) = self.get_mut(at) {
            process.order = order;
            process.last = process.last.max(s.millis);
            process.tentative = false;
            process.login = process.login.or(s.login);
            process.inherited = process.inherited.or(s.login);
            process.ids = s.ids.or(process.ids);
            if s.terminal != Terminal::Unknown {
                process.terminal = s.terminal;
            }
            if let Some(ppid) = s.ppid
                && (ppid != process.ppid || process.parent.is_none())
            {
                process.ppid = ppid;
                ask = Some((ppid, process.inherited));
            }
        }
        if let Some((ppid, login)) = ask {
            let parent = self.parent(s.node, s.host, ppid, login, s.millis, gaps);
            if let Some(process) = self.get_mut(at) {
                process.parent = parent;
            }
        }
        if !s.exec {
            self.correct_image(at, s);
        }
        if !self.get(at).is_some_and(|p| p.exited) {
            self.touch(at);
        }
    }

    /// Takes in that a process runs another program than the table thought: its exec was not recorded.
    fn correct_image(&mut self, at: ProcessRef, s: &Sighting<'_>) {
        let stale = self.get(at).is_some_and(|p| s.executable.is_some() && !p.runs(s.executable));
        if stale {
            let image = Image::new(s.executable, None, s.name, None);
            self.set_image(at, Arc::new(image));
        }
    }

    fn create(&mut self, s: &Sighting<'_>, gaps: &mut dyn Gaps) -> ProcessRef {
        let parent = s.ppid.and_then(|ppid| self.parent(s.node, s.host, ppid, s.login, s.millis, gaps));
        let from = parent.and_then(|p| self.get(p));
        let same_terminal =
            from.is_some_and(|p| s.terminal.present() == Some(true) && p.terminal == s.terminal);
        let process = Process {
            node: s.node,
            pid: s.pid,
            ppid: s.ppid.unwrap_or(0),
            parent,
            entry: from.and_then(|p| p.entry),
            entry_type: from.map_or(Entry::Unknown, |p| p.entry_type),
            origin: Origin::Seen,
            exited: false,
            tentative: false,
            foreign: from.and_then(|p| p.foreign),
            start: s.millis,
            last: s.millis,
            order: self.order,
            born: self.order,
            entity: entity(s.host, s.pid, s.millis),
            login: s.login,
            inherited: s.login,
            ids: s.ids,
            session: from.filter(|_| same_terminal).and_then(|p| p.session),
            group: None,
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

    /// The parent of a process that has `ppid` as its parent's number now.
    fn parent(
        &mut self,
        node: u64,
        host: &[u8],
        ppid: u32,
        login: Option<Login>,
        millis: u64,
        gaps: &mut dyn Gaps,
    ) -> Option<ProcessRef> {
        if ppid == 0 {
            return None;
        }
        let known = self.current(node, ppid);
        if let Some(at) = known
            && self.can_be_parent(at, node, login, millis)
        {
            let order = self.order;
            if let Some(process) = self.get_mut(at) {
                process.order = order;
            }
            if !self.get(at).is_some_and(|p| p.exited) {
                self.touch(at);
            }
            return Some(at);
        }
        self.counters.looked_up += 1;
        match gaps.look(ppid) {
            Some(found) if found.pid == ppid => Some(self.found(node, host, found)),
            _ => {
                self.counters.parents_unknown += 1;
                None
            }
        }
    }

    fn can_be_parent(&self, at: ProcessRef, node: u64, login: Option<Login>, millis: u64) -> bool {
        let Some(known) = self.get(at) else { return false };
        if known.exited && millis.abs_diff(known.last) > HANDING_ON {
            return false;
        }
        if !known.hands_on(login) {
            return false;
        }
        // Another number was found reused after this one was last seen: numbers go round, so this one
        // may have been given again too. Init never is.
        known.pid == 1 || self.reused.get(&node).is_none_or(|at| known.order > *at)
    }

    /// Takes in what /proc says of a process that has its number now.
    fn found(&mut self, node: u64, host: &[u8], found: Found) -> ProcessRef {
        if let Some(at) = self.current(node, found.pid) {
            // Seen in an event between its start and now: it is this one.
            let same = self.get(at).is_some_and(|p| {
                !p.exited
                    && p.last + 10 >= found.start
                    && (p.origin != Origin::Proc || p.start == found.start)
            });
            if same {
                let order = self.order;
                if let Some(process) = self.get_mut(at) {
                    process.order = order;
                    process.login = found.login.or(process.login);
                    process.foreign = found.foreign.or(process.foreign);
                }
                self.touch(at);
                return at;
            }
            self.retire(at, false);
        }
        self.order += 1;
        let at = self.add(node, host, found);
        self.settle();
        at
    }

    /// Adds a process of a snapshot of /proc. Parents are linked when all are in.
    pub fn add_snapshot(&mut self, node: u64, host: &[u8], found: Found) {
        if let Some(at) = self.current(node, found.pid) {
            self.retire(at, false);
        }
        self.order += 1;
        self.add(node, host, found);
    }

    fn add(&mut self, node: u64, host: &[u8], found: Found) -> ProcessRef {
        let process = Process {
            node,
            pid: found.pid,
            ppid: found.ppid,
            parent: None,
            entry: None,
            entry_type: Entry::Unknown,
            origin: Origin::Proc,
            exited: false,
            tentative: false,
            foreign: found.foreign,
            start: found.start,
            last: found.start,
            order: self.order,
            born: self.order,
            entity: entity(host, found.pid, found.start),
            login: found.login,
            inherited: found.login,
            ids: found.ids,
            session: None,
            group: None,
            terminal: found.terminal,
            image: None,
            container: found.container.map(Arc::from),
        };
        let at = self.insert(process);
        self.set_image(at, Arc::new(found.image));
        self.unsettled.push((at, found.sid, found.pgid));
        at
    }

    /// Links the processes of a snapshot to their parents and leaders: all were there at one time.
    fn settle(&mut self) {
        if self.unsettled.is_empty() {
            return;
        }
        let unsettled = std::mem::take(&mut self.unsettled);
        for &(at, sid, pgid) in &unsettled {
            let Some(process) = self.get(at) else { continue };
            let (node, ppid) = (process.node, process.ppid);
            let links = [ppid, sid, pgid].map(|pid| self.current(node, pid));
            if let Some(process) = self.get_mut(at) {
                [process.parent, process.session, process.group] = links;
            }
        }
        // Entries from the top down: a process's depends on its parent's.
        for &(at, ..) in &unsettled {
            let mut line = vec![at];
            while let Some(parent) = line.last().and_then(|at| self.get(*at)?.parent)
                && line.len() < 64
                && self.get(parent).is_some_and(|p| p.entry.is_none())
                && !line.contains(&parent)
            {
                line.push(parent);
            }
            for at in line.into_iter().rev() {
                if let Some((entry, kind)) =
                    self.get(at).and_then(|p| self.get(p.parent?)).map(|p| (p.entry, p.entry_type))
                    && let Some(process) = self.get_mut(at)
                {
                    (process.entry, process.entry_type) = (entry, kind);
                }
                self.find_entry(at, None);
            }
        }
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
            origin: Origin::Fork,
            exited: false,
            tentative: how == Forked::Maybe,
            start: millis,
            last: millis,
            order,
            born: order,
            entity: entity(host, child, millis),
            inherited: from.login,
            group: from.group,
            ..from.clone()
        };
        let at = self.insert(process);
        self.find_entry(at, None);
        Some(at)
    }

    /// The process runs another program now; gives what it ran before.
    pub fn exec(&mut self, at: ProcessRef, image: Image, gaps: &mut dyn Gaps) -> Option<Arc<Image>> {
        let before = self.get(at)?.image.clone();
        self.set_image(at, Arc::new(image));
        let runtime = |image: &Option<Arc<Image>>| {
            let name = image.as_deref().and_then(Image::name).unwrap_or_default();
            RUNTIMES.iter().any(|r| name.starts_with(r))
        };
        let process = self.get(at)?;
        let parent = process.parent.and_then(|p| self.get(p)).and_then(|p| p.image.clone());
        if runtime(&before) || runtime(&parent) {
            let pid = process.pid;
            self.counters.looked_up += 1;
            if let Some(found) = gaps.look(pid).filter(|found| found.pid == pid)
                && let Some(process) = self.get_mut(at)
            {
                process.container = found.container.map(Arc::from).or_else(|| process.container.clone());
                process.foreign = found.foreign.or(process.foreign);
            }
        }
        self.find_entry(at, before.as_deref());
        before
    }

    /// The process ended.
    pub fn exited(&mut self, at: ProcessRef, millis: u64) {
        if let Some(process) = self.get_mut(at)
            && !process.exited
        {
            process.exited = true;
            process.last = millis;
            self.unlink(at.slot);
            self.link(at.slot, true);
        }
    }

    /// The process's login was set.
    pub fn set_login(&mut self, at: ProcessRef, login: Login) {
        if let Some(process) = self.get_mut(at) {
            process.login = Some(login);
        }
    }

    /// The process began a session.
    pub fn set_session(&mut self, at: ProcessRef) {
        if let Some(process) = self.get_mut(at) {
            process.session = Some(at);
            process.group = Some(at);
        }
    }

    /// Says whether a process's namespaces are others than the host's.
    pub fn set_foreign(&mut self, at: ProcessRef, foreign: bool) {
        if let Some(process) = self.get_mut(at) {
            process.foreign = Some(foreign);
        }
    }

    /// Decides whether a process begins a session, service or container of its own.
    fn find_entry(&mut self, at: ProcessRef, before: Option<&Image>) {
        let Some(process) = self.get(at) else { return };
        let parent = process.parent.and_then(|p| self.get(p));
        let name =
            |image: Option<&Image>| image.and_then(Image::name).map(<[u8]>::to_vec).unwrap_or_default();
        let own = name(process.image.as_deref());
        let from = [name(before), name(parent.and_then(|p| p.image.as_deref()))];
        let left = |program: &[u8]| from.iter().any(|n| n.starts_with(program)) && !own.starts_with(program);
        let found = if process.ppid == 2 || process.pid == 2 {
            Some(Entry::Kernel)
        } else if process.container.is_some() && parent.is_none_or(|p| p.container != process.container) {
            Some(Entry::Container)
        } else if left(b"sshd") {
            Some(Entry::Sshd)
        } else if left(b"login") || left(b"agetty") {
            Some(Entry::Terminal)
        } else if process.ppid == 1 || process.pid == 1 {
            Some(Entry::Init)
        } else {
            None
        };
        // An exec does not begin anew what the process had begun already.
        let begun = process.entry == Some(at);
        if let Some(found) = found
            && !(begun && found == Entry::Init)
            && let Some(process) = self.get_mut(at)
        {
            process.entry = Some(at);
            process.entry_type = found;
        }
    }

    fn set_image(&mut self, at: ProcessRef, image: Arc<Image>) {
        self.image_bytes += image.size();
        if let Some(process) = self.get_mut(at) {
            let before = process.image.replace(image);
            self.forget(before);
        }
        self.make_room();
    }

    fn forget(&mut self, image: Option<Arc<Image>>) {
        if let Some(image) = image
            && Arc::strong_count(&image) == 1
        {
            self.image_bytes = self.image_bytes.saturating_sub(image.size());
        }
    }

    /// Its number belongs to another process now.
    fn retire(&mut self, at: ProcessRef, surprise: bool) {
        let Some(process) = self.get_mut(at) else { return };
        let (node, pid, ended) = (process.node, process.pid, process.exited);
        process.exited = true;
        if self.current.get(&(node, pid)) == Some(&at.slot) {
            self.current.remove(&(node, pid));
        }
        if !ended {
            self.unlink(at.slot);
            self.link(at.slot, true);
        }
        if surprise {
            self.counters.reused_unseen += 1;
            if self.reused.len() >= 65_536 && !self.reused.contains_key(&node) {
                // Without the marks the table would trust too much: forget the processes with them.
                let limits = self.limits;
                let counters = self.counters;
                let order = self.order;
                *self = Self { counters, order, ..Self::new(limits) };
            }
            self.reused.insert(node, self.order.saturating_sub(1));
        }
    }

    fn insert(&mut self, process: Process) -> ProcessRef {
        self.counters.born += 1;
        let (key, tentative) = ((process.node, process.pid), process.tentative);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).unwrap_or(NONE);
                self.slots.push(Slot {
                    generation: NonZeroU32::MIN,
                    older: NONE,
                    newer: NONE,
                    ended: false,
                    process: None,
                });
                slot
            }
        };
        if let Some(place) = self.slots.get_mut(slot as usize) {
            place.process = Some(process);
        }
        self.len += 1;
        self.current.insert(key, slot);
        // What may be no process at all goes first when room is needed.
        self.link(slot, tentative);
        let generation = self.slots.get(slot as usize).map_or(NonZeroU32::MIN, |s| s.generation);
        let at = ProcessRef { slot, generation };
        self.make_room();
        at
    }

    /// Evicts until the bounds hold: the ended first, then those not seen for longest.
    fn make_room(&mut self) {
        while self.len > self.limits.processes || self.image_bytes > self.limits.image_bytes {
            let slot = match (self.ended.oldest, self.live.oldest) {
                (NONE, NONE) => return,
                (NONE, slot) | (slot, _) => slot,
            };
            if self.len <= 1 {
                return;
            }
            self.evict(slot);
        }
    }

    fn evict(&mut self, slot: u32) {
        self.unlink(slot);
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        place.generation = place.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        let Some(process) = place.process.take() else { return };
        self.len -= 1;
        self.free.push(slot);
        if self.current.get(&(process.node, process.pid)) == Some(&slot) {
            self.current.remove(&(process.node, process.pid));
        }
        if process.exited || process.tentative {
            self.counters.evicted_exited += 1;
        } else {
            self.counters.evicted_live += 1;
        }
        self.forget(process.image);
    }

    /// Moves a process to the newest place of its list.
    fn touch(&mut self, at: ProcessRef) {
        let ended = self.get(at).is_some_and(|p| p.exited);
        self.unlink(at.slot);
        self.link(at.slot, ended);
    }

    fn link(&mut self, slot: u32, ended: bool) {
        let ages = if ended { &mut self.ended } else { &mut self.live };
        let before = std::mem::replace(&mut ages.newest, slot);
        if before == NONE {
            ages.oldest = slot;
        } else if let Some(place) = self.slots.get_mut(before as usize) {
            place.newer = slot;
        }
        if let Some(place) = self.slots.get_mut(slot as usize) {
            (place.older, place.newer, place.ended) = (before, NONE, ended);
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Some(place) = self.slots.get(slot as usize) else { return };
        let (older, newer, ended) = (place.older, place.newer, place.ended);
        let ages = if ended { &mut self.ended } else { &mut self.live };
        if ages.oldest == slot {
            ages.oldest = newer;
        }
        if ages.newest == slot {
            ages.newest = older;
        }
        if let Some(place) = self.slots.get_mut(older as usize) {
            place.newer = newer;
        }
        if let Some(place) = self.slots.get_mut(newer as usize) {
            place.older = older;
        }
    }
}

/// Whether a sighting is the process that the table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// Another; a surprise when the table thought that the number was still taken.
    Other {
        surprise: bool,
    },
}

/// `process.entity_id` before it is written out: 128 bits of SHA-256 over host, pid and start.
#[must_use]
fn entity(host: &[u8], pid: u32, start: u64) -> u128 {
    let mut hash = Sha256::new();
    hash.update(host);
    hash.update([0]);
    hash.update(pid.to_be_bytes());
    hash.update(start.to_be_bytes());
    let digest = hash.finalize();
    digest.iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte))
}
