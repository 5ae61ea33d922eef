//! What the probe may still call: reading, its sockets, and what a thread needs. Everything else is refused, whoever
//! took the process over: ptrace(2), process_vm_readv(2), execve(2), sockets of other families, opening anything for
//! writing, changing files.
//!
//! The unit's own `SystemCallFilter=` stands around it; this one is there without systemd too.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// Why the filter could not be set.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel or the program's architecture.
    #[error("the filter of system calls: {0}")]
    Filter(#[from] seccompiler::Error),
    /// The program cannot be made.
    #[error("the filter of system calls: {0}")]
    Program(#[from] seccompiler::BackendError),
}

/// Calls that are allowed whatever their arguments: none of them opens, starts or changes anything outside the
/// process.
const ALLOWED: &[i64] = &[
    // Reading.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_close,
    // Sockets, and what is said on standard error.
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_bind,
    libc::SYS_accept4,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_ppoll,
    // Memory; that none of it is made executable is a condition below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads, and their end.
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // What a process may know of itself, and the time.
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
];

/// The same under their older names.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] =
    &[libc::SYS_stat, libc::SYS_lstat, libc::SYS_readlink, libc::SYS_poll, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// Sets the filter for this thread and all that it starts.
///
/// # Errors
/// The kernel has no seccomp, or the architecture is not known to the maker of the filter.
pub fn enter() -> Result<(), SandboxError> {
    Ok(seccompiler::apply_filter(&program()?)?)
}

fn program() -> Result<BpfProgram, SandboxError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    Ok(SeccompFilter::new(rules()?, refused, SeccompAction::Allow, arch)?.try_into()?)
}

fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let any = ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new()));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = any.collect();
    let masked = |argument, mask: i32, value: i32| {
        let mask = SeccompCmpOp::MaskedEq(u64::from(mask.cast_unsigned()));
        let value = u64::from(value.cast_unsigned());
        SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, mask, value)?])
    };
    let is = |argument, value| masked(argument, -1, value);
    // openat(directory, path, flags): for reading, making nothing. openat2(2) keeps its flags where no filter sees them.
    let writing = libc::O_ACCMODE
        | libc::O_CREAT
        | libc::O_TRUNC
        | libc::O_APPEND
        | libc::O_TMPFILE & !libc::O_DIRECTORY;
    rules.insert(libc::SYS_openat, vec![masked(2, writing, libc::O_RDONLY)?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![masked(1, writing, libc::O_RDONLY)?]);
    // socket(family, …)
    rules.insert(libc::SYS_socket, vec![is(0, libc::AF_UNIX)?, is(0, libc::AF_NETLINK)?]);
    // mmap and mprotect(address, length, protection): never executable.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![masked(2, libc::PROT_EXEC, 0)?]);
    }
    // fcntl(descriptor, command): of the descriptor itself, and a copy of it.
    let commands = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC];
    rules.insert(
        libc::SYS_fcntl,
        commands.into_iter().map(|command| is(1, command)).collect::<Result<_, _>>()?,
    );
    // prctl(PR_SET_NAME, …): a thread's name.
    rules.insert(libc::SYS_prctl, vec![is(0, libc::PR_SET_NAME)?, is(0, libc::PR_SET_VMA)?]);
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_beyond_the_process_is_not_allowed_at_all() {
        let rules = rules().expect("rules");
        for call in [
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_openat2,
            libc::SYS_connect,
            libc::SYS_kill,
            libc::SYS_pidfd_getfd,
            libc::SYS_unlinkat,
            libc::SYS_fchmodat,
            libc::SYS_mount,
            libc::SYS_bpf,
            libc::SYS_io_uring_setup,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_capset,
        ] {
            assert!(!rules.contains_key(&call), "{call}");
        }
        assert!(program().is_ok());
    }
}
