//! Names of system calls, by architecture and number, both ways.
//!
//! A number means nothing without `arch=`: 59 is `execve` on x86_64 and `oldolduname` on i386. The tables
//! are those of the `syscalls` crate; the architectures' values are those of the kernel's
//! `include/uapi/linux/audit.h` (`AUDIT_ARCH_*`).

use std::str::FromStr;

use syscalls::{aarch64, arm, loongarch64, powerpc, powerpc64, riscv32, riscv64, s390x, x86, x86_64};

/// An architecture as `arch=` of a record gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arch(pub u32);

/// Set in the numbers of the x32 ABI (`arch/x86/include/uapi/asm/unistd.h`, `__X32_SYSCALL_BIT`), whose
/// records say x86_64.
const X32: u32 = 0x4000_0000;

impl Arch {
    /// 64-bit x86, also its x32 ABI.
    pub const X86_64: Self = Self(0xc000_003e);
    /// 32-bit x86.
    pub const I386: Self = Self(0x4000_0003);
    /// 64-bit Arm.
    pub const AARCH64: Self = Self(0xc000_00b7);
    /// 32-bit Arm, little endian.
    pub const ARM: Self = Self(0x4000_0028);
    /// 32-bit PowerPC.
    pub const PPC: Self = Self(0x0000_0014);
    /// 64-bit PowerPC, big endian.
    pub const PPC64: Self = Self(0x8000_0015);
    /// 64-bit PowerPC, little endian.
    pub const PPC64LE: Self = Self(0xc000_0015);
    /// 64-bit System z.
    pub const S390X: Self = Self(0x8000_0016);
    /// 64-bit RISC-V.
    pub const RISCV64: Self = Self(0xc000_00f3);
    /// 32-bit RISC-V.
    pub const RISCV32: Self = Self(0x4000_00f3);
    /// 64-bit LoongArch.
    pub const LOONGARCH64: Self = Self(0xc000_0102);

    const ALL: [(Self, &'static str); 11] = [
        (Self::X86_64, "x86_64"),
        (Self::I386, "i386"),
        (Self::AARCH64, "aarch64"),
        (Self::ARM, "arm"),
        (Self::PPC, "ppc"),
        (Self::PPC64, "ppc64"),
        (Self::PPC64LE, "ppc64le"),
        (Self::S390X, "s390x"),
        (Self::RISCV64, "riscv64"),
        (Self::RISCV32, "riscv32"),
        (Self::LOONGARCH64, "loongarch64"),
    ];

    /// The architecture this program was built for; `None` where it is not in the table.
    #[must_use]
    pub fn native() -> Option<Self> {
        let little = cfg!(target_endian = "little");
        let name = match std::env::consts::ARCH {
            "x86" => "i386",
            "powerpc" => "ppc",
            "powerpc64" if little => "ppc64le",
            "powerpc64" => "ppc64",
            other => other,
        };
        Self::from_name(name)
    }

    /// The 32-bit ABI whose programs a kernel of this architecture may run beside its own.
    #[must_use]
    pub fn compat(self) -> Option<Self> {
        match self {
            Self::X86_64 => Some(Self::I386),
            Self::AARCH64 => Some(Self::ARM),
            Self::PPC64 => Some(Self::PPC),
            Self::RISCV64 => Some(Self::RISCV32),
            _ => None,
        }
    }

    /// The name, as `uname -m` and auditd have it (`x86_64`, `i386`); `None` where it is not in the table.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::ALL.iter().find(|(arch, _)| *arch == self).map(|(_, name)| *name)
    }

    /// The architecture of a [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(arch, _)| *arch)
    }

    /// The name of system call `number`; `None` where the architecture has no such call or is not in
    /// the table.
    #[must_use]
    pub fn syscall_name(self, number: u32) -> Option<&'static str> {
        let id = usize::try_from(number).ok()?;
        let listed = match self {
            Self::X86_64 if number & X32 != 0 => x32_name(number & !X32),
            Self::X86_64 => x86_64::Sysno::new(id).map(|s| s.name()),
            Self::I386 => x86::Sysno::new(id).map(|s| s.name()),
            Self::AARCH64 => aarch64::Sysno::new(id).map(|s| s.name()),
            Self::ARM => arm::Sysno::new(id).map(|s| s.name()),
            Self::PPC => powerpc::Sysno::new(id).map(|s| s.name()),
            Self::PPC64 | Self::PPC64LE => powerpc64::Sysno::new(id).map(|s| s.name()),
            Self::S390X => s390x::Sysno::new(id).map(|s| s.name()),
            Self::RISCV64 => riscv64::Sysno::new(id).map(|s| s.name()),
            Self::RISCV32 => riscv32::Sysno::new(id).map(|s| s.name()),
            Self::LOONGARCH64 => loongarch64::Sysno::new(id).map(|s| s.name()),
            _ => None,
        };
        listed
            .map(|listed| RENAMED.iter().find(|(theirs, _)| *theirs == listed).map_or(listed, |(_, own)| own))
    }

    /// The number of the system call `name`; `None` where the architecture has no such call or is not
    /// in the table. Of x86_64's two ABIs the native one.
    #[must_use]
    pub fn syscall_number(self, name: &str) -> Option<u32> {
        let renamed = RENAMED.iter().find(|(_, own)| *own == name);
        renamed.and_then(|(listed, _)| self.listed_number(listed)).or_else(|| self.listed_number(name))
    }

    /// The number of a call by the name that the crate has for it.
    fn listed_number(self, name: &str) -> Option<u32> {
        let id = match self {
            Self::X86_64 => x86_64::Sysno::from_str(name).ok()?.id(),
            Self::I386 => x86::Sysno::from_str(name).ok()?.id(),
            Self::AARCH64 => aarch64::Sysno::from_str(name).ok()?.id(),
            Self::ARM => arm::Sysno::from_str(name).ok()?.id(),
            Self::PPC => powerpc::Sysno::from_str(name).ok()?.id(),
            Self::PPC64 | Self::PPC64LE => powerpc64::Sysno::from_str(name).ok()?.id(),
            Self::S390X => s390x::Sysno::from_str(name).ok()?.id(),
            Self::RISCV64 => riscv64::Sysno::from_str(name).ok()?.id(),
            Self::RISCV32 => riscv32::Sysno::from_str(name).ok()?.id(),
            Self::LOONGARCH64 => loongarch64::Sysno::from_str(name).ok()?.id(),
            _ => return None,
        };
        u32::try_from(id).ok()
    }
}

/// Names as the crate has them, and as the kernel does (`include/uapi/asm-generic/unistd.h`).
const RENAMED: [(&str, &str); 2] = [("r#break", "break"), ("fstatat", "newfstatat")];

/// The calls that x32 numbers for itself, from 512 (`arch/x86/entry/syscalls/syscall_64.tbl`).
const X32_CALLS: [&str; 36] = [
    "rt_sigaction",
    "rt_sigreturn",
    "ioctl",
    "readv",
    "writev",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "execve",
    "ptrace",
    "rt_sigpending",
    "rt_sigtimedwait",
    "rt_sigqueueinfo",
    "sigaltstack",
    "timer_create",
    "mq_notify",
    "kexec_load",
    "waitid",
    "set_robust_list",
    "get_robust_list",
    "vmsplice",
    "move_pages",
    "preadv",
    "pwritev",
    "rt_tgsigqueueinfo",
    "recvmmsg",
    "sendmmsg",
    "process_vm_readv",
    "process_vm_writev",
    "setsockopt",
    "getsockopt",
    "io_setup",
    "io_submit",
    "execveat",
    "preadv2",
    "pwritev2",
];

fn x32_name(number: u32) -> Option<&'static str> {
    let own = number.checked_sub(512).and_then(|at| usize::try_from(at).ok());
    match own.and_then(|at| X32_CALLS.get(at)) {
        Some(name) => Some(name),
        None => x86_64::Sysno::new(usize::try_from(number).ok()?).map(|s| s.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_something_by_its_architecture() {
        assert_eq!(Arch::X86_64.syscall_name(59), Some("execve"));
        assert_eq!(Arch::X86_64.syscall_name(322), Some("execveat"));
        assert_eq!(Arch::X86_64.syscall_name(X32 | 520), Some("execve"));
        assert_eq!(Arch::X86_64.syscall_name(X32 | 1), Some("write"));
        assert_eq!(Arch::I386.syscall_name(11), Some("execve"));
        assert_eq!(Arch::AARCH64.syscall_name(221), Some("execve"));
        assert_eq!(Arch::ARM.syscall_name(11), Some("execve"));
        assert_eq!(Arch::PPC64LE.syscall_name(11), Some("execve"));
        assert_eq!(Arch::S390X.syscall_name(11), Some("execve"));
        assert_eq!(Arch::RISCV64.syscall_name(221), Some("execve"));
        assert_eq!(Arch(0x1234).syscall_name(11), None);
    }

    #[test]
    fn names_lead_back_to_their_numbers() {
        for (arch, _) in Arch::ALL {
            let mut known = 0;
            for number in 0..1024 {
                if let Some(name) = arch.syscall_name(number) {
                    assert_eq!(arch.syscall_number(name), Some(number), "{arch:?} {name}");
                    known += 1;
                }
            }
            assert!(known > 250, "{arch:?}: {known}");
            assert!(arch.syscall_number("execve").is_some() && arch.syscall_number("execveat").is_some());
        }
    }

    #[test]
    fn the_machine_at_hand_is_known() {
        let native = Arch::native().expect("built for an architecture of the table");
        assert!(native.syscall_number("execve").is_some());
    }
}
