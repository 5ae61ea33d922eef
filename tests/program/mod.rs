//! The program as a child, for tests of its command line.
#![allow(clippy::unwrap_used, reason = "a test whose program cannot be run fails")]

use std::path::Path;
use std::process::Command;

/// `auditward ARGUMENTS` in `directory`: exit status, standard output and standard error.
pub(crate) fn auditward(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}
