//! The acts of records that tell something by themselves: messages of programs, of auditd, of the kernel.

use memchr::memmem;

use super::Act;
use super::operation;
use crate::audit::RecordType;

/// The act of a record; `None` for the companions of a system call.
pub(super) fn act(kind: RecordType, body: &[u8]) -> Option<Act> {
    Some(match kind.0 {
        1005..=1099 => program(kind),
        1100..=1199 => trusted(kind, body),
        1200..=1299 => auditd(kind),
        1300..=1399 => return kernel(kind),
        1400..=1499 => return security_module(kind, body),
        1500..=1599 => apparmor(kind),
        1700..=1799 | 2100..=2199 => anomaly(kind),
        1800..=1899 => Act::INTEGRITY,
        2200..=2299 => response(kind),
        2300..=2399 => labelled(kind),
        1600..=1699 | 2400..=2499 => Act::CRYPTO,
        2500..=2599 => Act::VIRTUALIZATION,
        2600.. => Act::MESSAGE,
        _ => Act::KERNEL_MESSAGE,
    })
}

fn program(kind: RecordType) -> Act {
    if kind == RecordType::LOGIN { Act::CHANGED_LOGIN_ID } else { Act::MESSAGE }
}

/// Messages of trusted programs: PAM, shadow's tools, sudo, systemd.
fn trusted(kind: RecordType, body: &[u8]) -> Act {
    match kind {
        RecordType::USER_AUTH => Act::AUTHENTICATED,
        RecordType::USER_ACCT => operation::act(body, Act::WAS_AUTHORIZED),
        RecordType::USER_MGMT => operation::act(body, Act::MODIFIED_USER),
        RecordType::CRED_ACQ => Act::ACQUIRED_CREDENTIALS,
        RecordType::CRED_DISP => Act::DISPOSED_CREDENTIALS,
        RecordType::CRED_REFR => Act::REFRESHED_CREDENTIALS,
        RecordType::USER_START => Act::STARTED_SESSION,
        RecordType::USER_END => Act::ENDED_SESSION,
        RecordType::USER_AVC => avc(body),
        RecordType::USER_CHAUTHTOK => operation::act(body, Act::CHANGED_PASSWORD),
        RecordType::USER_ERR => Act::AUTHENTICATION_ERROR,
        RecordType::USYS_CONFIG => Act::CHANGED_CONFIGURATION,
        RecordType::USER_LOGIN if memmem::find(body, b"sshd").is_some() => Act::LOGGED_IN_BY_SSH,
        RecordType::USER_LOGIN => Act::LOGGED_IN,
        RecordType::USER_LOGOUT => Act::LOGGED_OUT,
        RecordType::ADD_USER => Act::ADDED_USER,
        RecordType::DEL_USER => Act::DELETED_USER,
        RecordType::ADD_GROUP => Act::ADDED_GROUP,
        RecordType::DEL_GROUP => Act::DELETED_GROUP,
        RecordType::GRP_MGMT => Act::MODIFIED_GROUP,
        RecordType::GRP_CHAUTHTOK => Act::CHANGED_GROUP_PASSWORD,
        RecordType::CHUSER_ID => Act::CHANGED_USER_ID,
        RecordType::CHGRP_ID | RecordType::GRP_AUTH => Act::CHANGED_GROUP_ID,
        RecordType::ACCT_LOCK => Act::LOCKED_ACCOUNT,
        RecordType::ACCT_UNLOCK => Act::UNLOCKED_ACCOUNT,
        RecordType::USER_CMD => Act::RAN_COMMAND,
        RecordType::USER_TTY => Act::TYPED,
        RecordType::SERVICE_START => Act::STARTED_SERVICE,
        RecordType::SERVICE_STOP => Act::STOPPED_SERVICE,
        RecordType::SYSTEM_BOOT => Act::BOOTED,
        RecordType::SYSTEM_SHUTDOWN => Act::SHUT_DOWN,
        RecordType::SYSTEM_RUNLEVEL => Act::CHANGED_RUNLEVEL,
        _ => Act::MESSAGE,
    }
}

fn auditd(kind: RecordType) -> Act {
    match kind {
        RecordType::DAEMON_START => Act::AUDITD_STARTED,
        RecordType::DAEMON_END | RecordType::DAEMON_ABORT => Act::AUDITD_ENDED,
        RecordType::DAEMON_CONFIG => Act::AUDITD_CHANGED,
        RecordType::DAEMON_ACCEPT => Act::AUDITD_ACCEPTED,
        RecordType::DAEMON_CLOSE => Act::AUDITD_CLOSED,
        _ => Act::AUDITD_OTHER,
    }
}

/// The kernel's own records: most only accompany a system call.
fn kernel(kind: RecordType) -> Option<Act> {
    match kind {
        RecordType::CONFIG_CHANGE => Some(Act::CHANGED_AUDIT),
        RecordType::FEATURE_CHANGE => Some(Act::CHANGED_AUDIT_FEATURE),
        RecordType::NETFILTER_CFG => Some(Act::LOADED_FIREWALL),
        RecordType::SECCOMP => Some(Act::VIOLATED_SECCOMP),
        RecordType::TTY => Some(Act::TYPED),
        RecordType::FANOTIFY => Some(Act::FANOTIFY),
        RecordType::TIME_INJOFFSET | RecordType::TIME_ADJNTPVAL => Some(Act::CHANGED_TIME),
        RecordType::BPF => Some(Act::BPF),
        RecordType::EVENT_LISTENER => Some(Act::AUDIT_LISTENER),
        _ => None,
    }
}

/// The labels that accompany a system call under several security modules are no act.
fn security_module(kind: RecordType, body: &[u8]) -> Option<Act> {
    match kind {
        RecordType::AVC => Some(avc(body)),
        RecordType::AVC_PATH | RecordType::MAC_TASK_CONTEXTS | RecordType::MAC_OBJ_CONTEXTS => None,
        RecordType::SELINUX_ERR => Some(Act::VIOLATED_SELINUX),
        _ => Some(Act::CHANGED_MAC),
    }
}

/// AVC holds SELinux' decisions, and AppArmor's in another shape.
fn avc(body: &[u8]) -> Act {
    let holds = |text: &[u8]| memmem::find(body, text).is_some();
    match () {
        () if holds(b"apparmor=\"DENIED\"") => Act::VIOLATED_APPARMOR,
        () if holds(b"apparmor=\"ALLOWED\"") => Act::VIOLATED_APPARMOR,
        () if holds(b"apparmor=") || holds(b"avc:  granted") || holds(b"avc: granted") => Act::MAC_MESSAGE,
        () if holds(b"denied") => Act::VIOLATED_SELINUX,
        () => Act::MAC_MESSAGE,
    }
}

/// AppArmor's own types: 1501 AUDIT, 1502 ALLOWED, 1503 DENIED, 1504 HINT, 1505 STATUS, 1506 ERROR, 1507 KILL.
/// ALLOWED is a violation that a profile in complain mode let pass.
fn apparmor(kind: RecordType) -> Act {
    match kind.0 {
        1502 | 1503 | 1507 => Act::VIOLATED_APPARMOR,
        _ => Act::MAC_MESSAGE,
    }
}

fn anomaly(kind: RecordType) -> Act {
    match kind {
        RecordType::ANOM_ABEND => Act::CRASHED,
        RecordType::ANOM_PROMISCUOUS => Act::PROMISCUOUS,
        _ => Act::ANOMALY,
    }
}

fn response(kind: RecordType) -> Act {
    match kind {
        RecordType::RESP_ACCT_LOCK => Act::LOCKED_ACCOUNT,
        _ => Act::RESPONSE,
    }
}

fn labelled(kind: RecordType) -> Act {
    match kind {
        RecordType::ROLE_ASSIGN => Act::ASSIGNED_ROLE,
        RecordType::ROLE_REMOVE => Act::REMOVED_ROLE,
        RecordType::USER_MAC_CONFIG_CHANGE | RecordType::USER_MAC_POLICY_LOAD => Act::CHANGED_CONFIGURATION,
        _ => Act::MESSAGE,
    }
}
