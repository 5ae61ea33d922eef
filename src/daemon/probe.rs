//! The probe as a process: what `auditward probe` does, and how `run` starts one where systemd has not.
//!
//! Under systemd the socket unit listens, and the probe is started by the first question and again whenever it is
//! killed. Without systemd `run`, while it is root, opens a socket without a file and starts this program again as the
//! probe, under a user id of its own; that one ends with the daemon.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use caps::Capability;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, getsockname, listen, socket,
};

use super::privilege::{self, Identity, Origin};
use crate::audit::take_listen_fds;
use crate::probe::client::Address;
use crate::probe::{sandbox, server};

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
    child: Child,
    _end: BufReader<ChildStdout>,
}

impl Forked {
    /// Starts this very program as the probe of user `client` and waits until it serves. To be called before privilege
    /// is laid down; its own user id is none of `besides`.
    ///
    /// # Errors
    /// It cannot be started, or says why it cannot serve.
    pub fn start(client: u32, besides: &[u32]) -> anyhow::Result<Self> {
        let listener = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
        // The kernel chooses a name without a file (`unix(7)`, "autobind").
        bind(listener.as_raw_fd(), &UnixAddr::new_unnamed())?;
        listen(&listener, Backlog::new(16)?)?;
        let name = getsockname::<UnixAddr>(listener.as_raw_fd())?.as_abstract().map(<[u8]>::to_vec);
        let address = Address::Abstract(name.context("a socket without a name")?);
        let identity = Identity::free(&[&[client], besides].concat())?;
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
        Ok(Self { address, child, _end: end })
    }

    /// Whether it is still there; nobody can start another then.
    pub fn is_alive(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(Some(_)))
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
        outlive_the_terminal();
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

/// A terminal's ^C goes to the whole process group; the daemon's end is what counts.
fn outlive_the_terminal() {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        signals.add(signal);
    }
    let _ = signals.thread_block();
    let _ = nix::unistd::setsid();
    // Started through /proc/self/exe, it would be listed as `exe`.
    let _ = prctl::set_name(c"auditward");
}

fn has(capability: &Capability) -> bool {
    caps::has_cap(None, caps::CapSet::Permitted, *capability).unwrap_or(false)
}
