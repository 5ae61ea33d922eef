//! What a system call does, by architecture and number.

use std::sync::OnceLock;

use super::Act;
use crate::audit::syscalls::Arch;

/// A system call as the mapping needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// What it does.
    pub(crate) kind: CallKind,
    /// Which of its arguments are directory descriptors that names are relative to.
    pub(crate) dirs: Dirs,
    /// Its name; empty where the number has none.
    pub(crate) name: &'static str,
}

/// What a system call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// Starts a program.
    Exec,
    /// Makes a process; `flags` is the argument that holds the CLONE_* flags, if any.
    Fork {
        /// Which argument holds the flags.
        flags: Option<u8>,
    },
    /// clone3: makes a process or a thread, the record does not say which.
    Clone3,
    /// Ends a process.
    ExitGroup,
    /// Ends a thread.
    Exit,
    /// Opens a file; which argument holds the O_* flags (none for creat, 255 for openat2, whose flags
    /// stand in an OPENAT2 record).
    Open {
        /// Which argument holds the flags.
        flags: Option<u8>,
    },
    /// Begins a session.
    Setsid,
    /// Anything else.
    Act(Act),
}

/// Which arguments of a call are directory descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dirs {
    /// None: names are relative to the working directory.
    Cwd,
    /// One for every name.
    One(u8),
    /// One for the first name and its parent, one for the second.
    Two(u8, u8),
}

/// The flags argument of openat2 stands in a record of its own.
pub(crate) const IN_RECORD: u8 = 255;

/// The flags stand in no record.
pub(crate) const NO_FLAGS: u8 = 254;

/// The call of a number; `arch` is the value of `arch=`.
pub(crate) fn call(arch: u32, number: u32) -> Call {
    let other = Call { kind: CallKind::Act(Act::OTHER_CALL), dirs: Dirs::Cwd, name: "" };
    let Some(at) = ARCHES.iter().position(|a| a.0 == arch) else { return other };
    let table = TABLES.get(at).map(|table| table.get_or_init(|| build(Arch(arch))));
    let found = table.and_then(|table| table.get(usize::try_from(number).ok()?));
    match found {
        Some(call) => *call,
        // Numbers beyond the table: x32 and Arm's private calls.
        None => Arch(arch).syscall_name(number).map_or(other, of_name),
    }
}

/// Numbers that are looked up in a table; all architectures' ordinary calls lie below.
const NUMBERS: u32 = 512;

static ARCHES: [Arch; 11] = [
    Arch::X86_64,
    Arch::I386,
    Arch::AARCH64,
    Arch::ARM,
    Arch::PPC,
    Arch::PPC64,
    Arch::PPC64LE,
    Arch::S390X,
    Arch::RISCV64,
    Arch::RISCV32,
    Arch::LOONGARCH64,
];

static TABLES: [OnceLock<Box<[Call]>>; 11] = [const { OnceLock::new() }; 11];

fn build(arch: Arch) -> Box<[Call]> {
    (0..NUMBERS).map(|number| of_name(arch.syscall_name(number).unwrap_or(""))).collect()
}

fn of_name(name: &'static str) -> Call {
    let row = CALLS.iter().find(|(names, ..)| names.split(' ').any(|n| n == name));
    match row {
        Some(&(_, kind, dirs)) if !name.is_empty() => Call { kind, dirs, name },
        _ => Call { kind: CallKind::Act(Act::OTHER_CALL), dirs: Dirs::Cwd, name },
    }
}

/// The names of the system calls that do `act`, on any architecture.
pub(crate) fn calls_of(act: Act) -> impl Iterator<Item = &'static str> {
    let does = move |kind: CallKind| match kind {
        CallKind::Exec => act == Act::EXECUTED,
        CallKind::Fork { .. } | CallKind::Clone3 => act == Act::FORKED || act == Act::CLONED,
        CallKind::ExitGroup => act == Act::ENDED,
        CallKind::Exit => act == Act::THREAD_ENDED,
        CallKind::Open { .. } => [Act::OPENED, Act::OPENED_TO_WRITE, Act::CREATED].contains(&act),
        CallKind::Setsid => act == Act::CHANGED_SESSION,
        CallKind::Act(done) => act == done,
    };
    CALLS.iter().filter(move |(_, kind, _)| does(*kind)).flat_map(|(names, ..)| names.split(' '))
}

const fn act(act: Act) -> CallKind {
    CallKind::Act(act)
}

/// The calls that do something this program has a word for, with their directory descriptors
/// (`man 2 openat` and its siblings).
const CALLS: &[(&str, CallKind, Dirs)] = &[
    ("execve", CallKind::Exec, Dirs::Cwd),
    ("execveat", CallKind::Exec, Dirs::One(0)),
    ("fork vfork", CallKind::Fork { flags: None }, Dirs::Cwd),
    ("clone", CallKind::Fork { flags: Some(0) }, Dirs::Cwd),
    ("clone3", CallKind::Clone3, Dirs::Cwd),
    ("exit_group", CallKind::ExitGroup, Dirs::Cwd),
    ("exit", CallKind::Exit, Dirs::Cwd),
    ("open", CallKind::Open { flags: Some(1) }, Dirs::Cwd),
    ("openat", CallKind::Open { flags: Some(2) }, Dirs::One(0)),
    ("openat2", CallKind::Open { flags: Some(IN_RECORD) }, Dirs::One(0)),
    ("open_by_handle_at", CallKind::Open { flags: Some(2) }, Dirs::One(0)),
    ("creat", CallKind::Open { flags: None }, Dirs::Cwd),
    ("mkdir", act(Act::CREATED_DIRECTORY), Dirs::Cwd),
    ("mkdirat", act(Act::CREATED_DIRECTORY), Dirs::One(0)),
    ("mknod", act(Act::MADE_DEVICE), Dirs::Cwd),
    ("mknodat", act(Act::MADE_DEVICE), Dirs::One(0)),
    ("rename", act(Act::RENAMED), Dirs::Cwd),
    ("renameat renameat2", act(Act::RENAMED), Dirs::Two(0, 2)),
    ("unlink rmdir", act(Act::DELETED), Dirs::Cwd),
    ("unlinkat", act(Act::DELETED), Dirs::One(0)),
    ("link", act(Act::LINKED), Dirs::Cwd),
    ("linkat", act(Act::LINKED), Dirs::Two(0, 2)),
    ("symlink", act(Act::SYMLINKED), Dirs::Cwd),
    ("symlinkat", act(Act::SYMLINKED), Dirs::One(1)),
    ("chmod fchmod", act(Act::CHANGED_PERMISSIONS), Dirs::Cwd),
    ("fchmodat fchmodat2", act(Act::CHANGED_PERMISSIONS), Dirs::One(0)),
    ("chown fchown lchown chown32 fchown32 lchown32", act(Act::CHANGED_OWNER), Dirs::Cwd),
    ("fchownat", act(Act::CHANGED_OWNER), Dirs::One(0)),
    (
        "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr",
        act(Act::CHANGED_ATTRIBUTES),
        Dirs::Cwd,
    ),
    ("setxattrat removexattrat file_setattr", act(Act::CHANGED_ATTRIBUTES), Dirs::One(0)),
    ("utime utimes", act(Act::CHANGED_TIMESTAMP), Dirs::Cwd),
    ("futimesat utimensat utimensat_time64", act(Act::CHANGED_TIMESTAMP), Dirs::One(0)),
    ("truncate truncate64 ftruncate ftruncate64 fallocate", act(Act::TRUNCATED), Dirs::Cwd),
    (
        "write pwrite64 writev pwritev pwritev2 sendfile sendfile64 copy_file_range splice",
        act(Act::WROTE),
        Dirs::Cwd,
    ),
    ("read pread64 readv preadv preadv2", act(Act::READ), Dirs::Cwd),
    (
        "stat lstat fstat stat64 lstat64 fstat64 access readlink getxattr lgetxattr fgetxattr listxattr",
        act(Act::CHECKED_METADATA),
        Dirs::Cwd,
    ),
    ("newfstatat fstatat64 statx faccessat faccessat2 readlinkat", act(Act::CHECKED_METADATA), Dirs::One(0)),
    ("chdir fchdir", act(Act::CHANGED_DIRECTORY), Dirs::Cwd),
    ("mount fsmount move_mount pivot_root open_tree mount_setattr", act(Act::MOUNTED), Dirs::Cwd),
    ("umount umount2 oldumount", act(Act::UNMOUNTED), Dirs::Cwd),
    ("connect", act(Act::CONNECTED), Dirs::Cwd),
    ("accept accept4", act(Act::ACCEPTED), Dirs::Cwd),
    ("bind", act(Act::BOUND), Dirs::Cwd),
    ("listen", act(Act::LISTENING), Dirs::Cwd),
    ("sendto sendmsg sendmmsg send", act(Act::SENT), Dirs::Cwd),
    ("recvfrom recvmsg recvmmsg recv", act(Act::RECEIVED), Dirs::Cwd),
    ("socket socketpair", act(Act::CREATED_SOCKET), Dirs::Cwd),
    (
        "setuid setreuid setresuid setfsuid setuid32 setreuid32 setresuid32 setfsuid32",
        act(Act::CHANGED_UID),
        Dirs::Cwd,
    ),
    (
        "setgid setregid setresgid setfsgid setgroups setgid32 setregid32 setresgid32 setfsgid32 setgroups32",
        act(Act::CHANGED_GID),
        Dirs::Cwd,
    ),
    ("setsid", CallKind::Setsid, Dirs::Cwd),
    ("ptrace process_vm_readv process_vm_writev", act(Act::TRACED), Dirs::Cwd),
    ("kill tkill tgkill pidfd_send_signal", act(Act::KILLED), Dirs::Cwd),
    ("chroot", act(Act::CHANGED_ROOT), Dirs::Cwd),
    ("memfd_create", act(Act::MEMFD_CREATED), Dirs::Cwd),
    ("init_module finit_module", act(Act::LOADED_MODULE), Dirs::Cwd),
    ("delete_module", act(Act::UNLOADED_MODULE), Dirs::Cwd),
    (
        "settimeofday clock_settime clock_settime64 stime adjtimex clock_adjtime clock_adjtime64",
        act(Act::CHANGED_TIME),
        Dirs::Cwd,
    ),
    ("sethostname setdomainname", act(Act::CHANGED_HOST_NAME), Dirs::Cwd),
    ("reboot", act(Act::REBOOTED), Dirs::Cwd),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_call_has_other_numbers_elsewhere() {
        for (arch, number) in [(Arch::X86_64, 59), (Arch::I386, 11), (Arch::AARCH64, 221), (Arch::S390X, 11)]
        {
            assert_eq!(call(arch.0, number).kind, CallKind::Exec, "{arch:?}");
            assert_eq!(call(arch.0, number).name, "execve");
        }
        assert_eq!(call(Arch::X86_64.0, 11).name, "munmap");
        assert_eq!(call(Arch::X86_64.0, 322).kind, CallKind::Exec);
    }

    #[test]
    fn unknown_numbers_and_architectures_are_other_calls() {
        for (arch, number) in [(0, 59), (Arch::X86_64.0, 511), (Arch::X86_64.0, u32::MAX)] {
            assert_eq!(call(arch, number).kind, CallKind::Act(Act::OTHER_CALL));
        }
    }

    #[test]
    fn every_name_of_the_table_is_a_call_somewhere() {
        for (names, ..) in CALLS {
            for name in names.split(' ') {
                let known = ARCHES.iter().any(|arch| arch.syscall_number(name).is_some());
                // Older than the tables of the `syscalls` crate, or younger.
                let excused = ["oldumount", "send", "recv"].contains(&name);
                assert!(known || excused, "{name}");
            }
        }
    }
}
