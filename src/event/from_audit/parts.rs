//! The records of an event by their roles, found in one pass.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::audit::syscalls::Arch;
use crate::audit::{AuditEvent, Record, RecordType, Syscall, fields, value};
use crate::event::ancestry::{Ids, Login};
use crate::event::kind::{self, Act, Call, CallKind, Dirs, Kind};

/// Login id and session that are not set.
pub(crate) const UNSET: u32 = u32::MAX;

/// The records of an event by their roles. A record that came twice counts once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'e> {
    /// The record that says what the event is: `auditd.message_type`.
    pub(crate) lead: Record<'e>,
    /// The fields of the SYSCALL record, else those of the URINGOP record, else those of the lead.
    pub(crate) who: Syscall<'e>,
    /// The record they stand in.
    pub(crate) who_record: Record<'e>,
    /// A text in which its fields are that have no place in `who`, maybe among others; empty where there are none.
    pub(crate) who_rest: &'e [u8],
    /// The system call; none without a SYSCALL record.
    pub(crate) call: Option<Call>,
    pub(crate) execve: bool,
    pub(crate) cwd: Option<Record<'e>>,
    pub(crate) title: Option<Record<'e>>,
    pub(crate) socket: Option<Record<'e>>,
    pub(crate) login: Option<Record<'e>>,
    pub(crate) capabilities: Option<Record<'e>>,
    /// Whether the event is one system call, with nothing beside it but the start of a program, files, and a title: no
    /// record but its own, and that of capabilities, has fields that it could have too.
    pub(crate) alone: bool,
    /// What the event is.
    pub(crate) kind: Kind,
    /// The system call was made and failed.
    pub(crate) failed: bool,
}

impl<'e> Parts<'e> {
    pub(crate) fn of(event: &AuditEvent<'e>) -> Option<Self> {
        let first = event.records().next()?;
        let (mut execve, mut lead, mut act, mut syscall, mut ring) = (false, None, None, None, None);
        let [mut cwd, mut title, mut socket, mut login, mut capabilities] = [None; 5];
        let mut alone = true;
        for record in event.records() {
            match record.kind {
                RecordType::SYSCALL => {
                    alone &= syscall.is_none();
                    syscall = syscall.or(Some(record));
                }
                RecordType::EXECVE => execve = true,
                RecordType::PATH => {}
                RecordType::CWD => cwd = cwd.or(Some(record)),
                RecordType::PROCTITLE => title = title.or(Some(record)),
                RecordType::BPRM_FCAPS => {
                    alone &= capabilities.is_none();
                    capabilities = capabilities.or(Some(record));
                }
                other => {
                    alone = false;
                    match other {
                        RecordType::URINGOP => ring = ring.or(Some(record)),
                        RecordType::SOCKADDR => socket = socket.or(Some(record)),
                        _ => {
                            if other == RecordType::LOGIN {
                                login = login.or(Some(record));
                            }
                            if act.is_none() {
                                act = kind::of_record(other, record.body);
                                lead = act.map(|_| record);
                            }
                        }
                    }
                }
            }
        }
        // What a ring does within io_uring_enter(2) has the record of that call beside it: who it was stands there, and what
        // was done and how it ended in the ring's own.
        let who_record = syscall.or(ring).or(lead).unwrap_or(first);
        let (mut who, who_rest) = Syscall::parse_with_rest(who_record.body);
        if let Some(ring) = ring {
            who.success = Syscall::parse(ring.body).success;
        }
        let head = ring.or(syscall);
        let call = head.map(|record| call_of(&record, &who));
        let failed = who.success == b"no";
        let (kind, is_exec) = classify(event, act, call, &who, execve);
        // An exec is an exec whatever a security module says of it.
        let lead = if is_exec { head.or(lead) } else { lead.or(head) }.unwrap_or(first);
        Some(Self {
            lead,
            who,
            who_record,
            who_rest,
            call,
            execve,
            cwd,
            title,
            socket,
            login,
            capabilities,
            alone: alone && syscall.is_some(),
            kind,
            failed,
        })
    }

    /// Whether the event is a program's start.
    pub(crate) fn is_exec(&self) -> bool {
        self.kind.lead() == Act::EXECUTED
    }

    /// Whether arguments are to be read: of an exec, if only to know that none came, and of whatever else
    /// has an EXECVE record.
    pub(crate) fn has_arguments(&self) -> bool {
        self.execve || self.is_exec()
    }

    /// Whether the call only tries something, so that it happened although it "failed": a connection that
    /// was refused, or is still being made.
    pub(crate) fn attempts(&self) -> bool {
        [Act::CONNECTED, Act::EXECUTION_FAILED].contains(&self.kind.lead())
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        number(self.who.pid)
    }

    pub(crate) fn ppid(&self) -> Option<u32> {
        number(self.who.ppid)
    }

    /// The login that stands in the records; in an event with a LOGIN record the one before it.
    pub(crate) fn login(&self) -> Option<Login> {
        if let Some(record) = self.login {
            let old = |key: &[u8]| fields::find(record.body, key).and_then(|f| number(f.raw));
            if let (Some(auid), Some(ses)) = (old(b"old-auid"), old(b"old-ses")) {
                return Some(Login { auid, ses });
            }
        }
        Some(Login { auid: number(self.who.auid)?, ses: number(self.who.ses)? })
    }

    /// The login that a LOGIN record set, when it says that it was set.
    pub(crate) fn new_login(&self) -> Option<Login> {
        let record = self.login?;
        let of = |key: &[u8]| fields::find(record.body, key).map(|f| f.raw);
        if of(b"res").is_some_and(|res| res != b"1") {
            return None;
        }
        Some(Login { auid: number(of(b"auid")?)?, ses: number(of(b"ses")?)? })
    }

    pub(crate) fn ids(&self) -> Option<Ids> {
        let uid = number(self.who.uid)?;
        let gid = number(self.who.gid)?;
        let euid = number(self.who.euid).unwrap_or(uid);
        Some(Ids { uid, euid, gid, egid: number(self.who.egid).unwrap_or(gid) })
    }

    /// Argument `at` of the system call.
    pub(crate) fn argument(&self, at: u8) -> Option<u64> {
        let raw = match at {
            0 => self.who.a0,
            1 => self.who.a1,
            2 => self.who.a2,
            3 => self.who.a3,
            _ => return None,
        };
        value::hexadecimal(raw)
    }

    /// The number that a fork gave back, and how the child stands to the caller; nothing for a thread.
    pub(crate) fn child(&self) -> Option<(u32, crate::event::ancestry::Forked)> {
        use crate::event::ancestry::Forked;
        if self.who.success != b"yes" {
            return None;
        }
        let child = number(self.who.exit).filter(|child| *child != 0)?;
        let how = match self.call?.kind {
            CallKind::Fork { flags } => {
                let flags = flags.and_then(|_| clone_flags(&self.who)).unwrap_or(0);
                match () {
                    () if flags & CLONE_THREAD != 0 => return None,
                    () if flags & CLONE_PARENT != 0 => Forked::Sibling,
                    () => Forked::Child,
                }
            }
            CallKind::Clone3 => Forked::Maybe,
            _ => return None,
        };
        Some((child, how))
    }
}

/// `include/uapi/linux/sched.h`.
const CLONE_PARENT: u64 = 0x8000;
const CLONE_THREAD: u64 = 0x1_0000;

/// The flags of clone: the first argument, on System z the second (`clone(2)`).
fn clone_flags(who: &Syscall<'_>) -> Option<u64> {
    let s390 = value::hexadecimal(who.arch) == Some(u64::from(Arch::S390X.0));
    value::hexadecimal(if s390 { who.a1 } else { who.a0 })
}

/// A number as records have it; -1 is how some have "unset".
pub(crate) fn number(raw: &[u8]) -> Option<u32> {
    if raw == b"-1" {
        return Some(UNSET);
    }
    value::unsigned(raw).and_then(|n| u32::try_from(n).ok())
}

fn call_of(record: &Record<'_>, who: &Syscall<'_>) -> Call {
    if record.kind == RecordType::URINGOP {
        return Call { kind: CallKind::Act(ring_operation(record)), dirs: Dirs::One(0), name: "io_uring" };
    }
    let arch = value::hexadecimal(who.arch).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    kind::call(arch, number(who.syscall).unwrap_or(UNSET))
}

/// The operations of `enum io_uring_op` (`include/uapi/linux/io_uring.h`) that have a word.
fn ring_operation(record: &Record<'_>) -> Act {
    let operation = fields::find(record.body, b"uring_op").and_then(|f| value::unsigned(f.raw));
    match operation {
        Some(18 | 28) => Act::OPENED,
        Some(35) => Act::RENAMED,
        Some(36) => Act::DELETED,
        Some(37) => Act::CREATED_DIRECTORY,
        Some(38) => Act::SYMLINKED,
        Some(39) => Act::LINKED,
        Some(13) => Act::ACCEPTED,
        Some(16) => Act::CONNECTED,
        Some(9 | 26 | 47 | 48) => Act::SENT,
        Some(10 | 27) => Act::RECEIVED,
        Some(45) => Act::CREATED_SOCKET,
        Some(56) => Act::BOUND,
        Some(57) => Act::LISTENING,
        _ => Act::OTHER_CALL,
    }
}

/// What the event is, and whether it is an exec.
fn classify(
    event: &AuditEvent<'_>,
    told: Option<Act>,
    call: Option<Call>,
    who: &Syscall<'_>,
    execve: bool,
) -> (Kind, bool) {
    let Some(call) = call else {
        // EXECVE stands in events of execs that worked only: the SYSCALL record was lost.
        let kind = match told {
            Some(act) => Kind::one(act),
            None if execve => Kind::one(Act::EXECUTED),
            None => Kind::one(Act::KERNEL_MESSAGE),
        };
        return (kind, told.is_none() && execve);
    };
    let act = act_of_call(event, call, who);
    match told {
        Some(told) if act == Act::EXECUTED => {
            let mut kind = Kind::one(act);
            kind.push(told);
            (kind, true)
        }
        Some(told) => {
            let mut kind = Kind::one(told);
            // What a security module refused is told with the refusal; of a change of configuration or
            // of a login the call is only the vehicle.
            let verdict = [Act::VIOLATED_SELINUX, Act::VIOLATED_APPARMOR, Act::MAC_MESSAGE, Act::ANOMALY];
            if verdict.contains(&told) && act != Act::OTHER_CALL {
                kind.push(act);
            }
            (kind, false)
        }
        None => (Kind::one(act), act == Act::EXECUTED),
    }
}

fn act_of_call(event: &AuditEvent<'_>, call: Call, who: &Syscall<'_>) -> Act {
    let worked = who.success == b"yes";
    match call.kind {
        CallKind::Exec if worked => Act::EXECUTED,
        CallKind::Exec => Act::EXECUTION_FAILED,
        CallKind::Fork { flags } => {
            let thread = flags.is_some() && clone_flags(who).is_some_and(|f| f & CLONE_THREAD != 0);
            if worked && !thread { Act::FORKED } else { Act::CLONED }
        }
        CallKind::Clone3 => Act::CLONED,
        CallKind::ExitGroup => Act::ENDED,
        CallKind::Exit => Act::THREAD_ENDED,
        CallKind::Setsid => Act::CHANGED_SESSION,
        CallKind::Open { flags } => opened(event, who, flags, worked),
        CallKind::Act(Act::OPENED) => opened(event, who, Some(kind::NO_FLAGS), worked),
        CallKind::Act(act) => act,
    }
}

/// What a PATH record says of a file that the call made.
static CREATE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"nametype=CREATE"));

/// `O_ACCMODE` and `O_TRUNC` (`include/uapi/asm-generic/fcntl.h`), and what makes neither count (`open(2)`).
const WRITES: u64 = 0o3 | 0o1000;
const O_PATH: u64 = 0o1000_0000;

fn opened(event: &AuditEvent<'_>, who: &Syscall<'_>, flags: Option<u8>, worked: bool) -> Act {
    let made = |record: Record<'_>| record.kind == RecordType::PATH && CREATE.find(record.body).is_some();
    if worked && event.records().any(made) {
        return Act::CREATED;
    }
    let flags = match flags {
        None => return Act::OPENED_TO_WRITE,
        Some(1) => value::hexadecimal(who.a1),
        Some(2) => value::hexadecimal(who.a2),
        Some(kind::IN_RECORD) => event
            .record(RecordType::OPENAT2)
            .and_then(|r| fields::find(r.body, b"oflag"))
            .and_then(|f| value::octal(f.raw)),
        Some(_) => None,
    };
    let writes = flags.is_some_and(|flags| flags & WRITES != 0 && flags & O_PATH == 0);
    if writes { Act::OPENED_TO_WRITE } else { Act::OPENED }
}
