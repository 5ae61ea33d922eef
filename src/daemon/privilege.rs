//! Laying root down: a user of its own, no capability, and no way back.
//!
//! Capabilities belong to threads, so all of this happens before the first thread is started, and
//! what it came to is read back from `/proc/self/task/*/status` rather than believed. What needs
//! privilege (joining the multicast group, its receive buffer, AUDIT_GET, the first look at other
//! processes) comes before, or is the keeper's.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{self, Gid, Uid, User};

/// The account that packages make.
const ACCOUNT: &str = "auditward";

/// Numbers that no distribution assigns: systemd's documentation of user ids ("Users, Groups, UIDs
/// and GIDs on systemd systems") lists 60706 to 61183 as unused, between its own ranges.
const FREE_RANGE: std::ops::RangeInclusive<u32> = 60_706..=61_183;

/// Whether a user id is one of those that are taken where there is no account.
pub(super) fn is_free_number(uid: u32) -> bool {
    FREE_RANGE.contains(&uid)
}

/// Why privilege was not laid down. Each ends the start.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// `--user` names nobody.
    #[error("there is no user `{0}`; give an account's name or a numeric user id")]
    NoSuchUser(String),
    /// `--user root`.
    #[error("user `{0}` is root; the reader of records is to run as any other user")]
    IsRoot(String),
    /// Every number of the range is taken.
    #[error("no free user id between {} and {}; make an account `auditward` or give --user", FREE_RANGE.start(), FREE_RANGE.end())]
    NoneFree,
    /// Threads have been started already, and would keep their capabilities.
    #[error("{0} threads are running where one is expected")]
    Threads(usize),
    /// A system call was refused.
    #[error("{what}: {errno}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// The answer.
        errno: Errno,
    },
    /// The capability sets could not be read or written.
    #[error("capabilities: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
    /// `/proc` could not be read.
    #[error("/proc: {0}")]
    Proc(#[from] io::Error),
    /// Something was kept that should not have been.
    #[error("after laying privilege down, task {task} still has {line}")]
    Kept {
        /// The thread's id.
        task: String,
        /// The line of its status file.
        line: String,
    },
}

/// Who the process becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user id.
    pub uid: u32,
    /// The group id; there are no supplementary groups.
    pub gid: u32,
    /// Where the ids come from.
    pub origin: Origin,
}

/// Where an [`Identity`] comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--user`.
    Asked(String),
    /// The account `auditward`.
    Account,
    /// There is no such account: a number that nobody uses.
    Free,
    /// Not started as root: it stays who it is.
    Unchanged,
}

impl fmt::Display for Identity {
    /// The one line that says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uid, gid, origin } = self;
        match origin {
            Origin::Asked(name) => {
                write!(f, "running as user {name} (uid {uid}, gid {gid}), without capabilities")
            }
            Origin::Account => {
                write!(f, "running as user {ACCOUNT} (uid {uid}, gid {gid}), without capabilities")
            }
            Origin::Free => write!(
                f,
                "running as uid {uid}, gid {gid}, which nobody uses (there is no account {ACCOUNT}), without \
                 capabilities"
            ),
            Origin::Unchanged => {
                write!(f, "running as uid {uid}, gid {gid}, as started, without capabilities")
            }
        }
    }
}

impl Identity {
    /// Who to become: the user asked for, else the account `auditward`, else a free number; whoever we
    /// are already, when that is not root and nobody was asked for.
    ///
    /// # Errors
    /// [`PrivilegeError::NoSuchUser`], [`PrivilegeError::IsRoot`], [`PrivilegeError::NoneFree`].
    pub fn choose(user: Option<&str>) -> Result<Self, PrivilegeError> {
        if let Some(user) = user {
            return Self::asked(user);
        }
        if !unistd::geteuid().is_root() {
            let (uid, gid) = (unistd::geteuid().as_raw(), unistd::getegid().as_raw());
            return Ok(Self { uid, gid, origin: Origin::Unchanged });
        }
        match account(ACCOUNT) {
            Some((0, _)) => Err(PrivilegeError::IsRoot(ACCOUNT.to_owned())),
            Some((uid, gid)) => Ok(Self { uid, gid, origin: Origin::Account }),
            None => Self::free(&[]),
        }
    }

    /// The account that packages make; none where there is none, or it is root.
    #[must_use]
    pub fn account() -> Option<Self> {
        let (uid, gid) = account(ACCOUNT).filter(|(uid, _)| *uid != 0)?;
        Some(Self { uid, gid, origin: Origin::Account })
    }

    /// A user and group id that no account has, no process runs under, and that is not in `besides`.
    ///
    /// # Errors
    /// [`PrivilegeError::NoneFree`], or `/proc` is not there.
    pub fn free(besides: &[u32]) -> Result<Self, PrivilegeError> {
        let mut taken = numbers_in("/etc/passwd");
        taken.extend(numbers_in("/etc/group"));
        taken.extend(besides);
        for entry in fs::read_dir("/proc")?.flatten() {
            taken.extend(entry.metadata().map(|m| m.uid()));
        }
        let free = FREE_RANGE.clone().find(|id| !taken.contains(id)).ok_or(PrivilegeError::NoneFree)?;
        Ok(Self { uid: free, gid: free, origin: Origin::Free })
    }

    fn asked(user: &str) -> Result<Self, PrivilegeError> {
        let origin = Origin::Asked(user.to_owned());
        let found = account(user).or_else(|| {
            // Only what the files do not know is asked of services that may be slow to answer.
            let found = User::from_name(user).ok().flatten()?;
            Some((found.uid.as_raw(), found.gid.as_raw()))
        });
        let number = || user.parse().ok().map(|uid| (uid, group_of(uid).unwrap_or(uid)));
        match found.or_else(number) {
            None => Err(PrivilegeError::NoSuchUser(user.to_owned())),
            Some((0, _)) => Err(PrivilegeError::IsRoot(user.to_owned())),
            Some((uid, gid)) => Ok(Self { uid, gid, origin }),
        }
    }
}

/// Lines of `/etc/passwd` as name, uid and gid.
fn accounts() -> Vec<(String, u32, u32)> {
    let text = fs::read("/etc/passwd").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        Some((name, uid, fields.next()?.parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}

fn account(name: &str) -> Option<(u32, u32)> {
    accounts().into_iter().find(|(n, ..)| n == name).map(|(_, uid, gid)| (uid, gid))
}

fn group_of(uid: u32) -> Option<u32> {
    accounts().into_iter().find(|(_, u, _)| *u == uid).map(|(.., gid)| gid)
}

/// The third field of each line: uids of `/etc/passwd`, gids of `/etc/group`.
fn numbers_in(path: &str) -> BTreeSet<u32> {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
}

/// Becomes `identity`, keeps of all capabilities only `keep`, and makes sure that no later exec brings
/// any back. Afterwards nobody of the same user can trace the process or read its memory.
///
/// # Errors
/// Whatever is refused or was kept; the process must then end.
pub fn lay_down(identity: &Identity, keep: &[Capability]) -> Result<(), PrivilegeError> {
    let threads = fs::read_dir("/proc/self/task")?.count();
    if threads != 1 {
        return Err(PrivilegeError::Threads(threads));
    }
    let keep: CapsHashSet = keep.iter().copied().collect();
    let could_bound = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)?;
    tried("no_new_privs", prctl::set_no_new_privs())?;
    caps::clear(None, CapSet::Ambient)?;
    if could_bound {
        caps::clear(None, CapSet::Bounding)?;
    }
    if identity.origin != Origin::Unchanged {
        become_user(identity, !keep.is_empty())?;
    }
    // What is to be permitted must not be less than what is effective, at any moment.
    hold(CapSet::Effective, &CapsHashSet::new())?;
    hold(CapSet::Permitted, &keep)?;
    hold(CapSet::Effective, &keep)?;
    hold(CapSet::Inheritable, &CapsHashSet::new())?;
    verify(identity, &keep, could_bound)?;
    tried("making the process untraceable", prctl::set_dumpable(false))
}

/// Makes a set what it is to be. The kernel is not asked where it is so already: a service that systemd started
/// without any capability may not even call capset(2) (`SystemCallFilter=~@privileged`).
fn hold(set: CapSet, wanted: &CapsHashSet) -> Result<(), PrivilegeError> {
    if caps::read(None, set)? != *wanted {
        caps::set(None, set, wanted)?;
    }
    Ok(())
}

fn become_user(identity: &Identity, keep_capabilities: bool) -> Result<(), PrivilegeError> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    tried("keeping capabilities over the change of user", prctl::set_keepcaps(keep_capabilities))?;
    // Groups first: afterwards there is no right to change them.
    tried("giving up the supplementary groups", unistd::setgroups(&[]))?;
    tried("changing the group", unistd::setresgid(gid, gid, gid))?;
    tried("changing the user", unistd::setresuid(uid, uid, uid))?;
    tried("keeping capabilities no longer", prctl::set_keepcaps(false))
}

fn tried(what: &'static str, result: nix::Result<()>) -> Result<(), PrivilegeError> {
    result.map_err(|errno| PrivilegeError::Refused { what, errno })
}

/// Reads from every task of this process what it has.
///
/// # Errors
/// [`PrivilegeError::Kept`] names the task and the line that is not as it should be.
pub fn verify(identity: &Identity, keep: &CapsHashSet, bounding: bool) -> Result<(), PrivilegeError> {
    let kept: u64 = keep.iter().map(|c| c.bitmask()).fold(0, |all, bit| all | bit);
    let ids = |id: u32| format!("{id}\t{id}\t{id}\t{id}");
    let mut expected = vec![
        ("CapInh:", format!("{:016x}", 0)),
        ("CapPrm:", format!("{kept:016x}")),
        ("CapEff:", format!("{kept:016x}")),
        ("CapAmb:", format!("{:016x}", 0)),
        ("NoNewPrivs:", "1".to_owned()),
        ("Uid:", ids(identity.uid)),
        ("Gid:", ids(identity.gid)),
    ];
    if bounding {
        expected.push(("CapBnd:", format!("{:016x}", 0)));
    }
    if identity.origin != Origin::Unchanged {
        expected.push(("Groups:", String::new()));
    }
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        let status = fs::read_to_string(task.path().join("status"))?;
        for (name, value) in &expected {
            let line = status.lines().find(|line| line.starts_with(name));
            let found = line.and_then(|line| line.strip_prefix(name)).map(str::trim);
            // Kernels before 4.10 do not show NoNewPrivs; setting it was not refused.
            if found.is_some_and(|found| found != value) || (found.is_none() && *name != "NoNewPrivs:") {
                let task = task.file_name().to_string_lossy().into_owned();
                return Err(PrivilegeError::Kept { task, line: line.unwrap_or(name).to_owned() });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_number_is_nobodys() {
        let one = Identity::free(&[]).unwrap();
        let other = Identity::free(&[one.uid]).unwrap();
        assert!(FREE_RANGE.contains(&one.uid) && FREE_RANGE.contains(&other.uid));
        assert_ne!(one.uid, other.uid);
        assert!(User::from_uid(Uid::from_raw(one.uid)).unwrap().is_none());
        assert!(one.to_string().contains("which nobody uses"));
    }

    #[test]
    fn a_user_is_asked_for_by_name_or_number_and_root_is_refused() {
        let nobody = Identity::choose(Some("nobody")).unwrap();
        assert_eq!((nobody.uid, nobody.origin), (65_534, Origin::Asked("nobody".to_owned())));
        let number = Identity::choose(Some("65534")).unwrap();
        assert_eq!((number.uid, number.gid), (65_534, nobody.gid));
        assert_eq!(Identity::choose(Some("61000")).map(|i| (i.uid, i.gid)).unwrap(), (61_000, 61_000));
        assert!(matches!(Identity::choose(Some("root")), Err(PrivilegeError::IsRoot(_))));
        assert!(matches!(Identity::choose(Some("0")), Err(PrivilegeError::IsRoot(_))));
        assert!(matches!(Identity::choose(Some("no such")), Err(PrivilegeError::NoSuchUser(_))));
        assert!(matches!(Identity::choose(Some("-1")), Err(PrivilegeError::NoSuchUser(_))));
    }
}
