//! Parents: which process has a number now, and what /proc says where the table does not know.

use std::sync::Arc;

use super::line::LONGEST;
use super::process::{Entry, Found, Login, Origin, Place, Process};
use super::slots::ProcessRef;
use super::table::{ProcessTable, entity};

/// Where the table turns when it does not know a process: /proc in live operation, nothing in a replay.
pub trait Gaps {
    /// What is known of the process that has `pid` now; `None` where there is none or none may be asked.
    fn look(&mut self, pid: u32) -> Option<Found>;

    /// Whether nothing is ever known of where a process stands now, so that none need be asked for.
    fn is_blind(&self) -> bool {
        false
    }

    /// Where the process that has `pid` now stands; `None` as in [`Gaps::look`].
    fn place(&mut self, pid: u32) -> Option<Place> {
        let Found { container, foreign, start, .. } = self.look(pid).filter(|found| found.pid == pid)?;
        Some(Place { start, container, foreign })
    }

    /// What taints the kernel's module of that name, as `/sys/module/NAME/taint` has it: letters, of which "O" is a
    /// module from outside the kernel's tree and "E" one without signature (`Documentation/admin-guide/tainted-kernels.rst`).
    /// `None` where nothing does, or none may be asked.
    fn taint(&mut self, _module: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// Whether [`Gaps::environment`] may ever tell something.
    fn has_environments(&self) -> bool {
        true
    }

    /// What the process with `pid` was started with, when it began no later than `until` (milliseconds since the Unix
    /// epoch). `None` where it has ended, or none may be asked.
    fn environment(&mut self, _pid: u32, _until: u64) -> Option<Environment> {
        None
    }

    /// What the process that has `pid` now sees mounted, when it began no later than `until` (milliseconds since the
    /// Unix epoch). `None` where it has ended, or none may be asked.
    fn mounts(&mut self, _pid: u32, _until: u64) -> Option<Mounted> {
        None
    }

    /// Where its root is, likewise; needs privilege.
    fn root(&mut self, _pid: u32, _until: u64) -> Option<RootLink> {
        None
    }

    /// All processes there are, for a snapshot.
    fn all(&mut self) -> Vec<Found> {
        Vec::new()
    }
}

/// Some of the environment of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The program that it runs, as the kernel names it.
    pub executable: Vec<u8>,
    /// `NAME=value`, of listed names only.
    pub variables: Vec<Vec<u8>>,
}

/// What a process sees mounted below its own root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounted {
    /// `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`), whole.
    pub mounts: Vec<u8>,
    /// `/proc/PID/cmdline`: each argument with a NUL behind it.
    pub arguments: Vec<u8>,
}

/// The root of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootLink {
    /// `/proc/PID/root`: a path in the process's own mount namespace.
    pub path: Vec<u8>,
    /// The number of that namespace; 0 where it cannot be read.
    pub mount_namespace: u64,
}

/// Nothing is looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGaps;

impl Gaps for NoGaps {
    fn look(&mut self, _pid: u32) -> Option<Found> {
        None
    }

    fn is_blind(&self) -> bool {
        true
    }

    fn has_environments(&self) -> bool {
        false
    }
}

/// How long after the end of a process a child may still name it as its parent, in milliseconds: the
/// record of an end is stamped before the children are handed on, and no number is given again that soon
/// (the kernel goes through all others first, `alloc_pid`).
const HANDING_ON: u64 = 100;

impl ProcessTable {
    /// The parent of a process that has `ppid` as its parent's number now; without `gaps` only the table is asked.
    pub(super) fn parent(
        &mut self,
        node: u64,
        host: &[u8],
        ppid: u32,
        login: Option<Login>,
        millis: u64,
        gaps: Option<&mut dyn Gaps>,
    ) -> Option<ProcessRef> {
        if ppid == 0 {
            return None;
        }
        let known = self.current(node, ppid);
        if let Some(at) = known
            && self.can_be_parent(at, node, login, millis)
        {
            let order = self.order;
            if let Some(process) = self.touch(at) {
                process.order = order;
            }
            self.renew(at);
            if let Some(gaps) = gaps.filter(|_| self.is_half_known(at)) {
                self.climb(node, host, at, gaps);
            }
            return Some(at);
        }
        let gaps = gaps?;
        self.counters.looked_up += 1;
        match gaps.look(ppid) {
            Some(found) if found.pid == ppid => Some(self.found(node, host, found, gaps)),
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

    /// Takes in what /proc says of a process that has its number now, and of its parents up to the first that is known:
    /// they may end as soon as it does.
    fn found(&mut self, node: u64, host: &[u8], found: Found, gaps: &mut dyn Gaps) -> ProcessRef {
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
                    if let Some(login) = found.login {
                        (process.login, process.login_known) = (login, true);
                    }
                    process.foreign = found.foreign.or(process.foreign);
                }
                self.renew(at);
                return at;
            }
            self.retire(at, false);
        }
        self.order += 1;
        let at = self.add(node, host, found);
        self.climb(node, host, at, gaps);
        at
    }

    /// From `at` upwards, asks for what is not known of a parent, up to the first that is known with its own.
    fn climb(&mut self, node: u64, host: &[u8], mut at: ProcessRef, gaps: &mut dyn Gaps) {
        for _ in 1..LONGEST {
            if self.is_half_known(at) {
                self.complete(at, gaps);
            }
            let Some(process) = self.get(at) else { break };
            let (ppid, start) = (process.ppid, process.start);
            if ppid == 0 {
                break;
            }
            at = match self.current(node, ppid) {
                Some(known) if self.is_half_known(known) => known,
                Some(_) => break,
                None => {
                    self.counters.looked_up += 1;
                    // One that began later was given the number of a parent that has ended.
                    let Some(parent) = gaps.look(ppid).filter(|it| it.pid == ppid && it.start <= start)
                    else {
                        break;
                    };
                    self.add(node, host, parent)
                }
            };
        }
        self.settle();
    }

    /// Seen in nothing but messages of its own, which name no parent and no program that the kernel vouches for: so is sudo
    /// where executions of it are not recorded.
    fn is_half_known(&self, at: ProcessRef) -> bool {
        self.get(at).is_some_and(|it| it.origin == Origin::Seen && it.ppid == 0 && it.pid != 1 && !it.exited)
    }

    /// Takes in what /proc says of a process that is half known.
    fn complete(&mut self, at: ProcessRef, gaps: &mut dyn Gaps) {
        let Some((pid, seen)) = self.get(at).map(|it| (it.pid, it.start)) else { return };
        self.counters.looked_up += 1;
        // One that began after it was seen is another; /proc counts in hundredths of a second.
        let found = gaps.look(pid).filter(|it| it.pid == pid && it.start <= seen.saturating_add(10));
        let (Some(found), Some(process)) = (found, self.get_mut(at)) else { return };
        (process.ppid, process.start, process.origin) = (found.ppid, found.start, Origin::Proc);
        process.container = found.container.map(Arc::new).or_else(|| process.container.take());
        process.foreign = found.foreign.or(process.foreign);
        if process.image.is_none() {
            self.set_image(at, found.image);
        }
        self.unsettled.push((at, found.sid, found.pgid));
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
            orphan: false,
            entry: None,
            entry_type: Entry::Unknown,
            origin: Origin::Proc,
            exited: false,
            tentative: false,
            foreign: found.foreign,
            start: found.start,
            last: found.start,
            order: self.order,
            version: 0,
            entity: entity(host, found.pid, found.start),
            login: found.login.unwrap_or_default(),
            inherited: found.login.unwrap_or_default(),
            login_known: found.login.is_some(),
            relogged: false,
            ids: found.ids.unwrap_or_default(),
            ids_known: found.ids.is_some(),
            leaders: None,
            terminal: found.terminal,
            image: None,
            container: found.container.map(Arc::new),
        };
        let at = self.insert(process);
        self.set_image(at, found.image);
        self.unsettled.push((at, found.sid, found.pgid));
        at
    }

    /// Links the processes of a snapshot to their parents and leaders: all were there at one time.
    pub(super) fn settle(&mut self) {
        if self.unsettled.is_empty() {
            return;
        }
        let unsettled = std::mem::take(&mut self.unsettled);
        for &(at, sid, pgid) in &unsettled {
            let Some(process) = self.get(at) else { continue };
            let (node, ppid) = (process.node, process.ppid);
            let links = [ppid, sid, pgid].map(|pid| self.current(node, pid));
            if let Some(process) = self.get_mut(at) {
                let [parent, session, group] = links;
                process.parent = parent;
                process.leaders = Some(Box::new([session, group]));
            }
        }
        // Entries from the top down: a process's depends on its parent's.
        for &(at, ..) in &unsettled {
            let mut line = vec![at];
            while let Some(parent) = line.last().and_then(|at| self.get(*at)?.parent)
                && line.len() < LONGEST
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
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Sighting, Terminal};
    use super::*;

    /// Processes of numbers 1 to 5, each the parent of the next, and how often one was asked for.
    struct Five {
        starts: [u64; 5],
        asked: Vec<u32>,
    }

    impl Gaps for Five {
        fn look(&mut self, pid: u32) -> Option<Found> {
            self.asked.push(pid);
            let start = *self.starts.get(usize::try_from(pid).ok()?.checked_sub(1)?)?;
            let program = format!("/bin/{pid}");
            Some(Found::running(pid, pid - 1, start, program.as_bytes()))
        }
    }

    fn child(parent: u32) -> Sighting<'static> {
        Sighting {
            node: 0,
            host: b"h",
            pid: 100,
            ppid: Some(parent),
            login: None,
            ids: None,
            terminal: Terminal::Unknown,
            millis: 1_000,
            exec: false,
            executable: Some(b"/bin/child"),
            name: Some(b"child"),
        }
    }

    fn programs(table: &mut ProcessTable, pid: u32, gaps: &mut Five) -> Vec<String> {
        let at = table.seen(&Sighting { pid, ..child(5) }, gaps);
        let line = table.line(at).expect("a line");
        let program =
            |at: &Process| String::from_utf8_lossy(at.image.as_ref()?.executable()?).into_owned().into();
        (1..).map_while(|given| line.nth(given)).filter_map(program).collect()
    }

    #[test]
    fn all_parents_of_one_that_is_looked_up_are_known_and_each_is_asked_for_once() {
        let mut table = ProcessTable::new(Limits::default());
        let mut gaps = Five { starts: [10, 20, 30, 40, 50], asked: Vec::new() };
        let wanted = ["/bin/5", "/bin/4", "/bin/3", "/bin/2", "/bin/1"];
        assert_eq!(programs(&mut table, 100, &mut gaps), wanted);
        assert_eq!(programs(&mut table, 101, &mut gaps), wanted);
        assert_eq!(gaps.asked, [5, 4, 3, 2, 1]);
    }

    /// A message of 3 itself, seen before its child asks for parents: sudo's, whose execution nobody recorded.
    fn message_of_3(table: &mut ProcessTable, millis: u64) {
        let message = Sighting { ppid: None, millis, executable: None, name: None, pid: 3, ..child(3) };
        table.seen(&message, &mut NoGaps);
    }

    #[test]
    fn one_that_only_messages_told_of_is_asked_for_with_its_parents() {
        let mut gaps = Five { starts: [10, 20, 30, 40, 50], asked: Vec::new() };
        let mut table = ProcessTable::new(Limits::default());
        message_of_3(&mut table, 35);
        let wanted = ["/bin/5", "/bin/4", "/bin/3", "/bin/2", "/bin/1"];
        assert_eq!(programs(&mut table, 100, &mut gaps), wanted);
        assert_eq!(programs(&mut table, 101, &mut gaps), wanted);
        assert_eq!(gaps.asked, [5, 4, 3, 2, 1], "each once");
        // As the parent itself.
        let (mut table, mut gaps) =
            (ProcessTable::new(Limits::default()), Five { asked: Vec::new(), ..gaps });
        message_of_3(&mut table, 35);
        let at = table.seen(&child(3), &mut gaps);
        let parent = table.line(at).expect("a line").nth(1).expect("the parent").ppid;
        assert_eq!((parent, gaps.asked), (2, vec![3, 2, 1]));
    }

    #[test]
    fn one_that_began_after_the_message_is_not_who_wrote_it() {
        let mut gaps = Five { starts: [10, 20, 36, 40, 50], asked: Vec::new() };
        let mut table = ProcessTable::new(Limits::default());
        message_of_3(&mut table, 25);
        assert_eq!(programs(&mut table, 100, &mut gaps), ["/bin/5", "/bin/4"]);
    }

    #[test]
    fn a_number_that_was_given_again_is_no_parent() {
        let mut table = ProcessTable::new(Limits::default());
        let mut gaps = Five { starts: [10, 20, 45, 40, 50], asked: Vec::new() };
        assert_eq!(programs(&mut table, 100, &mut gaps), ["/bin/5", "/bin/4"]);
    }
}
