//! The command line: one file a command, each a few calls into the library.
//!
//! Exit status, for every command: 0 fine, 1 the thing asked about is not so, 2 error.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::daemon::keeper;

pub mod check;
pub mod eql;
pub mod events;
pub mod exceptions;
mod input;
pub mod kernel_rules;
pub mod replay;
pub mod rules;
pub mod run;
pub mod snapshot;

/// What every command can end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 0: fine.
    Fine,
    /// 1: the thing asked about is not so.
    NotSo,
    /// 2: it could not be done.
    Error,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Fine => Self::SUCCESS,
            Status::NotSo => Self::from(1),
            Status::Error => Self::from(2),
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
    };
    match result {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("auditward: {error:#}");
            Status::Error.into()
        }
    }
}
