//! The keeper: a second process that changes the kernel's audit system for the daemon, and changes it
//! back when the daemon is gone, however it went.
//!
//! It is this program run again under a hidden command. Of all capabilities it holds only
//! CAP_AUDIT_CONTROL, under a user id of its own, so that the process that reads hostile bytes can
//! neither signal nor trace it. It is told once, over a pipe, what to load; after that nothing that
//! comes over the pipe is heeded but its end, which the kernel itself brings about when the daemon
//! dies.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use caps::Capability;
use serde::{Deserialize, Serialize};

use super::child;
use super::privilege::{self, Identity};
use crate::audit::control::{Control, ControlError};
use crate::audit::kernel_rules::{self, Abi, Access, Rule, Scope, What};

/// The hidden command under which the program is the keeper.
pub const COMMAND: &str = "keeper";

/// Longest order and report, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Why there is no keeper.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The process could not be started or spoken to.
    #[error("keeper of the kernel rules: {0}")]
    Process(#[from] io::Error),
    /// It says why it cannot do its work.
    #[error("keeper of the kernel rules: {0}")]
    Failed(String),
    /// It ended or said something that is no report.
    #[error("keeper of the kernel rules: no report came ({0})")]
    NoReport(String),
}

/// What the keeper is to do.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    uid: u32,
    gid: u32,
    rules: Vec<Ordered>,
}

/// A rule, as it goes over the pipe.
#[derive(Debug, Serialize, Deserialize)]
struct Ordered {
    what: OrderedWhat,
    scope: Scope,
}

#[derive(Debug, Serialize, Deserialize)]
enum OrderedWhat {
    /// `AUDIT_ARCH_*` and the numbers.
    Calls(u32, Vec<u32>),
    /// Bits of `AUDIT_PERM_*`.
    Access(u32),
    /// Operations of io_uring.
    Ring,
}

impl Ordered {
    fn of(rule: &Rule) -> Self {
        let what = match &rule.what {
            What::Calls(abi, names) => {
                OrderedWhat::Calls(abi.arch, names.iter().filter_map(|name| abi.number(name)).collect())
            }
            What::Access(access) => OrderedWhat::Access(access.0),
            What::Ring => OrderedWhat::Ring,
        };
        Self { what, scope: rule.scope.clone() }
    }

    fn rule(&self) -> Option<Rule> {
        let what = match &self.what {
            OrderedWhat::Calls(arch, numbers) => {
                let abi = Abi::by_arch(*arch)?;
                What::Calls(abi, numbers.iter().filter_map(|number| abi.name(*number)).collect())
            }
            OrderedWhat::Access(bits) => What::Access(Access(*bits)),
            OrderedWhat::Ring => What::Ring,
        };
        Some(Rule { what, scope: self.scope.clone() })
    }
}

/// What the keeper did; rules in auditctl's syntax.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Why it did nothing at all.
    pub failed: Option<String>,
    /// Auditing was off and was turned on.
    pub enabled: bool,
    /// Rules that were added.
    pub added: Vec<String>,
    /// Rules whose work a loaded rule does already, and that rule.
    pub covered: Vec<(String, String)>,
    /// Rules that the kernel refused, and why.
    pub refused: Vec<(String, String)>,
    /// Rules that cannot be added before the next boot (`-e 2`).
    pub locked_out: Vec<String>,
    /// The advice about these.
    pub advice: Option<String>,
    /// `-a never,task` is loaded: no program is recorded at all.
    pub silenced: bool,
    /// `never` rules that stand before ours.
    pub shadowing: Vec<String>,
}

/// What the keeper took back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// Rules removed.
    pub removed: usize,
    /// Auditing was turned off again.
    pub disabled: bool,
    /// What could not be taken back, and why.
    pub left: Vec<String>,
}

/// A running keeper. Dropping it lets it undo its work by itself.
#[derive(Debug)]
pub struct Keeper {
    /// What it has done.
    pub report: Report,
    child: Child,
    order: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    /// Starts this very program as the keeper and waits until it has loaded `rules`. To be called
    /// before privilege is laid down; `besides` are user ids that it must not share.
    ///
    /// # Errors
    /// See [`KeeperError`]; a rule that is refused is none.
    pub fn start(rules: &[Rule], besides: &[u32]) -> Result<Self, KeeperError> {
        Self::start_program(Path::new("/proc/self/exe"), rules, besides)
    }

    /// As [`Keeper::start`], with the path of the program.
    ///
    /// # Errors
    /// As [`Keeper::start`].
    pub fn start_program(program: &Path, rules: &[Rule], besides: &[u32]) -> Result<Self, KeeperError> {
        let identity = Identity::free(besides).map_err(|e| KeeperError::Failed(e.to_string()))?;
        let rules = rules.iter().map(Ordered::of).collect();
        let order = Order { uid: identity.uid, gid: identity.gid, rules };
        let mut child = Command::new(program)
            .arg0("auditward")
            .arg(COMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(mut pipe), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(KeeperError::NoReport("no pipes".to_owned()));
        };
        write_line(&mut pipe, &order)?;
        let mut answers = BufReader::new(answers);
        let report: Report = read_line(&mut answers).map_err(|e| KeeperError::NoReport(e.to_string()))?;
        match report.failed {
            Some(why) => {
                let _ = child.wait();
                Err(KeeperError::Failed(why))
            }
            None => Ok(Self { report, child, order: Some(pipe), answers }),
        }
    }

    /// Whether it is still there; its rules stay loaded for good if it was killed.
    ///
    /// # Errors
    /// Those of waitpid(2).
    pub fn is_alive(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Lets it undo its work and waits for the end of that.
    ///
    /// # Errors
    /// [`KeeperError::NoReport`] when it died before.
    pub fn finish(mut self) -> Result<Undone, KeeperError> {
        drop(self.order.take());
        let undone = read_line(&mut self.answers).map_err(|e| KeeperError::NoReport(e.to_string()));
        self.child.wait()?;
        undone
    }
}

fn write_line(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

fn read_line<T: for<'de> Deserialize<'de>>(from: &mut impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    from.take(LONGEST).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&line)?)
}

/// The keeper's own life, from the hidden command: order on standard input, report on standard output.
/// It ends when standard input does, and not before.
#[must_use]
pub fn main() -> ExitCode {
    child::outlive_the_terminal();
    let mut orders = BufReader::new(io::stdin());
    let order: Order = match read_line(&mut orders) {
        Ok(order) => order,
        Err(_) => {
            eprintln!("auditward {COMMAND}: started by `auditward run --load-kernel-rules`, not by hand");
            return ExitCode::from(2);
        }
    };
    match Kept::establish(&order) {
        Ok((mut kept, report)) => {
            let told = write_line(&mut io::stdout(), &report);
            if told.is_ok() {
                let _ = io::copy(&mut orders, &mut io::sink());
            }
            // Nobody may be left to hear it.
            let _ = write_line(&mut io::stdout(), &kept.undo());
            ExitCode::SUCCESS
        }
        Err(why) => {
            let _ = write_line(&mut io::stdout(), &Report { failed: Some(why), ..Report::default() });
            ExitCode::from(2)
        }
    }
}

/// What was changed, and the line to change it back.
struct Kept {
    control: Control,
    /// The audit daemon's pid when auditing was turned on here; `None` when it was on.
    enabled_beside: Option<u32>,
    added: Vec<Rule>,
}

impl Kept {
    fn establish(order: &Order) -> Result<(Self, Report), String> {
        let control = Control::open().map_err(|e| e.to_string())?;
        let origin = if nix::unistd::geteuid().is_root() {
            privilege::Origin::Free
        } else {
            privilege::Origin::Unchanged
        };
        let identity = match origin {
            privilege::Origin::Unchanged => Identity::choose(None).map_err(|e| e.to_string())?,
            origin => Identity { uid: order.uid, gid: order.gid, origin },
        };
        privilege::lay_down(&identity, &held()).map_err(|e| e.to_string())?;
        let rules = order.rules.iter().filter_map(Ordered::rule);
        let mut kept = Self { control, enabled_beside: None, added: Vec::new() };
        match kept.change(&rules.collect::<Vec<_>>()) {
            Ok(report) => Ok((kept, report)),
            Err(error) => {
                kept.undo();
                Err(error.to_string())
            }
        }
    }

    fn change(&mut self, rules: &[Rule]) -> Result<Report, ControlError> {
        let status = self.control.status()?;
        if status.enabled == 0 {
            self.control.set_enabled(true)?;
            self.enabled_beside = Some(status.pid);
        }
        let (ring, rules): (Vec<Rule>, Vec<Rule>) =
            rules.iter().cloned().partition(|rule| rule.what == What::Ring);
        let mut loading = kernel_rules::load(&mut self.control, &rules)?;
        self.added.clone_from(&loading.added);
        loading.added.extend(kernel_rules::load_ring(&mut self.control, &ring)?);
        self.added.clone_from(&loading.added);
        let line = |rule: &Rule| rule.to_string();
        Ok(Report {
            failed: None,
            enabled: self.enabled_beside.is_some(),
            added: loading.added.iter().map(line).collect(),
            covered: loading.covered.iter().map(|(r, by)| (line(r), by.to_string())).collect(),
            refused: loading.refused.iter().map(|(r, why)| (line(r), why.to_string())).collect(),
            locked_out: loading.locked_out.iter().map(line).collect(),
            advice: kernel_rules::advice(&loading.locked_out, true),
            silenced: loading.silenced,
            shadowing: loading.shadowing.iter().map(ToString::to_string).collect(),
        })
    }

    /// Takes back exactly what was changed. Auditing stays on when an audit daemon has come since, who
    /// would go blind.
    fn undo(&mut self) -> Undone {
        let mut undone = Undone::default();
        for rule in std::mem::take(&mut self.added) {
            let Some(loaded) = rule.as_loaded() else { continue };
            match with_patience(|| self.control.delete_rule(&loaded)) {
                Ok(removed) => undone.removed += usize::from(removed),
                Err(error) => undone.left.push(format!("{rule}: {error}")),
            }
        }
        if let Some(daemon_before) = self.enabled_beside.take() {
            match with_patience(|| self.disable(daemon_before)) {
                Ok(disabled) => undone.disabled = disabled,
                Err(error) => undone.left.push(format!("auditing stays on: {error}")),
            }
        }
        undone
    }

    fn disable(&mut self, daemon_before: u32) -> Result<bool, ControlError> {
        let status = self.control.status()?;
        let ours = status.enabled == 1 && (status.pid == 0 || status.pid == daemon_before);
        if ours {
            self.control.set_enabled(false)?;
        }
        Ok(ours)
    }
}

/// Of what the keeper may hold, what it has; as root always CAP_AUDIT_CONTROL.
fn held() -> Vec<Capability> {
    let has = caps::has_cap(None, caps::CapSet::Permitted, Capability::CAP_AUDIT_CONTROL);
    if has.unwrap_or(false) { vec![Capability::CAP_AUDIT_CONTROL] } else { Vec::new() }
}

/// Tries three times: there is nobody to come back later.
fn with_patience<T>(mut attempt: impl FnMut() -> Result<T, ControlError>) -> Result<T, ControlError> {
    for _ in 0..2 {
        if let Ok(done) = attempt() {
            return Ok(done);
        }
    }
    attempt()
}
