//! Asking the kernel's audit system about itself and changing it: AUDIT_GET, AUDIT_SET and the rules.
//!
//! All of it needs CAP_AUDIT_CONTROL and the initial pid namespace, at the time of asking: an open
//! socket is worth nothing once the capability is gone.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netlink_packet_audit::StatusMessage;
use netlink_packet_audit::constants::{
    AUDIT_ADD_RULE, AUDIT_DEL_RULE, AUDIT_GET, AUDIT_LIST_RULES, AUDIT_SET,
};
use netlink_packet_core::{Emitable, NLM_F_ACK, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer};
use netlink_sys::protocols::NETLINK_AUDIT;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use super::input::poll_timeout;
use super::kernel_rules::LoadedRule;

/// How long the kernel may take to answer. It does so at once, unless it is busy with other changes.
const PATIENCE: Duration = Duration::from_secs(5);

/// `nlmsghdr`.
const HEADER: usize = 16;

/// `AUDIT_STATUS_ENABLED` of `include/uapi/linux/audit.h`: this word of an AUDIT_SET counts.
const STATUS_ENABLED: u32 = 0x01;

/// `AUDIT_STATUS_BACKLOG_LIMIT`.
const STATUS_BACKLOG_LIMIT: u32 = 0x10;

/// `AUDIT_STATUS_BACKLOG_WAIT_TIME`.
const STATUS_BACKLOG_WAIT_TIME: u32 = 0x20;

/// Why a question to the kernel has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// EPERM without the rules being locked.
    #[error(
        "{what}: not permitted; this needs CAP_AUDIT_CONTROL in the host's own user and pid namespaces \
         (a root shell on the host, not in a container)"
    )]
    NotPermitted {
        /// What was asked for.
        what: &'static str,
    },
    /// The kernel was built or started without audit, or this is another network namespace.
    #[error("the kernel offers no audit here ({0}): it needs CONFIG_AUDIT and no `audit=0` at boot")]
    NoAudit(#[source] io::Error),
    /// No answer within five seconds.
    #[error("{what}: the kernel has not answered within {} s", PATIENCE.as_secs())]
    TimedOut {
        /// What was asked for.
        what: &'static str,
    },
    /// An error number of the kernel's.
    #[error("{what}: {errno}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The answer makes no sense.
    #[error("{what}: the kernel's answer is not understood")]
    NotUnderstood {
        /// What was asked for.
        what: &'static str,
    },
    /// The socket failed.
    #[error("{what}: {source}")]
    Socket {
        /// What was asked for.
        what: &'static str,
        /// How it failed.
        source: io::Error,
    },
}

/// `struct audit_status` of `include/uapi/linux/audit.h`. Old kernels send fewer words: what they do
/// not say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// 0 off, 1 on, 2 on and locked until the next boot.
    pub enabled: u32,
    /// What a failure does: 0 nothing, 1 a line in the kernel's log, 2 panic.
    pub failure: u32,
    /// Pid of the audit daemon; 0 without one.
    pub pid: u32,
    /// Messages a second, 0 without limit.
    pub rate_limit: u32,
    /// Most records that may wait in the kernel.
    pub backlog_limit: u32,
    /// Records lost in the kernel since boot (or since the counter was reset), before any reader.
    pub lost: u32,
    /// Records waiting in the kernel.
    pub backlog: u32,
    /// Feature bits (`AUDIT_FEATURE_BITMAP_*`).
    pub features: Option<u32>,
    /// Longest wait of a system call for the backlog to shrink, in clock ticks.
    pub backlog_wait_time: Option<u32>,
    /// What system calls have waited in all, in clock ticks.
    pub backlog_wait_time_actual: Option<u32>,
}

impl Status {
    /// Whether rules and switches are locked until the next boot (`auditctl -e 2`).
    #[must_use]
    pub fn locked(&self) -> bool {
        self.enabled == 2
    }

    /// Whether the kernel writes every record to its own log as well: auditing is on, and no audit
    /// daemon takes the records. A multicast reader is none.
    #[must_use]
    pub fn kernel_prints_records(&self) -> bool {
        self.enabled != 0 && self.pid == 0
    }

    /// Reads the words of an answer, in the machine's byte order.
    fn parse(payload: &[u8]) -> Option<Self> {
        let word = |index: usize| {
            let bytes = payload.get(index * 4..index * 4 + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        // Word 0 is the mask, of use in AUDIT_SET only.
        Some(Self {
            enabled: word(1)?,
            failure: word(2)?,
            pid: word(3)?,
            rate_limit: word(4)?,
            backlog_limit: word(5)?,
            lost: word(6)?,
            backlog: word(7)?,
            features: word(8),
            backlog_wait_time: word(9),
            backlog_wait_time_actual: word(10),
        })
    }
}

/// A line to the kernel's audit system.
#[derive(Debug)]
pub struct Control {
    socket: Socket,
    sequence: u32,
    answer: Box<[u8]>,
}

/// What `ask` got back.
struct Answer {
    kind: u16,
    payload: Vec<u8>,
}

impl Control {
    /// Opens the line. Permission is checked with each question.
    ///
    /// # Errors
    /// [`ControlError::NoAudit`], or no more file descriptors.
    pub fn open() -> Result<Self, ControlError> {
        let mut socket = Socket::new(NETLINK_AUDIT).map_err(ControlError::NoAudit)?;
        socket.bind_auto().map_err(|source| ControlError::Socket { what: "audit socket", source })?;
        Ok(Self { socket, sequence: 0, answer: vec![0; 64 * 1024].into_boxed_slice() })
    }

    /// AUDIT_GET.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub fn status(&mut self) -> Result<Status, ControlError> {
        let what = "asking for the audit status";
        let answers = self.ask(what, AUDIT_GET, &[])?;
        answers
            .iter()
            .find(|a| a.kind == AUDIT_GET)
            .and_then(|a| Status::parse(&a.payload))
            .ok_or(ControlError::NotUnderstood { what })
    }

    /// AUDIT_SET: switches auditing on or off.
    ///
    /// # Errors
    /// See [`ControlError`]; EPERM also when the switch is locked.
    pub fn set_enabled(&mut self, enabled: bool) -> Result<(), ControlError> {
        let what = if enabled { "turning auditing on" } else { "turning auditing off" };
        let mut message = StatusMessage::new();
        message.mask = STATUS_ENABLED;
        message.enabled = u32::from(enabled);
        self.ask(what, AUDIT_SET, &emitted(&message)).map(drop)
    }

    /// AUDIT_SET: the most records that may wait in the kernel.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub fn set_backlog_limit(&mut self, records: u32) -> Result<(), ControlError> {
        let mut message = StatusMessage::new();
        message.mask = STATUS_BACKLOG_LIMIT;
        message.backlog_limit = records;
        self.ask("setting the backlog limit", AUDIT_SET, &emitted(&message)).map(drop)
    }

    /// AUDIT_SET: the longest wait of a system call for the backlog to shrink, in clock ticks.
    ///
    /// # Errors
    /// See [`ControlError`]; EINVAL from kernels before 3.14.
    pub fn set_backlog_wait_time(&mut self, ticks: u32) -> Result<(), ControlError> {
        let mut message = StatusMessage::new();
        message.mask = STATUS_BACKLOG_WAIT_TIME;
        message.backlog_wait_time = ticks;
        self.ask("setting the backlog wait time", AUDIT_SET, &emitted(&message)).map(drop)
    }

    /// All loaded rules, in the order in which the kernel asks them within each list.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub fn rules(&mut self) -> Result<Vec<LoadedRule>, ControlError> {
        let what = "listing the kernel's audit rules";
        let answers = self.ask(what, AUDIT_LIST_RULES, &[])?;
        answers
            .into_iter()
            .filter(|a| a.kind == AUDIT_LIST_RULES)
            .map(|a| LoadedRule::parse(a.payload).ok_or(ControlError::NotUnderstood { what }))
            .collect()
    }

    /// Adds a rule at the end of its list. `false` when the very same rule is there already.
    ///
    /// # Errors
    /// See [`ControlError`]; EPERM also when the rules are locked.
    pub fn add_rule(&mut self, rule: &LoadedRule) -> Result<bool, ControlError> {
        match self.ask("adding an audit rule", AUDIT_ADD_RULE, rule.as_bytes()) {
            Ok(_) => Ok(true),
            Err(ControlError::Refused { errno: Errno::EEXIST, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a rule. `false` when it is gone already.
    ///
    /// # Errors
    /// See [`ControlError`]; EPERM also when the rules are locked.
    pub fn delete_rule(&mut self, rule: &LoadedRule) -> Result<bool, ControlError> {
        match self.ask("removing an audit rule", AUDIT_DEL_RULE, rule.as_bytes()) {
            Ok(_) => Ok(true),
            Err(ControlError::Refused { errno: Errno::ENOENT, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends one request and gathers what belongs to it, up to its acknowledgement and, for a list,
    /// to the list's end.
    fn ask(&mut self, what: &'static str, kind: u16, payload: &[u8]) -> Result<Vec<Answer>, ControlError> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let request = framed(kind, self.sequence, payload);
        self.socket.send_to(&request, &SocketAddr::new(0, 0), 0).map_err(|source| failed(what, source))?;
        let deadline = Instant::now() + PATIENCE;
        let mut answers = Vec::new();
        let (mut acknowledged, mut done) = (false, kind != AUDIT_LIST_RULES);
        while !(acknowledged && done) {
            for answer in self.receive(what, deadline)? {
                match answer.kind {
                    NLMSG_ERROR => match error_number(&answer.payload) {
                        Some(0) => acknowledged = true,
                        Some(number) => return Err(refused(what, number)),
                        None => return Err(ControlError::NotUnderstood { what }),
                    },
                    NLMSG_DONE => done = true,
                    _ => answers.push(answer),
                }
            }
        }
        // A single answer may come after the acknowledgement.
        while kind == AUDIT_GET && answers.is_empty() {
            answers.extend(self.receive(what, deadline)?);
        }
        Ok(answers)
    }

    /// The messages of the next datagram that answer the present request.
    fn receive(&mut self, what: &'static str, deadline: Instant) -> Result<Vec<Answer>, ControlError> {
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, poll_timeout(Some(deadline))) {
            Ok(0) => return Err(ControlError::TimedOut { what }),
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()),
            Err(errno) => return Err(ControlError::Refused { what, errno }),
        }
        let (length, sender) = match self.socket.recv_from(&mut &mut self.answer[..], 0) {
            Ok(received) => received,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(Vec::new()),
            Err(source) => return Err(failed(what, source)),
        };
        if sender.port_number() != 0 {
            return Ok(Vec::new());
        }
        Ok(messages(self.answer.get(..length).unwrap_or_default(), self.sequence))
    }
}

/// The messages of a datagram that carry our sequence number.
fn messages(mut datagram: &[u8], sequence: u32) -> Vec<Answer> {
    let mut found = Vec::new();
    while let Ok(message) = NetlinkBuffer::new_checked(datagram) {
        if message.sequence_number() == sequence {
            found.push(Answer { kind: message.message_type(), payload: message.payload().to_vec() });
        }
        // NLMSG_ALIGN
        let next = (message.length() as usize).next_multiple_of(4);
        datagram = datagram.get(next..).unwrap_or_default();
    }
    found
}

fn emitted(message: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn framed(kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    let mut header = NetlinkBuffer::new(&mut bytes);
    header.set_length((HEADER + payload.len()) as u32);
    header.set_message_type(kind);
    header.set_flags(NLM_F_REQUEST | NLM_F_ACK);
    header.set_sequence_number(sequence);
    bytes.extend(payload);
    bytes
}

/// `error` of `struct nlmsgerr`: a negative error number, or 0 for an acknowledgement.
fn error_number(payload: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(payload.get(..4)?.try_into().ok()?))
}

fn refused(what: &'static str, number: i32) -> ControlError {
    match Errno::from_raw(number.wrapping_neg()) {
        Errno::EPERM => ControlError::NotPermitted { what },
        errno => ControlError::Refused { what, errno },
    }
}

fn failed(what: &'static str, source: io::Error) -> ControlError {
    match source.raw_os_error().map(Errno::from_raw) {
        // Nobody listens on the kernel's side: audit=0, or another namespace.
        Some(Errno::ECONNREFUSED) => ControlError::NoAudit(source),
        _ => ControlError::Socket { what, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_ne_bytes()).collect()
    }

    #[test]
    fn a_status_of_any_kernel_is_read() {
        let whole = words(&[0, 1, 1, 4711, 0, 8192, 17, 3, 0x7f, 60_000, 12]);
        let status = Status::parse(&whole).unwrap();
        let expected = Status {
            enabled: 1,
            failure: 1,
            pid: 4711,
            rate_limit: 0,
            backlog_limit: 8192,
            lost: 17,
            backlog: 3,
            features: Some(0x7f),
            backlog_wait_time: Some(60_000),
            backlog_wait_time_actual: Some(12),
        };
        assert_eq!(status, expected);
        // Linux 2.6: eight words; 3.14: ten.
        let short = Status::parse(&whole[..32]).unwrap();
        assert_eq!((short.lost, short.features, short.backlog_wait_time), (17, None, None));
        let ten = Status::parse(&whole[..40]).unwrap();
        assert_eq!((ten.backlog_wait_time, ten.backlog_wait_time_actual), (Some(60_000), None));
        assert_eq!(Status::parse(&whole[..31]), None);
    }

    #[test]
    fn only_messages_with_our_sequence_number_are_taken() {
        let mut datagram = framed(AUDIT_GET, 7, &words(&[1, 2, 3]));
        datagram.extend(framed(AUDIT_GET, 8, b"abcde"));
        datagram.extend([0; 3]);
        datagram.extend(framed(NLMSG_DONE, 7, &[]));
        let found = messages(&datagram, 7);
        assert_eq!(found.iter().map(|a| a.kind).collect::<Vec<_>>(), [AUDIT_GET, NLMSG_DONE]);
        assert!(messages(&datagram[..10], 7).is_empty());
    }
}
