//! The command line: one file a command, each a few calls into the library.

use std::process::ExitCode;

/// Parses the arguments and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::from(2)
}
