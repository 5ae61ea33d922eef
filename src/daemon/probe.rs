//! The probe as a process: what `auditward probe` does, and how `run` starts one where systemd has not.
//!
//! Under systemd the socket unit listens, and the probe is started by the first question and again whenever it is
//! killed. Without systemd `run`, while it is root, opens a socket without a file and starts this program again as the
//! probe, under a user id of its own; that one ends with the daemon.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use caps::Capability;
use jiff::Timestamp;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, getsockname, listen, socket,
};

use super::child;
use super::privilege::{self, Identity, Origin};
use super::sight::Seen;
use super::status;
use crate::audit::control;
use crate::audit::kernel_rules::Rule;
use crate::audit::take_listen_fds;
use crate::probe::client::{Address, HASTE, PATIENCE};
use crate::probe::{Client, Counts, NotReadable, sandbox, server};

/// The command under which the program is the probe.
pub const COMMAND: &str = "probe";

/// What the probe may hold: links and namespaces of processes; what only root may read; AUDIT_GET.
const HELD: [Capability; 3] =
    [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH, Capability::CAP_AUDIT_CONTROL];

/// What it says once it serves.
const READY: &str = "ready";

/// Whom the probe serves, and as whom it runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The only user that is answered; none: the account `auditward`.
    pub client: Option<u32>,
    /// The user and group id to become where it was started as root.
    pub become_id: Option<u32>,
}

/// A probe that `run` has started. It ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct Forked {
    /// Where it listens.
    pub address: Address,
    _child: Child,
    _end: BufReader<ChildStdout>,
}

impl Forked {
    /// Starts this very program as the probe of user `client` and waits until it serves. To be called before privilege
    /// is laid down.
    ///
    /// # Errors
    /// It cannot be started, or says why it cannot serve.
    pub fn start(client: u32) -> anyhow::Result<Self> {
        let listener = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
        // The kernel chooses a name without a file (`unix(7)`, "autobind").
        bind(listener.as_raw_fd(), &UnixAddr::new_unnamed())?;
        listen(&listener, Backlog::new(16)?)?;
        let name = getsockname::<UnixAddr>(listener.as_raw_fd())?.as_abstract().map(<[u8]>::to_vec);
        let address = Address::Abstract(name.context("a socket without a name")?);
        // Nor the keeper's, which took the first that was free and cannot be seen in /proc.
        let keeper = Identity::free(&[client])?.uid;
        let identity = Identity::free(&[client, keeper])?;
        let mut child = Command::new("/proc/self/exe")
            .arg0("auditward")
            .args([COMMAND, "--client", &client.to_string(), "--become", &identity.uid.to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(listener))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut end = BufReader::new(child.stdout.take().context("no pipe")?);
        let mut told = String::new();
        end.read_line(&mut told)?;
        if told.trim_end() != READY {
            let _ = child.wait();
            bail!("it does not serve");
        }
        Ok(Self { address, _child: child, _end: end })
    }
}

/// The probe's own life: on the socket that systemd handed over, else on the one that is standard input.
///
/// # Errors
/// There is no such socket, or privilege cannot be laid down: the process must then end.
pub fn main(options: Options) -> anyhow::Result<()> {
    let (listener, forked) = listener()?;
    let client = match options.client {
        Some(client) => client,
        None => match Identity::account() {
            Some(identity) => identity.uid,
            None => {
                bail!("there is no account auditward, and --client names no user: nobody is to be answered")
            }
        },
    };
    let identity = match options.become_id {
        Some(id) if nix::unistd::geteuid().is_root() => Identity { uid: id, gid: id, origin: Origin::Free },
        _ if nix::unistd::geteuid().is_root() => {
            bail!("not to be run as root: it is a service of its own user")
        }
        _ => Identity::choose(None)?,
    };
    if forked {
        child::outlive_the_terminal();
    }
    let held: Vec<_> = HELD.into_iter().filter(has).collect();
    privilege::lay_down(&identity, &held).context("privilege cannot be laid down")?;
    sandbox::enter()?;
    let end = io::stdout();
    if forked {
        writeln!(&end, "{READY}").and_then(|()| (&end).flush()).context("nobody listens")?;
    }
    let end = forked.then(|| end.as_fd());
    Ok(server::serve(&listener, client, end)?)
}

/// The socket, and whether it is standard input.
fn listener() -> anyhow::Result<(OwnedFd, bool)> {
    let handed_over = take_listen_fds().context("LISTEN_FDS")?.into_iter().next();
    let forked = handed_over.is_none();
    let listener = match handed_over {
        Some(listener) => listener,
        None => io::stdin().as_fd().try_clone_to_owned()?,
    };
    server::check_listener(&listener)
        .context("started by auditward-probe.socket or by `auditward run`, not by hand")?;
    Ok((listener, forked))
}

fn has(capability: &Capability) -> bool {
    caps::has_cap(None, caps::CapSet::Permitted, *capability).unwrap_or(false)
}

/// How often the kernel's audit system is asked for.
const ROUND: Duration = Duration::from_secs(5);

/// Every how many rounds its rules are asked for too.
const RULES: u32 = 12;

/// How long a probe that the first question starts may take to answer it.
const START: Duration = Duration::from_secs(2);

/// The daemon's line to the probe: clients for whoever asks, and a thread that asks for the state of auditing.
#[derive(Debug)]
pub(super) struct Line {
    address: Address,
    counts: Arc<Counts>,
    told: Arc<Mutex<Told>>,
    /// Whether it was last said that it answers.
    said: bool,
    /// Where no auditd runs the kernel keeps for it what it has sent to us already, and counts as lost what that queue has no
    /// room for: it was booted with `audit=1` (`kauditd_hold_skb`).
    holds: bool,
    _forked: Option<Forked>,
}

/// What the probe told last, and what it is to be asked.
#[derive(Debug, Default)]
struct Told {
    /// The kernel rules that the detection rules need.
    plan: Arc<[Rule]>,
    /// Whether the loaded rules are to be asked for before their turn.
    again: bool,
    /// When the kernel was last asked, and what it said.
    status: Option<(Timestamp, control::Status)>,
    seen: Option<Seen>,
    /// Records that the kernel lost since the start, and its counter when it was last read.
    lost: u64,
    counter: Option<u32>,
    /// Why it did not answer.
    trouble: Option<NotReadable>,
}

impl Line {
    /// A line to the probe that systemd holds ready, or, as root without systemd, to one that is started now.
    pub(super) fn open(identity: &Identity, handed_over: bool) -> Self {
        let root = nix::unistd::geteuid().is_root() && !handed_over;
        let forked = root.then(|| Forked::start(identity.uid)).and_then(|forked| {
            forked
                .inspect_err(|error| tracing::warn!("no probe: {error:#}: what it reads is not readable"))
                .ok()
        });
        let address = forked.as_ref().map_or_else(Address::default, |forked| forked.address.clone());
        let holds = std::fs::read_to_string("/proc/cmdline").is_ok_and(|line| holds_records(&line));
        Self { address, counts: Arc::default(), told: Arc::default(), said: true, holds, _forked: forked }
    }

    /// A client that waits up to `patience`.
    fn client(&self, patience: Duration) -> Client {
        Client::new(self.address.clone(), patience, Arc::clone(&self.counts))
    }

    /// A client for who may wait.
    pub(super) fn patient_client(&self) -> Client {
        self.client(PATIENCE)
    }

    /// A client for the loop that reads records. Where the first question starts the probe, that is waited for here.
    pub(super) fn hasty_client(&self) -> Client {
        let mut client = self.client(START);
        let _ = client.audit_status();
        client.set_patience(HASTE);
        client
    }

    /// Starts the thread that asks for the state of auditing. `plan` are the kernel rules that the detection rules need,
    /// `seen` what the kernel said at the start, where it could be asked.
    pub(super) fn watch(&self, plan: Vec<Rule>, seen: Option<&Seen>) -> io::Result<()> {
        self.set_plan(plan);
        self.told().counter = seen.map(|seen| seen.status.lost);
        let (mut client, told) = (self.patient_client(), Arc::clone(&self.told));
        let ask = move || {
            for round in 0_u32.. {
                let wanted = lock(&told).wanted(round);
                let answer = ask(&mut client, wanted.as_deref());
                lock(&told).take(answer);
                std::thread::sleep(ROUND);
            }
        };
        std::thread::Builder::new().name("probe".to_owned()).spawn(ask).map(drop)
    }

    /// Other detection rules need these kernel rules.
    pub(super) fn set_plan(&self, plan: Vec<Rule>) {
        self.told().plan = plan.into();
        self.look_again();
    }

    /// Kernel rules came or went: they are asked for in the next round.
    pub(super) fn look_again(&self) {
        self.told().again = true;
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.told)
    }

    /// Records that the kernel lost since the start, before any reader; 0 where it cannot be asked.
    pub(super) fn kernel_lost(&self) -> u64 {
        self.told().lost
    }

    /// Whether what the kernel loses now is lost to us: not where it may be what it keeps for an auditd that does not run.
    pub(super) fn kernel_loses_ours(&self) -> bool {
        !self.holds || self.told().status.is_some_and(|(_, status)| status.pid != 0)
    }

    /// What the kernel last said of auditing; none before the first answer.
    pub(super) fn auditing(&self) -> Option<status::Auditing> {
        self.told().auditing()
    }

    /// The same of one moment, and with the loaded rules: none before they were asked for.
    pub(super) fn auditing_and_rules(&self) -> (Option<status::Auditing>, Option<Seen>) {
        let told = self.told();
        (told.auditing(), told.seen.clone())
    }

    /// How it stands with the probe.
    pub(super) fn status(&self) -> status::Probe {
        let trouble = self.trouble();
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        status::Probe {
            answers: trouble.is_none(),
            trouble: trouble.map(|trouble| trouble.to_string()),
            answered: count(&self.counts.answered),
            away: count(&self.counts.away),
            slow: count(&self.counts.slow),
        }
    }

    /// What keeps it from answering at all; that the kernel refuses single questions, as in a container, is none.
    fn trouble(&self) -> Option<NotReadable> {
        let trouble = self.told().trouble;
        trouble
            .filter(|why| matches!(why, NotReadable::Away | NotReadable::Slow | NotReadable::NotUnderstood))
    }

    /// Says when the probe goes away and when it is back.
    pub(super) fn tell(&mut self) {
        let trouble = self.trouble();
        match &trouble {
            Some(why) if self.said => tracing::warn!(
                "{why}: programs of processes from before the start, environments and the kernel's losses are not readable"
            ),
            None if !self.said => tracing::info!("the probe answers again"),
            _ => {}
        }
        self.said = trouble.is_none();
    }
}

/// Whether the kernel was booted with `audit=1`, by its command line.
fn holds_records(line: &str) -> bool {
    line.split_ascii_whitespace()
        .rev()
        .find_map(|word| word.strip_prefix("audit="))
        .is_some_and(|v| matches!(v, "1" | "on"))
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the kernel says, also of its rules where `plan` is to be held against them.
fn ask(client: &mut Client, plan: Option<&[Rule]>) -> Result<(control::Status, Option<Seen>), NotReadable> {
    let Some(plan) = plan else { return Ok((client.audit_status()?, None)) };
    let (status, loaded) = client.auditing()?;
    Ok((status, Some(Seen::of(status, &loaded, plan))))
}

impl Told {
    fn auditing(&self) -> Option<status::Auditing> {
        let (asked_at, status) = self.status?;
        Some(status::Auditing {
            asked_at: super::losses::stamp(asked_at),
            enabled: status.enabled,
            lost: status.lost,
            backlog_limit: status.backlog_limit,
            missing_rules: self.seen.as_ref().map(|seen| seen.missing.len()),
        })
    }

    /// The plan, where the loaded rules are to be asked for in this round.
    fn wanted(&mut self, round: u32) -> Option<Arc<[Rule]>> {
        let wanted = std::mem::take(&mut self.again) || round.is_multiple_of(RULES);
        wanted.then(|| Arc::clone(&self.plan))
    }

    fn take(&mut self, answer: Result<(control::Status, Option<Seen>), NotReadable>) {
        let (now, seen) = match answer {
            Ok(answer) => answer,
            Err(why) => {
                self.trouble = Some(why);
                self.again = true;
                return;
            }
        };
        self.trouble = None;
        // A counter that went back was set to zero (`auditctl --reset-lost`).
        let before = self.counter.replace(now.lost).unwrap_or(now.lost);
        self.lost += u64::from(now.lost.checked_sub(before).unwrap_or(now.lost));
        self.status = Some((Timestamp::now(), now));
        self.seen = seen.or(self.seen.take());
        if let Some(seen) = &mut self.seen {
            seen.status = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::kernel_rules::Abi;

    #[test]
    fn what_the_kernel_loses_is_counted_from_the_start_and_over_a_reset() {
        let status = |lost| control::Status { enabled: 1, lost, ..control::Status::default() };
        let mut told = Told { counter: Some(7), ..Told::default() };
        let mut lost = Vec::new();
        for counter in [7, 10, 12, 3, 3, 4] {
            told.take(Ok((status(counter), None)));
            lost.push(told.lost);
        }
        assert_eq!(lost, [0, 3, 5, 8, 8, 9]);
        let mut late = Told::default();
        let plan = [Rule::executions(Abi::of_this_host()[0], None)];
        late.take(Ok((status(40), Some(Seen::of(status(40), &[], &plan)))));
        late.take(Ok((status(41), None)));
        let told = |late: &Told| {
            let seen = late.seen.clone().expect("seen");
            (late.status.expect("told").1.lost, seen.status.lost, seen.missing.len())
        };
        assert_eq!((late.lost, told(&late)), (1, (41, 41, 1)));
        late.take(Err(NotReadable::Away));
        assert_eq!((late.trouble, late.lost), (Some(NotReadable::Away), 1));
        assert_eq!(told(&late), (41, 41, 1));
    }

    #[test]
    fn records_are_held_for_an_auditd_where_the_kernel_was_booted_so() {
        assert!(holds_records("root=/dev/vda ro audit=1 quiet"));
        assert!(holds_records("audit=0 audit=on\n"));
        assert!(!holds_records("audit=1 audit=off"));
        assert!(!holds_records("root=/dev/vda xaudit=1 audit_backlog_limit=1"));
    }

    #[test]
    fn loaded_rules_are_asked_for_once_a_minute_and_when_something_changed() {
        let mut told = Told::default();
        let asked = |told: &mut Told, rounds: std::ops::Range<u32>| {
            rounds.filter(|round| told.wanted(*round).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(asked(&mut told, 0..25), [0, 12, 24]);
        told.again = true;
        assert_eq!(asked(&mut told, 25..36), [25]);
        // What was not answered is asked again.
        told.take(Err(NotReadable::Slow));
        assert_eq!(asked(&mut told, 37..40), [37]);
    }
}
