//! Who is logged in: utmp(5), and the files of logind below /run/systemd/sessions.
//!
//! utmp is read by our own few lines: it is one array of a fixed record, and the crates that read it bring a crate for
//! time along.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::Missing;

/// Bytes of utmp that are read.
const UTMP: u64 = 4 << 20;

/// Sessions of logind that are read, and bytes of each file.
const MOST: usize = 1024;
const FILE: u64 = 64 << 10;

/// Bytes of a record: `struct utmp` of glibc's bits/utmp.h, whose time takes 32 bits on machines that once had 32
/// (`__WORDSIZE_TIME64_COMPAT32`), and a `long` on the others.
#[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "powerpc64", target_arch = "arm"))]
const RECORD: (usize, bool) = (384, false);
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "powerpc64",
    target_arch = "arm"
)))]
const RECORD: (usize, bool) = (400, true);

/// A session that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    /// logind's id.
    pub(super) id: Option<String>,
    pub(super) user: String,
    /// `pts/0`
    pub(super) terminal: Option<String>,
    /// The host that it came from.
    pub(super) host: Option<String>,
    /// When it began, in milliseconds since the Unix epoch.
    pub(super) since: Option<i64>,
    /// Its first process.
    pub(super) pid: Option<u32>,
    /// `sshd`, `login`
    pub(super) service: Option<String>,
    /// `active`, `online`, `closing`
    pub(super) state: Option<String>,
    /// Which of the two told of it.
    pub(super) source: &'static str,
}

/// The sessions, those that both tell of once.
pub(super) fn read(root: &Path) -> (Vec<Session>, Vec<Missing>) {
    let (mut sessions, mut missing) = (Vec::new(), Vec::new());
    let logind = logind(&root.join("run/systemd/sessions"), &mut sessions);
    let utmp = bounded(&root.join("run/utmp"), UTMP);
    match &utmp {
        Ok(bytes) => {
            for told in bytes.chunks_exact(RECORD.0).filter_map(record) {
                match sessions.iter_mut().find(|known| known.is(&told)) {
                    Some(known) => {
                        known.host = known.host.take().or(told.host);
                        // sshd opens the session before the terminal.
                        known.terminal = known.terminal.take().or(told.terminal);
                        known.source = "logind, utmp";
                    }
                    None => sessions.push(told),
                }
            }
        }
        Err(error) if logind.is_err() => {
            let reason = format!("neither /run/systemd/sessions nor /run/utmp can be read: {error}");
            missing.push(Missing::of("sessions", &reason));
        }
        // A host without utmp has logind's, and one without logind has utmp.
        Err(_) => {}
    }
    (sessions, missing)
}

impl Session {
    fn is(&self, other: &Self) -> bool {
        let same_terminal = self.terminal.is_some() && self.terminal == other.terminal;
        self.user == other.user && (same_terminal || self.pid.is_some() && self.pid == other.pid)
    }
}

fn bounded(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `USER_PROCESS` of utmp(5).
const USER_PROCESS: i16 = 7;

/// A record of a user that is logged in: type at 0, pid at 4, line (32 bytes) at 8, user (32) at 44, host (256) at 76, and
/// the time at 340, or at 344 where it is a `long`.
fn record(bytes: &[u8]) -> Option<Session> {
    let kind = i16::from_ne_bytes(*bytes.first_chunk()?);
    if kind != USER_PROCESS {
        return None;
    }
    let pid = u32::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let text = |from: usize, most: usize| -> Option<String> {
        let field = bytes.get(from..from + most)?;
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(most);
        let text = String::from_utf8_lossy(field.get(..end)?).into_owned();
        (!text.is_empty()).then_some(text)
    };
    let seconds = if RECORD.1 {
        i64::from_ne_bytes(*bytes.get(344..)?.first_chunk()?)
    } else {
        i64::from(u32::from_ne_bytes(*bytes.get(340..)?.first_chunk()?))
    };
    Some(Session {
        user: text(44, 32)?,
        terminal: text(8, 32),
        host: text(76, 256),
        since: seconds.checked_mul(1000).filter(|since| *since > 0),
        pid: (pid != 0).then_some(pid),
        source: "utmp",
        ..Session::default()
    })
}

/// One file for each session, named by its id (systemd's src/login/logind-session.c, `session_save`): private to systemd,
/// so what is not there is not known.
fn logind(directory: &Path, sessions: &mut Vec<Session>) -> std::io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(directory)?.flatten().take(2 * MOST).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries.into_iter().take(MOST) {
        let Ok(id) = entry.file_name().into_string() else { continue };
        // Beside the file there may be a pipe, `4.ref`.
        if id.contains('.') || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if let Ok(bytes) = bounded(&entry.path(), FILE) {
            sessions.extend(session(id, &String::from_utf8_lossy(&bytes)));
        }
    }
    Ok(())
}

fn session(id: String, text: &str) -> Option<Session> {
    let value = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        let value = value.trim_matches('"');
        (!value.is_empty()).then(|| value.to_owned())
    };
    // Of a service manager or a greeter, not of somebody who logged in.
    let class = value("CLASS").unwrap_or_else(|| "user".to_owned());
    if !matches!(
        &*class,
        "user" | "user-early" | "user-light" | "user-early-light" | "user-incomplete" | "none"
    ) {
        return None;
    }
    Some(Session {
        id: Some(id),
        user: value("USER").or_else(|| value("UID"))?,
        terminal: value("TTY")
            .map(|tty| tty.trim_start_matches("/dev/").to_owned())
            .or_else(|| value("DISPLAY")),
        host: value("REMOTE_HOST"),
        since: value("REALTIME").and_then(|micros| micros.parse::<i64>().ok()).map(|micros| micros / 1000),
        pid: value("LEADER").and_then(|pid| pid.parse().ok()),
        service: value("SERVICE"),
        state: value("STATE"),
        source: "logind",
    })
}

#[cfg(test)]
pub(super) fn utmp_record(user: &str, line: &str, host: &str, pid: u32, seconds: u32) -> Vec<u8> {
    let mut bytes = vec![0; RECORD.0];
    let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
    put(0, &USER_PROCESS.to_ne_bytes());
    put(4, &pid.to_ne_bytes());
    put(8, line.as_bytes());
    put(44, user.as_bytes());
    put(76, host.as_bytes());
    if RECORD.1 {
        put(344, &i64::from(seconds).to_ne_bytes())
    } else {
        put(340, &seconds.to_ne_bytes())
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_logind_and_utmp_say_of_one_session_is_one() {
        let root = tempfile::tempdir().expect("a directory");
        let sessions = root.path().join("run/systemd/sessions");
        fs::create_dir_all(&sessions).expect("a directory");
        let file = "# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\nREMOTE=1\n\
                    TYPE=tty\nCLASS=user\nTTY=pts/0\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nLEADER=4242\n\
                    REALTIME=1790000000000000\n";
        fs::write(sessions.join("4"), file).expect("written");
        fs::write(sessions.join("c1"), "UID=110\nUSER=greeter\nCLASS=greeter\n").expect("written");
        let mut utmp = utmp_record("alice", "pts/0", "192.0.2.7", 4242, 1_790_000_000);
        utmp.extend(utmp_record("bob", "tty1", "", 77, 1_790_000_001));
        utmp.extend(vec![0; RECORD.0]);
        utmp.extend(b"half a record");
        fs::write(root.path().join("run/utmp"), utmp).expect("written");

        let (found, missing) = read(root.path());
        assert_eq!(missing, []);
        let told: Vec<_> = found.iter().map(|s| (&*s.user, s.terminal.as_deref(), s.source)).collect();
        assert_eq!(told, [("alice", Some("pts/0"), "logind, utmp"), ("bob", Some("tty1"), "utmp")]);
        assert_eq!(found[0].since, Some(1_790_000_000_000));
        assert_eq!((found[0].host.as_deref(), found[0].pid), (Some("192.0.2.7"), Some(4242)));
        assert_eq!((found[1].host.as_deref(), found[1].since), (None, Some(1_790_000_001_000)));
    }

    /// logind hears of a session by ssh before there is a terminal, and may never hear of that one.
    #[test]
    fn the_terminal_is_utmps_where_logind_has_none() {
        let root = tempfile::tempdir().expect("a directory");
        let sessions = root.path().join("run/systemd/sessions");
        fs::create_dir_all(&sessions).expect("a directory");
        let file = "UID=1000\nUSER=carol\nCLASS=user\nREMOTE_HOST=127.0.0.1\nSERVICE=sshd\nLEADER=541\n";
        fs::write(sessions.join("2"), file).expect("written");
        let utmp = utmp_record("carol", "pts/0", "127.0.0.1", 541, 1_790_000_000);
        fs::write(root.path().join("run/utmp"), utmp).expect("written");
        let (found, _) = read(root.path());
        let told: Vec<_> = found.iter().map(|one| (one.id.as_deref(), one.terminal.as_deref())).collect();
        assert_eq!(told, [(Some("2"), Some("pts/0"))]);
    }

    #[test]
    fn where_neither_can_be_read_that_is_said() {
        let root = tempfile::tempdir().expect("a directory");
        let (found, missing) = read(root.path());
        assert_eq!((found.len(), missing.len()), (0, 1));
        assert_eq!(missing[0].what, "sessions");
    }
}
