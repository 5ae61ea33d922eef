//! journald's own socket: a message with fields, by the Native Journal Protocol (systemd's JOURNAL_NATIVE_PROTOCOL).
//!
//! One datagram of `NAME=value` lines; one that is too long for a datagram goes as a sealed memory file. Every value is
//! one line here, as [`crate::clean::text`] writes it, so the form for values with newlines is not needed.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use syslog::Facility;

use super::message::Message;
use super::sink::{Outcome, Sink};
use super::syslog::{APP_NAME, Address, Transport};
use crate::alert::{read, text};
use crate::clean;

/// Where journald listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// `MESSAGE_ID` of alerts: `journalctl MESSAGE_ID=…` finds them all.
const ALERT_ID: &str = "6f0d2a0e5f1b4f1e9b571d6f0b6f2a00";

/// See the module.
pub(super) struct JournalSink {
    transport: Transport,
    facility: Facility,
    /// Bytes of a value at most.
    limit: usize,
    datagram: Vec<u8>,
}

impl JournalSink {
    pub(super) fn new(path: PathBuf, facility: Facility, limit: usize) -> Self {
        Self { transport: Transport::new(Address::Journal(path)), facility, limit, datagram: Vec::new() }
    }

    fn outcome(&self, result: io::Result<()>) -> Outcome {
        match result {
            Ok(()) => Outcome::Sent,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Outcome::Later,
            Err(e) if e.raw_os_error() == Some(Errno::EMSGSIZE as i32) => Outcome::Lost(e),
            Err(e) => Outcome::Lost(e),
        }
    }
}

impl Sink for JournalSink {
    fn begin(&mut self, message: &Message) -> Outcome {
        self.datagram.clear();
        push(&mut self.datagram, message, self.facility, self.limit);
        let written = self.transport.write_all(&self.datagram).and_then(|()| self.transport.flush());
        self.outcome(written)
    }

    fn go_on(&mut self, _message: &Message) -> Outcome {
        let flushed = self.transport.flush();
        self.outcome(flushed)
    }

    fn wait(&self, at_most: Duration) -> bool {
        self.transport.wait(at_most)
    }

    fn look(&mut self) -> bool {
        self.transport.look()
    }

    fn trouble(&self) -> Option<String> {
        self.transport.trouble().map(ToString::to_string)
    }
}

/// Appends the fields. `AUDITWARD_…` are the keys of the readable line; names with a leading underscore are journald's.
fn push(out: &mut Vec<u8>, message: &Message, facility: Facility, limit: usize) {
    let mut put = |name: &str, value: &str| {
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        // Clean already, but for whoever changes that: a newline begins a field.
        out.extend(value.bytes().map(|b| if b == b'\n' { b' ' } else { b }));
        out.push(b'\n');
    };
    put("SYSLOG_IDENTIFIER", APP_NAME);
    put("SYSLOG_FACILITY", &(facility as u8 >> 3).to_string());
    put("SYSLOG_PID", &std::process::id().to_string());
    put("PRIORITY", &(message.level() as u8).to_string());
    match message.parts() {
        Err(notice) => {
            put("MESSAGE", &notice.text);
            put("AUDITWARD_TOPIC", notice.topic.word());
        }
        Ok(alert) => {
            put("MESSAGE", &alert.line_within(limit));
            put("MESSAGE_ID", ALERT_ID);
            let document = alert.facts();
            let mut value = |name: &str, value: &[u8]| {
                let text = clean::text(value);
                if text.len() <= limit {
                    return put(name, &text);
                }
                let mut cut = String::new();
                clean::push_ends(&mut cut, value, limit);
                put(name, &cut);
            };
            for (key, fact) in text::facts(&document) {
                value(&format!("AUDITWARD_{}", key.to_ascii_uppercase()), fact.as_bytes());
            }
            for (name, path) in [
                ("AUDITWARD_RULE_NAME", "rule.name"),
                ("AUDITWARD_ACTION", "event.action"),
                ("AUDITWARD_USER", "user.name"),
                ("AUDITWARD_LOGIN_USER", "user.audit.name"),
                ("AUDITWARD_TARGET_USER", "user.target.name"),
            ] {
                if let Some(text) = read::text(&document, path) {
                    value(name, text.as_bytes());
                }
            }
            let args = read::args(&document);
            if !args.is_empty() {
                value("AUDITWARD_COMMAND", &args.join(&b' '));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{IoSliceMut, Read, Seek};
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::os::unix::net::UnixDatagram;
    use std::sync::Arc;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

    use super::*;
    use crate::alert::sample;

    /// What journald would read: the datagram, or what stands in the file that came in its place.
    fn received(socket: &UnixDatagram) -> (Vec<u8>, bool) {
        let mut buffer = vec![0; 1 << 20];
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let got =
            recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::empty()).unwrap();
        let length = got.bytes;
        let fd = got.cmsgs().unwrap().find_map(|message| match message {
            ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
            _ => None,
        });
        let Some(fd) = fd else {
            buffer.truncate(length);
            return (buffer, false);
        };
        assert_eq!(length, 0, "the file alone");
        // Through /proc, so that no raw descriptor is taken over.
        let mut file = std::fs::File::open(format!("/proc/self/fd/{fd}")).unwrap();
        nix::unistd::close(fd).unwrap();
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        drop(OwnedFd::from(file));
        (bytes, true)
    }

    fn fields(bytes: &[u8]) -> Vec<(String, String)> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.ends_with('\n'));
        let field = |line: &str| {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
            assert!(
                name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
            assert!(!name.starts_with('_') && name.len() <= 64, "{name}");
            (name.to_owned(), value.to_owned())
        };
        text.lines().map(field).collect()
    }

    #[test]
    fn an_alert_has_fields_and_nothing_in_it_makes_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let mut sink = JournalSink::new(path, Facility::LOG_AUTHPRIV, 8192);
        let hostile = "x\nPRIORITY=0\nMESSAGE=all is well\n\u{1b}[2J";
        let alert = sample::alert(&["usermod", "-u", "0", "-o", "-c", hostile, "bob"]);
        assert!(matches!(sink.begin(&Message::Alert(Arc::new(alert))), Outcome::Sent));
        let (bytes, by_file) = received(&journald);
        assert!(!by_file);
        let fields = fields(&bytes);
        let get = |name: &str| {
            let all: Vec<&str> = fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
            assert_eq!(all.len(), 1, "{name}: {all:?}");
            all[0]
        };
        assert_eq!(
            (get("PRIORITY"), get("SYSLOG_FACILITY"), get("SYSLOG_IDENTIFIER")),
            ("4", "10", "auditward")
        );
        assert!(
            get("MESSAGE").starts_with("MEDIUM Potential Linux Backdoor User Account Creation: usermod ")
        );
        assert_eq!((get("AUDITWARD_RULE"), get("AUDITWARD_LOGIN_USER")), ("uid0-account-usermod", "alice"));
        let command = clean::unescape(get("AUDITWARD_COMMAND")).expect("escapes of the table");
        assert_eq!(command, format!("usermod -u 0 -o -c {hostile} bob").as_bytes());
    }

    #[test]
    fn what_is_too_long_for_a_datagram_goes_as_a_sealed_file_and_the_next_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let mut sink = JournalSink::new(path, Facility::LOG_AUTHPRIV, 1 << 20);
        let long = sample::alert(&["usermod", "-c", &"l".repeat(300_000), "bob"]);
        for (alert, by_file) in [(sample::plain(), false), (long, true), (sample::plain(), false)] {
            let line = alert.line.clone();
            assert!(matches!(sink.begin(&Message::Alert(Arc::new(alert))), Outcome::Sent));
            let (bytes, file) = received(&journald);
            assert_eq!(file, by_file);
            let message = fields(&bytes).into_iter().find(|(name, _)| name == "MESSAGE").unwrap();
            assert_eq!(message.1, line);
        }
    }
}
