//! The command line: one file a command, each a few calls into the library.
//!
//! Exit status, for every command: 0 fine, 1 the thing asked about is not so, 2 error.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::audit::netlink::JoinError;
use crate::daemon::directories::AlreadyRunning;
use crate::daemon::{CannotListen, keeper};

pub mod alerts;
pub mod canary;
pub mod check;
mod checkpoint;
pub mod doctor;
pub mod eql;
pub mod events;
pub mod exceptions;
mod input;
pub mod kernel_rules;
mod paths;
pub mod probe;
pub mod reload;
pub mod replay;
pub mod rules;
pub mod run;
mod secrets;
pub mod snapshot;
pub mod status;
mod tally;

/// What every command can end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 0: fine.
    Fine,
    /// 1: the thing asked about is not so.
    NotSo,
    /// 2: it could not be done.
    Error,
    /// 3, `run` only: another daemon runs already.
    AlreadyRunning,
    /// 4, `run` only: this kernel or namespace has no auditing.
    NoAuditing,
    /// 5, `run` only: listening is not permitted.
    NotPermitted,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Fine => Self::SUCCESS,
            Status::NotSo => Self::from(1),
            Status::Error => Self::from(2),
            Status::AlreadyRunning => Self::from(3),
            Status::NoAuditing => Self::from(4),
            Status::NotPermitted => Self::from(5),
        }
    }
}

/// Watches the kernel's audit stream with EQL detection rules and writes alerts to syslog.
///
/// As root, `auditward run --load-kernel-rules` is all it takes: it listens beside auditd (never in
/// its way), puts the records of each event back together, asks its rules, and writes an alert to
/// the system's log before the intruder's prompt returns.
#[derive(Debug, Parser)]
#[command(name = "auditward", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit status: 0 fine, 1 the thing asked about is not so, 2 error.\n\
    Start here: `auditward replay /var/log/audit/audit.log` asks the rules about what was recorded.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Replay(replay::Args),
    Events(events::Args),
    Eql(eql::Args),
    Snapshot(snapshot::Args),
    KernelRules(kernel_rules::Args),
    Check(check::Args),
    Rules(rules::Args),
    Exceptions(exceptions::Args),
    Alerts(alerts::Args),
    Status(status::Args),
    Reload(reload::Args),
    Canary(canary::Args),
    Doctor(doctor::Args),
    Probe(probe::Args),
}

/// Parses the arguments and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|command| command == keeper::COMMAND) {
        return keeper::main();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let result = match arguments.command {
        Command::Run(args) => run::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Snapshot(args) => snapshot::run(&args),
        Command::Eql(args) => eql::run(&args),
        Command::KernelRules(args) => kernel_rules::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Exceptions(args) => exceptions::run(&args),
        Command::Alerts(args) => alerts::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Canary(args) => canary::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Probe(args) => probe::run(&args),
    };
    match result {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("auditward: {}", told(&error));
            status_of(&error).into()
        }
    }
}

/// Faults as they are drawn, perhaps in colours, which [`crate::diagnostic::render`] has made fit to be shown.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Drawn(String);

/// The error in lines that can be shown: the names of files in it may hold anything.
fn told(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Drawn>() {
        Some(Drawn(text)) => text.clone(),
        None => rules::clean_lines(&format!("{error:#}")),
    }
}

/// The exit status that an error has of its own.
fn status_of(error: &anyhow::Error) -> Status {
    if error.is::<AlreadyRunning>() {
        return Status::AlreadyRunning;
    }
    match error.downcast_ref::<CannotListen>() {
        Some(CannotListen(JoinError::NoAudit(_))) => Status::NoAuditing,
        Some(CannotListen(JoinError::NotPermitted)) => Status::NotPermitted,
        _ => Status::Error,
    }
}
