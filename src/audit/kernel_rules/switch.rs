//! Turning auditing on where nobody has, and putting it back as it was.
//!
//! Only where auditing is off and no audit daemon runs: else the settings are somebody's. What was changed is kept in
//! a file, so that it can be put back by another run; a boot forgets both.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use crate::audit::control::{Control, ControlError, Status};

/// Records that may wait in the kernel; its own default of 64 loses records at the first burst.
const BACKLOG_LIMIT: u32 = 8192;

/// Clock ticks that a system call waits for room at the most (the kernel's own default is a minute).
const BACKLOG_WAIT: u32 = 100;

/// What was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    backlog_limit: u32,
    backlog_wait_time: Option<u32>,
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "backlog_limit {}", self.backlog_limit)?;
        match self.backlog_wait_time {
            Some(ticks) => writeln!(f, "backlog_wait_time {ticks}"),
            None => Ok(()),
        }
    }
}

impl Before {
    fn parse(text: &str) -> Option<Self> {
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
            line.parse().ok()
        };
        Some(Self { backlog_limit: number("backlog_limit")?, backlog_wait_time: number("backlog_wait_time") })
    }
}

/// Why auditing could not be switched.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The kernel's answer.
    #[error(transparent)]
    Kernel(#[from] ControlError),
    /// The file for what was there before.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: String,
        /// Why.
        source: io::Error,
    },
}

/// Whether [`turn_on`] has anything to do.
#[must_use]
pub fn is_ours_to_turn_on(status: &Status) -> bool {
    status.enabled == 0 && status.pid == 0
}

/// Turns auditing on, with room for a burst, where it is off and no audit daemon runs; what was there is kept in
/// `file`, whose directory is made. `true` when something was done.
///
/// # Errors
/// The kernel refuses, or the file cannot be written: then nothing was changed.
pub fn turn_on(control: &mut Control, file: &Path) -> Result<bool, SwitchError> {
    let status = control.status()?;
    if !is_ours_to_turn_on(&status) {
        return Ok(false);
    }
    let before = Before { backlog_limit: status.backlog_limit, backlog_wait_time: status.backlog_wait_time };
    let failed = |source| SwitchError::File { file: file.display().to_string(), source };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(file, before.to_string()).map_err(failed)?;
    if status.backlog_limit < BACKLOG_LIMIT {
        control.set_backlog_limit(BACKLOG_LIMIT)?;
    }
    if status.backlog_wait_time.is_some_and(|ticks| ticks > BACKLOG_WAIT) {
        control.set_backlog_wait_time(BACKLOG_WAIT)?;
    }
    control.set_enabled(true)?;
    Ok(true)
}

/// Puts back what [`turn_on`] kept in `file`, and removes it. Where an audit daemon runs by now, or somebody locked
/// the settings, they are left: they are somebody's. `true` when something was put back.
///
/// # Errors
/// The kernel refuses, or the file cannot be read or removed.
pub fn put_back(control: &mut Control, file: &Path) -> Result<bool, SwitchError> {
    let failed = |source| SwitchError::File { file: file.display().to_string(), source };
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let status = control.status()?;
    let ours = status.enabled == 1 && status.pid == 0;
    if let Some(before) = Before::parse(&text).filter(|_| ours) {
        control.set_enabled(false)?;
        control.set_backlog_limit(before.backlog_limit)?;
        if let Some(ticks) = before.backlog_wait_time {
            control.set_backlog_wait_time(ticks)?;
        }
    }
    fs::remove_file(file).map_err(failed)?;
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_is_read_as_it_was_written() {
        for wait in [None, Some(60_000)] {
            let before = Before { backlog_limit: 64, backlog_wait_time: wait };
            assert_eq!(Before::parse(&before.to_string()), Some(before));
        }
        assert_eq!(Before::parse("backlog_limit x\n"), None);
        assert_eq!(Before::parse(""), None);
    }

    #[test]
    fn settings_that_are_somebodys_are_left() {
        let status = |enabled, pid| Status { enabled, pid, ..Status::default() };
        assert!(is_ours_to_turn_on(&status(0, 0)));
        assert!(!is_ours_to_turn_on(&status(0, 4711)));
        assert!(!is_ours_to_turn_on(&status(1, 0)));
        assert!(!is_ours_to_turn_on(&status(2, 0)));
    }
}
