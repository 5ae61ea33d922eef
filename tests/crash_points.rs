//! Delivery against a model, with the process killed at each of its writes, and with each of its writes failing once:
//! every alert that was stored reaches every destination at least once, in order, and none was sent that was not stored.
//!
//! The writes are those of the program as it is: a child of this test is traced (ptrace(2)), and at the n-th system call that
//! changes a file of its directory it is killed before the call is made, or the call comes back with an error. No code for
//! this is in the daemon.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use auditward::output::{Bounds, Destination, Format, Outputs, SinkConfig};
use auditward::store::{FILE, Settings, Store};
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rusqlite::Connection;
use syslog_support::{alert, until};

const SOON: Duration = Duration::from_secs(60);

/// Two destinations: one has room, of the other all but one alert at a time goes through the store.
const DESTINATIONS: [(&str, usize); 2] = [("near", 1_000), ("far", 1)];

// ---- the child ---------------------------------------------------------------------------------------

const CHILD: &str = "AUDITWARD_CRASH_CHILD";

/// What the child is to do: `DIRECTORY FIRST LAST`.
fn plan() -> Option<(PathBuf, u64, u64)> {
    let plan = std::env::var(CHILD).ok()?;
    let mut words = plan.split(' ');
    let directory = PathBuf::from(words.next()?);
    Some((directory, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// One run of the daemon's delivery: it opens the store, takes alerts, and ends once they are out.
#[test]
fn child_delivers() {
    let Some((directory, first, last)) = plan() else { return };
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let settings = Settings { path: directory.join(FILE), days: 36_500, bytes: 64 << 20 };
    let store = Store::open(settings).unwrap();
    let configs = DESTINATIONS.map(|(name, messages)| SinkConfig {
        name: name.to_owned(),
        destination: Destination::File { path: directory.join(name), mode: 0o600, format: Format::Text },
        bounds: Bounds { messages, bytes: 64 << 20 },
        choice: Default::default(),
    });
    let outputs = Outputs::open(configs.to_vec()).unwrap().start_with(Some(store)).unwrap();
    for serial in first..=last {
        outputs.push(&alert(&["usermod", "-u", "0", "-o", "bob"], serial));
    }
    until("all is out or counted", || {
        outputs.counters().iter().all(|of| of.waiting == 0 && of.stored == 0 && of.lag.is_none())
    });
    for counters in outputs.counters() {
        println!("\n{} lost {}", counters.name, counters.lost);
    }
    let stored = outputs.store().unwrap();
    println!("\nstore unstored {} set_aside {}", stored.unstored, stored.set_aside);
    assert_eq!(outputs.shutdown(SOON), []);
    println!("\nended");
}

// ---- the tracer --------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing is done: the writes are counted.
    None,
    /// Killed at this write.
    KillAt(usize),
    /// This write comes back with an error.
    FailAt(usize, i32),
}

/// What became of a child.
#[derive(Debug)]
struct Ran {
    /// Writes it was about to make.
    writes: usize,
    /// What it said; empty when it was killed.
    said: Vec<String>,
}

impl Ran {
    fn ended(&self) -> bool {
        self.said.iter().any(|line| line == "ended")
    }

    /// The number behind `what`.
    fn number(&self, what: &str) -> u64 {
        let line = self.said.iter().find_map(|line| Some(line.split_once(what)?.1.trim()));
        let word = line.and_then(|rest| rest.split(' ').next());
        word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{what}: {:?}", self.said))
    }
}

fn run(directory: &Path, first: u64, last: u64, fault: Fault) -> Ran {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_delivers", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{} {first} {last}", directory.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let (mut go, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    // It waits for a line in the thread of its test.
    until("the child waits", || threads(pid).iter().any(|thread| waits_for_input(pid, *thread)));
    let mut tracer = Tracer {
        pid,
        directory: directory.to_owned(),
        fault,
        writes: 0,
        inside: HashSet::new(),
        failing: None,
    };
    tracer.seize();
    go.write_all(b"go\n").unwrap();
    drop(go);
    let said = std::thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).filter(|line| !line.is_empty()).collect()
    });
    tracer.follow();
    // Its end was waited for already.
    let _ = child.wait();
    Ran { writes: tracer.writes, said: said.join().unwrap() }
}

fn threads(pid: Pid) -> Vec<Pid> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).map(Pid::from_raw).collect()
}

fn waits_for_input(pid: Pid, thread: Pid) -> bool {
    let call = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/syscall")).unwrap_or_default();
    call.starts_with("0 0x0 ")
}

struct Tracer {
    pid: Pid,
    directory: PathBuf,
    fault: Fault,
    writes: usize,
    /// Threads that are within a system call.
    inside: HashSet<Pid>,
    /// The thread whose call was not made, and the error that it is told.
    failing: Option<(Pid, i32)>,
}

impl Tracer {
    fn seize(&self) {
        let options = ptrace::Options::PTRACE_O_TRACECLONE
            | ptrace::Options::PTRACE_O_TRACESYSGOOD
            | ptrace::Options::PTRACE_O_EXITKILL;
        for thread in threads(self.pid) {
            ptrace::seize(thread, options).unwrap();
            ptrace::interrupt(thread).unwrap();
        }
    }

    fn follow(&mut self) {
        loop {
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            let goes_on = match waitpid(None, Some(flags)) {
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    self.at_call(thread);
                    Some((thread, None))
                }
                Ok(WaitStatus::PtraceEvent(thread, ..)) => Some((thread, None)),
                Ok(WaitStatus::Stopped(thread, signal)) => Some((thread, Some(signal))),
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) if pid == self.pid => return,
                Ok(_) => None,
                Err(nix::errno::Errno::EINTR) => None,
                Err(nix::errno::Errno::ECHILD) => return,
                Err(error) => panic!("{error}"),
            };
            if let Some((thread, signal)) = goes_on {
                // It may have been killed meanwhile.
                let _ = ptrace::syscall(thread, signal);
            }
        }
    }

    /// A thread goes into a system call, or comes out of it.
    fn at_call(&mut self, thread: Pid) {
        if !self.inside.insert(thread) {
            self.inside.remove(&thread);
            if let Some((_, error)) = self.failing.take_if(|(failing, _)| *failing == thread) {
                let Ok(mut registers) = ptrace::getregs(thread) else { return };
                registers.rax = i64::from(-error).cast_unsigned();
                ptrace::setregs(thread, registers).unwrap();
            }
            return;
        }
        let Ok(mut registers) = ptrace::getregs(thread) else { return };
        if !self.is_write(thread, &registers) {
            return;
        }
        self.writes += 1;
        match self.fault {
            Fault::KillAt(at) if at == self.writes => kill(self.pid, Signal::SIGKILL).unwrap(),
            Fault::FailAt(at, error) if at == self.writes => {
                registers.orig_rax = u64::MAX;
                ptrace::setregs(thread, registers).unwrap();
                self.failing = Some((thread, error));
            }
            _ => {}
        }
    }

    /// Whether the call changes a file of the directory.
    fn is_write(&self, thread: Pid, registers: &libc::user_regs_struct) -> bool {
        match i64::try_from(registers.orig_rax).unwrap_or(-1) {
            libc::SYS_write
            | libc::SYS_writev
            | libc::SYS_pwrite64
            | libc::SYS_ftruncate
            | libc::SYS_fallocate
            | libc::SYS_fsync
            | libc::SYS_fdatasync => {
                let link = format!("/proc/{}/fd/{}", thread, registers.rdi);
                std::fs::read_link(link).is_ok_and(|file| file.starts_with(&self.directory))
            }
            libc::SYS_unlink
            | libc::SYS_unlinkat
            | libc::SYS_rename
            | libc::SYS_renameat
            | libc::SYS_renameat2 => true,
            _ => false,
        }
    }
}

// ---- the model ---------------------------------------------------------------------------------------

/// The alerts in a destination's file, by their serials, in its order.
fn sent(directory: &Path, name: &str, known: &[(String, u64)]) -> Vec<u64> {
    let text = std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{name} ends within a line");
    let lines = text.lines().filter(|line| !line.contains(" lost because "));
    lines
        .map(|line| known.iter().find(|(id, _)| line.contains(id)).unwrap_or_else(|| panic!("{line}")).1)
        .collect()
}

fn stored(directory: &Path, known: &[(String, u64)]) -> Vec<u64> {
    let Ok(connection) = Connection::open(directory.join(FILE)) else { return Vec::new() };
    let Ok(mut select) = connection.prepare("SELECT id FROM alerts ORDER BY seq") else { return Vec::new() };
    let ids = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
    ids.map(|id| id.unwrap()).map(|id| known.iter().find(|(of, _)| *of == id).expect("known").1).collect()
}

fn known(serials: impl Iterator<Item = u64>) -> Vec<(String, u64)> {
    serials.map(|serial| (alert(&["usermod", "-u", "0", "-o", "bob"], serial).id.clone(), serial)).collect()
}

/// Each serial once, in the order in which it came first.
fn once(serials: &[u64]) -> Vec<u64> {
    let mut seen = HashSet::new();
    serials.iter().copied().filter(|serial| seen.insert(*serial)).collect()
}

/// Kills a run of `count` alerts at its write `at`, and lets a second run take two more. Whether the first one ended before.
fn killed_at(count: u64, at: usize) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let known = known((1..=count).chain(1_001..=1_002));
    let first = run(directory, 1, count, Fault::KillAt(at));
    if first.writes < at {
        assert!(first.ended(), "{first:?}");
    }
    let before: Vec<Vec<u64>> = DESTINATIONS.iter().map(|(name, _)| sent(directory, name, &known)).collect();
    // What is read of the store here must not bring its log into the file: it is copied.
    let kept = stored_as_left(directory, &known);
    assert_eq!(
        kept,
        (1..=kept.len() as u64).collect::<Vec<_>>(),
        "killed at {at}: stored in order, without a gap"
    );
    for sent in &before {
        assert_eq!(*sent, (1..=sent.len() as u64).collect::<Vec<_>>(), "killed at {at}: sent in order, once");
        assert!(sent.len() <= kept.len(), "killed at {at}: {sent:?} sent, {kept:?} stored");
    }
    let second = run(directory, 1_001, 1_002, Fault::None);
    assert!(second.ended(), "killed at {at}: {second:?}");
    assert_eq!((second.number("unstored "), second.number("set_aside ")), (0, 0), "killed at {at}");
    let all: Vec<u64> = kept.iter().copied().chain([1_001, 1_002]).collect();
    for ((name, _), before) in DESTINATIONS.iter().zip(&before) {
        assert_eq!(second.number(&format!("{name} lost ")), 0);
        let after = sent(directory, name, &known);
        assert_eq!(once(&after), all, "killed at {at}: {name} has all, in order: {after:?}");
        // The second run begins no further on than behind what the first had sent, and goes on without a gap.
        let again = &after[before.len()..];
        let from = all.iter().position(|serial| Some(serial) == again.first()).expect("it is stored");
        assert!(from <= before.len() && *again == all[from..], "killed at {at}: {name}: {after:?}");
    }
    assert_eq!(stored(directory, &known), all, "killed at {at}");
    first.ended()
}

/// [`stored`] of a copy.
fn stored_as_left(directory: &Path, known: &[(String, u64)]) -> Vec<u64> {
    let copy = tempfile::tempdir().unwrap();
    for end in ["", "-wal"] {
        let name = format!("{FILE}{end}");
        let _ = std::fs::copy(directory.join(&name), copy.path().join(&name));
    }
    stored(copy.path(), known)
}

/// Lets the write `at` of a run fail once. Whether the run had as many.
fn failing_at(count: u64, at: usize, error: i32) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let known = known(1..=count);
    let ran = run(directory, 1, count, Fault::FailAt(at, error));
    assert!(ran.ended(), "write {at} failed: {ran:?}");
    for (name, _) in DESTINATIONS {
        let sent = sent(directory, name, &known);
        let lost = ran.number(&format!("{name} lost "));
        assert!(
            sent.is_sorted() && once(&sent) == sent,
            "write {at} failed: {name} in order, once: {sent:?}"
        );
        assert_eq!(
            sent.len() as u64 + lost,
            count,
            "write {at} failed: what {name} has not is counted: {sent:?}"
        );
        // Lost is only what neither the store nor the queue had room for.
        assert!(lost <= ran.number("unstored "), "write {at} failed: {name}: {ran:?}");
        assert!(name != "near" || lost == 0, "write {at} failed: {ran:?}");
    }
    ran.writes >= at
}

/// Every write of a small history.
#[test]
fn killed_at_each_write_of_a_run_loses_nothing_that_was_stored() {
    let begun = Instant::now();
    let points = (1..).take_while(|at| !killed_at(4, *at)).count();
    println!(
        "killed at each of {points} writes of a run of 4 alerts, in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    assert!(points > 20, "{points}");
}

#[test]
fn each_write_of_a_run_that_fails_once_costs_no_order_and_what_is_lost_is_counted() {
    let begun = Instant::now();
    let points = (1..).take_while(|at| failing_at(4, *at, [libc::EIO, libc::ENOSPC][at % 2])).count();
    println!(
        "each of {points} writes of a run of 4 alerts failed once, in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    assert!(points > 20, "{points}");
}

/// Some writes of a longer one, in which the log is brought into the file and the queue flows over again and again.
#[test]
fn killed_at_some_writes_of_a_long_run_loses_nothing_that_was_stored() {
    const ALERTS: u64 = 300;
    let directory = tempfile::tempdir().unwrap();
    let whole = run(directory.path(), 1, ALERTS, Fault::None);
    assert!(whole.ended(), "{whole:?}");
    let rounds: usize =
        std::env::var("AUDITWARD_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    for round in 0..rounds {
        // Spread over the run, and not at the same places of a batch.
        let at = 1 + (whole.writes * round + whole.writes * (round * 7 % 11) / 11) / rounds;
        killed_at(ALERTS, at);
    }
    println!("killed at {rounds} of {} writes of a run of {ALERTS} alerts", whole.writes);
}
