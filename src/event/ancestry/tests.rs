//! The table against a model of the kernel that knows the truth.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What a model process is.
#[derive(Clone, Debug)]
struct Truth {
    id: usize,
    ppid: u32,
    parent: usize,
    login: Login,
    program: String,
}

/// The kernel: numbers are given in a circle, children of the dead go to init.
struct Kernel {
    alive: BTreeMap<u32, Truth>,
    last_pid: u32,
    largest: u32,
    ids: usize,
    millis: u64,
    sessions: u32,
}

const UNSET: Login = Login { auid: u32::MAX, ses: u32::MAX };

impl Kernel {
    fn new(largest: u32) -> Self {
        let init = Truth { id: 0, ppid: 0, parent: 0, login: UNSET, program: "/sbin/init".into() };
        let alive = BTreeMap::from([(1, init)]);
        Self { alive, last_pid: 1, largest, ids: 0, millis: 1_795_000_000_000, sessions: 0 }
    }

    fn pick(&self, choice: u16) -> u32 {
        let pids: Vec<u32> = self.alive.keys().copied().collect();
        pids[usize::from(choice) % pids.len()]
    }

    fn fork(&mut self, caller: u32) -> Option<u32> {
        let mut pid = self.last_pid;
        for _ in 0..self.largest {
            pid = if pid >= self.largest { 2 } else { pid + 1 };
            if !self.alive.contains_key(&pid) {
                self.last_pid = pid;
                self.ids += 1;
                let from = self.alive[&caller].clone();
                let child = Truth { id: self.ids, ppid: caller, parent: from.id, ..from };
                self.alive.insert(pid, child);
                return Some(pid);
            }
        }
        None
    }

    fn exit(&mut self, pid: u32) {
        if pid != 1 && self.alive.remove(&pid).is_some() {
            for child in self.alive.values_mut().filter(|c| c.ppid == pid) {
                (child.ppid, child.parent) = (1, 0);
            }
        }
    }

    fn sighting<'a>(&self, pid: u32, exec: bool, truth: &'a Truth) -> Sighting<'a> {
        Sighting {
            node: 0,
            host: b"host",
            pid,
            ppid: Some(truth.ppid),
            login: Some(truth.login),
            ids: None,
            terminal: Terminal::Unknown,
            millis: self.millis,
            exec,
            executable: Some(truth.program.as_bytes()),
            name: Some(truth.program.as_bytes()),
        }
    }
}

fn image(program: &str) -> Image {
    Image::new(Some(program.as_bytes()), None, Some(program.as_bytes()), None)
}

/// What the table says of a process's parent: its program and the truth's id that the test wrote down for
/// its entity.
fn told(table: &ProcessTable, at: ProcessRef) -> Option<(String, [u8; 12])> {
    let parent = table.get(table.get(at)?.parent?)?;
    let program = String::from_utf8(parent.image.as_ref()?.executable()?.to_vec()).unwrap();
    Some((program, parent.entity))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Fork(u16),
    Exec(u16, u8),
    Exit(u16),
    Login(u16),
    Act(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<u16>().prop_map(Step::Fork),
        4 => any::<(u16, u8)>().prop_map(|(p, n)| Step::Exec(p, n)),
        3 => any::<u16>().prop_map(Step::Exit),
        1 => any::<u16>().prop_map(Step::Login),
        3 => any::<u16>().prop_map(Step::Act),
    ];
    prop::collection::vec(step, 1..300)
}

/// Every fork, exec, exit and login is recorded: parents are exact, and no two processes share an entity.
fn all_recorded(steps: &[Step], largest: u32) {
    let mut kernel = Kernel::new(largest);
    let mut table = ProcessTable::new(Limits::default());
    let mut entities: BTreeMap<[u8; 12], usize> = BTreeMap::new();
    for step in steps {
        // Numbers do not come round within this.
        kernel.millis += 1000;
        let (pid, exec) = match *step {
            Step::Fork(choice) => {
                let caller = kernel.pick(choice);
                let truth = kernel.alive[&caller].clone();
                let at = table.seen(&kernel.sighting(caller, false, &truth), &mut NoGaps);
                if let Some(child) = kernel.fork(caller) {
                    table.forked(at, b"host", child, kernel.millis, Forked::Child);
                }
                continue;
            }
            Step::Exit(choice) => {
                let pid = kernel.pick(choice);
                if pid != 1 {
                    let truth = kernel.alive[&pid].clone();
                    let at = table.seen(&kernel.sighting(pid, false, &truth), &mut NoGaps);
                    table.exited(at, kernel.millis);
                    kernel.exit(pid);
                }
                continue;
            }
            Step::Login(choice) => {
                let pid = kernel.pick(choice);
                let truth = kernel.alive[&pid].clone();
                let at = table.seen(&kernel.sighting(pid, false, &truth), &mut NoGaps);
                kernel.sessions += 1;
                let login = Login { auid: 1000, ses: kernel.sessions };
                kernel.alive.get_mut(&pid).unwrap().login = login;
                table.set_login(at, login);
                continue;
            }
            Step::Exec(choice, program) => {
                let pid = kernel.pick(choice);
                kernel.alive.get_mut(&pid).unwrap().program = format!("/bin/p{}", program % 8);
                (pid, true)
            }
            Step::Act(choice) => (kernel.pick(choice), false),
        };
        let truth = kernel.alive[&pid].clone();
        let at = table.seen(&kernel.sighting(pid, exec, &truth), &mut NoGaps);
        if exec {
            table.exec(at, image(&truth.program), &mut NoGaps);
        }
        let entity = table.get(at).unwrap().entity;
        assert_eq!(*entities.entry(entity).or_insert(truth.id), truth.id, "two processes, one entity");
        if let Some(parent) = kernel.alive.get(&truth.ppid) {
            let (program, entity) = told(&table, at).unwrap_or_default();
            // Init is the one process whose beginning is not recorded.
            if truth.parent != 0 || !program.is_empty() {
                assert_eq!(program, parent.program, "{truth:?}");
                assert_eq!(*entities.entry(entity).or_insert(parent.id), parent.id, "{truth:?}");
            }
        }
    }
}

/// Only execs and logins are recorded, and each child runs a program of its own before anything else: a
/// parent is right or unknown.
fn execs_recorded(steps: &[Step], largest: u32) -> (usize, usize) {
    let mut kernel = Kernel::new(largest);
    let mut table = ProcessTable::new(Limits::default());
    let (mut right, mut unknown) = (0, 0);
    for step in steps {
        kernel.millis += 1000;
        let pid = match *step {
            Step::Fork(choice) => {
                let Some(child) = kernel.fork(kernel.pick(choice)) else { continue };
                kernel.alive.get_mut(&child).unwrap().program = format!("/bin/f{}", choice % 8);
                child
            }
            Step::Exec(choice, program) => {
                let pid = kernel.pick(choice);
                if pid == 1 {
                    continue;
                }
                kernel.alive.get_mut(&pid).unwrap().program = format!("/bin/p{}", program % 8);
                pid
            }
            Step::Exit(choice) => {
                kernel.exit(kernel.pick(choice));
                continue;
            }
            Step::Login(choice) => {
                let pid = kernel.pick(choice);
                if pid == 1 {
                    continue;
                }
                let truth = kernel.alive[&pid].clone();
                let at = table.seen(&kernel.sighting(pid, false, &truth), &mut NoGaps);
                kernel.sessions += 1;
                let login = Login { auid: 1000, ses: kernel.sessions };
                kernel.alive.get_mut(&pid).unwrap().login = login;
                table.set_login(at, login);
                continue;
            }
            Step::Act(_) => continue,
        };
        let truth = kernel.alive[&pid].clone();
        let at = table.seen(&kernel.sighting(pid, true, &truth), &mut NoGaps);
        table.exec(at, image(&truth.program), &mut NoGaps);
        match told(&table, at) {
            Some((program, _)) => {
                assert_eq!(program, kernel.alive[&truth.ppid].program, "{truth:?}");
                right += 1;
            }
            None => unknown += 1,
        }
    }
    (right, unknown)
}

proptest! {
    #[test]
    fn with_everything_recorded_parents_are_exact(steps in steps(), largest in 4_u32..40) {
        all_recorded(&steps, largest);
    }

    #[test]
    fn with_execs_recorded_parents_are_right_or_unknown(steps in steps(), largest in 4_u32..40) {
        execs_recorded(&steps, largest);
    }

    #[test]
    fn the_bounds_hold_whatever_comes(steps in steps(), processes in 1_usize..10, image_bytes in 1_usize..2000) {
        let mut table = ProcessTable::new(Limits { processes, image_bytes });
        let mut kernel = Kernel::new(1000);
        for step in &steps {
            kernel.millis += 1;
            let (Step::Fork(n) | Step::Exec(n, _) | Step::Exit(n) | Step::Login(n) | Step::Act(n)) = *step;
            let truth = Truth { ppid: u32::from(n % 97), program: format!("/{n}"), ..kernel.alive[&1].clone() };
            let at = table.seen(&kernel.sighting(u32::from(n % 101), false, &truth), &mut NoGaps);
            match step {
                Step::Fork(_) => { table.forked(at, b"", u32::from(n % 103), kernel.millis, Forked::Maybe); }
                Step::Exec(..) => { table.exec(at, image(&truth.program), &mut NoGaps); }
                Step::Exit(_) => table.exited(at, kernel.millis),
                _ => {}
            }
            prop_assert!(table.len() <= processes.max(1));
            prop_assert!(table.image_bytes() <= image_bytes || table.len() == 1);
        }
        let counters = table.counters;
        let gone = counters.evicted_exited + counters.evicted_live;
        prop_assert_eq!(counters.born - gone, table.len() as u64, "what is evicted is counted");
    }
}

/// The exec-only table is no table of unknowns: on an ordinary history most parents are named.
#[test]
fn with_execs_recorded_most_parents_are_known() {
    let steps: Vec<Step> =
        (0..2000_u16).flat_map(|n| [Step::Fork(n.wrapping_mul(7)), Step::Exit(n.wrapping_mul(13))]).collect();
    let (right, unknown) = execs_recorded(&steps, 30_000);
    assert!(right > unknown * 3, "{right} right, {unknown} unknown");
}

/// A storm of one login user, whose processes end or not and have large arguments or not, evicts no process of another, be it
/// one that has ended.
#[test]
fn a_storm_of_one_login_user_evicts_nobody_elses_processes() {
    for (ends, size) in [(false, 10), (true, 10), (false, 4_000)] {
        let mut table = ProcessTable::new(Limits { processes: 1_000, image_bytes: 120_000 });
        let mut kernel = Kernel::new(10);
        let mut run = |kernel: &Kernel, pid: u32, auid: u32, size: usize, ends: bool| {
            let login = Login { auid, ses: 4 };
            let truth =
                Truth { login, program: format!("/{}", "p".repeat(size)), ..kernel.alive[&1].clone() };
            let at = table.seen(&kernel.sighting(pid, true, &truth), &mut NoGaps);
            table.exec(at, image(&truth.program), &mut NoGaps);
            if ends {
                table.exited(at, kernel.millis);
            }
            at
        };
        let roots: Vec<_> = (2..52).map(|pid| run(&kernel, pid, 0, 10, pid % 2 == 0)).collect();
        for pid in 1_000..101_000 {
            kernel.millis += 1;
            run(&kernel, pid, 1_000, size, ends);
        }
        let left = roots.iter().filter(|at| table.get(**at).is_some()).count();
        assert_eq!(left, 50, "ends: {ends}, {size} bytes: {:?}", table.counters);
        assert!(table.len() <= 1_000 && table.image_bytes() <= 120_000);
    }
}

/// 32,768 processes that each run a program of their own with ordinary arguments.
#[test]
fn an_entry_takes_300_bytes_on_average() {
    let mut table = ProcessTable::new(Limits::default());
    let kernel = Kernel::new(10);
    for pid in 2..40_000_u32 {
        let truth = Truth { program: format!("/usr/bin/program-{}", pid % 1000), ..kernel.alive[&1].clone() };
        let at = table.seen(&kernel.sighting(pid, true, &truth), &mut NoGaps);
        let args: [&[u8]; 4] = [b"program", b"--option=value", b"-v", b"/etc/some/file.conf"];
        let image = Image::new(
            Some(truth.program.as_bytes()),
            Some(b"/root"),
            Some(b"program"),
            Some((&mut args.into_iter(), 4)),
        );
        table.exec(at, image, &mut NoGaps);
    }
    let each = table.bytes() / table.len();
    assert_eq!(table.len(), 32_768);
    assert!(each <= 300, "{each} bytes an entry");
}

#[test]
fn what_a_process_ran_before_takes_no_room() {
    let mut table = ProcessTable::new(Limits::default());
    let at = sight(&mut table, 10, 1, BOB, "/bin/sh", 1000);
    let once = table.image_bytes();
    // Nor what is kept of it beside the table.
    let mut kept = Vec::new();
    for _ in 0..100 {
        kept.extend(table.exec(at, image("/bin/sh"), &mut NoGaps));
        kept.extend(table.get(at).and_then(|process| process.detached().image));
        assert_eq!(table.image_bytes(), once);
    }
    assert_eq!(kept.len(), 200);
    // A child shares it, until one of both runs another.
    let child = table.forked(at, b"host", 11, 2000, Forked::Child).unwrap();
    assert_eq!(table.image_bytes(), once);
    table.exec(child, image("/bin/sh"), &mut NoGaps);
    assert_eq!(table.image_bytes(), 2 * once);
    table.exec(child, image("/bin/sh"), &mut NoGaps);
    assert_eq!(table.image_bytes(), 2 * once);
}

fn sight(
    table: &mut ProcessTable,
    pid: u32,
    ppid: u32,
    login: Login,
    program: &str,
    millis: u64,
) -> ProcessRef {
    let kernel = Kernel { millis, ..Kernel::new(10) };
    let truth = Truth { id: 0, ppid, parent: 0, login, program: program.into() };
    let at = table.seen(&kernel.sighting(pid, true, &truth), &mut NoGaps);
    table.exec(at, image(program), &mut NoGaps);
    at
}

fn parent_program(table: &ProcessTable, at: ProcessRef) -> Option<String> {
    told(table, at).map(|(program, _)| program)
}

const BOB: Login = Login { auid: 1000, ses: 4 };

#[test]
fn the_childs_records_may_come_before_the_forks() {
    let mut table = ProcessTable::new(Limits::default());
    let shell = sight(&mut table, 10, 1, BOB, "/bin/sh", 1000);
    let child = sight(&mut table, 11, 10, BOB, "/bin/ls", 1004);
    let entity = table.get(child).unwrap().entity;
    // vfork returns when the child has run its program: its stamp is older, its record younger.
    assert_eq!(table.forked(shell, b"host", 11, 1000, Forked::Child), Some(child));
    assert_eq!(table.get(child).unwrap().entity, entity, "an entity never changes");
    assert_eq!(table.len(), 2);
    // A later fork that gives the number again is another process.
    let other = table.forked(shell, b"host", 11, 9000, Forked::Child).unwrap();
    assert_ne!(table.get(other).unwrap().entity, entity);
    assert_eq!(parent_program(&table, other).as_deref(), Some("/bin/sh"));
}

#[test]
fn a_child_of_clone_parent_is_a_sibling() {
    let mut table = ProcessTable::new(Limits::default());
    sight(&mut table, 10, 1, BOB, "/bin/sh", 1000);
    let middle = sight(&mut table, 11, 10, BOB, "/bin/middle", 1000);
    let child = table.forked(middle, b"host", 12, 1004, Forked::Sibling).unwrap();
    assert_eq!(parent_program(&table, child).as_deref(), Some("/bin/sh"));
    assert_eq!(table.get(child).unwrap().ppid, 10);
}

#[test]
fn a_child_forked_as_its_parent_ends_still_has_it() {
    let mut table = ProcessTable::new(Limits::default());
    let parent = sight(&mut table, 10, 1, BOB, "/bin/parent", 1000);
    table.exited(parent, 2000);
    let early = sight(&mut table, 11, 10, BOB, "/bin/child", 2004);
    assert_eq!(parent_program(&table, early).as_deref(), Some("/bin/parent"));
    let late = sight(&mut table, 12, 10, BOB, "/bin/child", 3000);
    assert_eq!(parent_program(&table, late), None, "the number is another's by now");
}

#[test]
fn a_process_handed_on_stays_itself() {
    let mut table = ProcessTable::new(Limits::default());
    let parent = sight(&mut table, 10, 1, BOB, "/bin/parent", 1000);
    let child = sight(&mut table, 11, 10, BOB, "/bin/child", 1004);
    let entity = table.get(child).unwrap().entity;
    table.exited(parent, 1500);
    let again = sight(&mut table, 11, 1, BOB, "/bin/other", 2000);
    assert_eq!(table.get(again).unwrap().entity, entity, "its parent ended, it did not");
    assert_eq!(table.get(again).unwrap().ppid, 1);
}

#[test]
fn the_first_program_after_sshd_begins_a_session() {
    let mut table = ProcessTable::new(Limits::default());
    sight(&mut table, 700, 1, UNSET, "sshd", 1000);
    let child = {
        let sshd = table.current(0, 700).unwrap();
        table.forked(sshd, b"host", 900, 2000, Forked::Child).unwrap()
    };
    assert_eq!(table.get(child).unwrap().entry_type, Entry::Init, "a part of the service still");
    table.set_login(child, BOB);
    let shell = sight(&mut table, 900, 700, BOB, "bash", 2004);
    assert_eq!(shell, child);
    let tool = sight(&mut table, 901, 900, BOB, "usermod", 3000);
    for at in [shell, tool] {
        let process = table.get(at).unwrap();
        assert_eq!(process.entry_type, Entry::Sshd);
        assert_eq!(table.leaders(process)[2].unwrap().pid, 900);
    }
}
