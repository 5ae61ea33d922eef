//! The command line: one file a command, each a few calls into the library.

use std::process::ExitCode;

pub mod eql;

/// Parses the arguments and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|command| command == crate::daemon::keeper::COMMAND) {
        return crate::daemon::keeper::main();
    }
    ExitCode::from(2)
}
